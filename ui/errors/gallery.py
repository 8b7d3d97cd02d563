"""The gallery: pictures sorted and filtered by their counts, and small error pictures of those that are on the screen."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from recam_core import UserError
from recam_core.evaluation.store import Note, read_notes
from recam_core.images.visualise import jpeg_bytes
from ui.errors.headline import percent
from ui.errors.maps import side_card
from ui.errors.sides import View
from ui.errors.state import choose, key, number, remembered, settle, tell
from ui.session.link import write
from ui.widgets.escaping import plain

PAGE, ROW = 8, 4
ANY = "any"
SORTS = {
    "iou": "IoU of B, lowest first",
    "change": "B − A, largest loss first",
    "gain": "B − A, largest gain first",
    "fp": "FP of B, most first",
    "fn": "FN of B, most first",
    "cell": "pixels of the chosen cell, most first",
    "small": "size of the objects, smallest first",
    "large": "size of the objects, largest first",
    "many": "number of classes, most first",
    "name": "name",
}
CHANGES = {ANY: "any", "helped": "B helped", "hurt": "B hurt"}


@dataclass(frozen=True)
class Wanted:
    """What the gallery is asked for: a class, a cell (true label, called label) of a side, a change, a tag; "any" for all."""

    sort: str = "iou"
    of: str = ANY
    true: str = ANY
    called: str = ANY
    side: str = "B"
    change: str = ANY
    tag: str = ANY


def show_gallery(view: View, notes: dict[str, Note]) -> None:
    """Filters, how many pictures are left, and a page of cards; a click opens one."""
    wanted = _choose(view, notes)
    chosen = select(view, wanted, notes)
    st.session_state[key("chosen")] = [view.names[i] for i in chosen]
    if not len(chosen):
        st.info(
            "No picture is like that at this threshold. Clear a filter, or move the threshold.",
            icon=":material/filter_alt_off:",
        )
        return
    pages = -(-len(chosen) // PAGE)
    page = _choose_page(f"**{len(chosen)}** of {len(view.names)} pictures{cell_words(wanted)}", pages)
    only = view.labels.index(wanted.of) if wanted.of in view.classes else 0
    st.caption(
        f"Left A · {plain(view.a.label)}, right B · {plain(view.b.label)}. {card_words(wanted.of if only else '')}"
    )
    figures = [view.areas(letter).pictures(only or None) for letter in "AB"]
    shown = chosen[(page - 1) * PAGE : page * PAGE]
    with st.spinner("Drawing the maps of these pictures …", show_time=True), st.container(key="errors-cards"):
        for start in range(0, len(shown), ROW):
            for column, position in zip(st.columns(ROW), shown[start : start + ROW], strict=False):
                with column:
                    _card(view, int(position), only, [percent(float(f.iou[position])) for f in figures])


def select(view: View, wanted: Wanted, notes: dict[str, Note]) -> np.ndarray:
    """Positions of the pictures that are wanted, in the order that is wanted; those without a figure come last."""
    only = view.labels.index(wanted.of) if wanted.of in view.classes else 0
    a, b = (view.areas(letter).pictures(only or None) for letter in "AB")
    change = b.iou - a.iou
    keep = np.ones(len(view.names), bool)
    if only:
        keep &= (view.areas("A").truth[:, only] > 0) | (view.areas("B").predicted[:, only] > 0)
    pixels = np.zeros(len(view.names))
    if wanted.true in view.labels and wanted.called in view.labels:
        cell = (view.labels.index(wanted.true), view.labels.index(wanted.called))
        pixels = view.both[wanted.side].taken(view.index, *cell)
        keep &= pixels > 0
    if wanted.change != ANY:
        keep &= change > 0 if wanted.change == "helped" else change < 0
    if wanted.tag != ANY:
        keep &= np.array([wanted.tag in notes.get(name, Note()).tags for name in view.names], bool)
    orders = {
        "iou": b.iou,
        "change": change,
        "gain": -change,
        "fp": -b.fp,
        "fn": -b.fn,
        "cell": -pixels,
        "small": b.size,
        "large": -b.size,
        "many": -b.classes.astype(float),
        "name": np.argsort(np.argsort(view.names)).astype(float),
    }
    order = np.argsort(orders[wanted.sort], kind="stable")  # NaN sorts last
    return order[keep[order]]


def show_cell(true: str, called: str) -> None:
    """Have the gallery show the pictures of one cell of the confusion matrix, those with most of its pixels first."""
    for name, value in {
        "true": true,
        "called": called,
        "sort": "cell",
        "part": "pictures",
        "of": ANY,
        "page": 1,
        "open": None,
    }.items():
        choose(name, value)


def _choose(view: View, notes: dict[str, Note]) -> Wanted:
    tags = sorted({tag for note in notes.values() for tag in note.tags})
    there = view.areas("A").truth.sum(axis=0) + view.areas("B").predicted.sum(axis=0)
    labels = [name for k, name in enumerate(view.labels) if there[k] > 0]
    first, second, third = st.columns([2, 1.4, 1.6])
    with first:
        st.selectbox(
            "Sort by",
            list(SORTS),
            key=remembered("sort", SORTS, "iou"),
            format_func=SORTS.__getitem__,
            persist_state="session",
        )
    with second:
        classes = [ANY, *labels[1:]]
        st.selectbox("Class", classes, key=remembered("of", classes, ANY), persist_state="session")
    with third:
        st.segmented_control(
            "Change",
            list(CHANGES),
            key=remembered("change", CHANGES, ANY),
            format_func=CHANGES.__getitem__,
            required=True,
            persist_state="session",
            help="Helped: the picture's IoU is higher under B than under A. Hurt: lower.",
        )
    options = [ANY, *labels]
    keys = {
        "true": remembered("true", options, ANY),
        "called": remembered("called", options, ANY),
        "side": remembered("side", ("A", "B"), "B"),
        "tag": remembered("tag", [ANY, *tags], ANY),
    }
    active = [st.session_state[keys[name]] for name in ("true", "called", "tag")]
    words = "More filters" + (" · on" if any(value != ANY for value in active) else "")
    with st.expander(words, icon=":material/filter_alt:", expanded=False):
        columns = st.columns(4)
        columns[0].selectbox("Truth is", options, key=keys["true"], persist_state="session")
        columns[1].selectbox("but the map says", options, key=keys["called"], persist_state="session")
        columns[2].segmented_control("of side", ["A", "B"], key=keys["side"], required=True)
        columns[3].selectbox("Tag", [ANY, *tags], key=keys["tag"], persist_state="session")
        st.button("Clear filters", icon=":material/filter_alt_off:", on_click=_clear)
    defaults = Wanted()
    values = {name: tell(name, getattr(defaults, name)) for name in vars(defaults)}
    return Wanted(**values)


def _clear() -> None:
    for name, value in vars(Wanted()).items():
        if name != "sort":
            choose(name, value)


def cell_words(wanted: Wanted) -> str:
    """What the chosen cell of the confusion matrix means, if one is chosen."""
    if ANY in (wanted.true, wanted.called):
        return ""
    if wanted.true == wanted.called:
        return f" in which {wanted.side} finds {plain(wanted.true)}"
    return f" in which {wanted.side} calls {plain(wanted.called)} what is {plain(wanted.true)}"


def card_words(of: str) -> str:
    """What the colours of the cards and the figures below them mean, for all classes or for the one that is chosen."""
    if of:
        name = plain(of)
        return (
            f"Of {name} alone. Blue: found. Orange: wrongly called {name}. Purple: missed. Below: IoU of {name}, A → B."
        )
    return (
        "Blue: found. Orange: wrongly claimed, or called another class. Purple: missed. "
        "Below: IoU of A → B, the mean over the classes that mask or map has."
    )


def _choose_page(words: str, pages: int) -> int:
    settle("page")
    if key("page") not in st.session_state:
        st.session_state[key("page")] = number("page", 1, pages, 1)
    page = min(max(1, int(st.session_state[key("page")])), pages)
    st.session_state[key("page")] = page
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{words} · page {page} of {pages}")
        st.button("Back", icon=":material/chevron_left:", disabled=page == 1, on_click=choose, args=("page", page - 1))
        st.button(
            "Next", icon=":material/chevron_right:", disabled=page == pages, on_click=choose, args=("page", page + 1)
        )
    write("page", str(page), "1")
    return page


def _card(view: View, position: int, only: int, iou: list[str]) -> None:
    name = view.names[position]
    try:
        cards = [side_card(side, position, view.threshold, only) for side in view.both.values()]
    except UserError as error:
        st.caption(plain(f"{name}: {error}"))
        cards = []
    with st.container(key=f"tile-card-{position}"):
        if cards:
            gap = np.full((cards[0].shape[0], 4, 3), 128, np.uint8)
            both = np.ascontiguousarray(np.concatenate([cards[0], gap, fitted(cards[1], cards[0])], axis=1))
            st.image(jpeg_bytes(both), alt=f"Found, wrong and missed area of {name} under A and B", width="stretch")
        st.button(
            plain(f"{short(name)} · {iou[0]} → {iou[1]} %"),
            key=f"show-card-{position}",
            help=plain(f"Open {name}"),
            width="stretch",
            type="primary" if st.session_state.get(key("open")) == name else "tertiary",
            on_click=choose,
            args=("open", name),
        )


def fitted(card: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A card (H, W, 3) at the height and width of another, by the nearest pixels: evaluations may look at other sizes."""
    (height, width), (high, wide) = card.shape[:2], other.shape[:2]
    return card[np.arange(high)[:, None] * height // high, np.arange(wide) * width // wide]


def short(name: str) -> str:
    """A picture's name without its extension; digits stay as they are, because COCO's pictures are called by all twelve."""
    return name.rsplit(".", 1)[0] if "." in name else name


def kept_notes(view: View) -> dict[str, Note]:
    """Notes and tags of the evaluation of side A; none where they cannot be read, which is said."""
    try:
        return read_notes(view.a.store.folder)
    except UserError as error:
        st.warning(plain(str(error)), icon=":material/edit_off:")
        return {}
