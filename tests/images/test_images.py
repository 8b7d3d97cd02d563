import hashlib
import io
import struct
import threading
import warnings

import cv2
import numpy as np
import pytest
import tifffile
from odd_files import encode, forged_png, grey_tiff
from PIL import Image

from recam_core.images import decoding, pictures
from recam_core.images.pictures import check_image, read_image, resize_long_side, upright_size
from recam_core.records import UserError

RNG = np.random.default_rng(3)
NOISE = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
ALL_FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"]


def forged_bmp(width, height) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def forged_webp(width, height) -> bytes:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", len(body)) + body


GIF_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00;"


def refusal(source, **options) -> str:
    with pytest.raises(UserError) as caught:
        read_image(source, **options)
    return str(caught.value)


# What is read


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_files_come_back_exactly(kind, tmp_path):
    data = encode(NOISE, kind, **({"lossless": True} if kind == "WEBP" else {}))
    path = tmp_path / "noise.bin"
    path.write_bytes(data)
    for source in (data, path, str(path)):
        picture = read_image(source)
        assert np.array_equal(picture.pixels, NOISE)
        assert picture.sha256 == hashlib.sha256(data).hexdigest()
        assert picture.original_size == (60, 40)
        assert picture.notes == ()
        assert picture.pixels.flags.writeable
        assert picture.pixels.flags.c_contiguous
    assert read_image(path).name == "noise.bin"
    assert read_image(data, name="a/b\\cat.png").name == "cat.png"


def test_jpeg_and_gif_come_back_closely():
    smooth = np.repeat(np.linspace(0, 255, 60).astype(np.uint8)[None], 40, axis=0)
    for kind in ("JPEG", "GIF"):
        pixels = read_image(encode(smooth, kind)).pixels
        assert pixels.shape == (40, 60, 3)
        assert np.abs(pixels.astype(int) - smooth[..., None]).max() <= 4


UPRIGHT = {
    1: lambda s: s,
    2: lambda s: s[:, ::-1],
    3: lambda s: s[::-1, ::-1],
    4: lambda s: s[::-1],
    5: lambda s: s.transpose(1, 0, 2),
    6: lambda s: np.rot90(s, -1),
    7: lambda s: np.rot90(s, 2).transpose(1, 0, 2),
    8: lambda s: np.rot90(s, 1),
}


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_every_exif_orientation_is_turned_upright(kind):
    stored = cv2.resize(NOISE[:4, :6], (60, 40), interpolation=cv2.INTER_CUBIC)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(kind, {})
    for orientation, upright in UPRIGHT.items():
        picture = read_image(encode(stored, kind, exif=turned(orientation), **options))
        expected = upright(stored)
        assert picture.pixels.shape == expected.shape, orientation
        assert np.abs(picture.pixels.astype(int) - expected).max() <= (12 if kind == "JPEG" else 0), orientation
        assert picture.original_size == (expected.shape[1], expected.shape[0])


@pytest.mark.parametrize("kind", ["png", "tif", "webp", "jpg"])
def test_the_upright_size_is_that_of_the_picture_as_it_is_read(tmp_path, kind):
    for orientation in UPRIGHT:
        path = tmp_path / f"{orientation}.{kind}"
        Image.new("RGB", (60, 40)).save(path, exif=turned(orientation))
        height, width = read_image(path).pixels.shape[:2]
        assert upright_size(path) == (width, height)
        assert (width, height) == ((60, 40) if orientation < 5 else (40, 60))


def test_strange_orientation_values_are_left_alone():
    assert np.array_equal(read_image(encode(NOISE, exif=turned(77))).pixels, NOISE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_large_pictures_are_brought_down_and_turned(kind):
    across = np.linspace(0, 255, 3000)[None, :, None]
    down = np.linspace(0, 255, 2000)[:, None, None]
    stored = np.concatenate([across + 0 * down, down + 0 * across, 0 * (across + down)], axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored left becomes top, stored top becomes right
    picture = read_image(encode(stored, kind, exif=exif))
    assert picture.pixels.shape == (1024, 683, 3)
    assert picture.original_size == (2000, 3000)
    assert picture.notes[-1] == "brought down from 2000×3000 to 683×1024"
    expected_red = (np.arange(1024) + 0.5) / 1024 * 255
    expected_green = 255 - (np.arange(683) + 0.5) / 683 * 255
    assert np.abs(picture.pixels[:, 300, 0] - expected_red).max() < 4
    assert np.abs(picture.pixels[500, :, 1] - expected_green).max() < 4


def test_six_thousand_by_four_thousand_is_said_in_words():
    picture = read_image(encode(Image.new("1", (6000, 4000), 1)))
    assert picture.notes == ("brought down from 6000×4000 to 1024×683",)
    assert (picture.pixels == 255).all()


def test_what_is_small_enough_is_never_enlarged():
    assert read_image(encode(NOISE), keep_side=60).pixels.shape == (40, 60, 3)
    assert read_image(encode(NOISE), keep_side=48).pixels.shape == (32, 48, 3)


def test_bringing_down_averages_instead_of_picking():
    stripes = np.zeros((200, 2048, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(read_image(encode(stripes)).pixels[:, 8:-8].astype(int) - 127.5).max() < 3


# Pixel types

RAMP = np.repeat(np.arange(256, dtype=np.uint16)[None], 32, axis=0)  # (32, 256)


@pytest.mark.parametrize(
    "data",
    [
        encode(RAMP * 257, "PNG"),
        encode(RAMP * 257, "TIFF"),
        encode(Image.frombytes("I;16B", (256, 32), (RAMP * 257).astype(">u2").tobytes()), "TIFF"),
    ],
)
def test_sixteen_bit_grey_lands_on_the_right_eight_bit_values(data):
    picture = read_image(data)
    assert np.array_equal(picture.pixels, np.stack([RAMP] * 3, axis=-1))
    assert picture.notes == ("16-bit grey brought to 8 bits",)


def test_sixteen_bit_grey_is_rounded_to_the_nearest():
    values = np.full((32, 32), 128, np.uint16)  # 128 / 257 = 0.498, 129 / 257 = 0.502
    values[:, 16:] = 129
    values[1] = 65535
    assert read_image(encode(values)).pixels[0, [0, 31], 0].tolist() == [0, 1]


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_grey_of_few_bits_is_stretched(suffix, bits):
    values = np.linspace(0, 2**bits - 1, 32 * 40).reshape(32, 40).astype(np.uint16)
    picture = read_image(cv2.imencode(suffix, values)[1].tobytes())
    assert (picture.pixels.min(), picture.pixels.max()) == (0, 255)
    assert picture.notes == (f"values 0 to {2**bits - 1} stretched to 0–255",)


def test_a_transparent_value_of_sixteen_bit_grey_is_white():
    values = np.linspace(0, 65535, 32 * 40).reshape(32, 40).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG", transparency=0)
    picture = read_image(stream.getvalue())
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[0, 1].max() < 10


@pytest.mark.parametrize("values", [np.random.default_rng(0).random((40, 50)), np.zeros((40, 50, 3), np.float32)])
def test_a_whole_tiff_that_is_not_read_is_called_what_it_is(values):
    data = cv2.imencode(".tif", values)[1].tobytes()
    bits, bands = values.dtype.itemsize * 8, values.ndim * 2 - 3
    with pytest.raises(
        UserError, match=rf"is a TIFF of {bits}-bit floating-point numbers in {bands} band.*Save it as 8-bit"
    ):
        read_image(data)


def test_a_check_finds_numbers_that_are_not_finite(tmp_path):
    values = np.zeros((40, 50), np.float32)
    values[0, 0] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    for look in (read_image, check_image):
        with pytest.raises(UserError, match="not finite"):
            look(tmp_path / "a.tif")


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_colour_lands_on_the_right_eight_bit_values(suffix):
    bgr = np.stack([RAMP, RAMP[:, ::-1], RAMP // 2], axis=-1) * 257
    data = cv2.imencode(suffix, bgr)[1].tobytes()
    assert np.array_equal(read_image(data).pixels, (bgr[..., ::-1] // 257).astype(np.uint8))


def tiff(values, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def few_bits(bits, channels=3):
    """Colours (40, 50, C) of so many bits whose channels differ, the last of four opaque."""
    values = np.random.default_rng(0).integers(0, 2**bits, (40, 50, channels)).astype(np.uint16)
    values[0, 0], values[0, 1] = 0, 2**bits - 1
    values[..., 2] //= 2
    values[..., 3:] = 2**bits - 1
    return values


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("write", [
    lambda rgb: cv2.imencode(".png", rgb[..., ::-1])[1].tobytes(),
    lambda rgb: cv2.imencode(".tiff", rgb[..., ::-1])[1].tobytes(),
    lambda rgb: tiff(rgb, photometric="rgb", byteorder="<"),
    lambda rgb: tiff(rgb, photometric="rgb", byteorder=">", rowsperstrip=7),
    lambda rgb: tiff(rgb, photometric="rgb", byteorder=">", compression="zlib"),
], ids=["png", "lzw", "little", "big", "zlib"])  # fmt: skip
def test_sixteen_bit_colour_of_few_bits_is_stretched_by_one_range(bits, write):
    values = few_bits(bits)
    picture = read_image(write(values))
    assert np.array_equal(picture.pixels, np.rint(values * (255 / (2**bits - 1))).astype(np.uint8))
    assert picture.notes == (f"values 0 to {2**bits - 1} stretched to 0–255",)


def test_transparency_of_few_bits_goes_by_its_own_range():
    values = few_bits(12, 4)
    values[5, 5, 3] = 0
    picture = read_image(cv2.imencode(".png", values[..., [2, 1, 0, 3]])[1].tobytes())
    expected = np.rint(values[..., :3] * (255 / 4095)).astype(np.uint8)
    expected[5, 5] = 255
    assert np.array_equal(picture.pixels, expected)
    assert picture.notes == ("values 0 to 4095 stretched to 0–255", "transparent parts shown on white")


def test_a_photo_turned_by_its_tiff_keeps_the_place_of_every_colour():
    values = few_bits(12)
    picture = read_image(tiff(values, photometric="rgb", extratags=[(274, 3, 1, 6, True)]))
    assert np.array_equal(picture.pixels, np.rot90(np.rint(values * (255 / 4095)).astype(np.uint8), -1))


def test_what_cannot_be_brightened_says_that_it_is_dark(monkeypatch):
    monkeypatch.setattr(pictures, "MANY_PIXELS", 1000)
    dark, facts = pictures.decode_picture(tiff(few_bits(12), photometric="rgb"), "a.tif", keep_side=1024)
    assert dark.max() < 16
    assert "nearly black" in facts["notes"][0]


@pytest.mark.parametrize(
    ("order", "reason"), [("<", "64-bit floating-point numbers in 1 band"), (">", "a BigTIFF in big-")]
)
def test_a_whole_bigtiff_is_not_called_damaged(order, reason):
    values = np.random.default_rng(0).random((40, 50))
    assert reason in refusal(tiff(values, bigtiff=True, byteorder=order), name="x.tif")
    if order == "<":
        assert read_image(tiff((values * 255).astype(np.uint8), bigtiff=True)).pixels.shape == (40, 50, 3)


def test_planes_of_sixteen_bits_are_refused_instead_of_shown_as_noise():
    planes = few_bits(12).transpose(2, 0, 1).copy()
    assert "planar" in refusal(tiff(planes, photometric="rgb", planarconfig="separate"), name="x.tif")


@pytest.mark.parametrize(("kind", "order"), [
    ("u2", ">"), ("i2", "<"), ("i2", ">"), ("u4", "<"), ("i4", "<"), ("i4", ">"), ("f4", "<"), ("f4", ">")
])  # fmt: skip
@pytest.mark.parametrize("compression", [None, "zlib"])  # other parts of Pillow read them then
def test_numbers_of_every_kind_are_shown_in_their_order(kind, order, compression):
    most = {"u2": 1000, "i2": 32767, "u4": 2**32 - 1, "i4": 2**31 - 1, "f4": 255}[kind]
    grey = np.linspace(0, most, 32 * 40).reshape(32, 40).astype(kind)
    picture = read_image(tiff(grey, byteorder=order, photometric="minisblack", compression=compression))
    assert np.abs(picture.pixels[..., 0] - grey.astype(float) * (255 / most)).max() <= 0.51
    assert picture.notes == (f"values 0 to {float(grey.max()):g} stretched to 0–255",)


def test_integer_and_float_pixels_are_stretched_over_their_own_range():
    whole = np.linspace(-5, 300, 32 * 32).reshape(32, 32)
    for values in (whole.astype(np.int32), whole.astype(np.float32)):
        picture = read_image(encode(values, "TIFF"))
        assert picture.pixels[0, 0].tolist() == [0, 0, 0]
        assert picture.pixels[-1, -1].tolist() == [255, 255, 255]
        assert np.abs(picture.pixels[..., 0] - (whole + 5) / 305 * 255).max() <= 1.5
        assert picture.notes == ("values -5 to 300 stretched to 0–255",)


@pytest.mark.parametrize(("kind", "dark", "light"), [
    (np.uint32, 0, 2**32 - 1), (np.uint32, 5, 2**31 + 5), (np.int32, -(2**31), 2**31 - 1), (np.int8, -128, 127),
    (np.int8, -3, 4), (np.int16, -9, 9), (np.float32, -0.5, 0.5), (np.uint16, 0, 1000), (np.uint16, 0, 65535),
])  # fmt: skip
def test_of_every_kind_of_number_the_smallest_is_black_and_the_largest_white(kind, dark, light):
    values = np.full((32, 40), dark, kind)
    values[:, 10:] = light
    values[:, 20:] = (dark + light) // 2 if kind is not np.float32 else 0
    left, right, middle = read_image(grey_tiff(values)).pixels[0, [0, 10, 20], 0].tolist()
    assert (left, right) == (0, 255)
    assert abs(middle - 127.5) < 20
    turned = read_image(grey_tiff(values, white_is_zero=True)) if kind in (np.uint16, np.float32) else None
    if turned is not None:  # Pillow reads no others of this kind
        assert turned.pixels[0, [0, 10, 20], 0].tolist() == [255, 0, 255 - middle]


@pytest.mark.parametrize("kind", [np.uint32, np.int8, np.int16])
def test_numbers_whose_white_is_zero_are_read_or_named(kind):
    message = refusal(grey_tiff(np.zeros((32, 40), kind), white_is_zero=True))
    assert f"is a TIFF of {np.dtype(kind).itemsize * 8}-bit" in message


def test_constant_float_pixels_are_black_and_no_division_by_zero():
    assert (read_image(encode(np.full((32, 32), 0.7, np.float32), "TIFF")).pixels == 0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_float_pixels_that_are_no_numbers_are_refused(bad):
    values = np.ones((32, 32), np.float32)
    values[3, 4] = bad
    assert "not finite numbers" in refusal(encode(values, "TIFF"), name="x.tif")


def colour_of(image, kind="PNG", **options):
    picture = read_image(encode(image, kind, **options))
    assert (picture.pixels == picture.pixels[0, 0]).all()
    return picture.pixels[0, 0].tolist(), picture.notes


def test_transparency_is_shown_on_white():
    size, note = (32, 32), ("transparent parts shown on white",)
    assert colour_of(Image.new("RGBA", size, (10, 20, 30, 0))) == ([255] * 3, note)
    assert colour_of(Image.new("RGBA", size, (10, 20, 30, 255))) == ([10, 20, 30], ())
    half, _ = colour_of(Image.new("RGBA", size, (200, 0, 100, 51)))  # a fifth
    assert np.abs(np.array(half) - [244, 204, 224]).max() <= 1
    assert colour_of(Image.new("LA", size, (10, 0))) == ([255] * 3, note)
    assert colour_of(Image.new("L", size, 40), transparency=40) == ([255] * 3, note)
    assert colour_of(Image.new("RGB", size, (1, 2, 3)), transparency=(1, 2, 3)) == ([255] * 3, note)
    indexed = Image.new("P", size, 1)
    indexed.putpalette([0, 0, 0, 9, 8, 7])
    assert colour_of(indexed) == ([9, 8, 7], ())
    assert colour_of(indexed, transparency=1) == ([255] * 3, note)
    assert colour_of(indexed, transparency=b"\xff\x00") == ([255] * 3, note)


def test_transparency_of_a_large_picture_does_not_bleed_its_hidden_colour():
    rgba = np.zeros((100, 2000, 4), np.uint8)
    rgba[:, 1000:] = (255, 255, 255, 255)  # hidden black beside visible white
    assert (read_image(encode(rgba)).pixels == 255).all()


def test_other_pixel_types_become_rgb():
    size = (32, 32)
    assert colour_of(Image.new("1", size, 1))[0] == [255, 255, 255]
    assert colour_of(Image.new("L", size, 77))[0] == [77, 77, 77]
    assert colour_of(Image.new("CMYK", size, (0, 255, 255, 0)), "TIFF")[0] == [255, 0, 0]
    assert colour_of(Image.new("CMYK", size, (0, 0, 0, 0)), "TIFF")[0] == [255, 255, 255]
    lab, _ = colour_of(Image.new("LAB", size, (255, 128, 128)), "TIFF")
    assert min(lab) >= 250


def test_cmyk_jpeg_is_inverted_as_adobe_writes_it():
    data = encode(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG")
    red, green, blue = read_image(data).pixels[32, 32].astype(int)
    assert red > 230
    assert max(green, blue) < 25


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_animations_the_first_frame_is_read(kind):
    frames = [Image.new("RGB", (40, 32), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = read_image(encode(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert (picture.pixels == [255, 0, 0]).all()
    many = "3" if kind in ("PNG", "WEBP") else "several"  # those of the others would have to be counted
    assert picture.notes == (f"first of {many} {'pages' if kind == 'TIFF' else 'frames'}",)


def test_the_second_picture_in_a_phones_jpeg_is_no_animation():
    frames = [Image.new("RGB", (64, 64), "red"), Image.new("RGB", (32, 32), "blue")]
    picture = read_image(encode(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert picture.pixels[0, 0, 0] > 250
    assert picture.pixels.shape == (64, 64, 3)
    assert picture.notes == ()


# What is refused


def test_missing_folder_and_empty(tmp_path):
    assert refusal(tmp_path / "nowhere.jpg").startswith("There is no file “nowhere.jpg”")
    assert "“" + tmp_path.name[:40] in refusal(tmp_path)
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert refusal(tmp_path / "empty.jpg").startswith("“empty.jpg” is empty (0 bytes)")
    assert "empty (0 bytes)" in refusal(b"")
    assert "could not be read" in refusal("a\0b.jpg")


def test_too_many_bytes(tmp_path):
    path = tmp_path / "big.png"
    path.write_bytes(bytes(3 << 20))
    assert refusal(path, max_bytes=1 << 20).startswith("“big.png” has 3 MB; at most 1 MB are read")
    assert "at most 20 MB" in refusal(bytes(decoding.MAX_FILE_BYTES + 1))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"just a few words, honestly\n", "text"),
        ("Grüße\n".encode() * 200, "text"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "a HEIC, AVIF or video file"),
        (b"PK\x03\x04\x00\x00", "a ZIP archive"),
        (bytes(range(256)), "a file of another kind"),
    ],
)
def test_files_that_are_no_pictures_are_called_by_name(data, what):
    sentence = refusal(data, name="renamed.jpg")
    assert f"“renamed.jpg” cannot be read: expected JPEG, PNG, WebP, BMP, TIFF or GIF, got {what}. Open it" in sentence


@pytest.mark.parametrize("kind", ["ICO", "PPM", "JPEG2000", "TGA", "PCX"])
def test_formats_outside_the_list_are_refused(kind):
    assert "expected JPEG, PNG, WebP, BMP, TIFF or GIF" in refusal(encode(NOISE, kind))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (forged_png(50_000, 50_000), "50,000×50,000"),
        (forged_png(12_000, 10_001), "12,000×10,001"),
        (b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + bytes(3) + GIF_FRAME, "60,000×60,000"),
        (forged_bmp(50_000, 50_000), "50,000×50,000"),
        (forged_webp(50_000, 50_000), "50,000×50,000"),
    ],
)
def test_decompression_bombs_are_refused_by_their_header(data, size):
    assert len(data) < 200
    sentence = refusal(data, name="bomb.png")
    assert size in sentence
    assert f"{50 if data.startswith(b'RIFF') else 120} million" in sentence


def test_up_to_the_limit_no_warning_and_no_refusal_for_size():
    # Pillow itself would warn from 89 million on; the few bytes of pixels are the only thing wrong here.
    assert "damaged" in refusal(forged_png(12_000, 10_000, depth=1, colour=0))


def test_sides_must_be_32_pixels():
    assert "100×31 pixels; both sides must be at least 32" in refusal(encode(Image.new("L", (100, 31))))
    assert "31×100 pixels" in refusal(encode(Image.new("L", (31, 100))))
    assert read_image(encode(Image.new("L", (32, 32)))).pixels.shape == (32, 32, 3)


def test_long_and_narrow_pictures_are_explained():
    sentence = refusal(encode(Image.new("L", (4000, 40))), name="strip.png")
    assert "4000×40" in sentence
    assert "short side would be 10 and at least 32" in sentence
    assert read_image(encode(Image.new("L", (1280, 40)))).pixels.shape == (32, 1024, 3)


@pytest.mark.parametrize("kind", ALL_FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_files_are_called_damaged(kind, share):
    data = encode(cv2.resize(NOISE, (300, 200)), kind)
    assert "“cut.x” is damaged or cut short" in refusal(data[: max(30, int(len(data) * share))], name="cut.x")


def test_too_little_memory_is_a_sentence(monkeypatch):
    def full(*args):
        raise MemoryError

    monkeypatch.setattr(pictures, "_to_rgb", full)
    assert "not enough memory to decode “cat.png”" in refusal(encode(NOISE), name="cat.png", apart=False)


def test_damaged_exif_is_no_reason_to_refuse_or_to_warn():
    data = encode(NOISE, "JPEG", exif=b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x09\x01\x12\0\x03\xff\xff")
    assert read_image(data).pixels.shape == (40, 60, 3)


@pytest.mark.parametrize("kind", ALL_FORMATS)
def test_damaged_bytes_end_in_a_picture_or_a_sentence(kind):
    rng = np.random.default_rng(7)
    good = np.frombuffer(encode(NOISE, kind), dtype=np.uint8)
    for _ in range(60):
        bad = good.copy()
        where = rng.integers(0, min(len(bad), 200), 6)
        bad[where] = rng.integers(0, 256, 6)
        try:
            assert read_image(bad.tobytes()).pixels.dtype == np.uint8
        except UserError as error:
            assert str(error)  # noqa: PT017 - either end is fine, nothing else is


def test_sentences_name_the_file_without_its_folder_or_tricks():
    assert "“x.jpg” is empty" in refusal(b"", name="/home/somebody/private/x.jpg")
    assert "“x.jpg” is empty" in refusal(b"", name="C:\\Users\\somebody\\x.jpg")
    assert "“a?[31mb.jpg”" in refusal(b"", name="a\x1b[31mb.jpg")
    long = refusal(b"", name="n" * 500 + ".jpg")
    assert len(long) < 200
    assert ".jpg” is empty" in long


def test_reading_leaves_the_warning_filters_as_they_were():
    before = list(warnings.filters)
    read_image(encode(NOISE))
    refusal(b"text")
    assert list(warnings.filters) == before
    assert not decoding._one_at_a_time.locked()


def test_many_threads_read_at_once():
    data, pictures = encode(NOISE), []
    threads = [threading.Thread(target=lambda: pictures.append(read_image(data).pixels)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pictures) == 8
    assert all(np.array_equal(pixels, NOISE) for pixels in pictures)


# Bringing arrays down


def test_resize_long_side_only_ever_goes_down():
    assert resize_long_side(NOISE, 60) is NOISE
    assert resize_long_side(NOISE, 30).shape == (20, 30, 3)
    assert resize_long_side(NOISE[..., 0].T, 30).shape == (30, 20)
    assert resize_long_side(np.zeros((1, 500, 3), np.uint8), 32).shape == (1, 32, 3)


def test_resize_long_side_averages():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(resize_long_side(stripes, 32)[:, 4:-4].astype(int) - 127.5).max() < 3
