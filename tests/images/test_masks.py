import numpy as np
import pytest
from odd_files import encode, forged_png
from PIL import Image

from recam_core.images.masks import Mask, read_mask, resize_labels
from recam_core.images.visualise import CLASS_COLOURS, palette_png_bytes, png_bytes
from recam_core.records import Picture, UserError

RNG = np.random.default_rng(3)
CLASSES = tuple(f"class {k}" for k in range(20))
PICTURE = Picture(np.zeros((40, 60, 3), np.uint8), "cat.jpg", "0", (120, 80))
LABELS = np.zeros((80, 120), np.uint8)
LABELS[10:40, 20:80] = 3
LABELS[40:60, 20:80] = 20
LABELS[0:4] = 255
HALF = LABELS[1::2, 1::2]


def mask(source, **options) -> Mask:
    return read_mask(source, picture=PICTURE, classes=CLASSES, **options)


def mask_refusal(source) -> str:
    with pytest.raises(UserError) as caught:
        mask(source, name="m.png")
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [palette_png_bytes(LABELS), png_bytes(LABELS), png_bytes(CLASS_COLOURS[LABELS]), encode(LABELS.astype(np.uint16))],
)
def test_label_maps_keep_their_values_and_place(data, tmp_path):
    (tmp_path / "m.png").write_bytes(data)
    for source in (data, tmp_path / "m.png"):
        got = mask(source)
        assert not got.binary
        assert got.labels.dtype == np.uint8
        assert np.array_equal(got.labels, HALF)


def test_masks_at_working_size_are_taken_as_they_are():
    labels = RNG.integers(0, 21, (40, 60), dtype=np.uint8)
    assert np.array_equal(mask(palette_png_bytes(labels)).labels, labels)


OBJECT = (LABELS == 3).astype(np.uint8)


@pytest.mark.parametrize(
    "data",
    [
        encode(Image.fromarray(OBJECT * 255).convert("1")),
        png_bytes(OBJECT * 255),
        png_bytes(OBJECT * 77),
        png_bytes(np.stack([OBJECT * 255] * 3, axis=-1)),
        encode(OBJECT.astype(np.uint16) * 65535),
        palette_png_bytes(OBJECT * 255),
        encode(np.dstack([np.stack([OBJECT * 255] * 3, axis=-1), np.full_like(OBJECT, 255)])),
    ],
)
def test_two_valued_masks_say_object_or_not(data):
    got = mask(data)
    assert got.binary
    assert np.array_equal(got.labels, OBJECT[1::2, 1::2])


def test_a_single_label_of_the_model_is_a_label_map():
    got = mask(png_bytes(OBJECT * 4))
    assert not got.binary
    assert set(np.unique(got.labels)) == {0, 4}
    assert not mask(png_bytes(OBJECT * 0)).binary


def test_labels_beyond_the_classes_are_named():
    labels = LABELS.copy()
    labels[0, :2] = (21, 90)
    sentence = mask_refusal(png_bytes(labels))
    assert "label values 21, 90, but there are 20 classes" in sentence
    assert "0 (background), 1 to 20, or 255 (ignore)" in sentence
    assert "21, 90" in mask_refusal(png_bytes(CLASS_COLOURS[labels]))
    assert "303, but" in mask_refusal(encode(LABELS.astype(np.uint16) + 300 * (LABELS == 3).astype(np.uint16)))


def test_colours_that_are_no_label_colours_are_named():
    picture = CLASS_COLOURS[LABELS]
    picture[0, 0] = (1, 2, 3)
    assert "no VOC label colours: #010203." in mask_refusal(png_bytes(picture))
    assert " and " in mask_refusal(png_bytes(RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)))


def test_masks_of_another_size_are_explained():
    sentence = mask_refusal(png_bytes(np.zeros((50, 50), np.uint8)))
    assert sentence.startswith("“m.png” is 50×50 pixels, but the picture is 120×80 (or 60×40, as shown).")
    assert "Save the mask at 120×80." in sentence
    assert "lie on its side" in mask_refusal(png_bytes(LABELS.T.copy()))


def test_masks_must_be_png_without_transparency():
    assert "a mask must be a PNG, got a JPEG" in mask_refusal(encode(LABELS, "JPEG"))
    assert "got text" in mask_refusal(b"hello")
    clear = np.dstack([CLASS_COLOURS[LABELS], OBJECT * 255])
    assert "transparent parts" in mask_refusal(encode(clear))
    assert "damaged" in mask_refusal(png_bytes(LABELS)[:-200])
    assert "50,000×50,000" in mask_refusal(forged_png(50_000, 50_000))


def test_resize_labels_invents_no_values():
    labels = np.array([[0, 9]], dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    small = resize_labels(labels, (3, 7))
    assert small.shape == (3, 7)
    assert set(np.unique(small)) == {0, 9}
    assert resize_labels(labels, (10, 20)) is labels


def test_label_values_cannot_name_more_classes_than_they_have():
    values = np.zeros(PICTURE.pixels.shape[:2], np.uint8)
    values[:4], values[4:8] = 3, 9
    classes = [f"class {i}" for i in range(300)]
    with pytest.raises(UserError, match="cannot name 300 classes; give a mask in black and white"):
        read_mask(encode(values), picture=PICTURE, classes=classes, name="mask.png")
    mask = read_mask(encode(np.where(values == 3, values, 0)), picture=PICTURE, classes=classes, name="mask.png")
    assert mask.binary
    assert mask.labels.max() == 1
