"""The command runs the parts that were asked for and leaves a whole result file for each."""

import json
from pathlib import Path

import pytest

import recam_core.experiments.study
from recam_core.__main__ import main
from recam_core.commands import study as command
from recam_core.datasets.scenes import Scenes
from recam_core.experiments.study import PARTS, balance, coco, scenes, voc, walks, when
from recam_core.experiments.study.folds import Subset
from recam_core.experiments.study.when_maps import when_picture
from recam_core.networks.readouts import READOUTS
from recam_core.records import EvalStep, UserError


def test_a_data_set_stands_for_all_its_parts_in_their_order():
    assert command.chosen_parts(["scenes"]) == [part for part in PARTS if part.startswith("scenes-")]
    assert command.chosen_parts(["photos-folds", "scenes-seeds", "scenes"])[:2] == ["photos-folds", "scenes-seeds"]
    assert sorted(command.chosen_parts(["photos", "scenes", "coco", "voc", "photos"])) == sorted(PARTS)
    with pytest.raises(
        UserError, match="no part 'cityscapes'; choose scenes, photos, coco, voc, or some of scenes-generator"
    ):
        command.chosen_parts(["cityscapes"])


def test_the_result_says_how_it_was_made(tmp_path, monkeypatch, capsys):
    def part(place):
        yield EvalStep(1, 1, "only")
        return {"split": "nowhere", "seen": str(place.runs)}

    monkeypatch.setitem(PARTS, "scenes-seeds", part)
    words = [
        "study",
        "scenes-seeds",
        "--runs",
        str(tmp_path / "runs"),
        "--results",
        str(tmp_path / "out"),
        "--device",
        "cpu",
    ]
    assert main(words) == 0
    result = json.loads((tmp_path / "out" / "study-scenes-seeds.json").read_text("utf-8"))
    assert result["command"] == "python -m recam_core study scenes-seeds"
    assert result["seen"] == str(tmp_path / "runs")
    assert {"date", "torch", "device", "part"} < set(result)
    assert "1/1 only" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "sentence"), [
    (["scenes", "--threads", "-1"], "--threads must be 0"),
    (["photos-recipes", "--root", "/nowhere"], "has no folder 'train2017'"),
    (["cityscapes"], "There is no part 'cityscapes'"),
])  # fmt: skip
def test_bad_words_get_a_sentence(words, sentence, tmp_path, capsys):
    assert main(["study", *words, "--runs", str(tmp_path), "--results", str(tmp_path), "--device", "cpu"]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("part", ["voc-seeds", "voc-walk", "coco-folds"])
def test_pictures_without_masks_are_refused_before_anything_is_trained(part, tmp_path, monkeypatch, capsys):
    bare = Subset(Scenes("samples"), range(3))
    monkeypatch.setattr(bare, "mask", lambda i: None, raising=False)
    for module in (voc, walks, coco):
        monkeypatch.setattr(module, "open_dataset", lambda *_: bare)
    words = ["--root", str(tmp_path), "--runs", str(tmp_path), "--results", str(tmp_path), "--device", "cpu"]
    assert main(["study", part, *words]) == 2
    assert "None of the 3 pictures to be scored has a mask" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_whole_study_of_scenes_in_small(tmp_path, monkeypatch):
    """Every part of scenes, with two epochs, two seeds and a handful of pictures."""
    few = {"train": 4, "val": 3, "test": 3}
    tiny = {"stage1_epochs": 1, "stage2_epochs": 1, "crop": 64, "long_side_min": 64, "long_side_max": 64}

    def small(split="train", seed=0, options=None):
        return Subset(Scenes(split, seed, options), range(few[split]))

    small.classes = Scenes.classes
    monkeypatch.setattr(scenes, "Scenes", small)
    monkeypatch.setattr(scenes, "RECIPE", scenes.replace(scenes.RECIPE, **tiny))
    monkeypatch.setattr(scenes, "SEEDS", (0, 1))
    monkeypatch.setattr(scenes, "GENERATORS", {"chosen": {"scenes": {}}, "other": {"scenes": {"body_contrast": 40.0}}})
    chosen = recam_core.experiments.study.plans.SCENES_CHOSEN
    variants = {
        chosen: recam_core.experiments.study.plans.SCENES_RECIPES[chosen],
        "mask-detached": {"mask_gradient": False},
    }
    monkeypatch.setattr(scenes, "SCENES_RECIPES", variants)
    monkeypatch.setattr(scenes, "VIEWS", {"one scale": scenes.HeatmapOptions(flip=False)})
    monkeypatch.setattr(balance, "Scenes", small)
    monkeypatch.setattr(balance, "RECIPES", {"scenes": scenes.RECIPE})
    monkeypatch.setattr(balance, "SCENES_LAMBDAS", (0.0, 1.0))
    monkeypatch.setattr(balance, "SCENES_ABLATIONS", {"sce": {"objective": "sce"}})
    monkeypatch.setattr(when, "WHEN_KNOBS", {"body_contrast": (8.0,), "radius": ((0.2, 0.3),), "together": (0.35, 0.8)})
    monkeypatch.setattr(when, "WHEN_LAMBDAS", (1.0,))
    monkeypatch.setattr(when, "WHEN_SIDE", 64)
    monkeypatch.setattr(when, "WHEN_SIZES", few)
    monkeypatch.setattr(when, "WHEN_PICTURES", 2)
    monkeypatch.setattr(when, "WHEN_CHANGES", tiny)
    monkeypatch.setattr(walks, "open_dataset", lambda kind, root, split: small(split))
    monkeypatch.setattr(walks, "GRID", [walks.REFERENCE, walks.replace(walks.REFERENCE, steps=4)])
    words = [
        "study",
        "scenes",
        "--runs",
        str(tmp_path / "runs"),
        "--results",
        str(tmp_path),
        "--device",
        "cpu",
        "--json-lines",
    ]
    assert main(words) == 0
    read = {path.stem: json.loads(path.read_text("utf-8")) for path in Path(tmp_path).glob("*.json")}
    assert [row["name"] for row in read["study-scenes-generator"]["rows"]] == ["chosen", "other"]
    recipes = read["study-scenes-recipes"]
    assert [row["name"] for row in recipes["rows"]] == list(variants)
    assert len({row["readouts"]["cam"]["miou"] for row in recipes["rows"]}) == 1  # all from one stage 1
    assert all(len(row["sce"]) == 1 for row in recipes["rows"])
    table = read["study-scenes-seeds"]["views"]["one scale"]
    assert table["pictures"] == 3
    assert set(table["readouts"]) == {*READOUTS, "control"}
    assert all(len(row["runs"]) == 2 for row in table["readouts"].values())
    lambdas = read["study-scenes-lambda"]["rows"]
    assert [row["name"] for row in lambdas] == ["0", "1"]
    assert lambdas[0]["cam"] == lambdas[1]["cam"]  # one stage 1 for all
    assert "wprime" in lambdas[1]
    assert "wprime" not in lambdas[0]  # with λ = 0 FC2 learns nothing
    assert set(read["study-scenes-ablations"]["rows"][0]) >= {"cam", "w", "control"}
    walked = read["study-scenes-walk"]
    assert walked["pictures"] == 3
    assert set(walked["boundaries"]["gradient"]["chosen"]) == set(walked["before"])
    points = read["study-scenes-when"]["rows"]
    assert [row["knobs"]["together"] for row in points] == [0.35, 0.8]
    assert set(points[0]["readouts"]["1"]) == {*READOUTS, "control"}
    assert all(row["processor_seconds"] > 0 and row["bce"] > 0 and row["bce_of_chance"] > 0 for row in points)
    example = when_picture(read["study-scenes-when"], points[1], "1", 0)
    assert example.picture.shape == (64, 64, 3)
    assert example.maps.shape == (len(READOUTS), len(example.classes), 8, 8)
    assert example.maps.max() == 1
    points[1]["maps"]["1"][0]["classes"] = ["cat", "bus", "boat"]
    with pytest.raises(UserError, match="draws another picture 0 today"):
        when_picture(read["study-scenes-when"], points[1], "1", 0)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("model.safetensors")}
    # two stage 1, one more generator, two variants, the second seed, two controls; two λ and one ablation; two points of two
    assert len(before) == 15
    assert main(words) == 0  # nothing is trained again
    assert before == {path: path.stat().st_mtime_ns for path in before}
