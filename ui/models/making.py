"""What a file does not say and a person must: name, class names, stride, how scores become probabilities."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from recam_core import Recognised, known_models, place_for, shelf_entries, shelf_entry, store_import
from ui.models.state import form_key, next_form, say_next
from ui.models.words import missing_words
from ui.pictures import plain
from ui.shelf import entry_words

LISTS = {20: "the 20 of Pascal VOC", 80: "the 80 of MS COCO", 1000: "the 1,000 of ImageNet"}
OWN = "other names"
STRIDES = {"s16": "16 (as the reference)", "s8": "8 (finer maps, four times the work)"}
ACTIVATIONS = {"sigmoid": "sigmoid: every class by itself", "softmax": "softmax: the classes share 100 %"}


@dataclass(frozen=True)
class Making:
    """How a model is made of files: what ``store_import`` is told."""

    name: str
    class_names: tuple[str, ...] | None = None
    backbone: str = ""
    activation: str = ""
    onto: str = ""


def choose_making(stem: str, found: Sequence[Recognised]) -> Making | None:
    """Ask what the files do not say; None as long as an answer is missing."""
    kinds = {one.kind for one in found}
    count = max((one.classes for one in found if one.kind != "pair"), default=0)
    name = st.text_input("Name on the shelf", free_name(stem), key=form_key("name"), max_chars=60).strip()
    classes = _choose_classes(count) if count else None
    if count and classes is None:
        return None
    backbone = activation = onto = ""
    resnet = next((one.backbone for one in found if one.backbone.startswith("resnet") and one.kind != "pair"), "")
    if resnet:
        stride = st.segmented_control(
            "Output stride", list(STRIDES), format_func=STRIDES.__getitem__, default="s16", key=form_key("stride")
        )
        backbone = f"{resnet.rsplit('_', 1)[0]}_{stride or 's16'}"
    if "classifier" in kinds:
        softmax = any(one.softmax for one in found)
        activation = str(
            st.segmented_control(
                "Scores become probabilities by",
                list(ACTIVATIONS),
                format_func=ACTIVATIONS.__getitem__,
                default="softmax" if softmax else "sigmoid",
                required=True,
                key=form_key("activation"),
                help="As it was trained: one label a picture needs softmax, several need sigmoid. Maps do not depend on it.",
            )
        )
    if kinds == {"irn"}:
        onto = _choose_onto()
        if not onto:
            return None
    _say_what_is_missing(kinds)
    return Making(name, classes or None, backbone, activation, onto)


def choose_making_of_fetched(name: str) -> Making:
    """Torchvision's ImageNet classifier under a name."""
    return Making(name.strip(), backbone="resnet50_s16", activation="softmax")


def make_model(paths: Sequence[Path], making: Making) -> None:
    """Import the files, and draw the page again with the new card on top."""
    store_import(
        paths,
        place_for(making.name),
        making.name,
        class_names=making.class_names,
        backbone=making.backbone,
        activation=making.activation,
        onto=making.onto,
    )
    entry = shelf_entry(making.name)
    next_form()
    lacking = missing_words(entry.readouts)
    say_next(f"**{plain(entry.name)}** stands on the shelf. {lacking}".strip(), entry.name)


def free_name(stem: str) -> str:
    """A name for a model, made of a file's name, that no other model has."""
    plain_stem = re.sub(r"[^\w.-]+", "-", stem).strip("-._")[:50] or "model"
    taken = known_models()
    return next(name for name in (plain_stem, *(f"{plain_stem}-{n}" for n in range(2, 10_000))) if name not in taken)


def _choose_classes(count: int) -> tuple[str, ...] | None:
    """Names of the classes: () for a known list, None as long as they are missing."""
    if count in LISTS:
        which = st.segmented_control(
            f"Names of the {count:,} classes",
            [LISTS[count], OWN],
            default=LISTS[count],
            required=True,
            key=form_key("classes-of"),
        )
        if which != OWN:
            return ()
    text = st.text_area(
        f"Names of the {count:,} classes, one a line, in the order of the classifier",
        key=form_key("classes"),
        height=140,
    )
    file = st.file_uploader("… or a text file with them", type=["txt"], max_upload_size=1, key=form_key("class-file"))
    if file is not None:
        text = file.getvalue().decode("utf-8", errors="replace")
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if len(names) != count:
        st.caption(f"{len(names)} of {count:,} names are given.")
        return None
    if len(set(names)) != count:
        twice = next(name for n, name in enumerate(names) if name in names[:n])
        st.error(f"“{plain(twice[:60])}” stands there twice; every class needs a name of its own.")
        return None
    return names


def _choose_onto() -> str:
    fits = {entry.name: entry_words(entry) for entry in shelf_entries() if not entry.fault}
    chosen = st.selectbox(
        "Boundaries for the walk of which model?",
        list(fits),
        index=None,
        format_func=fits.__getitem__,
        key=form_key("onto"),
        help="An IRN network finds boundaries and knows no classes. The new model is a copy of this one with them; they keep "
        "their own backbone.",
    )
    if not chosen:
        st.caption("An IRN network alone has no classifier: choose the model that gets its boundaries.")
    return str(chosen or "")


def _say_what_is_missing(kinds: set[str]) -> None:
    if "classifier" in kinds or kinds == {"cam"}:
        st.caption(missing_words(("cam",)))
    elif "recam-predictor" in kinds and "cam" not in kinds:
        st.caption("This is FC2 alone; add the network’s file that was trained with it.")
