"""Training views: pieces of the picture, padded where they leave it, and the same whenever they are asked for."""

import numpy as np
import pytest
import torch

from recam_core.datasets.batches import Crops, LabelCrops, epoch_batches, label_batches, random_view
from recam_core.records import BoundaryConfig, TrainConfig

H, W = 48, 64


class Located:
    """Pictures whose colours say where each pixel came from: (x + 1, y + 1, picture number + 1)."""

    classes = ("a", "b", "c")

    def __len__(self):
        return 7

    def name(self, i):
        return str(i)

    def image(self, i):
        y, x = np.mgrid[:H, :W]
        return np.stack([x + 1, y + 1, np.full_like(x, i + 1)], axis=2).astype(np.uint8)

    def labels(self, i):
        return np.array([i % 2, i % 3 == 0, 0], np.float32)

    def mask(self, i):
        return None


def config(crop=32, long_side=W, **changes):
    settings = {"crop": crop, "long_side_min": long_side, "long_side_max": long_side, "batch_size": 3, "seed": 1}
    return TrainConfig(**settings | changes)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a[:3], b[:3], strict=True))


def batch_list(settings, stage=1, epoch=0):
    return list(epoch_batches(Located(), settings, stage, epoch))


@pytest.mark.parametrize("crop", [16, 48, 56, 100])
def test_a_view_is_one_piece_of_the_picture_and_zero_outside(crop):
    mirrored = 0
    for i in range(7):
        for epoch in range(4):
            pixels, inside, labels = Crops(Located(), config(crop), 1, epoch)[i]
            assert pixels.shape == (3, crop, crop)
            assert pixels.dtype == torch.uint8
            assert inside.shape == (1, crop, crop)
            assert not pixels[:, ~inside[0]].any()
            rows, columns = inside[0].nonzero(as_tuple=True)
            piece = pixels[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].numpy().astype(int)
            assert piece.shape == (3, min(crop, H), min(crop, W))  # as much of the picture as fits
            assert inside.sum() == piece[0].size
            assert (np.diff(piece[1], axis=0) == 1).all()
            steps = np.unique(np.diff(piece[0], axis=1))
            assert steps.tolist() in ([1], [-1])
            mirrored += steps[0] == -1
            assert (piece[2] == i + 1).all()
            assert labels.tolist() == Located().labels(i).tolist()
    assert 5 < mirrored < 23  # about half of 28


def test_crops_reach_every_corner():
    corners = [Crops(Located(), config(40), 1, e)[0][0].numpy() for e in range(150)]
    assert {int(c[1, 0, 0]) for c in corners} == set(range(1, H - 40 + 2))


def test_views_and_order_follow_from_seed_stage_epoch_and_index_alone():
    reference = batch_list(config())
    again = Crops(Located(), config(), 1, 0)
    backwards = [again[i] for i in reversed(range(7))]
    assert same(backwards[::-1][3], again[3])
    assert all(same(a, b) for a, b in zip(reference, batch_list(config()), strict=True))
    for other in (batch_list(config(seed=2)), batch_list(config(), stage=2), batch_list(config(), epoch=1)):
        assert not all(torch.equal(a[0], b[0]) for a, b in zip(reference, other, strict=True))


def test_an_epoch_shows_every_picture_once_in_a_new_order():
    epochs = [batch_list(config(), epoch=e) for e in range(3)]
    assert [[len(batch[0]) for batch in batches] for batches in epochs] == [[3, 3, 1]] * 3
    orders = [[int(pixels[2].max()) for batch in batches for pixels in batch[0]] for batches in epochs]
    assert all(sorted(order) == list(range(1, 8)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


@pytest.mark.process
def test_worker_processes_change_nothing():
    for alone, helped in zip(batch_list(config()), batch_list(config(workers=1)), strict=True):
        assert same(alone, helped)


def test_the_long_side_is_drawn_from_its_range_and_the_shape_kept():
    settings = config(long_side_max=80, long_side_min=40)
    rng = np.random.default_rng(0)
    shapes = [random_view(Located().image(0), settings, rng).shape for _ in range(300)]
    widths = {width for _, _, width in shapes}
    assert widths == set(range(40, 81))
    assert all(abs(height - width * H / W) <= 0.5 for _, height, width in shapes)


def label_config(crop=32, **changes):
    settings = {"crop": crop, "radius": 3, "scale_min": 1.0, "scale_max": 1.0, "batch_size": 3, "seed": 1}
    return BoundaryConfig(**settings | changes)


def columns_as_labels(i):
    """Labels that say which column a pixel is in, so that they can be compared with `Located`."""
    return np.repeat(np.arange(1, W + 1, dtype=np.uint8)[None], H, axis=0)


@pytest.mark.parametrize("crop", [20, 48, 100])
def test_labels_go_where_their_pixels_go(crop):
    mirrored = 0
    for i in range(7):
        for epoch in range(3):
            pixels, inside, labels = LabelCrops(Located(), columns_as_labels, label_config(crop), epoch)[i]
            assert labels.shape == (crop // 4, crop // 4)
            middle, within = pixels[0, 2::4, 2::4], inside[0, 2::4, 2::4]
            assert torch.equal(labels, torch.where(within, middle, 255))
            assert within.any()
            row = labels[within.any(dim=1)][0].long()
            mirrored += bool((row[row != 255].diff() < 0).any())
    assert 3 < mirrored < 18  # about half of 21


def test_scaled_labels_stay_labels_and_the_scale_is_drawn_from_its_range():
    labels = np.zeros((H, W), np.uint8)
    labels[:, W // 2 :] = 80
    shares = []
    for epoch in range(40):
        config = label_config(crop=128, scale_min=0.5, scale_max=1.5)
        _, inside, view = LabelCrops(Located(), lambda i: labels, config, epoch)[0]
        assert set(view.unique().tolist()) <= {0, 80, 255}
        shares.append(inside.sum().item() / (H * W))
    assert 0.2 < min(shares) < 0.5
    assert 1.7 < max(shares) < 2.3


def test_label_batches_repeat_themselves_and_differ_between_epochs():
    def batches(epoch):
        return list(label_batches(Located(), columns_as_labels, label_config(), epoch))

    assert [len(batch.pixels) for batch in batches(0)] == [3, 3, 1]
    assert all(same(a, b) for a, b in zip(batches(0), batches(0), strict=True))
    assert not all(same(a, b) for a, b in zip(batches(0), batches(1), strict=True))
