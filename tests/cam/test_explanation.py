"""The door for notebooks: whatever names a picture gives the same maps, and a result shows, draws and saves itself."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

import recam
import recam_core
from recam_core.checkpoints.pair_file import save_pair
from recam_core.networks.pair import build_pair
from recam_core.records import EvalStep, UserError

CLASSES = ("cat", "dog <b>", "tree")
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_pair(build_pair("tiny", "tiny", CLASSES), path)
    return path


@pytest.fixture(scope="module")
def explanation(model):
    return recam.explain(PICTURE, model, CLASSES[:2], ["cam", "product"], device="cpu")


def test_a_file_its_bytes_and_its_pixels_give_the_same_maps(model, explanation, tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "photo.png")
    data = (tmp_path / "photo.png").read_bytes()
    for source in (tmp_path / "photo.png", str(tmp_path / "photo.png"), data, explanation.picture):
        other = recam_core.explain(source, explanation.pair, CLASSES[:2], ["cam", "product"])
        np.testing.assert_array_equal(other["product"].maps, explanation["product"].maps)
    with pytest.raises(UserError, match=r"\(H, W, 3\) uint8; got \(48, 64\)"):
        recam.explain(PICTURE[..., 0], model)


def test_a_notebook_shows_a_row_a_class_and_a_column_a_readout(explanation):
    shown = explanation._repr_html_()
    assert len(re.findall('<img [^>]*src="data:image/png;base64,', shown)) == 4
    assert "dog &lt;b&gt;, probability" in shown
    assert "<b>" not in shown
    figure = explanation.plot()
    assert [axes.get_title() for axes in figure.axes[1:3]] == ["CAM", "w⊗w′"]
    assert len(figure.axes) == 2 * 3


def test_what_is_saved_is_the_bundle_with_what_was_chosen_for_display(explanation, tmp_path):
    folder = explanation.painted(threshold=0.7).save(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["threshold"] == 0.7
    assert manifest["readouts"] == ["cam", "product"]
    with np.load(folder / "maps.npz") as maps:
        np.testing.assert_array_equal(maps["product"], explanation["product"].maps)
    mask = np.asarray(Image.open(folder / "cam" / "mask_cat.png"))
    assert (mask > 0).sum() == (explanation["cam"].maps[0] > np.float32(0.7)).sum()


def test_progress_passes_everything_on_and_fills_its_bar(capsys):
    steps = [EvalStep(i + 1, 3, f"picture {i}") for i in range(3)]
    assert list(recam.progress([*steps, "the result"])) == [*steps, "the result"]
    assert "3/3" in capsys.readouterr().err
    assert list(recam.progress(["a", "b"])) == ["a", "b"]
    assert "2 [" in capsys.readouterr().err


def test_the_short_name_is_the_engine():
    assert set(recam_core.__all__) <= set(dir(recam))
    assert recam.READOUTS is recam_core.READOUTS
    assert recam.__version__ == recam_core.__version__
