"""Heatmaps → colours: palettes, overlays, masks and label pictures, as arrays and as PNG or JPEG bytes.

The browser paints with the same tables (``PALETTES``, ``DIVERGING``), so a saved picture looks like the screen.
Colours are for eyes: masks, labels and counts are always taken from the float32 maps.
"""

import io
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
from PIL import Image

from recam_core.records import IGNORE, UserError

HIT = (0, 114, 178)  # blue: object, and called object        (Okabe and Ito's colours, safe for colour-blind eyes)
WRONG = (230, 159, 0)  # orange: background, but called object (a false positive)
MISSED = (170, 68, 153)  # purple: object, but called background (a false negative)

MASK_INDEX = 200  # the colour of a mask is the palette's colour of a high value
DIMMED = 0.6  # how dark the rest is

# ColorBrewer's RdBu, reversed: −1 dark blue … 0 near white … +1 dark red.
_DIVERGING_ANCHORS = ("053061", "2166ac", "4393c3", "92c5de", "d1e5f0", "f7f7f7",
                      "fddbc7", "f4a582", "d6604d", "b2182b", "67001f")  # fmt: skip


def _frozen(table: np.ndarray) -> np.ndarray:
    table.setflags(write=False)
    return table


def _opencv_table(colormap: int) -> np.ndarray:
    bgr = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], colormap)  # (256, 1, 3)
    return _frozen(np.ascontiguousarray(bgr[:, 0, ::-1]))


def _diverging_table() -> np.ndarray:
    anchors = np.array([list(bytes.fromhex(code)) for code in _DIVERGING_ANCHORS], dtype=np.float64)
    at = np.linspace(0, 255, len(anchors))
    channels = [np.interp(np.arange(256), at, anchors[:, c]) for c in range(3)]
    return _frozen(np.rint(np.stack(channels, axis=1)).astype(np.uint8))


def label_palette() -> np.ndarray:
    """Colours of label values as in PASCAL VOC: (256, 3) uint8 RGB, 0 black, 1 dark red, …, 255 (ignore) off-white."""
    labels = np.arange(256)
    table = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            table[:, channel] |= (((labels >> channel) & 1) << (7 - bit)).astype(np.uint8)
        labels >>= 3
    return table


PALETTES: Mapping[str, np.ndarray] = MappingProxyType(
    {
        "viridis": _opencv_table(cv2.COLORMAP_VIRIDIS),
        "inferno": _opencv_table(cv2.COLORMAP_INFERNO),
        "cividis": _opencv_table(cv2.COLORMAP_CIVIDIS),
        "paper": _opencv_table(cv2.COLORMAP_JET),
    }
)
DIVERGING = _diverging_table()
CLASS_COLOURS = _frozen(label_palette())


def _table(palette: str) -> np.ndarray:
    if palette not in PALETTES:
        raise UserError(f"The palette must be one of {', '.join(PALETTES)}; got {palette!r}.")
    return PALETTES[palette]


def _index(values: np.ndarray) -> np.ndarray:
    """Nearest of 256 table entries for values in [0, 1]; slight excess is cut off, NaN and infinity are refused."""
    if values.ndim != 2:
        raise UserError(f"A heatmap must have the shape (H, W); got {values.shape}.")
    if not np.isfinite(values).all():
        raise UserError("The heatmap holds values that are not numbers (NaN or infinity), so it cannot be coloured; "
                        "compute it again, and check the model if this comes back.")  # fmt: skip
    return np.rint(np.clip(values, 0, 1).astype(np.float32) * 255).astype(np.uint8)


def colourise(values: np.ndarray, palette: str = "viridis") -> np.ndarray:
    """Paint a heatmap with a palette.

    ``values``: (H, W) float, 0 to 1; what lies outside takes the end colour. Returns (H, W, 3) uint8 RGB.
    Raises ``UserError`` for NaN, infinity, another shape, or a palette that does not exist.
    """
    return _table(palette)[_index(values)]


def _blend(picture: np.ndarray, colours: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    """``picture`` under ``colours``, both (H, W, 3); ``alpha`` in [0, 1], one number or (H, W, 1)."""
    under = picture.astype(np.float32)
    return np.rint(under + (colours.astype(np.float32) - under) * alpha).astype(np.uint8)


def _check(picture: np.ndarray, values: np.ndarray, opacity: float) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise UserError(f"A picture must be (H, W, 3) uint8; got {picture.shape} {picture.dtype}.")
    if values.shape != picture.shape[:2]:
        raise UserError(f"The heatmap must have the picture's size {picture.shape[:2]}; got {values.shape}.")
    if not 0 <= opacity <= 1:
        raise UserError(f"Opacity must be from 0 to 1; got {opacity}.")


def overlay(
    picture: np.ndarray, values: np.ndarray, palette: str = "viridis", opacity: float = 0.5, grow: bool = False
) -> np.ndarray:
    """Lay a coloured heatmap over a picture.

    ``picture``: (H, W, 3) uint8; ``values``: (H, W) float, 0 to 1. ``opacity``: share of the colour in the mix; with
    ``grow`` it is reached only where the value is 1 and shrinks with it. Returns (H, W, 3) uint8.
    """
    _check(picture, values, opacity)
    alpha = opacity * np.clip(values, 0, 1).astype(np.float32)[..., None] if grow else opacity
    return _blend(picture, colourise(values, palette), alpha)


def difference_overlay(picture: np.ndarray, delta: np.ndarray, opacity: float = 0.5, grow: bool = False) -> np.ndarray:
    """Lay a signed difference over the grey picture: red where ``delta`` is positive, blue where it is negative.

    ``delta``: (H, W) float, −1 to 1. With ``grow`` opacity grows with the size of the difference, so that what did not
    change stays a plain picture; without it the neutral middle is a light veil. Returns (H, W, 3) uint8.
    """
    _check(picture, delta, opacity)
    colours = DIVERGING[_index((delta + 1) / 2)]
    alpha = opacity * np.clip(np.abs(delta), 0, 1).astype(np.float32)[..., None] if grow else opacity
    return _blend(grey(picture), colours, alpha)


def grey(picture: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8 without its colours (Rec. 601 luma), so that only data has some."""
    luma = np.rint(picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=2)


def mask_overlay(picture: np.ndarray, above: np.ndarray, palette: str = "viridis", opacity: float = 0.6) -> np.ndarray:
    """Lay a mask (H, W) bool over a picture: its area in the palette's colour of a high value, the rest dimmed.

    Returns (H, W, 3) uint8.
    """
    _check(picture, above, opacity)
    colour = np.broadcast_to(_table(palette)[MASK_INDEX], picture.shape)
    inside = _blend(picture, colour, opacity)
    return np.where(above[..., None], inside, _blend(picture, np.zeros_like(picture), DIMMED))


def outlined(picture: np.ndarray, above: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8 with the outline of a mask (H, W) bool: white on black, as in the browser."""
    edges, _ = cv2.findContours(above.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    drawn = picture.copy()
    for colour, width in ((0, 3), (255, 1)):
        cv2.drawContours(drawn, edges, -1, (colour,) * 3, width)
    return drawn


def error_overlay(picture: np.ndarray, predicted: np.ndarray, truth: np.ndarray, opacity: float = 0.6) -> np.ndarray:
    """Show where one class was found (blue), wrongly claimed (orange) or missed (purple).

    ``predicted``: (H, W) bool. ``truth``: (H, W) uint8 of this one class: 0 no, 1 yes, 255 ignore. Ignored pixels and
    background that was called background stay as they are. Returns (H, W, 3) uint8. Raises ``UserError`` for another value in
    ``truth``.
    """
    _check(picture, predicted, opacity)
    _check(picture, truth, opacity)
    strange = sorted(set(np.unique(truth).tolist()) - {0, 1, IGNORE})
    if strange:
        raise UserError(f"The truth of one class holds 0, 1 and {IGNORE} (ignore) only; got also {strange[:5]}.")
    predicted, colours = predicted.astype(bool), picture.copy()
    colours[predicted & (truth == 1)] = HIT
    colours[predicted & (truth == 0)] = WRONG
    colours[~predicted & (truth == 1)] = MISSED
    return _blend(picture, colours, opacity)


def labels_overlay(
    picture: np.ndarray, labels: np.ndarray, opacity: float = 0.6, colours: np.ndarray = CLASS_COLOURS
) -> np.ndarray:
    """Lay a label map (H, W) uint8 over a picture in ``colours`` (256, 3), VOC's; background stays. Returns (H, W, 3) uint8."""
    _check(picture, labels, opacity)
    return _blend(picture, np.where(labels[..., None] > 0, colours[labels], picture), opacity)


def label_ids(class_ids: Sequence[int]) -> list[int]:
    """What a label map calls classes: their own ids, or, of a model with more classes than labels, their places in this list."""
    return list(class_ids) if max(class_ids, default=0) + 1 < IGNORE else list(range(len(class_ids)))


def labels_from_maps(
    maps: np.ndarray, class_ids: Sequence[int] | np.ndarray, threshold: float | np.ndarray
) -> np.ndarray:
    """Label every pixel with the strongest of [background = threshold, maps].

    ``maps``: (n, H, W) float32; ``class_ids``: (n,) positions in the model's class list; ``threshold``: one, or (n,) one a
    class, and then the strongest of the maps that exceed their own. Returns (H, W) uint8: 0 for
    background, else class id + 1. Background wins ties with a class, the class named first wins ties among classes.
    Compared in float32, as in evaluation. Raises ``UserError`` for NaN or ids that leave no room for 255 = ignore.
    """
    ids = np.asarray(class_ids, dtype=np.int64)
    if maps.ndim != 3 or ids.shape != maps.shape[:1]:
        raise UserError(f"Expected maps (n, H, W) and n class ids; got {maps.shape} and {ids.shape}.")
    if len(ids) == 0:
        return np.zeros(maps.shape[1:], dtype=np.uint8)
    if ids.min() < 0 or ids.max() + 1 >= IGNORE:
        raise UserError(f"Class ids must be 0 to {IGNORE - 2}; got {ids.min()} to {ids.max()}.")
    if np.isnan(maps).any():
        raise UserError("The maps hold values that are not numbers (NaN), so pixels cannot be labelled.")
    maps = maps.astype(np.float32, copy=False)
    levels = np.broadcast_to(np.asarray(threshold, np.float32), len(ids))[:, None, None]
    above = np.where(maps > levels, maps, np.float32(-np.inf))
    labels = (ids + 1).astype(np.uint8)[above.argmax(axis=0)]
    return np.where(np.isneginf(above.max(axis=0)), np.uint8(0), labels)


def _png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=2)  # a third of the default's time for a tenth more bytes
    return stream.getvalue()


def png_bytes(array: np.ndarray) -> bytes:
    """Encode (H, W, 3) uint8 RGB, (H, W) uint8 grey or an (H, W) bool mask (written as 0 and 255) as PNG."""
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    return _png(Image.fromarray(_eight_bit(array)))


def jpeg_bytes(array: np.ndarray, quality: int = 90) -> bytes:
    """Encode (H, W, 3) uint8 RGB or (H, W) uint8 grey as JPEG; ``quality`` 1 to 95."""
    stream = io.BytesIO()
    Image.fromarray(_eight_bit(array)).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def palette_png_bytes(labels: np.ndarray) -> bytes:
    """Encode label values (H, W) uint8 as an indexed PNG in VOC's colours; reading it back gives the same values."""
    image = Image.fromarray(_eight_bit(labels, dims=(2,)))
    image.putpalette(CLASS_COLOURS.tobytes())
    return _png(image)


def _eight_bit(array: np.ndarray, dims: tuple[int, ...] = (2, 3)) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim not in dims or (array.ndim == 3 and array.shape[2] != 3):
        raise UserError(f"Only 8-bit pictures can be written, (H, W) or (H, W, 3); got {array.shape} {array.dtype}.")
    return np.ascontiguousarray(array)
