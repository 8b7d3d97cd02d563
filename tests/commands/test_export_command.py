"""``export``: what it writes is read by torchvision as Pascal VOC, pixel by pixel what the masks were."""

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import VOCSegmentation

from recam_core.__main__ import main
from recam_core.datasets.scenes import Scenes
from recam_core.evaluation.segmentation_set import BASE
from recam_core.images.visualise import palette_png_bytes

SAMPLES = ["--dataset", "scenes", "--split", "samples"]


@pytest.fixture
def seeds(tmp_path):
    """Pseudo masks of three of the twelve pictures; one is damaged."""
    (tmp_path / "seeds").mkdir()
    for i in range(3):
        mask = np.full((160, 160), i + 1, np.uint8)
        (tmp_path / "seeds" / f"samples-{i:04d}.png").write_bytes(palette_png_bytes(mask)[: None if i < 2 else 60])
    return tmp_path / "seeds"


def test_torchvision_reads_what_was_exported(seeds, tmp_path):
    out = tmp_path / "set"
    assert main(["export", *SAMPLES, "--masks", str(seeds), "--out", str(out)]) == 0
    assert main(["export", *SAMPLES, "--part", "val", "--out", str(out)]) == 0
    train, val, both = (VOCSegmentation(str(out), image_set=name) for name in ("train", "val", "trainval"))
    assert [len(one) for one in (train, val, both)] == [2, 12, 14]
    scenes = Scenes("samples")
    for i, (picture, mask) in enumerate(train):
        assert (np.asarray(mask) == np.asarray(val[i][1])).all()  # one file a picture: the last export wrote its own
        difference = np.asarray(picture).astype(int) - scenes.image(i)
        assert np.abs(difference).mean() < 8  # grey levels of 255 that JPEG costs a noisy drawing
    np.testing.assert_array_equal(np.asarray(val[5][1]), scenes.mask(5))
    classes = (out / BASE / "classes.txt").read_text("utf-8").split()
    assert classes == ["background", *Scenes.classes]


def test_masks_keep_their_values(seeds, tmp_path):
    assert main(["export", *SAMPLES, "--masks", str(seeds), "--out", str(tmp_path / "set")]) == 0
    mask = Image.open(tmp_path / "set" / BASE / "SegmentationClass" / "samples-0001.png")
    assert mask.mode == "P"
    assert (np.asarray(mask) == 2).all()


def test_export_refuses_in_one_sentence(tmp_path, capsys):
    for masks, complaint in ((tmp_path / "none", "There is no folder"), (tmp_path, "There is no mask in the folder")):
        assert main(["export", *SAMPLES, "--masks", str(masks), "--out", str(tmp_path / "set")]) == 2
        assert complaint in capsys.readouterr().err
    assert not (tmp_path / "set").exists()
