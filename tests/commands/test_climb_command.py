"""``climb`` without a screen: what it writes, what it says, stopping in the middle, and what it refuses."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from recam_core.__main__ import main
from recam_core.cam.manifest import make_manifest
from recam_core.cam.pipeline import gather_evidence, read_out
from recam_core.checkpoints.pair_file import load_pair, save_pair
from recam_core.images.captions import strip_height
from recam_core.images.pictures import read_image
from recam_core.networks.pair import build_pair
from recam_core.records import AdvCamOptions, DisplayOptions, HeatmapOptions, RefineStep, UserError
from recam_core.refiners.advcam import files as climb_files
from recam_core.refiners.advcam.climb import climb
from recam_core.refiners.advcam.files import climb_bundle, climb_frames, perturbation_picture
from recam_core.refiners.advcam.result import climb_defaults, climbed_evidence, grey_levels, valid_steps

CLASSES = ("cat", "wine glass", "tree")
H, W = 50, 70


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "untrained.safetensors"
    save_pair(
        build_pair("untrained", "tiny", CLASSES, {"warning": "never trained", "climb": {"xi": 0.03, "mu": 2}}), path
    )
    return path


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (H, W, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run(*arguments):
    try:
        return main(["climb", *(str(a) for a in arguments)])
    except SystemExit as stop:
        return stop.code


def expected_files(slugs, steps, readout="w"):
    names = {f"{readout}/{kind}_{slug}.png" for kind in ("overlay", "mask") for slug in slugs}
    names |= {f"{readout}/{name}" for name in ("labels.png", "coco.json", "yolo.txt", "voc.xml")}
    names |= {f"frames/{slug}_{t:02}.png" for slug in slugs for t in range(steps)}
    names |= {f"climb_{slug}.{kind}" for slug in slugs for kind in ("webp", "gif")}
    names |= {f"perturbation_{slug}.png" for slug in slugs}
    return names | {"picture.png", "maps.npz", "manifest.json", "steps.npz", "trace.json"}


def written(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_climb_writes_the_contract(model, photo, tmp_path, capsys):
    out = tmp_path / "new" / "climb"
    assert run(photo, "--model", model, "--class", "wine glass,cat", "--steps", "3", "--out", out) == 0
    slugs = ("wine_glass", "cat")
    assert written(out) == expected_files(slugs, 3)
    pair, pixels = load_pair(model), read_image(photo).pixels
    options = AdvCamOptions(steps=3, xi=0.03, mu=2)
    steps = list(climb(pixels, pair, ["wine glass", "cat"], options))
    before = gather_evidence(pixels, pair, HeatmapOptions(), ["w"])
    result = read_out(climbed_evidence(before, steps), "w", ["wine glass", "cat"])
    with np.load(out / "maps.npz") as arrays:
        np.testing.assert_allclose(arrays["w"], result.maps, atol=1e-4)
    with np.load(out / "steps.npz") as arrays:
        assert set(arrays.files) == {"map_0", "accumulated_0", "hold_mask_0"}
        np.testing.assert_allclose(arrays["map_0"], [step.map for step in steps], atol=1e-5)
        assert arrays["accumulated_0"].shape == (3, 2, *steps[0].map.shape[1:])
    trace = json.loads((out / "trace.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert trace["settings"]["xi"] == 0.03
    assert trace["complete"] is True
    assert [row["t"] for row in trace["steps"]] == [0, 1, 2]
    for row, step in zip(trace["steps"], steps, strict=True):
        np.testing.assert_allclose(row["objective"], step.objective, atol=1e-3)
        np.testing.assert_allclose(row["exceeds"], step.exceeds, atol=1e-3)
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest["climb"]["mu"] == 2
    assert [row["name"] for row in manifest["classes"]] == ["wine glass", "cat"]
    for slug in slugs:
        for kind in ("webp", "gif"):
            with Image.open(out / f"climb_{slug}.{kind}") as animation:
                assert animation.size == (2 * W + climb_files.GAP, H + strip_height(W))
                assert animation.n_frames == 3
    output = capsys.readouterr()
    assert "step 3/3" in output.err
    assert "1.9 grey levels" in output.out  # 0.03 · 0.25 · 255
    assert "never trained" in output.out


def test_the_command_line_wins_over_the_card_and_json_lines_are_only_events(model, photo, tmp_path, capsys):
    assert run(photo, "--model", model, "--class", "cat", "--steps", 2, "--xi", 0, "--mu", 0.5, "--tau", 0.3, "--readout", "cam",
               "--regulariser", "normalised", "--result", "last", "--step-rule", "plain", "--json-lines",
               "--scales", "1,0.5", "--no-flip", "--out", tmp_path / "out") == 0  # fmt: skip
    events = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
    assert [(e["event"], e["scale"], e["t"]) for e in events] == [
        ("RefineStep", s, t) for s in (1.0, 0.5) for t in (0, 1)
    ]
    assert "ξ is 0" in events[0]["notes"][0]
    settings = json.loads((tmp_path / "out" / "trace.json").read_text("utf-8"))["settings"]
    assert settings == {"steps": 2, "xi": 0, "mu": 0.5, "tau": 0.3, "step_rule": "plain", "result": "last",
                        "regulariser": "normalised"}  # fmt: skip
    assert written(tmp_path / "out") == expected_files(["cat"], 4, "cam")


def test_ctrl_c_keeps_and_finishes_what_is_there(model, photo, tmp_path, capsys, monkeypatch):
    shown = []

    def interrupted(self):
        shown.append(self.t)
        if len(shown) == 3:
            raise KeyboardInterrupt
        return "step"

    monkeypatch.setattr(RefineStep, "__str__", interrupted)
    out = tmp_path / "out"
    assert run(photo, "--model", model, "--class", "cat", "--steps", 9, "--out", out) == 130
    assert written(out) == expected_files(["cat"], 2)
    trace = json.loads((out / "trace.json").read_text("utf-8"))
    assert trace["complete"] is False
    assert len(trace["steps"]) == 2
    output = capsys.readouterr()
    assert "2 steps" in output.out
    assert "Traceback" not in output.err


def test_ctrl_c_before_the_first_step_writes_nothing(model, photo, tmp_path, capsys, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(RefineStep, "__str__", interrupted)
    assert run(photo, "--model", model, "--class", "cat", "--out", tmp_path / "out") == 130
    assert written(tmp_path / "out") == set()


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"--steps": "0"}, "T must be 1 to 1000"), ({"--xi": "-1"}, "ξ must be"), ({"--tau": "27"}, "not the number of steps"),
    ({"--mu": "inf"}, "μ must be"), ({"--class": "horse"}, "does not know 'horse'"), ({"--class": ","}, "at least one class"),
    ({"picture": "no-such.png"}, "no-such.png"), ({"--model": "nobody"}, "no model 'nobody'"),
    ({"--milliseconds": "1"}, "10 to 10000"), ({"--scales": "9"}, "0.25 to 4"), ({"--threshold": "2"}, "threshold"),
    ({"--out": "empty.png"}, "empty.png"),
    ({"--xi": "1e300", "--step-rule": "plain"}, "step size ξ must be a number from 0 to 3.4e+38"),
])  # fmt: skip
def test_climb_refuses_in_one_sentence(changes, complaint, model, photo, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.png").touch()
    options = {"--model": model, "--class": "cat", "--out": "out", "--steps": 3} | changes
    picture = options.pop("picture", photo)
    assert run(picture, *(part for option in options.items() for part in option)) == 2
    error = capsys.readouterr().err
    assert complaint in error.splitlines()[-1]
    assert error.splitlines()[-1].startswith("python -m recam_core: ")
    assert "Traceback" not in error
    assert written(tmp_path / "out") == set()


def test_defaults_are_the_cards_else_the_references_grey_levels(model):
    tuned = climb_defaults(load_pair(model))
    assert tuned == AdvCamOptions(xi=0.03, mu=2)
    for backbone, xi in (("resnet18_s16", 0.08), ("efficientnet_lite0", 0.0359)):
        pair = build_pair("p", backbone, CLASSES)
        assert climb_defaults(pair).xi == pytest.approx(xi, abs=2e-4)
        assert climb_defaults(pair).mu == AdvCamOptions().mu
        assert grey_levels(climb_defaults(pair).xi, pair) == pytest.approx(4.61, abs=0.02)
    for card in ([1, 2], {"xi": "much"}, {"mu": None}):
        with pytest.raises(UserError, match="no usable climb settings"):
            climb_defaults(build_pair("p", "tiny", CLASSES, {"climb": card}))


@pytest.fixture(scope="module")
def climbed(model):
    pair = load_pair(model)
    pixels = np.random.default_rng(1).integers(0, 256, (H, W, 3), dtype=np.uint8)
    steps = list(climb(pixels, pair, ["cat", "tree"], AdvCamOptions(steps=3)))
    return pair, gather_evidence(pixels, pair, HeatmapOptions(), ["w"]), steps


def test_any_step_alone_is_the_climb_as_it_stood_then(climbed):
    _, before, steps = climbed
    evidence = climbed_evidence(before, [steps[1]])
    assert evidence.classes == ("cat", "tree")
    np.testing.assert_array_equal(evidence.scores, before.scores[[0, 2]])
    assert evidence.scale_maps["w"][0] is steps[1].accumulated
    assert climbed_evidence(before, steps[:2], "last").scale_maps["w"][0] is steps[1].map
    with pytest.raises(UserError, match="no step yet"):
        climbed_evidence(before, [])


def test_what_was_started_over_does_not_count(climbed):
    _, _, steps = climbed
    assert valid_steps([*steps[:2], *steps]) == steps
    assert valid_steps(steps) == steps


def test_frames_are_in_the_scale_of_step_0_and_of_the_accumulated_map(climbed):
    _, before, steps = climbed
    display = DisplayOptions(opacity=1.0)
    frames = climb_frames(before.picture, steps, 1, display)
    assert {frame.shape for frame in frames} == {(strip_height(W) + H, 2 * W + climb_files.GAP, 3)}
    words, panels = np.split(frames[0], [strip_height(W)])
    left, right = panels[:, :W], panels[:, W + climb_files.GAP :]
    assert np.array_equal(left, right)  # after one step both are the same map
    edge = steps[0].map[1] / steps[0].first_peak[1] > display.threshold
    assert not edge.all() and (left == 255).all(axis=2).any()  # outlined  # noqa: PT018
    assert not np.array_equal(words, np.split(frames[1], [strip_height(W)])[0])  # each says its step
    quiet = climb_frames(before.picture, steps[1:2], 1, display)[0][:, :W]
    assert np.array_equal(quiet, frames[1][:, :W])  # whatever frames stand beside it


def test_a_perturbation_is_grey_where_nothing_changed():
    change = np.zeros((2, 2, 3), np.float16)
    change[0, 0], change[1, 1] = 10, -100
    assert perturbation_picture(change, 2.0)[..., 0].tolist() == [[148, 128], [128, 0]]


def test_a_bundle_with_a_known_mask_holds_the_error_view(climbed):
    pair, before, steps = climbed
    truth = np.zeros((2, H, W), np.uint8)
    truth[:, 10:30, 10:30] = 1
    picture = read_image(_png(before.picture))
    files = climb_bundle(
        before, steps, AdvCamOptions(steps=3), class_ids=[0, 2], display=DisplayOptions(), truth=truth,
        manifest=make_manifest(picture, pair, before),
    )  # fmt: skip
    assert {"w/error_cat.png", "w/error_tree.png"} <= set(files)


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
