"""The heat view with drawn data, for the browser tests.

`?mask=0`, `?empty=1`, `?classes=1` change what is shown; with `?lost=1` the server has the payload only after the
browser said that it is missing. `?gone=1` shows nothing and forgets what there was, so that the next run is a first one.
"""

import io
import uuid

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from recam_core.networks.readouts import READOUTS
from ui.components.heatview import heat_view
from ui.compute import payloads
from ui.compute.packing import pack, payload_id, unpack

WIDTH, HEIGHT = 480, 360
ROWS, COLUMNS = 90, 120
THRESHOLDS = np.linspace(0, 1, 101)
TITLES = {
    "cam": "stage-1 classifier, BCE alone",
    "w": "stage-2 BCE classifier",
    "wprime": "stage-2 SCE classifier",
    "sum": "sum of both weights",
    "product": "product of both weights",
}
CENTRES = {"dog": (0.62, 0.6), "<b>person</b>": (0.2, 0.45)}
EMPTY_TEXT = "No positive evidence for this class: no map under this readout."


def draw_picture(seed: int) -> bytes:
    """A meadow, a dog-like blob and a person-like one."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (150, 190, 225))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 220, WIDTH, HEIGHT), fill=(110, 150 + seed, 80))
    draw.ellipse((190, 170, 400, 270), fill=(150, 100, 60))
    draw.ellipse((350, 140, 430, 210), fill=(165, 115, 70))
    draw.rectangle((70, 120, 120, 270), fill=(60, 70, 120))
    draw.ellipse((72, 70, 118, 120), fill=(230, 190, 160))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def bump(x: float, y: float, wide: float, high: float) -> np.ndarray:
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    return np.exp(-((((columns + 0.5) / COLUMNS - x) / wide) ** 2) - (((rows + 0.5) / ROWS - y) / high) ** 2)


def make_maps(classes: list[str], *, empty: bool) -> np.ndarray:
    """(5, n, ROWS, COLUMNS) raw maps: CAM sees the dog's head, the readouts grow to the left over its body."""
    maps = np.zeros((len(TITLES), len(classes), ROWS, COLUMNS))
    for c, name in enumerate(classes):
        x, y = CENTRES[name]
        for v in range(len(TITLES)):
            body = 0.2 * v * bump(x - 0.12, y, 0.12 + 0.02 * v, 0.12)
            maps[v, c] = (3 + v) * (1 - 0.6 * c) * (bump(x + 0.18 * (1 - c), y - 0.12, 0.09, 0.12) + body)
    maps[maps < 0.02] = 0
    if empty:
        maps[1, 0] = 0
    return maps


def make_mask(classes: list[str]) -> np.ndarray:
    masks = []
    for name in classes:
        image = Image.new("L", (WIDTH, HEIGHT))
        draw = ImageDraw.Draw(image)
        for shape in [(190, 170, 400, 270), (350, 140, 430, 210)] if name == "dog" else [(70, 70, 120, 270)]:
            draw.ellipse(shape, fill=1, outline=255, width=4)
        masks.append(np.asarray(image))
    return np.stack(masks)


def curves(scaled: np.ndarray, masks: np.ndarray) -> tuple[list, list]:
    """Covered fractions and errors of maps (V, n, h, w) in [0, 1] at every threshold."""
    covered, quality = [], []
    for view in scaled:
        covered.append([[float((grid > t).mean()) for t in THRESHOLDS] for grid in view])
        row = []
        for grid, mask in zip(view, masks, strict=True):
            truth = mask[2::4, 2::4]
            counted, object_ = truth != 255, truth == 1
            above = grid[None] > THRESHOLDS[:, None, None]
            hit, wrong = (above & object_).sum((1, 2)), (above & counted & ~object_).sum((1, 2))
            missed = (~above & object_).sum((1, 2))
            union = hit + wrong + missed
            iou = hit / union
            row.append(
                {
                    "iou": iou.tolist(),
                    "fn": (missed / union).tolist(),
                    "fp": (wrong / union).tolist(),
                    "best": float(THRESHOLDS[iou.argmax()]),
                }
            )
        quality.append(row)
    return covered, quality


@st.cache_data(max_entries=8)
def make_payload(seed: int, n: int, *, mask: bool, empty: bool) -> bytes:
    classes = list(CENTRES)[:n]
    raw = make_maps(classes, empty=empty)
    peaks = raw.max(axis=(2, 3))
    own = raw / np.where(peaks > 0, peaks, 1)[..., None, None]
    together = raw / raw.max(axis=(1, 2, 3), keepdims=True) if not (empty and n == 1) else own
    masks = make_mask(classes)
    scales = {"each": curves(own, masks), "together": curves(together, masks)}
    header = {
        "version": 1,
        "picture": {"width": WIDTH, "height": HEIGHT, "name": f"meadow <i>{seed}</i>.jpg", "type": "image/jpeg"},
        "grid": [ROWS, COLUMNS],
        "views": [
            {"key": key, "label": READOUTS[key].label, "title": title, "reference": key == "cam"}
            for key, title in TITLES.items()
        ],
        "classes": [{"name": name, "score": 0.94 - 0.23 * c} for c, name in enumerate(classes)],
        "peaks": peaks.tolist(),
        "empty_text": EMPTY_TEXT,
        "thresholds": len(THRESHOLDS),
        "covered": {name: covered for name, (covered, _) in scales.items()},
        "quality": {name: quality for name, (_, quality) in scales.items()} if mask else None,
    }
    blobs = {"picture": draw_picture(seed), "maps": np.rint(own * 255).astype(np.uint8).tobytes()}
    if mask:
        blobs["mask"] = masks.tobytes()
    return pack(header, blobs)


params = st.query_params
st.set_page_config(layout="wide")
if params.get("gone") == "1":
    st.session_state.clear()
seed = st.session_state.setdefault("seed", 0)
with st.container(horizontal=True):
    st.button("Rerun")
    if st.button("Other picture"):
        seed = st.session_state.seed = seed + 1
if params.get("gone") == "1":
    st.text("run 0")
    st.stop()
payload = make_payload(
    seed, int(params.get("classes", "2")), mask=params.get("mask") != "0", empty=params.get("empty") == "1"
)
if params.get("lost") == "1":  # a payload of this session alone, so that no other test has put it there
    header, blobs = unpack(payload)
    payload = pack(header | {"session": st.session_state.setdefault("session", uuid.uuid4().hex)}, blobs)
name = payload_id(payload)
if params.get("lost") != "1":
    payloads.put(payload)
result = heat_view(
    name, key="heat", initial={"threshold": float(params.get("threshold", "0.3")), "mode": params.get("mode", "heat")}
)
if result.expired:
    st.session_state.setdefault("put_back", []).append(payloads.put(payload))
st.session_state.runs = st.session_state.get("runs", 0) + 1
st.text(f"run {st.session_state.runs}")
st.text(f"pick {result.pick}")
st.text(f"settings {result.settings}")
st.text(f"put back {' '.join(st.session_state.get('put_back', []))}")
