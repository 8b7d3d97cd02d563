"""Positions of the picture and cells of the feature grid, on a picture whose sides are no multiples of the grid's."""

from dataclasses import replace

import numpy as np
import pytest

from recam_core import Evidence, HeatmapOptions, read_out
from recam_core.cam.lesson import PictureFeatures
from ui.why.example import Example, one_look

HEIGHT, WIDTH, ROWS, COLUMNS = 100, 71, 7, 5  # 112 × 80 in steps of 16


@pytest.fixture(scope="module")
def example():
    evidence = Evidence(
        picture=np.zeros((HEIGHT, WIDTH, 3), np.uint8),
        classes=("cat", "dog", "tree"),
        scores=np.array([0.2, 0.9, 0.1]),
        scale_maps={"cam": (np.zeros((3, ROWS, COLUMNS), np.float32),)},
        options=HeatmapOptions(flip=False),
        device="cpu",
        seconds=0,
        backbone_passes=1,
    )
    grid = np.random.default_rng(0).random((4, ROWS, COLUMNS), np.float32)
    weights = {name: np.eye(3, 4, dtype=np.float32) for name in ("cam", "w", "wprime")}
    return Example(None, None, evidence, PictureFeatures(evidence.classes, grid, grid, weights, np.zeros(3)), "dog")


def test_the_middle_of_a_cell_lies_in_it(example):
    for cell in np.ndindex(ROWS, COLUMNS - 1):
        assert example.grid(*example.centre(*cell)) == cell


def test_a_cell_is_where_the_map_on_screen_has_it(example):
    for row in range(1, ROWS - 1):
        for column in range(1, COLUMNS - 1):
            maps = np.zeros((3, ROWS, COLUMNS), np.float32)
            maps[1, row, column] = 1
            shown = read_out(replace(example.evidence, scale_maps={"cam": (maps,)}), "cam", ["dog"]).raw[0]
            y, x = np.argwhere(shown >= shown.max() - 1e-6).mean(axis=0) + 0.5
            assert example.grid(x / WIDTH, y / HEIGHT) == (row, column)


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_corners_are_on_the_grid(example, corner):
    row, column = example.grid(*corner)
    assert 0 <= row < ROWS
    assert 0 <= column < COLUMNS


def test_the_class_of_the_lesson_stands_before_its_rivals(example):
    assert example.strongest(np.array([3.0, 1, 2])) == [1, 0, 2]
    assert example.strongest(np.array([3.0, 1, 2]), 2) == [1, 0]


def test_one_look_keeps_the_working_size():
    options = one_look(HeatmapOptions(scales=(1.0, 0.5), flip=True, long_side=384))
    assert options == HeatmapOptions(scales=(1.0,), flip=False, long_side=384)
