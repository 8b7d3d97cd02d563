"""The engine without a screen: what commands write, and what they say when something is wrong."""

import importlib
import json
import signal

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from small_data import make_boxed_scenes

from recam_core.__main__ import COMMANDS, main, module_of
from recam_core.cam.explanation import explain
from recam_core.checkpoints import pair_file
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.datasets.samples import read_sample
from recam_core.datasets.scenes import SPLITS, Scenes
from recam_core.evaluation.store import open_store
from recam_core.images.pictures import read_image
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import EMPTY_TEXT, HeatmapOptions

H, W = 70, 90
LABELS = ("labels.png", "coco.json", "yolo.txt", "voc.xml")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of an untrained pair that knows the classes of the drawn scenes."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "untrained.safetensors"
    save_pair(build_pair("untrained", "tiny", Scenes.classes, {"warning": "never trained"}), path)
    return path


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run(*arguments):
    """Exit code of a command, however it ends."""
    try:
        return main([str(a) for a in arguments])
    except SystemExit as stop:
        return stop.code


def refused(capsys, *arguments):
    """The one sentence that a refused command leaves on stderr."""
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err.startswith("python -m recam_core: ")
    assert err.count("\n") == 1
    return err


def refused_late(capsys, *arguments):
    """The last sentence of a command that is refused after it has said how far it is."""
    assert run(*arguments) == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_arguments_a_run_and_help(name, capsys):
    module = importlib.import_module(f"recam_core.commands.{module_of(name)}")
    assert callable(module.add_arguments)
    assert callable(module.run)
    assert run(name, "--help") == 0
    assert f"recam_core {name}" in capsys.readouterr().out


def test_help_lists_every_command(capsys):
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


def labels_by_hand(maps, ids, threshold):
    stacked = np.concatenate([np.full((1, *maps.shape[1:]), threshold, np.float32), maps])
    return np.array([0, *(k + 1 for k in ids)])[stacked.argmax(axis=0)]


@pytest.mark.parametrize("source", ["sample", "file"])
def test_explain_writes_the_contract(source, model, photo, tmp_path, capsys):
    picture = "scene-fish-boat" if source == "sample" else photo
    pixels = (read_sample(picture)[0] if source == "sample" else read_image(photo)).pixels
    out = tmp_path / "evidence"
    assert run("explain", picture, "--model", model, "--classes", "fish,cat", "--threshold", "0.4", "--out", out) == 0
    expected = {f"{r}/{kind}_{c}.png" for r in READOUTS for kind in ("overlay", "mask") for c in ("fish", "cat")}
    expected |= {f"{r}/difference_{c}.png" for r in recam_readouts() for c in ("fish", "cat")}
    expected |= {f"{r}/{name}" for r in READOUTS for name in LABELS} | {"picture.png", "maps.npz", "manifest.json"}
    assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == expected

    results = explain(pixels, load_pair(model), ["fish", "cat"])
    shape = (2, *pixels.shape[:2])
    with np.load(out / "maps.npz") as arrays:
        assert set(arrays.files) == {*READOUTS, *(f"raw_{r}" for r in READOUTS)}
        for readout, result in results.items():
            for key, values in ((readout, result.maps), (f"raw_{readout}", result.raw)):
                assert arrays[key].shape == shape
                assert arrays[key].dtype == np.float32
                np.testing.assert_allclose(arrays[key], values, atol=1e-5)
            for row, name in enumerate(("fish", "cat")):
                mask = np.asarray(Image.open(out / readout / f"mask_{name}.png"))
                assert np.array_equal(mask > 0, arrays[readout][row] > np.float32(0.4))
            labels = Image.open(out / readout / "labels.png")
            assert labels.mode == "P"
            ids = [Scenes.classes.index("fish"), Scenes.classes.index("cat")]
            assert np.array_equal(np.asarray(labels), labels_by_hand(arrays[readout], ids, 0.4))
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["readouts"] == list(READOUTS)
    assert manifest["threshold"] == 0.4
    assert [row["name"] for row in manifest["classes"]] == ["fish", "cat"]
    assert manifest["model"]["name"] == "untrained"
    assert manifest["picture"]["name"] == ("scene-fish-boat" if source == "sample" else "photo.png")
    assert set(manifest["files"]) == expected - {"manifest.json"}
    text = capsys.readouterr().out
    assert "2 backbone passes" in text
    assert "untrained: never trained" in text


def test_explain_chooses_classes_above_one_half_else_the_best(model, photo, tmp_path):
    evidence = explain(read_image(photo).pixels, load_pair(model))["cam"]
    assert run("explain", photo, "--model", model, "--out", tmp_path / "out") == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert [row["name"] for row in manifest["classes"]] == list(evidence.classes)
    above = [name for name, score in manifest["scores"].items() if score > 0.5]
    assert sorted(evidence.classes) == sorted(above or [max(manifest["scores"], key=manifest["scores"].get)])


def test_explain_follows_its_view_arguments(model, photo, tmp_path):
    out = tmp_path / "out"
    arguments = ("--scales", "1,0.5", "--no-flip", "--long-side", "64", "--readouts", "product,cam", "--classes", "dog")
    assert run("explain", photo, "--model", model, "--out", out, *arguments) == 0
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["options"] == {"scales": [1.0, 0.5], "flip": False, "long_side": 64}
    expected = explain(
        read_image(photo).pixels, load_pair(model), ["dog"], ["product", "cam"], HeatmapOptions((1.0, 0.5), False, 64)
    )
    with np.load(out / "maps.npz") as arrays:
        assert set(arrays.files) == {"product", "cam", "raw_product", "raw_cam"}
        for readout in ("product", "cam"):
            np.testing.assert_allclose(arrays[readout], expected[readout].maps, atol=1e-5)


def test_explain_says_when_a_map_is_empty(tmp_path, photo, capsys):
    pair = build_pair("blind", "tiny", ("cat", "dog"))
    with torch.no_grad():
        pair.recam.head.fc1.copy_(-pair.recam.head.fc1.abs())
    save_pair(pair, tmp_path / "blind.safetensors")
    assert run("explain", photo, "--model", tmp_path / "blind.safetensors", "--classes", "cat", "--readouts", "w",
               "--out", tmp_path / "out") == 0  # fmt: skip
    assert f"cat, w: {EMPTY_TEXT}" in capsys.readouterr().out


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"picture": "no-such.png"}, "no-such.png"), ({"picture": "empty.png"}, "empty"), ({"picture": "."}, "a folder"),
    ({"--classes": "cat,horse"}, "'horse'; it knows cat, dog"), ({"--classes": ","}, "at least one class"),
    ({"--model": "nobody"}, "no model 'nobody'"), ({"--model": "empty.png"}, "not a readable safetensors"),
    ({"--readouts": "cam,nobody"}, f"Readouts are all, {', '.join(READOUTS)}; got nobody"),
    ({"--scales": "1,two"}, "got '1,two'"), ({"--scales": "9"}, "0.25 to 4"), ({"--scales": ""}, "--scales"),
    ({"--long-side": "5"}, "32 to 2048"), ({"--threshold": "1.5"}, "threshold"), ({"--threshold": "nan"}, "threshold"),
    ({"--opacity": "3"}, "pacity"), ({"--device": "gpu"}, "'gpu' is no device"), ({"--out": "empty.png"}, "in the way"),
])  # fmt: skip
def test_explain_refuses_in_one_sentence(changes, complaint, model, photo, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    options = {"--model": model, "--classes": "cat", "--out": "out"} | changes
    picture = options.pop("picture", photo)
    error = refused(capsys, "explain", picture, *(part for pair in options.items() for part in pair))
    assert complaint in error
    assert not (tmp_path / "out").exists()


@pytest.fixture
def few_scenes(monkeypatch):
    for split, pictures in (("train", 8), ("test", 3)):
        monkeypatch.setitem(SPLITS, split, pictures)


def train(out, *more):
    return run("train", "--stage1-epochs", 1, "--stage2-epochs", 1, "--batch-size", 4, "--crop", 64, "--long-side-min", 64,
               "--long-side-max", 80, "--out", out, *more)  # fmt: skip


def evaluate(model, *more):
    return run("evaluate", "--model", model, "--dataset", "scenes", "--split", "test", *more)


def test_train_then_evaluate(few_scenes, tmp_path, capsys):
    assert train(tmp_path / "run") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "stage 2 epoch 1/1 done" in err
    assert (tmp_path / "run" / "model.safetensors").is_file()

    report = tmp_path / "new folder" / "scores.json"
    assert evaluate(tmp_path / "run", "--json", report, "--no-flip") == 0
    out, err = capsys.readouterr()
    assert "3/3 test-0002" in err
    figures = json.loads(report.read_text("utf-8"))
    assert {key: figures[key] for key in ("model", "dataset", "split", "pictures", "scales", "flip")} == {
        "model": "run", "dataset": "scenes", "split": "test", "pictures": 3, "scales": [1.0], "flip": False,
    }  # fmt: skip
    assert list(figures["readouts"]) == list(READOUTS)
    lines = out.splitlines()
    assert len(lines) == 1 + len(READOUTS)
    for line, readout in zip(lines[1:], figures["readouts"].values(), strict=True):
        assert f"{100 * readout['miou']:.1f}" in line


def test_evaluate_after_the_walk(few_scenes, model, tmp_path, capsys):
    reports = {}
    for name, more in {"plain": (), "none": ("--refine", "none"), "walk": ("--refine", "walk", "--steps", 4)}.items():
        report = tmp_path / f"{name}.json"
        assert evaluate(model, "--json", report, "--no-flip", "--boundary", "gradient", *more) == 0
        reports[name] = json.loads(report.read_text("utf-8"))
    assert reports["plain"] == reports["none"]
    assert set(reports["walk"]) - set(reports["plain"]) == {"refine", "walk"}
    assert reports["walk"]["walk"]["steps"] == 4
    assert evaluate(model, "--steps", 4) == 2
    assert "--steps would change nothing without a walk" in capsys.readouterr().err
    assert evaluate(model, "--refine", "walk") == 2
    assert "train-boundary" in capsys.readouterr().err.splitlines()[-1]


def test_scores_after_a_walk_stand_beside_those_of_seeds_in_the_card(few_scenes, model, tmp_path):
    own = tmp_path / "own.safetensors"
    own.write_bytes(model.read_bytes())
    assert evaluate(own, "--into-card", "--no-flip") == 0
    assert evaluate(own, "--into-card", "--no-flip", "--refine", "walk", "--boundary", "gradient", "--steps", 4) == 0
    assert list(pair_file.read_header(own)["card"]["scores"]) == [
        "scenes test, single scale",
        "scenes test, single scale, after 4 steps of the walk (gradient boundaries)",
    ]


def test_progress_as_json_lines(few_scenes, tmp_path, capsys):
    def events():
        return [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]

    assert train(tmp_path / "run", "--json-lines") == 0
    lines = events()
    assert [e["event"] for e in lines] == ["TrainStep", "TrainStep", "EpochEnd"] * 2 + ["Finished"]
    assert (lines[3]["stage"], lines[3]["step"], lines[3]["steps"]) == (2, 1, 2)
    assert evaluate(tmp_path / "run", "--json-lines", "--readouts", "cam") == 0
    lines = events()
    assert [e["event"] for e in lines] == ["EvalStep"] * 3 + ["Evaluation"]
    assert list(lines[-1]["readouts"]) == ["cam"]


def test_an_evaluation_is_kept_and_says_the_same(few_scenes, model, tmp_path, capsys):
    assert evaluate(model, "--no-flip", "--json", tmp_path / "plain.json") == 0
    store = tmp_path / "new folder" / "store"
    for number in (1, 2):  # the second time everything is there already
        assert evaluate(model, "--no-flip", "--json", tmp_path / f"{number}.json", "--out", store) == 0
        assert (tmp_path / f"{number}.json").read_bytes() == (tmp_path / "plain.json").read_bytes()
        err = capsys.readouterr().err
        assert "counted 3 of 3 pictures into" in err
        assert ("3/3 test-0002" in err) == (number == 1)
    assert open_store(store).settings.maps == tuple(READOUTS)
    assert evaluate(model, "--flip", "--out", store) == 2
    assert "another options" in capsys.readouterr().err


def test_methods_are_counted_beside_readouts_and_slow_ones_say_their_cost(few_scenes, model, tmp_path, capsys):
    more = ("--no-flip", "--readouts", "w", "--long-side", 64, "--methods", "layercam,scorecam@blocks.0")
    assert evaluate(model, *more, "--json", tmp_path / "plain.json") == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[0] == "Score-CAM (layer blocks.0) is slow: 98 passes for each class of each picture"
    assert evaluate(model, *more, "--json", tmp_path / "kept.json", "--out", tmp_path / "store") == 0
    assert (tmp_path / "plain.json").read_bytes() == (tmp_path / "kept.json").read_bytes()
    assert open_store(tmp_path / "store").settings.maps == ("w", "layercam", "scorecam@blocks.0")
    capsys.readouterr()
    more = ("--no-flip", "--readouts", "w", "--localisation")
    assert evaluate(model, *more, "--json", tmp_path / "boxes.json", "--out", tmp_path / "boxes") == 0
    boxes = json.loads((tmp_path / "boxes.json").read_text("utf-8"))["localisation"]["w"]
    assert boxes["max_box_acc"] == pytest.approx(np.mean(list(boxes["box_accuracy"].values())), abs=1e-6)
    assert f"{100 * boxes['pxap']:.1f}" in capsys.readouterr().out.splitlines()[-1]
    assert evaluate(model, *more) == 2
    assert out.splitlines()[-1].startswith("Score-CAM (layer blocks.0) ")
    assert evaluate(model, "--methods", "gradcamm") == 2
    assert "did you mean gradcam" in capsys.readouterr().err


def test_a_data_set_of_boxes_alone_has_box_accuracy_and_says_why_there_is_no_more(model, tmp_path, capsys):
    root = make_boxed_scenes(tmp_path)
    command = ("evaluate", "--model", model, "--dataset", "coco", "--root", root, "--split", "val", "--no-flip")
    command = (*command, "--readouts", "w")
    more = (*command, "--localisation", "--out", tmp_path / "s")
    assert "--localisation" in refused_late(capsys, *command)
    assert "leave --into-card out" in refused_late(capsys, *more, "--into-card")
    assert run(*more, "--json", tmp_path / "f.json") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("No picture of this split has a mask.")
    assert out[-1].endswith("–")
    figures = json.loads((tmp_path / "f.json").read_text("utf-8"))
    empty = dict.fromkeys(("miou", "threshold", "fp", "fn", "precision", "recall"))
    assert figures["reason"] == out[0]
    assert figures["readouts"]["w"] == empty | {"per_class": {}, "sweep": []}
    boxes = figures["localisation"]["w"]
    assert (boxes["pxap"], boxes["objects"]) == (None, int(sum(Scenes("samples").labels(i).sum() for i in range(3))))
    assert run("check", "--dataset", "coco", "--root", root, "--split", "val") == 0
    assert "which serve for training, and for MaxBoxAcc" in capsys.readouterr().out


def test_baselines_and_walked_maps_are_kept_beside_the_readouts(few_scenes, model, tmp_path, capsys):
    more = ("--refine", "walk", "--boundary", "gradient", "--steps", 4, "--readouts", "cam")
    assert evaluate(model, "--no-flip", *more, "--json", tmp_path / "plain.json") == 0
    assert (
        evaluate(model, "--no-flip", *more, "--json", tmp_path / "kept.json", "--out", tmp_path / "s", "--baselines")
        == 0
    )
    assert (tmp_path / "kept.json").read_bytes() == (tmp_path / "plain.json").read_bytes()
    assert open_store(tmp_path / "s").settings.maps == (
        "cam", "cam-walk", "random", "everything", "centre", "reset-cam",
    )  # fmt: skip
    assert evaluate(model, "--no-flip", "--baselines", "only", "--out", tmp_path / "b") == 0
    assert open_store(tmp_path / "b").settings.maps == ("random", "everything", "centre", "reset-cam", "reset-w")


def test_a_stopped_evaluation_goes_on_where_it_was(few_scenes, model, tmp_path, capsys, monkeypatch):
    def until_the_third(self, i, image=Scenes.image):
        if i == 2:
            raise KeyboardInterrupt
        return image(self, i)

    with monkeypatch.context() as patch:
        patch.setattr(Scenes, "image", until_the_third)
        assert evaluate(model, "--no-flip", "--out", tmp_path / "s") == 130
    assert "The same command goes on from here" in capsys.readouterr().err
    assert evaluate(model, "--no-flip", "--out", tmp_path / "s") == 0
    err = capsys.readouterr().err
    assert "2/3 test-0001" not in err
    assert "3/3 test-0002" in err


def test_a_second_run_into_the_same_folder_is_refused(few_scenes, tmp_path, capsys):
    assert train(tmp_path / "run") == 0
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    capsys.readouterr()
    assert train(tmp_path / "run") == 2
    assert "holds a run already: add --resume" in capsys.readouterr().err
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before
    assert train(tmp_path / "run", "--resume") == 0
    assert train(tmp_path / "run", "--resume", "--seed", 5) == 2
    assert "another seed" in capsys.readouterr().err


def test_a_stopped_training_says_how_to_go_on_and_does(few_scenes, tmp_path, capsys, monkeypatch):
    assert train(tmp_path / "straight") == 0
    reads = []

    def until_the_fourteenth(self, i, image=Scenes.image):
        reads.append(i)
        if len(reads) == 14:
            raise KeyboardInterrupt
        return image(self, i)

    with monkeypatch.context() as patch:
        patch.setattr(Scenes, "image", until_the_fourteenth)
        assert train(tmp_path / "run") == 130
    error = capsys.readouterr().err
    assert "--resume" in error
    assert "Traceback" not in error
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert train(tmp_path / "run", "--resume") == 0
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "run"))
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


@pytest.mark.parametrize("began", [True, False])
def test_a_run_killed_before_its_first_checkpoint_starts_anew_with_resume(
    few_scenes, tmp_path, capsys, monkeypatch, began
):
    assert train(tmp_path / "straight") == 0
    with monkeypatch.context() as patch:
        patch.setattr(Scenes, "image", lambda self, i: signal.raise_signal(signal.SIGINT))
        assert train(tmp_path / "run") == 130
    assert (tmp_path / "run" / "settings.json").exists()
    assert not (tmp_path / "run" / "checkpoint.pt").exists()
    if began:
        assert train(tmp_path / "run", "--resume", "--seed", 5) == 2
        assert "another seed" in capsys.readouterr().err
    else:  # killed as soon as its folder was there
        for path in (tmp_path / "run").iterdir():
            path.unlink()
    assert train(tmp_path / "run", "--resume") == 0
    straight, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "run"))
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_a_stopped_evaluation_ends_with_130(few_scenes, model, capsys, monkeypatch):
    def interrupted(self, i):
        raise KeyboardInterrupt

    monkeypatch.setattr(Scenes, "image", interrupted)
    assert evaluate(model) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_train_refuses_in_one_sentence(few_scenes, tmp_path, capsys):
    for arguments, complaint in (
        (("--out", tmp_path / "r", "--resume"), "nothing to resume"),
        (("--out", tmp_path / "r", "--stage1-epochs", "0"), "stage1_epochs"),
        (("--out", tmp_path / "r", "--dataset", "coco", "--root", tmp_path / "no data"), "Expected COCO's layout"),
        (("--out", tmp_path / "r", "--split", "nowhere"), "splits of scenes are"),
    ):
        assert complaint in refused(capsys, "train", *arguments)
    assert not (tmp_path / "r").exists()


def test_an_out_folder_that_is_a_file_is_refused_before_any_work(few_scenes, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert train(tmp_path / "file") == 2
    error = capsys.readouterr().err
    assert "file" in error
    assert "step" not in error


def test_evaluate_refuses_in_one_sentence(few_scenes, model, tmp_path, capsys):
    stranger = tmp_path / "stranger.safetensors"
    save_pair(build_pair("stranger", "tiny", ("a", "b")), stranger)
    for arguments, complaint in (
        (("--model", model, "--dataset", "coco", "--root", tmp_path, "--split", "val"), "no folder 'val'"),
        (("--model", model, "--dataset", "scenes", "--split", "val2"), "splits of scenes are"),
        (("--model", "nobody", "--dataset", "scenes", "--split", "test"), "no model 'nobody'"),
        (("--model", stranger, "--dataset", "scenes", "--split", "test"), "must be the same"),
        (("--model", model, "--dataset", "scenes", "--split", "test", "--readouts", "v"), "got v"),
        (("--model", model, "--dataset", "scenes", "--split", "test", "--baselines"), "add --out DIR"),
        (
            (
                "--model",
                model,
                "--dataset",
                "scenes",
                "--split",
                "test",
                "--baselines",
                "only",
                "--out",
                tmp_path / "b",
                "--json",
                tmp_path / "j",
            ),
            "measures no readout",
        ),
    ):
        assert complaint in refused(capsys, "evaluate", *arguments)


@pytest.mark.parametrize("arguments", [
    (), ("paint",), ("explain",), ("explain", "chelsea"), ("train", "--out", "r", "--recipe", "vgg"),
    ("evaluate", "--model", "m", "--dataset", "imagenet", "--split", "s"), ("train", "--out", "r", "--crop", "big"),
])  # fmt: skip
def test_arguments_that_make_no_sense_end_with_2(arguments, capsys):
    assert run(*arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_an_unknown_backbone_is_named_with_those_there_are(tmp_path, capsys):
    err = refused(capsys, "train", "--out", tmp_path / "r", "--backbone", "vgg")
    assert "There is no backbone 'vgg'; choose one of tiny" in err
    assert not (tmp_path / "r").exists()


@pytest.fixture
def own_models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setattr(pair_file, "BUNDLED_MODELS", folder)
    return folder


def test_doctor_checks_every_model_in_the_list(own_models, model, capsys):
    assert run("doctor") == 2
    assert "no model at all" in capsys.readouterr().err
    (own_models / "good.safetensors").write_bytes(model.read_bytes())
    assert run("doctor") == 0
    out = capsys.readouterr().out
    assert f"torch                             {torch.__version__.split('+')[0]}" in out
    assert "model good                        8 classes, tiny" in out
    (own_models / "bad.safetensors").write_bytes(model.read_bytes()[:-100])
    assert run("doctor") == 2
    out, err = capsys.readouterr()
    assert "model bad                         BROKEN" in out
    assert "model good                        8 classes" in out
    assert "model bad does not work" in err


def test_the_bundled_model_sees_the_cat(tmp_path, capsys):
    assert run("explain", "chelsea", "--readouts", "cam,product", "--out", tmp_path / "out", "--long-side", 256,
               "--methods", "gradcam@cam") == 0  # fmt: skip
    with np.load(tmp_path / "out" / "maps.npz") as arrays:
        np.testing.assert_allclose(arrays["gradcam@cam"], arrays["cam"], atol=1e-3)
    assert "Grad-CAM (stage 1)" in capsys.readouterr().out
    assert (tmp_path / "out" / "gradcam@cam" / "difference_cat.png").is_file()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert max(manifest["scores"], key=manifest["scores"].get) == "cat"
    assert (tmp_path / "out" / "product" / "mask_cat.png").is_file()
