"""``walk`` without a screen: what it writes, what it says, stopping in the middle, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from recam_core.__main__ import main
from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.images.captions import strip_height
from recam_core.images.pictures import read_image
from recam_core.networks.pair import build_pair
from recam_core.records import DisplayOptions, HeatmapOptions, RandomWalkOptions, UserError, WalkStep
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.result import climb_defaults, climbed_evidence
from recam_core.refiners.random_walk import files as walk_files
from recam_core.refiners.random_walk.boundary import boundary_map
from recam_core.refiners.random_walk.files import walk_bundle, walk_frames
from recam_core.refiners.random_walk.result import walked_result
from recam_core.refiners.random_walk.walk import walk

CLASSES = ("cat", "wine glass", "tree")
H, W = 50, 70
GRID = (13, 18)
SCORES = {"photos train, one scale": {"readouts": {"w": {"threshold": 0.25}}}}
FILES = {"picture.png", "boundary.png", "maps.npz", "steps.npz", "trace.json", "manifest.json"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "untrained.safetensors"
    card = {
        "warning": "never trained",
        "climb": {"xi": 0.03, "mu": 2},
        "scores": SCORES,
        "walk": {"beta": 6, "steps": 12},
    }
    save_pair(build_pair("untrained", "tiny", CLASSES, card), path)
    return path


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run(*arguments):
    try:
        return main(["walk", *(str(a) for a in arguments)])
    except SystemExit as stop:
        return stop.code


def expected_files(*slugs):
    names = {
        f"{when}/{kind}_{slug}.png" for when in ("before", "after") for kind in ("overlay", "mask") for slug in slugs
    }
    names |= {f"walk_{slug}.{kind}" for slug in slugs for kind in ("webp", "gif")}
    labels = ("labels.png", "coco.json", "yolo.txt", "voc.xml")
    return names | FILES | {f"{when}/{name}" for when in ("before", "after") for name in labels}


def written(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def start_of(model, photo, classes, readout="w"):
    pair = load_pair(model)
    evidence = gather_evidence(read_image(photo).pixels, pair, HeatmapOptions(), [readout])
    return pair, evidence, read_out(evidence, readout, classes)


def labels_by_hand(maps, ids, threshold):
    stacked = np.concatenate([np.full((1, *maps.shape[1:]), threshold, np.float32), maps])
    return np.array([0, *(k + 1 for k in ids)])[stacked.argmax(axis=0)]


def labels_in(path):
    with Image.open(path) as image:
        assert image.mode == "P"
        return np.array(image)


def test_walk_writes_the_contract(model, photo, tmp_path, capsys):
    out = tmp_path / "new" / "walk"
    assert run(photo, "--model", model, "--classes", "wine glass,cat", "--boundary", "gradient", "--out", out) == 0
    assert written(out) == expected_files("wine_glass", "cat")
    pair, _, start = start_of(model, photo, ["wine glass", "cat"])
    boundary = boundary_map(pair, start.picture, "gradient")
    steps = list(walk(start, boundary, RandomWalkOptions(5, 6, 12)))
    after = walked_result(start, steps[-1].maps)
    with np.load(out / "maps.npz") as arrays:
        assert set(arrays.files) == {"before", "after", "raw_after", "boundary"}
        np.testing.assert_allclose(arrays["before"], start.maps, atol=1e-5)
        np.testing.assert_allclose(arrays["after"], after.maps, atol=1e-5)
        np.testing.assert_allclose(arrays["raw_after"], after.raw, atol=1e-5)
        np.testing.assert_allclose(arrays["boundary"], boundary, atol=1e-6)
        assert arrays["after"].shape == (2, H, W)
        assert arrays["boundary"].shape == GRID
        assert np.array_equal(labels_in(out / "before/labels.png"), labels_by_hand(arrays["before"], [1, 0], 0.25))
        assert np.array_equal(labels_in(out / "after/labels.png"), labels_by_hand(arrays["after"], [1, 0], 0.28))
        mask = np.asarray(Image.open(out / "after/mask_cat.png"))
        assert np.array_equal(mask > 0, arrays["after"][1] > np.float32(0.28))
    milestones = [0, 1, 2, 3, 4, 6, 8, 12]
    with np.load(out / "steps.npz") as arrays:
        assert arrays["t"].tolist() == milestones
        np.testing.assert_allclose(arrays["maps"], [steps[t].maps for t in milestones], atol=1e-5)
        np.testing.assert_allclose(arrays["maps"][0], start.grid * (1 - boundary), atol=1e-5)
    trace = json.loads((out / "trace.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert trace["complete"] is True
    assert (trace["readout"], trace["classes"]) == ("w", ["wine glass", "cat"])
    assert trace["settings"] == {"radius": 5, "beta": 6, "steps": 12, "start": "map", "boundary": "gradient", "steps_made": 12,
                                 "thresholds": {"before": 0.25, "after": 0.28}}  # fmt: skip
    assert [row["t"] for row in trace["steps"]] == milestones
    labels = labels_in(out / "after/labels.png")
    np.testing.assert_allclose(trace["steps"][-1]["covered"], [(labels == 2).mean(), (labels == 1).mean()], atol=1e-5)
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["walk"] == trace["settings"]
    assert set(manifest["files"]) == written(out) - {"manifest.json"}
    assert [row["name"] for row in manifest["classes"]] == ["wine glass", "cat"]
    for slug in ("wine_glass", "cat"):
        for kind in ("webp", "gif"):
            with Image.open(out / f"walk_{slug}.{kind}") as animation:
                assert animation.size == (2 * W + walk_files.GAP, H + strip_height(W))
                assert 2 <= animation.n_frames <= len(milestones)  # frames that are alike are one, shown longer
    output = capsys.readouterr()
    assert "step 12/12" in output.err
    assert "step 5/12" not in output.err  # not kept
    assert "before the walk 0.25 (of the model's scores" in output.err
    assert "never trained" in output.out
    assert "12 of 12 steps" in output.out


def test_the_command_line_wins_over_the_card_and_json_lines_are_only_events(model, photo, tmp_path, capsys):
    assert run(photo, "--model", model, "--class", "cat", "--readout", "cam", "--boundary", "gradient", "--radius", 3,
               "--beta", 0, "--steps", 2, "--threshold", 0.5, "--before-threshold", 0.1, "--json-lines",
               "--scales", "1,0.5", "--no-flip", "--out", tmp_path / "out") == 0  # fmt: skip
    events = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
    assert [(e["event"], e["t"]) for e in events] == [("WalkStep", t) for t in range(3)]
    settings = json.loads((tmp_path / "out" / "trace.json").read_text("utf-8"))["settings"]
    assert {"radius": 3, "beta": 0, "steps": 2, "thresholds": {"before": 0.1, "after": 0.5}}.items() <= settings.items()


def test_a_walk_from_a_climb(model, photo, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(photo, "--model", model, "--class", "cat", "--start", "climb", "--boundary", "gradient", "--steps", 3,
               "--out", out) == 0  # fmt: skip
    pair, evidence, start = start_of(model, photo, ["cat"])
    steps = list(climb(start.picture, pair, ["cat"], climb_defaults(pair)))
    climbed = read_out(climbed_evidence(evidence, steps), "w", ["cat"])
    with np.load(out / "maps.npz") as arrays:
        np.testing.assert_allclose(arrays["before"], climbed.maps, atol=1e-4)
        assert not np.allclose(arrays["before"], start.maps, atol=1e-2)
    assert json.loads((out / "trace.json").read_text("utf-8"))["settings"]["start"] == "climb"
    assert "step 27/27" in capsys.readouterr().err


def test_no_steps_leave_the_start_without_its_boundaries(model, photo, tmp_path):
    out = tmp_path / "out"
    assert run(photo, "--model", model, "--class", "cat", "--boundary", "gradient", "--steps", 0, "--out", out) == 0
    with np.load(out / "steps.npz") as arrays:
        assert arrays["t"].tolist() == [0]


def test_ctrl_c_keeps_and_finishes_what_is_there(model, photo, tmp_path, capsys, monkeypatch):
    def interrupted(self):
        if self.t == 8:
            raise KeyboardInterrupt
        return "step"

    monkeypatch.setattr(WalkStep, "__str__", interrupted)
    out = tmp_path / "out"
    assert run(photo, "--model", model, "--class", "cat", "--boundary", "gradient", "--out", out) == 130
    assert written(out) == expected_files("cat")
    trace = json.loads((out / "trace.json").read_text("utf-8"))
    assert trace["complete"] is False
    assert trace["settings"]["steps_made"] == trace["steps"][-1]["t"] == 6
    output = capsys.readouterr()
    assert "6 of 12 steps" in output.out
    assert "Traceback" not in output.err


def test_ctrl_c_before_the_first_step_writes_nothing(model, photo, tmp_path, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(WalkStep, "__str__", interrupted)
    out = tmp_path / "out"
    assert run(photo, "--model", model, "--class", "cat", "--boundary", "gradient", "--out", out) == 130
    assert written(out) == set()


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"--boundary": "learned"}, "train-boundary"), ({"--radius": "1"}, "radius must be 2 to"),
    ({"--radius": "99"}, "radius must be"), ({"--beta": "-1"}, "β must be"), ({"--beta": "nan"}, "β must be"),
    ({"--steps": "-1"}, "256 = 2⁸"), ({"--class": "horse"}, "'horse'"), ({"--class": ","}, "at least one class"),
    ({"picture": "no-such.png"}, "no-such.png"), ({"--model": "nobody"}, "no model 'nobody'"),
    ({"--milliseconds": "1"}, "10 to 10000"), ({"--scales": "9"}, "0.25 to 4"), ({"--threshold": "2"}, "threshold"),
    ({"--before-threshold": "-1"}, "threshold"), ({"--out": "empty.png"}, "empty.png"),
])  # fmt: skip
def test_walk_refuses_in_one_sentence(changes, complaint, model, photo, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    options = {"--model": model, "--class": "cat", "--out": "out", "--boundary": "gradient"} | changes
    picture = options.pop("picture", photo)
    assert run(picture, *(part for option in options.items() for part in option)) == 2
    error = capsys.readouterr().err
    assert complaint in error.splitlines()[-1]
    assert error.splitlines()[-1].startswith("python -m recam_core: ")
    assert "Traceback" not in error
    assert written(tmp_path / "out") == set()


def test_a_picture_without_evidence_is_all_background(photo, tmp_path):
    blind = build_pair("blind", "tiny", CLASSES, {})
    with torch.no_grad():
        blind.recam.head.fc1.copy_(-blind.recam.head.fc1.abs())
    save_pair(blind, tmp_path / "blind.safetensors")
    out = tmp_path / "out"
    assert run(photo, "--model", tmp_path / "blind.safetensors", "--class", "cat", "--boundary", "gradient", "--steps", 3,
               "--out", out) == 0  # fmt: skip
    assert not labels_in(out / "after/labels.png").any()
    with np.load(out / "maps.npz") as arrays:
        assert not arrays["after"].any()


@pytest.fixture
def walked(model, photo):
    pair, _, start = start_of(model, photo, ["cat", "tree"])
    boundary = boundary_map(pair, start.picture, "gradient")
    return start, boundary, list(walk(start, boundary, RandomWalkOptions(steps=3)))


def test_a_bundle_with_a_known_mask_holds_the_error_view(walked):
    start, boundary, steps = walked
    truth = np.zeros((2, H, W), np.uint8)
    truth[0, 10:30, 10:30] = 1
    truth[1] = 255
    files = walk_bundle(start, steps, boundary, RandomWalkOptions(steps=3), class_ids=[0, 2], display=DisplayOptions(0.3),
                        before_threshold=0.2, manifest={}, truth=truth)  # fmt: skip
    assert {"before/error_cat.png", "after/error_cat.png"} <= set(files)
    assert "after/error_tree.png" not in files  # nobody knows
    with pytest.raises(UserError, match="no step yet"):
        walk_bundle(start, [], boundary, RandomWalkOptions(), class_ids=[0, 2], display=DisplayOptions(),
                    before_threshold=0.2, manifest={})  # fmt: skip


def test_frames_hold_the_map_and_all_labels(walked):
    start, _, steps = walked
    results = [walked_result(start, step.maps) for step in steps]
    labels = [np.zeros((H, W), np.uint8) for _ in steps]
    labels[1][:10] = 3
    frames = walk_frames(results, labels, 0, DisplayOptions(opacity=1.0), [step.t for step in steps])
    assert {frame.shape for frame in frames} == {(strip_height(W) + H, 2 * W + walk_files.GAP, 3)}
    right = frames[1][strip_height(W) :, W + walk_files.GAP :]
    assert (right[:10] == [128, 128, 0]).all()  # label 3 in VOC's colours
    assert np.array_equal(right[10:], start.picture[10:])
