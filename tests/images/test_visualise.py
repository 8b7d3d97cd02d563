import io

import numpy as np
import pytest
from PIL import Image

from recam_core.images import visualise as vis
from recam_core.records import UserError

GREY = np.full((1, 3, 3), 100, dtype=np.uint8)


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("viridis", (68, 1, 84), (253, 231, 37)),
        ("inferno", (0, 0, 4), (252, 255, 164)),
        ("cividis", (0, 34, 78), (254, 232, 56)),
        ("paper", (0, 0, 128), (128, 0, 0)),
    ],
)
def test_palettes_run_from_their_published_ends_in_rgb_order(name, low, high):
    table = vis.PALETTES[name]
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    assert tuple(table[0]) == low
    assert tuple(table[255]) == high


def test_tables_cannot_be_painted_over():
    for table in (*vis.PALETTES.values(), vis.DIVERGING, vis.CLASS_COLOURS):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 7


def test_diverging_is_blue_below_light_in_the_middle_and_red_above():
    table = vis.DIVERGING.astype(int)
    assert tuple(table[0]) == (5, 48, 97)
    assert tuple(table[255]) == (103, 0, 31)
    assert table[127:129].min() >= 246
    assert (table[:120, 2] > table[:120, 0]).all()
    assert (table[136:, 0] > table[136:, 2]).all()


def test_label_palette_is_that_of_voc():
    table = vis.label_palette()
    known = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128),
             255: (224, 224, 192)}  # fmt: skip
    for label, colour in known.items():
        assert tuple(table[label]) == colour
    assert len(np.unique(table, axis=0)) == 256


def test_colourise_hits_every_entry_of_the_table():
    values = (np.arange(256) / 255).reshape(16, 16)
    assert np.array_equal(vis.colourise(values, "inferno").reshape(256, 3), vis.PALETTES["inferno"])


def test_colourise_takes_the_nearest_entry_and_the_ends_beyond():
    painted = vis.colourise(np.array([[-0.2, 0.5, 1.7, 0.0019, 0.0021]], dtype=np.float32))
    assert np.array_equal(painted[0], vis.PALETTES["viridis"][[0, 128, 255, 0, 1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_colourise_refuses_what_is_no_number(bad):
    with pytest.raises(UserError, match="not numbers"):
        vis.colourise(np.array([[0.1, bad]]))


def test_colourise_refuses_other_palettes_and_shapes():
    with pytest.raises(UserError, match=r"viridis, inferno, cividis, paper; got 'hot'"):
        vis.colourise(np.zeros((2, 2)), "hot")
    with pytest.raises(UserError, match=r"\(H, W\); got \(2, 2, 2\)"):
        vis.colourise(np.zeros((2, 2, 2)))


def test_overlay_mixes_by_opacity():
    values = np.array([[0.0, 0.5, 1.0]])
    assert np.array_equal(vis.overlay(GREY, values, "viridis", 0.0), GREY)
    assert np.array_equal(vis.overlay(GREY, values, "viridis", 1.0), vis.colourise(values))
    # quarter of (68, 1, 84) and of (253, 231, 37) over 100
    mixed = vis.overlay(GREY, values, "viridis", 0.25)
    assert mixed[0, 0].tolist() == [92, 75, 96]
    assert mixed[0, 2].tolist() == [138, 133, 84]


def test_overlay_that_grows_leaves_cold_places_alone():
    values = np.array([[0.0, 0.5, 1.0]])
    mixed = vis.overlay(GREY, values, "viridis", 0.5, grow=True)
    assert mixed[0, 0].tolist() == [100, 100, 100]
    assert np.array_equal(mixed[0, 1], vis.overlay(GREY, values, "viridis", 0.25)[0, 1])
    assert np.array_equal(mixed[0, 2], vis.overlay(GREY, values, "viridis", 0.5)[0, 2])


def test_overlay_does_not_touch_its_input():
    picture = GREY.copy()
    vis.overlay(picture, np.ones((1, 3)))
    vis.error_overlay(picture, np.ones((1, 3), bool), np.ones((1, 3), np.uint8))
    assert np.array_equal(picture, GREY)


@pytest.mark.parametrize("opacity", [-0.1, 1.1, float("nan")])
def test_overlay_refuses_impossible_opacity(opacity):
    with pytest.raises(UserError, match="Opacity"):
        vis.overlay(GREY, np.ones((1, 3)), "viridis", opacity)


def test_overlay_refuses_another_size_and_float_pictures():
    with pytest.raises(UserError, match=r"\(1, 3\); got \(3, 1\)"):
        vis.overlay(GREY, np.ones((3, 1)))
    with pytest.raises(UserError, match="uint8; got"):
        vis.overlay(GREY.astype(float), np.ones((1, 3)))


def test_difference_overlay_signs():
    delta = np.array([[-1.0, 0.0, 1.0]], dtype=np.float32)
    full = vis.difference_overlay(GREY, delta, 1.0)
    assert np.array_equal(full[0], vis.DIVERGING[[0, 128, 255]])
    growing = vis.difference_overlay(GREY, delta, 1.0, grow=True)
    assert growing[0, 1].tolist() == [100, 100, 100]
    assert np.array_equal(growing[0, [0, 2]], full[0, [0, 2]])


def test_error_overlay_has_one_colour_for_each_kind_of_pixel():
    predicted = np.array([[True, True, False, False, True, False]])
    truth = np.array([[1, 0, 1, 0, 255, 255]], dtype=np.uint8)
    picture = np.full((1, 6, 3), 100, dtype=np.uint8)
    shown = [tuple(pixel) for pixel in vis.error_overlay(picture, predicted, truth, 1.0)[0].tolist()]
    assert shown == [vis.HIT, vis.WRONG, vis.MISSED, (100,) * 3, (100,) * 3, (100,) * 3]


def test_error_overlay_refuses_a_label_map_of_many_classes():
    with pytest.raises(UserError, match=r"got also \[7\]"):
        vis.error_overlay(GREY, np.ones((1, 3), bool), np.array([[0, 7, 255]], np.uint8))


def test_labels_hand_computed_with_ties():
    maps = np.array([[[0.2, 0.5, 0.6, 0.4, 0.3]], [[0.1, 0.5, 0.7, 0.2, 0.9]]], dtype=np.float32)
    #  0.2: below; 0.5 = 0.5: first named; 0.7: second; 0.4: first; 0.9: second
    assert vis.labels_from_maps(maps, [7, 2], 0.25).tolist() == [[0, 8, 3, 8, 3]]
    assert vis.labels_from_maps(maps, [7, 2], 0.5).tolist() == [[0, 0, 3, 0, 3]]


def test_labels_compare_in_float32_so_that_background_wins_an_equal_value():
    maps = np.array([[[0.3]]], dtype=np.float32)
    assert float(maps[0, 0, 0]) > 0.3  # in float64 the class would win
    for threshold in (0.3, np.float64(0.3)):
        assert vis.labels_from_maps(maps, [0], threshold).tolist() == [[0]]


def test_labels_of_no_class_are_background():
    labels = vis.labels_from_maps(np.zeros((0, 2, 3), np.float32), [], 0.3)
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_labels_keep_255_for_ignore():
    maps = np.ones((1, 1, 1), np.float32)
    assert vis.labels_from_maps(maps, [253], 0.5).tolist() == [[254]]
    for bad in (254, -1):
        with pytest.raises(UserError, match="0 to 253"):
            vis.labels_from_maps(maps, [bad], 0.5)


def test_labels_refuse_nan_and_unequal_counts():
    with pytest.raises(UserError, match="NaN"):
        vis.labels_from_maps(np.full((1, 1, 1), np.nan, np.float32), [0], 0.5)
    with pytest.raises(UserError, match="n class ids"):
        vis.labels_from_maps(np.ones((2, 1, 1), np.float32), [0], 0.5)


def test_png_bytes_come_back_exactly():
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    for array in (rgb, rgb[..., 0], rgb[::-1, ::2]):
        assert np.array_equal(np.asarray(decode(vis.png_bytes(array))), array)
    mask = np.array([[True, False]])
    assert np.asarray(decode(vis.png_bytes(mask))).tolist() == [[255, 0]]


def test_palette_png_keeps_label_values_and_shows_voc_colours():
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = decode(vis.palette_png_bytes(labels))
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image), labels)
    assert np.array_equal(np.asarray(image.convert("RGB")).reshape(256, 3), vis.CLASS_COLOURS)
    few = np.array([[0, 3, 255]], dtype=np.uint8)
    assert np.array_equal(np.asarray(decode(vis.palette_png_bytes(few))), few)


def test_jpeg_bytes_stay_close():
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None], 32, axis=0)
    back = np.asarray(decode(vis.jpeg_bytes(np.stack([ramp] * 3, axis=-1)))).astype(int)
    assert np.abs(back - ramp[..., None]).max() <= 4


@pytest.mark.parametrize("array", [np.zeros((2, 2)), np.zeros((2, 2, 4), np.uint8), np.zeros(4, np.uint8)])
def test_only_eight_bit_pictures_are_written(array):
    with pytest.raises(UserError, match="8-bit"):
        vis.png_bytes(array)


def test_labels_are_laid_over_the_picture_and_background_is_left():
    picture = np.full((2, 2, 3), 100, np.uint8)
    labels = np.array([[0, 1], [2, 0]], np.uint8)
    shown = vis.labels_overlay(picture, labels, 0.5)
    assert shown[0, 0].tolist() == shown[1, 1].tolist() == [100, 100, 100]
    assert shown[0, 1].tolist() == [114, 50, 50]  # halfway to VOC's dark red (128, 0, 0)
    assert shown[1, 0].tolist() == [50, 114, 50]
    with pytest.raises(UserError, match="picture's size"):
        vis.labels_overlay(picture, labels[:1], 0.5)
