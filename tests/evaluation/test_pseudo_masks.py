"""Pseudo masks of a data set: what a picture becomes, what is kept, what is skipped, what is refused."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from refined import walk_of

from recam_core.cam.explanation import explain
from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.pseudo_masks import PseudoMaskOptions, is_whole, mask_names, pseudo_mask, write_masks
from recam_core.images.visualise import CLASS_COLOURS, palette_png_bytes, png_bytes
from recam_core.networks.pair import build_pair
from recam_core.records import AdvCamOptions, HeatmapOptions, RandomWalkOptions, UserError
from recam_core.refiners import Refinement
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.random_walk.boundary import boundary_map
from recam_core.refiners.random_walk.result import walked_result
from recam_core.refiners.random_walk.walk import walk
from recam_core.system.launcher import Share

VIEW = HeatmapOptions(flip=False)
OPTIONS = PseudoMaskOptions(0.3, view=VIEW)


class Five:
    """Scenes and what can be wrong with pictures: 2 has no class, 3 cannot be read, 4 is too narrow at the working size."""

    def __init__(self):
        self.scenes = Scenes("samples")
        self.classes = self.scenes.classes

    def __len__(self):
        return 5

    def name(self, i):
        return ("a.jpg", "b.png", "a.png", "deep/c.jpg", "d.jpg")[i]

    def image(self, i):
        if i == 3:
            raise UserError("“c.jpg” is damaged.")
        return np.zeros((40, 1200, 3), np.uint8) if i == 4 else self.scenes.image(i)

    def labels(self, i):
        return np.zeros_like(self.scenes.labels(i)) if i == 2 else self.scenes.labels(i)

    def mask(self, i):
        raise AssertionError("true masks are nothing to look at here")


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("untrained", "tiny", Scenes.classes, {})


def read(path):
    with Image.open(path) as image:
        assert image.mode == "P"
        assert image.getpalette()[:9] == CLASS_COLOURS[:3].ravel().tolist()
        return np.array(image)


def ids_of(dataset, i):
    return np.flatnonzero(dataset.labels(i)).tolist()


def labels_by_hand(maps, ids, threshold):
    stacked = np.concatenate([np.full((1, *maps.shape[1:]), threshold, np.float32), maps])
    return np.array([0, *(k + 1 for k in ids)])[stacked.argmax(axis=0)]


def test_a_mask_is_the_argmax_of_the_true_classes_maps(pair):
    dataset = Five()
    ids = ids_of(dataset, 0)
    mask = pseudo_mask(pair, dataset.image(0), ids, OPTIONS)
    maps = explain(dataset.image(0), pair, [pair.classes[k] for k in ids], ["w"], VIEW)["w"].maps
    assert np.array_equal(mask, labels_by_hand(maps, ids, 0.3))
    assert set(np.unique(mask)) <= {0, *(k + 1 for k in ids)}
    assert mask.any()


def test_a_mask_has_the_size_of_its_picture_whatever_the_working_size(pair):
    options = PseudoMaskOptions(0.3, view=HeatmapOptions(flip=False, long_side=64))
    assert pseudo_mask(pair, Five().image(0), [1], options).shape == (160, 160)


def test_a_walked_mask(pair):
    dataset, options = Five(), PseudoMaskOptions(0.3, refinement=walk_of(steps=4), view=VIEW)
    ids = ids_of(dataset, 0)
    start = explain(dataset.image(0), pair, [pair.classes[k] for k in ids], ["w"], VIEW)["w"]
    *_, last = walk(start, boundary_map(pair, start.picture, "gradient"), RandomWalkOptions(steps=4))
    walked = walked_result(start, last.maps)
    mask = pseudo_mask(pair, dataset.image(0), ids, options)
    assert np.array_equal(mask, labels_by_hand(walked.maps, ids, 0.3))
    assert not np.array_equal(mask, pseudo_mask(pair, dataset.image(0), ids, OPTIONS))


def test_a_climbed_mask(pair):
    dataset, options = Five(), AdvCamOptions(steps=3)
    ids = ids_of(dataset, 0)
    *_, last = climb(dataset.image(0), pair, [pair.classes[k] for k in ids], options, "w", VIEW)
    whole = np.stack(
        [np.asarray(Image.fromarray(m).resize((160, 160), Image.Resampling.BILINEAR)) for m in last.accumulated]
    )
    maps = whole / (whole.max(axis=(1, 2), keepdims=True) + 1e-5)
    mask = pseudo_mask(
        pair, dataset.image(0), ids, PseudoMaskOptions(0.3, refinement=Refinement("climb", options), view=VIEW)
    )
    assert (mask == labels_by_hand(maps, ids, 0.3)).mean() > 0.99  # Pillow's bilinear rounds otherwise


def test_the_folder(pair, tmp_path):
    dataset, out = Five(), tmp_path / "new" / "masks"
    *steps, finished = write_masks(pair, dataset, OPTIONS, out, ("five", "train"))
    assert [(s.done, s.total, s.name, s.state) for s in steps] == [
        (1, 5, "a.jpg", "written"), (2, 5, "b.png", "written"), (3, 5, "a.png", "written"), (4, 5, "deep/c.jpg", "skipped"),
        (5, 5, "d.jpg", "skipped"),
    ]  # fmt: skip
    assert "damaged" in str(steps[3])
    assert "512×17" in steps[4].why
    assert finished.detail == {"written": 3, "kept": 0, "skipped": 2}
    assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == {
        "a.jpg.png", "b.png", "a.png.png", "seeds.json",
    }  # fmt: skip
    assert not read(out / "a.png.png").any()  # a picture without classes is background
    assert np.array_equal(read(out / "b.png"), pseudo_mask(pair, dataset.image(1), ids_of(dataset, 1), OPTIONS))
    record = json.loads((out / "seeds.json").read_text("utf-8"))
    assert record["classes"] == list(pair.classes)
    assert (record["dataset"], record["split"], record["pictures"], record["refine"]) == ("five", "train", 5, "none")
    assert "walk" not in record


def test_what_is_finished_and_whole_is_kept(pair, tmp_path):
    list(write_masks(pair, Five(), OPTIONS, tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.png")}
    (tmp_path / "b.png").write_bytes(before["b.png"][:-40])
    untouched = (tmp_path / "a.jpg.png").stat().st_mtime_ns
    states = [step.state for step in list(write_masks(pair, Five(), OPTIONS, tmp_path))[:-1]]
    assert states == ["kept", "written", "kept", "skipped", "skipped"]
    assert (tmp_path / "a.jpg.png").stat().st_mtime_ns == untouched
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.png")} == before


@pytest.mark.parametrize(
    "refinement", [None, walk_of(steps=4), Refinement("climb", AdvCamOptions(steps=2))], ids=["maps", "walk", "climb"]
)
def test_shares_together_write_what_one_writes(refinement, pair, tmp_path):
    options = replace(OPTIONS, refinement=refinement)
    list(write_masks(pair, Five(), options, tmp_path / "one"))
    steps = [step for r in (1, 0) for step in write_masks(pair, Five(), options, tmp_path / "two", share=Share(r, 2))]
    assert [s.done for s in steps if hasattr(s, "done")] == [1, 2, 1, 2, 3]
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"threshold": 0.4}, r"another threshold \(0.3; now 0.4\)"), ({"readout": "cam"}, "another readout"),
    ({"view": HeatmapOptions()}, "another flip"), ({"refinement": walk_of()}, "another refine"),
])  # fmt: skip
def test_other_settings_are_refused_beside_masks_that_are_there(changes, complaint, pair, tmp_path):
    list(write_masks(pair, Five(), OPTIONS, tmp_path))
    before = (tmp_path / "seeds.json").read_bytes()
    settings = {"threshold": 0.3, "view": VIEW} | changes
    with pytest.raises(UserError, match=complaint):
        next(write_masks(pair, Five(), PseudoMaskOptions(**settings), tmp_path))
    assert (tmp_path / "seeds.json").read_bytes() == before


def test_settings_of_work_that_made_nothing_are_no_hindrance(pair, tmp_path):
    unable = PseudoMaskOptions(0.3, refinement=walk_of("learned"), view=VIEW)
    with pytest.raises(UserError, match="train-boundary"):
        list(write_masks(pair, Five(), unable, tmp_path))
    next(write_masks(pair, Five(), OPTIONS, tmp_path))
    assert json.loads((tmp_path / "seeds.json").read_text("utf-8"))["refine"] == "none"


def test_folders_of_something_else_are_refused(pair, tmp_path):
    (tmp_path / "holiday.png").write_bytes(png_bytes(np.zeros((2, 2), np.uint8)))
    with pytest.raises(UserError, match=r"holiday.png\) but no seeds.json"):
        next(write_masks(pair, Five(), OPTIONS, tmp_path))
    for text in ("{", "[1]", "7"):
        (tmp_path / "seeds.json").write_text(text)
        with pytest.raises(UserError, match="no settings that can be read"):
            next(write_masks(pair, Five(), OPTIONS, tmp_path))


def test_another_list_of_classes_is_refused(tmp_path):
    with pytest.raises(UserError, match="same, in the same order"):
        next(write_masks(build_pair("p", "tiny", Scenes.classes[::-1]), Five(), OPTIONS, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_whole_is_a_png_with_a_palette_to_its_end(tmp_path):
    labels = np.random.default_rng(0).integers(0, 3, (30, 30)).astype(np.uint8)
    whole, grey = palette_png_bytes(labels), png_bytes(labels)
    jpeg = io.BytesIO()
    Image.fromarray(labels).save(jpeg, "JPEG")
    for data, expected in ((whole, True), (whole[:-30], False), (b"", False), (grey, False), (jpeg.getvalue(), False)):
        (tmp_path / "m.png").write_bytes(data)
        assert is_whole(tmp_path / "m.png") is expected
    assert not is_whole(tmp_path / "none.png")


def test_names_of_masks_are_all_different():
    assert mask_names(Five()) == ["a.jpg.png", "b.png", "a.png.png", "deep/c.png", "d.png"]


@pytest.mark.parametrize("wrong", [{"threshold": 1.5}, {"threshold": float("nan")}, {"readout": "v"}])
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(UserError):
        PseudoMaskOptions(**{"threshold": 0.3} | wrong)


def test_boundaries_that_nobody_makes_are_refused():
    with pytest.raises(UserError, match="boundary must be one of"):
        walk_of("drawn")
