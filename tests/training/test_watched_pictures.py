"""Watched pictures: found by name, sample or file, kept once, and their maps after every epoch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from recam_core.datasets.scenes import Scenes
from recam_core.networks.pair import build_pair
from recam_core.networks.readouts import READOUTS
from recam_core.records import TrainConfig, UserError
from recam_core.training.watched_pictures import find_watched, keep_maps, keep_watched, read_epoch_maps, read_watched

CONFIG = TrainConfig(long_side_min=64, long_side_max=128)


@pytest.fixture(scope="module")
def pair():
    torch.manual_seed(0)
    return build_pair("random", "tiny", Scenes.classes)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 100, 3), dtype=np.uint8)).save(path)
    return path


def test_pictures_are_found_by_name_sample_or_file(file):
    config = replace(CONFIG, watch=("samples-0003", "scene-bird-tree", "coffee", str(file)))
    pictures = find_watched(config, Scenes("samples"))
    assert [p.name for p in pictures] == ["samples-0003", "scene-bird-tree", "coffee", "mine.png"]
    assert [p.pixels.shape for p in pictures] == [(128, 128, 3), (128, 128, 3), (85, 128, 3), (128, 64, 3)]
    assert [p.classes for p in pictures] == [("cat", "dog", "tree"), ("bird", "tree"), (), ()]


def test_an_unknown_picture_is_refused_by_name():
    with pytest.raises(UserError, match="There is no picture “nobody” on this server that may be watched"):
        find_watched(replace(CONFIG, watch=("nobody",)), Scenes("samples"))


def test_kept_pictures_are_read_back_bit_for_bit(tmp_path):
    pictures = find_watched(replace(CONFIG, watch=("samples-0003", "coffee")), Scenes("samples"))
    keep_watched(pictures, tmp_path)
    read = read_watched(tmp_path)
    assert [(p.name, p.classes) for p in read] == [(p.name, p.classes) for p in pictures]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(read, pictures, strict=True))
    assert read_watched(tmp_path / "elsewhere") == ()


def test_maps_are_those_of_the_true_classes_or_of_the_most_probable(tmp_path, pair):
    pictures = find_watched(replace(CONFIG, watch=("samples-0003", "coffee")), Scenes("samples"))
    file = keep_maps(pictures, pair.classes, (pair.cam, pair.recam), tmp_path, "stage2-epoch001.npz")
    assert file == "maps/stage2-epoch001.npz"
    epoch_maps = read_epoch_maps(tmp_path, file)
    assert set(epoch_maps.maps) == set(READOUTS)
    assert epoch_maps.classes[0] == ("cat", "dog", "tree")
    for i, picture in enumerate(pictures):
        with torch.no_grad():
            features = pair.recam.features(pair.recam.preprocess(picture.pixels))
            scores = pair.recam.scores(features)[0].sigmoid()
            maps = pair.recam.maps(features, ("w", "wprime"))[0].relu()
        if i:
            assert epoch_maps.classes[i] == tuple(pair.classes[k] for k in scores.topk(3).indices)
        ids = pair.class_ids(epoch_maps.classes[i])
        np.testing.assert_allclose(epoch_maps.scores[i], scores[ids], rtol=1e-5)
        np.testing.assert_allclose(epoch_maps.maps["wprime"][i], maps[1][ids], atol=1e-6)
        assert epoch_maps.maps["cam"][i].dtype == np.float32


def test_broken_files_are_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"maps/nothing\.npz of .* cannot be read"):
        read_epoch_maps(tmp_path, "maps/nothing.npz")
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "pictures.json").write_text("{")
    with pytest.raises(UserError, match=r"watched pictures of .* cannot be read"):
        read_watched(tmp_path)
