"""Starting an evaluation: which model, which data set, with the walk or without."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from recam_core import UserError, known_models, open_dataset, read_header
from recam_core.cam.methods import METHODS
from recam_core.datasets import boxes_alone, missing_words
from recam_core.networks.readouts import RECAM
from recam_core.system.folders import data_folders, may_start
from recam_core.system.jobs import Job
from recam_core.system.layouts import changed, splits_of
from ui.errors import runs
from ui.errors.state import choose
from ui.widgets.dataset_choice import choose_data
from ui.widgets.escaping import plain
from ui.widgets.evaluate_this import ASKED
from ui.widgets.model_choice import model_words

SCENES, VOC = "scenes", "voc"  # the models and the data sets


class Offer(NamedTuple):
    """An evaluation by one click: model, data set, root and split, how many pictures that are, and what."""

    where: tuple[str, str, str, str]
    pictures: int
    words: str


SCENES_OFFER = Offer((SCENES, SCENES, "", "test"), 300, "test scenes")
READ_ONLY = "This server only shows evaluations that are there: its operator has switched off starting new ones."


def form_place() -> DeltaGenerator:
    """Where the form of a new evaluation stands: in the panel, or for who came to evaluate a model first on the page."""
    place: DeltaGenerator = st.container() if ASKED in st.session_state and may_start() else st.sidebar
    return place


def first_visit() -> None:
    """What stands on the page as long as nothing was evaluated: one click."""
    st.info(
        "Nothing was evaluated on this server yet. An evaluation looks once at every picture of a data set with masks and keeps "
        "the counts of every threshold; then you see the worst pictures, the classes that take each other's pixels, and "
        "where ReCAM helps or hurts.",
        icon=":material/troubleshoot:",
    )
    if not may_start():
        st.caption(READ_ONLY)
        return
    for number, offer in enumerate(offers := [*_voc_offers(), SCENES_OFFER]):
        time = runs.estimate(offer.where[0], offer.pictures)
        if st.button(
            plain(f"Evaluate the bundled {offer.where[0]} model on {offer.pictures:,} {offer.words} · about {time}"),
            type="primary" if offer is offers[0] else "secondary",
            icon=":material/play_arrow:",
            key=f"first-{number}",
        ):
            begin(*offer.where)
    st.caption(
        "Nothing needs to be downloaded: the scenes are drawn, so their masks are exact. "
        "Other models and data sets: “New evaluation”."
    )


def _voc_offers() -> Iterator[Offer]:
    """The pictures of ``val`` in every devkit that the operator names, where they have masks."""
    for place in data_folders():
        if place.kind == VOC and "val" in splits_of(VOC, place.path):
            where = (VOC, str(place.path), "val")
            with suppress(UserError):
                _, pictures, _, has_boxes_alone = _described(*where, changed(*where))
                if not has_boxes_alone:
                    yield Offer((VOC, *where), pictures, f"pictures of {place.path.name}, val")


def new_evaluation() -> None:
    """The form for another evaluation."""
    with st.expander("New evaluation", icon=":material/add:", expanded=ASKED in st.session_state):
        if not may_start():
            st.caption(READ_ONLY)
            return
        models = list(known_models())
        words = model_words()
        if st.session_state.get("new-model") not in models:
            st.session_state["new-model"] = SCENES if SCENES in models else models[0]
        model = st.selectbox(
            "Model",
            models,
            key="new-model",
            format_func=lambda name: words.get(name, name),
        )
        choice = choose_data("new", with_masks=True)
        if choice is None:
            return
        where = (choice.kind, choice.root, choice.split)
        try:
            data = _described(*where, changed(*where))
            header = read_header(known_models()[str(model)])
        except UserError as error:
            st.error(plain(str(error)))
            return
        classes, pictures, missing, boxed = data
        if missing:
            st.caption(plain(missing))
        if tuple(header["classes"]) != classes:
            st.warning(
                f"{plain(str(model))} knows {len(header['classes'])} classes and this data set has {len(classes)} others; "
                "choose a model that was trained on the same classes."
            )
            return
        offers = runs.offers()
        walk = st.selectbox("Also refined?", list(offers), format_func=offers.__getitem__, key="new-walk")
        multi = st.toggle(
            "Four scales", key="new-multi", help="1, 0.5, 1.5 and 2, as the reference does; about eight times as long."
        )
        fitted = RECAM in header["card"].get("prototypes", {})
        methods = st.multiselect(
            "Methods beside the readouts",
            [name for name in METHODS if name != "lpcam" or fitted],
            key="new-methods",
            format_func=lambda name: METHODS[name].label + (" (slow)" if METHODS[name].slow else ""),
            placeholder="none",
            help="Other ways to make a map of the same network, counted in the same way: "
            + "; ".join(f"**{row.label}**: {row.help}" for row in METHODS.values()),
        )
        slow = [METHODS[name].label for name in methods if METHODS[name].slow]
        if slow:
            st.warning(
                f"{', '.join(slow)} runs the network once for every channel of its features, for each view and class: "
                "such an evaluation takes many times as long as the estimate."
            )
        boxes = _ask_for_boxes(boxed)
        slower = (8 if multi else 1) * (1.5 if walk else 1) * (1 + len(methods))
        st.caption(f"{pictures} pictures, very roughly {runs.estimate(str(model), round(pictures * slower))}.")
        if walk == "learned" and "boundary" not in header["card"]:
            st.warning("This model has no boundary branches; choose the edges of the picture.")
            return
        if st.button("Evaluate", type="primary", icon=":material/play_arrow:", key="new-start", width="stretch"):
            begin(str(model), *where, walk=str(walk), multi=multi, methods=methods, localisation=boxes)


def _ask_for_boxes(alone: bool) -> bool:
    """Whether localisation is counted too; of boxes ``alone`` nothing else can be."""
    if alone:
        st.caption("No picture of this split has a mask, so its boxes are scored: MaxBoxAcc, and no mIoU.")
        return True
    return st.toggle(
        "Boxes too",
        key="new-boxes",
        help="Localisation as Choe et al. (CVPR 2020) score it, beside mIoU: MaxBoxAcc and pixel average precision.",
    )


def begin(model: str, dataset: str, root: str, split: str, **more: Any) -> None:
    """Start it, make it the one that is looked at, and draw the page again."""
    try:
        job: Job = runs.start(model, dataset, root, split, **more)
    except UserError as error:
        st.error(plain(str(error)))
        return
    choose("run", job.name)
    st.session_state.pop(ASKED, None)
    st.rerun()


@st.cache_resource(max_entries=2, show_spinner="Opening the data set …")
def _described(kind: str, root: str, split: str, stamp: int) -> tuple[tuple[str, ...], int, str, bool]:
    """Classes, count and missing pictures of a data set, and whether it has boxes alone: the form is drawn with every rerun."""
    data = open_dataset(kind, root, split)
    return tuple(data.classes), len(data), missing_words(data), boxes_alone(data) is not None
