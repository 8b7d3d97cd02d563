"""The subject: picture · true mask · model · how to look. Chosen once, in one panel that belongs to all pages about a picture.

It lives in the session and in the page's address; both are checked on the way in, because a link can say anything.
"""

import re
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import streamlit as st

from recam_core import (
    MULTI_SCALE,
    SAMPLES,
    HeatmapOptions,
    Picture,
    UserError,
    known_models,
    read_header,
    read_mask,
    sample_mask,
)
from recam_core.datasets.samples import PHOTO_MODEL, sample_model, sample_picture
from ui.session import uploads
from ui.session.choices import PAGE, carry_over
from ui.session.link import read_choice, read_list, write
from ui.widgets.escaping import plain
from ui.widgets.model_choice import keep_in_mind, model_words
from ui.widgets.pictures import BEGUN, PICTURE, choose_picture

SIZES = (256, 384, 512, 768, 1024)
SCALE_CHOICES = {"single": (1.0,), "multi": MULTI_SCALE}
SCALE_WORDS = {"single": "one (fast)", "multi": "four (slower)"}
DEFAULT = HeatmapOptions()
_DEFAULT_SCALES = next(name for name, scales in SCALE_CHOICES.items() if scales == DEFAULT.scales)
# Of the samples whose class is sure, CAM at its measured threshold finds least of this boat (a third) among those of which a
# readout finds more; the Balance page can move on drawn scenes within seconds. By the pages' addresses.
FIRST = {"why": "scene-cat-fish-boat", "balance": "scene-cat-fish-boat"}
LOOKS_ONCE = {
    "why": "The lesson looks at one scale, without the mirror image, whatever stands here.",
    "balance": "Fits look at one scale, whatever stands here.",
}
_HASH = re.compile("[0-9a-f]{64}")
CHOSEN = "subject"  # in the session, from the panel to the page


@dataclass(frozen=True, eq=False)
class Subject:
    """What a page is about. ``mask`` (H, W) uint8 at the picture's size holds label values, or 0/1 if ``mask_binary``."""

    name: str
    picture: Picture
    model: str
    options: HeatmapOptions
    mask: np.ndarray | None = None
    mask_binary: bool = False
    faults: tuple[str, ...] = ()  # what was refused, one sentence each


def draw_panel() -> None:
    """Draw the panel in the sidebar; what it says is there for the page that follows, also why there is no subject."""
    _read_link()
    try:
        page = st.container(key="page-pictures", horizontal=True)
        with st.sidebar:
            choose_picture(page)
            model = _choose_model()
            with st.expander("Advanced", icon=":material/tune:"):
                options = _choose_view()
                _write_link(model, options)
                st.session_state[CHOSEN] = _choose_mask(replace(_open_picture(), model=model, options=options))
    except UserError as error:
        st.session_state[CHOSEN] = error


def chosen_subject() -> Subject:
    """What the panel says; what was refused is said on the page, which people see. Raises ``UserError`` without a subject."""
    subject: Subject | UserError = st.session_state.pop(CHOSEN)
    if isinstance(subject, UserError):
        raise subject
    if unknown := st.session_state.pop("unknown", None):
        st.warning(
            f"The link names {plain(' and '.join(unknown))}, which this server does not have; you see something else instead.",
            icon=":material/link_off:",
        )
    if subject.faults:
        bullet = "- " if len(subject.faults) > 1 else ""
        st.error("\n".join(f"{bullet}{plain(sentence)}" for sentence in subject.faults), icon=":material/block:")
    return subject


def _read_link() -> None:
    """On the first run of a session, start from what the address says where that makes sense."""
    state = st.session_state
    if PICTURE in state:
        _begin_as_the_page_does()
        return
    named = st.query_params.get(PICTURE, "")
    picture = named if named in SAMPLES or _HASH.fullmatch(named) else _first_sample()
    state[PICTURE] = picture
    state["model"] = read_choice("model", known_models(), sample_model(picture))
    state["scales"] = read_choice("scales", SCALE_CHOICES, _DEFAULT_SCALES)
    state["flip"] = read_choice("flip", ("0", "1"), str(int(DEFAULT.flip))) == "1"
    state["stretch"] = read_choice("stretch", ("0", "1"), str(int(DEFAULT.stretch))) == "1"
    state["size"] = int(read_choice("size", [str(side) for side in SIZES], str(DEFAULT.long_side)))
    linked = st.query_params.get("model")
    state[BEGUN] = None if named or linked is not None else (picture, state["model"])
    state["unknown"] = []
    if named and named != picture:
        state["unknown"].append(f"the picture “{named[:40]}”")
    if linked is not None and linked not in known_models():
        state["unknown"].append(f"the model “{linked[:40]}” (there are {', '.join(known_models())})")
    state["linked"] = (picture, state["model"], read_list("classes"))


def _begin_as_the_page_does() -> None:
    """While nobody has chosen a picture or a model, each page shows its own first sample."""
    state = st.session_state
    first = FIRST.get(state[PAGE], SAMPLES[0])
    if state.get(BEGUN) == (state[PICTURE], state["model"]):
        state[PICTURE], state["model"] = state[BEGUN] = (first, sample_model(first))


def _first_sample() -> str:
    """What a page begins with where no link says otherwise."""
    sample = FIRST.get(st.session_state[PAGE], SAMPLES[0])
    return sample if st.query_params.get("model", sample_model(sample)) == sample_model(sample) else SAMPLES[0]


def _write_link(model: str, options: HeatmapOptions) -> None:
    write(PICTURE, st.session_state[PICTURE])
    write("model", model)
    write("scales", st.session_state["scales"] or _DEFAULT_SCALES, _DEFAULT_SCALES)
    write("flip", str(int(options.flip)), str(int(DEFAULT.flip)))
    write("stretch", str(int(options.stretch)), str(int(DEFAULT.stretch)))
    write("size", str(options.long_side), str(DEFAULT.long_side))


def linked_classes(subject: Subject) -> list[str]:
    """The classes that the link named, if this is still the picture and the model that it named."""
    picture, model, classes = st.session_state["linked"]
    return classes if (subject.name, subject.model) == (picture, model) else []


def _choose_model() -> str:
    models = list(known_models())
    if not models:
        raise UserError("There is no model: assets/models is empty. Restore its files, or train a model.")
    if st.session_state.get("model") not in models:
        st.session_state["model"] = PHOTO_MODEL if PHOTO_MODEL in models else models[0]
    words = model_words()
    carry_over("model")
    return st.selectbox(
        "Model",
        models,
        key="model",
        persist_state="session",
        format_func=lambda name: words.get(name, name),
        help=f"{plain(keep_in_mind(st.session_state['model']))} The page Models has figures and files of all models.",
    )


def _choose_view() -> HeatmapOptions:
    for key in ("scales", "flip", "size", "stretch"):
        carry_over(key)
    scales = st.segmented_control(
        "Scales",
        list(SCALE_CHOICES),
        key="scales",
        required=True,
        persist_state="session",
        format_func=SCALE_WORDS.__getitem__,
        width="stretch",
        help="The picture is looked at in one size, or in four (1, 0.5, 1.5, 2) whose maps are added. "
        "Four take about eight times as long.",
    )
    flip = st.toggle(
        "Add the mirror image",
        key="flip",
        persist_state="session",
        help="The maps of the picture and of its mirror image are added; takes twice as long, gives calmer maps.",
    )
    size = st.select_slider(
        "Working size",
        SIZES,
        key="size",
        persist_state="session",
        format_func=lambda side: f"{side} px",
        help="Larger pictures are brought down to this long side before the model sees them. The model voc was trained "
        "at 320 to 608 pixels.",
    )
    stretch = st.toggle(
        "Resize maps as other libraries do",
        key="stretch",
        persist_state="session",
        help="Maps are resized to the picture itself. The reference resizes them to its size rounded up to a multiple of 16 and "
        "crops. Both are the same where the sides are such multiples; elsewhere they differ near the right and lower border, "
        "by up to a third of the peak.",
    )
    if words := LOOKS_ONCE.get(st.session_state[PAGE]):
        st.caption(words)
    return HeatmapOptions(SCALE_CHOICES[scales or _DEFAULT_SCALES], bool(flip), int(size), bool(stretch))


def _open_picture() -> Subject:
    """The picture that is asked for, or the first sample with a sentence about why it is not there."""
    name = st.session_state[PICTURE]
    faults = tuple(st.session_state.get("refused", ()))
    upload = None if name in SAMPLES else uploads.find(st.session_state, name)
    if upload is not None:
        return Subject(name, upload, "", HeatmapOptions(), faults=faults)
    if name not in SAMPLES:
        faults += (
            "This link shows a picture from somebody's own computer, which is not (or no longer) on this server. "
            "Upload that file to see the same view; until then, here is a sample.",
        )
        name = SAMPLES[0]
    return Subject(name, sample_picture(name), "", HeatmapOptions(), faults=faults)


def _choose_mask(subject: Subject) -> Subject:
    """The mask that a sample comes with, or one that the person uploads, if it fits picture and classes."""
    classes = tuple(read_header(known_models()[subject.model])["classes"])
    if subject.name in SAMPLES and (mask := sample_mask(subject.name, classes)) is not None:
        whose = (
            "this drawn scene is known" if sample_model(subject.name) == "scenes" else "this photo was drawn by hand"
        )
        st.caption(f"The true mask of {whose}: see IoU, missed and wrong area under the maps.")
        return replace(subject, mask=mask)
    if (mask := uploads.truth_of(st.session_state, subject.name, classes)) is not None:
        st.caption(
            "The true mask of this picture came with its data set: see IoU, missed and wrong area under the maps."
        )
        return replace(subject, mask=mask)
    file = st.file_uploader(
        "True mask (PNG), if you have one",
        type=["png"],
        key=f"mask-{subject.picture.sha256[:16]}",
        max_upload_size=20,
        help="Same size as the picture. Either label values (0 background, 1 … number of classes, 255 ignore; grey, palette or "
        "VOC colours), or black and white: object or not.",
    )
    if file is None:
        return subject
    try:
        read = read_mask(file.getvalue(), picture=subject.picture, classes=classes, name=file.name)
    except UserError as error:
        return replace(subject, faults=(*subject.faults, str(error)))
    if read.binary:
        st.caption("Read as black and white: object or not.")
        return replace(subject, mask=read.labels, mask_binary=True)
    there = [int(k) for k in np.unique(read.labels) if 0 < k <= len(classes)]
    if len(there) == 1 and _means_object(
        classes[there[0] - 1], f"meaning-{sha256(read.labels.tobytes()).hexdigest()[:16]}"
    ):
        return replace(subject, mask=np.where(read.labels == there[0], 1, read.labels), mask_binary=True)
    st.caption(f"Read as label values: {plain(', '.join(classes[k - 1] for k in there)) or 'background only'}.")
    return replace(subject, mask=read.labels)


def _means_object(name: str, key: str) -> bool:
    """A mask with a single value may mean that class, or just the object, whichever it is: only the person knows."""
    meaning = st.segmented_control(
        "The one value in this mask means",
        [name, "object or not"],
        format_func=plain,
        default=name,
        required=True,
        key=key,
        width="stretch",
        help="As a label value it stands for the class named here. Choose the other if the mask only outlines the object.",
    )
    return meaning != name
