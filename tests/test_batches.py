"""Training views: pieces of the picture, padded where they leave it, and the same whenever they are asked for."""

import numpy as np
import pytest
import torch

from recam_core.batches import Crops, epoch_batches, random_view
from recam_core.records import TrainConfig

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
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


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


def test_worker_processes_change_nothing():
    for alone, helped in zip(batch_list(config()), batch_list(config(workers=1)), strict=True):
        assert same(alone, helped)


def test_the_long_side_is_drawn_from_its_range_and_the_shape_kept():
    settings = config(long_side_max=80, long_side_min=40)
    rng = np.random.default_rng(0)
    shapes = [random_view(Located().image(0), settings, rng).shape for _ in range(300)]
    widths = {width for _, width, _ in shapes}
    assert widths == set(range(40, 81))
    assert all(abs(height - width * H / W) <= 0.5 for height, width, _ in shapes)
