"""Choosing a picture: the bundled samples as tiles, one's own uploads beside them, and the camera."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from recam_core import SAMPLES, UserError, known_models
from recam_core.checkpoints.pair_file import BUNDLED
from recam_core.datasets.samples import PHOTO_MODEL, SCENE_MODEL, sample_model, sample_picture, sample_title
from ui.session import uploads
from ui.widgets.escaping import plain

PICTURE = "picture"  # the name in the session and in links
BEGUN = "begun"  # in the session: picture and model that it began with, until somebody chooses or a link names one
PICTURES = "compare-pictures"  # in the session: those that stand together on Compare
BESIDE = "compare-beside"  # in the session: the subject meanwhile
TYPES = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "tif", "tiff", "gif"]


@dataclass(frozen=True)
class Tile:
    """A small picture to choose: what stands under it, its tooltip, and a JPEG."""

    label: str
    tooltip: str
    thumbnail: bytes


def choose_picture(page: Any) -> None:
    """Draw tiles, uploader and camera; what is chosen or refused is in the session.

    ``page`` is the place of a strip of the same tiles, which a phone shows instead, because its panel is folded away.
    """
    with st.container(key="panel-pictures"):
        st.markdown("**Picture**")
        tiles = st.container()  # filled last, when it is known which picture is chosen
        files = _uploader("Your own pictures", "files")
    with page:
        count = len(
            st.session_state.get("files_seen", ())
        )  # a new one after each, because there is no room for a list of files
        more = _uploader("Upload a photo", f"page-files-{count}", "collapsed")
    with st.expander("Take a picture", icon=":material/photo_camera:"):
        shot = st.camera_input("Camera", label_visibility="collapsed") if st.toggle("Turn the camera on") else None
    _take_in([*files, *more, *([shot] if shot else [])])
    own: dict[str, uploads.Upload] = st.session_state.get(uploads.OWN, {})
    samples = {name: Tile(*_sample_words(name), sample_thumbnail(name)) for name in SAMPLES}
    mine = {sha: Tile(upload.name, f"Show {upload.name}", upload.thumbnail) for sha, upload in own.items()}
    with tiles:
        _rows(samples)
        _rows(mine)
    with page:
        for name, tile in {**mine, **samples}.items():
            _tile(name, tile, "page-")


def _uploader(label: str, key: str, visibility: Literal["visible", "collapsed"] = "visible") -> list[Any]:
    return st.file_uploader(
        label,
        label_visibility=visibility,
        type=TYPES,
        accept_multiple_files=True,
        key=key,
        max_upload_size=20,
        help="JPEG, PNG, WebP, BMP, TIFF or GIF (first frame), at most 20 MB each. They stay in this server's memory only.",
    )


def select_picture(name: str, model: str | None = None) -> None:
    """Make a sample (by name) or an upload (by hash) the subject; of the bundled models, take the one that suits it."""
    st.session_state[PICTURE] = name
    st.session_state.pop(BEGUN, None)
    chosen = st.session_state.get("model")
    if model in known_models() and chosen in BUNDLED and (model == SCENE_MODEL) != (chosen == SCENE_MODEL):
        st.session_state["model"] = model


def _take_in(files: list[Any]) -> None:
    """Decode what was not seen before; the last good one becomes the subject, and on Compare several stand together.

    A refusal stays until its file is removed.
    """
    faults: dict[str, str] = st.session_state.setdefault("files_seen", {})
    taken = []
    for file in files:
        if file.file_id in faults:
            continue
        try:
            picture = uploads.take_in(st.session_state, file.name, file.getvalue())
            faults[file.file_id] = ""
            taken.append(picture.sha256)
            asked_for = picture.sha256 == st.session_state[PICTURE]  # by a link, which names the model too
            select_picture(picture.sha256, None if asked_for else PHOTO_MODEL)
        except UserError as error:
            faults[file.file_id] = str(error)
    if len(taken) > 1:
        st.session_state[PICTURES], st.session_state[BESIDE] = list(dict.fromkeys(taken)), st.session_state[PICTURE]
    st.session_state["refused"] = [faults[file.file_id] for file in files if faults[file.file_id]]


def _rows(tiles: Mapping[str, Tile]) -> None:
    """Four tiles a row."""
    names = list(tiles)
    for start in range(0, len(names), 4):
        for column, name in zip(st.columns(4, gap="xsmall"), names[start : start + 4], strict=False):
            with column:
                _tile(name, tiles[name])


def _tile(name: str, tile: Tile, where: str = "") -> None:
    """A small picture under a button that makes it the subject."""
    with st.container(key=f"tile-{where}{name}"):
        st.image(tile.thumbnail, alt=tile.tooltip, width="stretch")
        st.button(
            plain(tile.label),
            key=f"show-{where}{name}",
            help=plain(tile.tooltip),
            width="stretch",
            type="primary" if st.session_state[PICTURE] == name else "tertiary",
            on_click=select_picture,
            args=(name, sample_model(name) if name in SAMPLES else None),
        )


def _sample_words(name: str) -> tuple[str, str]:
    """What stands under a sample, and what its tooltip says."""
    if sample_model(name) == PHOTO_MODEL:
        return sample_title(name), f"Show {sample_title(name)}"
    number = [other for other in SAMPLES if sample_model(other) == "scenes"].index(name) + 1
    return f"scene {number}", f"Drawn scene with {', '.join(sample_title(name).split())}; its true mask is known"


@st.cache_data(max_entries=64, show_spinner=False)
def sample_thumbnail(name: str) -> bytes:
    """The small picture of a sample."""
    return uploads.thumbnail(sample_picture(name).pixels)
