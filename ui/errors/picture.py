"""One picture: its maps beside its mask, error maps and figures of every readout, notes and tags, and the way to Compare."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from recam_core import UserError, class_curves
from recam_core.cam.methods import map_row
from recam_core.evaluation.store import Note, write_note
from recam_core.evaluation.store.map_names import is_baseline, map_label, readout_of
from recam_core.images.masks import resize_labels
from recam_core.images.visualise import jpeg_bytes, labels_overlay
from recam_core.records import IGNORE, SCALE_NAMES
from recam_core.system.folders import may_start
from ui.components.heatview import heat_view
from ui.components.heatview.maps import heat_payload
from ui.compute import payloads
from ui.errors.faithful import show_faithful
from ui.errors.headline import percent
from ui.errors.maps import error_card, pair_of, read_shot, results_of
from ui.errors.runs import source_of
from ui.errors.sides import View
from ui.errors.state import choose, key, settle
from ui.session import uploads
from ui.session.link import heat_settings, went_back, write
from ui.widgets.escaping import plain
from ui.widgets.label_colours import label_colours, label_legend
from ui.widgets.pictures import PICTURE
from ui.widgets.truth import class_truth

COMPARE = "../pages/explore/compare.py"
ARRIVAL = (Path(__file__).parent / "arrival.js").read_text(encoding="utf-8")
_ARRIVAL = st.components.v2.component("recam_errors_arrival", js=ARRIVAL)
TAGS = ["hard", "label error", "interesting", "for the paper"]


def open_name(view: View) -> str | None:
    """The picture that is opened, from the session or the address, if it is among those compared."""
    settle("open")
    if key("open") not in st.session_state or went_back():
        st.session_state[key("open")] = st.query_params.get("open")
    name = st.session_state[key("open")]
    if name is not None and name not in view.names:
        st.warning(f"The picture “{plain(name[:60])}” is not among those compared.", icon=":material/link_off:")
        name = st.session_state[key("open")] = None
    write("open", name or "", "")
    return name


def leave_open() -> None:
    """Take the picture that is opened out of the address where it is not shown; the session keeps it."""
    write("open", "", "")


def show_opened(view: View, name: str, notes: dict[str, Note]) -> None:
    """Everything about one picture."""
    position = view.names.index(name)
    chosen = st.session_state.get(key("chosen"), [])
    with st.container(horizontal=True, vertical_alignment="center", key="errors-opened"):
        st.markdown(f"#### {plain(name)}", anchors=False)
        if name in chosen:
            at = chosen.index(name)
            for words, icon, to in (("Previous", "chevron_left", at - 1), ("Next", "chevron_right", at + 1)):
                there = 0 <= to < len(chosen)
                target = chosen[to] if there else name
                st.button(  # by a key of its own: the gallery turns its pages with a “Next” too
                    words,
                    icon=f":material/{icon}:",
                    disabled=not there,
                    on_click=choose,
                    args=("open", target),
                    key=f"{words.lower()}-opened",
                )
        compare = st.button(
            "Open in Compare", icon=":material/compare:", help="Look at this picture with every knob there is."
        )
        st.button("Close", icon=":material/close:", on_click=choose, args=("open", None), key="close-opened")
        _ARRIVAL(key="errors-arrival", data={"open": name})
    store, number = view.a.store, int(view.a.numbers[position])
    st.markdown(_words(view, position))
    try:
        picture, _ = read_shot(store, number)
        ids = store.entries[number].ids
        if not ids:
            st.image(jpeg_bytes(picture.pixels), alt=f"{name}, without any class", width=400)
            st.info("This picture is labelled with no class, so there is no map; everything in it is background.")
        else:
            _show_maps(view, position)
        if compare:
            _to_compare(view, position, picture)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        ids = ()
    left, right = st.columns([3, 2])
    with left:
        st.dataframe(picture_rows(view, position), hide_index=True, width="stretch")
        st.caption(
            "Figures at the threshold of the slider, percent. Pointing: is the map's highest point within 15 px of the object?"
        )
    with right:
        _show_note(view, name, notes.get(name, Note()))
    if ids and not all(is_baseline(name) for name in store.settings.maps):
        show_faithful(view, position)


def picture_rows(view: View, position: int) -> list[dict[str, Any]]:
    """IoU, FP, FN of the picture under every kept map, and its pointing game; percent."""
    rows = []
    for store, number, of in _stores(view, position):
        for name in store.settings.maps:
            areas = store.areas(name, view.index).pictures()
            points = [p for p in store.entries[number].points.get(name, []) if p is not None]
            rows.append(
                {
                    "map": map_label(name) + of,
                    "IoU": percent(float(areas.iou[number])),
                    "FP": percent(float(areas.fp[number])),
                    "FN": percent(float(areas.fn[number])),
                    "pointing": " ".join("hit" if p == 1 else "miss" if p == 0 else f"{p:.0%}" for p in points) or "–",
                }
            )
    return rows


def _stores(view: View, position: int) -> list[tuple[Any, int, str]]:
    sides = [view.a] if view.a.store is view.b.store else [view.a, view.b]
    return [
        (s.store, int(s.numbers[position]), "" if len(sides) == 1 else f" ({s.store.settings.model})") for s in sides
    ]


def _words(view: View, position: int) -> str:
    """What changed in this picture, in a sentence."""
    a, b = (float(view.areas(letter).pictures().iou[position]) for letter in "AB")
    number = int(view.a.numbers[position])
    there = [view.classes[k] for k in view.a.store.entries[number].ids]
    what = f"Labelled with {', '.join(f'**{plain(name)}**' for name in there)}." if there else "Labelled with no class."
    if np.isnan(a) or np.isnan(b):
        return what
    verb = "helps" if b > a else "hurts" if b < a else "changes nothing"
    return f"{what} IoU {percent(a)} % under A, {percent(b)} % under B: {plain(view.b.label)} {verb} here."


def _show_maps(view: View, position: int) -> None:
    """The heat view of every kept map with the true mask, in the error view and at the page's threshold at first."""
    results: list[tuple[str, Any]] = []
    words: dict[str, tuple[str, str, str]] = {}
    compare = None
    for store, number, of in _stores(view, position):
        names = tuple(name for name in store.settings.maps if not is_baseline(name))
        for result in results_of(store, number, names):
            name = f"{result.readout}{of}"
            row = map_row(readout_of(result.readout))
            label = f"{map_label(result.readout)}{of}"
            words[name] = (label, row.title if label == row.label else "", row.help)
            results.append((name, result))
            if (store, result.readout) == (view.b.store, view.b.name):
                compare = name
    if not results:
        st.info("This evaluation keeps no maps of a model, only baselines; choose another evaluation to see maps here.")
        return
    first = results[0][1]
    ids = [view.classes.index(c) for c in first.classes]
    mask = read_shot(view.a.store, int(view.a.numbers[position]))[1]
    truth, known = class_truth(mask, first.picture.shape[:2], ids)
    named = [_renamed(name, result, first) for name, result in results]
    curves = {scale: [class_curves(result, truth, scale, known) for result in named] for scale in SCALE_NAMES}
    payload = heat_payload(named, curves, view.names[position], truth, named=words, compare=compare)
    settings = st.session_state.get(key("looks")) or heat_settings() | {"mode": "error"}
    heat = heat_view(
        payloads.put(payload),
        key="errors-heat",
        initial=settings | {"threshold": view.threshold},
        follow=view.threshold,
    )
    st.session_state[key("looks")] = settings | (heat.settings or {})
    _show_counted(view, position, results, words)


def _renamed(name: str, result: Any, first: Any) -> Any:
    if result.maps.shape != first.maps.shape:
        raise UserError(
            "The two evaluations looked at this picture at different sizes, so their maps do not fit side by side."
        )
    return replace(result, readout=name, picture=first.picture)


def _show_counted(
    view: View, position: int, results: list[tuple[str, Any]], words: dict[str, tuple[str, str, str]]
) -> None:
    """The true mask, and what was counted under every map: its classes compete, as they do in all figures of the page."""
    number = int(view.a.numbers[position])
    picture, mask = results[0][1].picture, read_shot(view.a.store, number)[1]
    labels = resize_labels(mask, picture.shape[:2])
    there = [int(label) for label in np.unique(labels) if 0 < label < len(view.labels)]
    colours, names = label_colours([label - 1 for label in there]), [view.labels[label] for label in there]
    ids = view.a.store.entries[number].ids
    pictures = [(labels_overlay(picture, labels, colours=colours), "true mask" if there else "true mask: no class")]
    pictures += [
        (error_card(result.picture, result.maps, ids, mask, view.threshold), plain(words[name][0]))
        for name, result in results
    ]
    with st.expander(
        "What is counted: true mask, and classes that compete", icon=":material/crop_free:", expanded=True
    ):
        with st.container(key="errors-counted"):
            for start in range(0, len(pictures), 6):
                for column, (pixels, caption) in zip(st.columns(6), pictures[start : start + 6], strict=False):
                    column.image(jpeg_bytes(pixels), caption=caption, width="stretch")
        ignored = {"ignored": colours[IGNORE]} if (labels == IGNORE).any() else {}
        st.html(label_legend([*names, *ignored], [*colours[there], *ignored.values()]))
        st.caption(
            "Above, each class stands by itself; here and in all figures a pixel goes to the class with the largest map, "
            "if that exceeds the threshold. Blue: found. Orange: wrongly claimed, or called another class. Purple: missed."
        )


def _show_note(view: View, name: str, note: Note) -> None:
    """Text and tags of the picture, kept in the folder of the evaluation."""
    if not may_start():
        st.caption("Notes cannot be changed on this server.")
        st.markdown(plain(note.text) or "No note.")
        return
    known = list(dict.fromkeys([*TAGS, *note.tags]))
    with st.form(key=f"note-{name}", border=False):
        tags = st.multiselect("Tags", known, default=list(note.tags), accept_new_options=True, max_selections=12)
        text = st.text_area("Note", note.text, max_chars=2000, height=100, placeholder="What is wrong here?")
        if not st.form_submit_button("Save", icon=":material/save:"):
            return
    try:
        write_note(view.a.store.folder, name, Note(text.strip(), tuple(tags)))
    except UserError as error:
        st.error(plain(str(error)))
        return
    st.toast("Saved with the evaluation.", icon=":material/check:")
    st.rerun()


def _to_compare(view: View, position: int, picture: Any) -> None:
    """Go to Compare with this picture, its true mask, model, classes and way of looking: as if by a link."""
    settings = view.a.store.settings
    pair_of(view.a.store)  # says so if it is another one by now
    mask = read_shot(view.a.store, int(view.a.numbers[position]))[1]
    uploads.keep(st.session_state, picture, truth=uploads.Truth(mask, view.classes))
    st.session_state.pop(PICTURE, None)  # what the link names counts
    painted = st.session_state.get("heat_settings") or heat_settings()
    st.session_state["heat_settings"] = painted | {"mode": "error", "rule": "same", "threshold": view.threshold}
    ids = view.a.store.entries[int(view.a.numbers[position])].ids
    link = {
        PICTURE: picture.sha256,
        "model": source_of(view.a.store),
        "classes": ",".join(view.classes[k] for k in ids),
        "scales": "multi" if len(settings.options.scales) > 1 else "single",
        "flip": str(int(settings.options.flip)),
        "size": str(settings.options.long_side),
        "stretch": str(int(settings.options.stretch)),
        "t": f"{view.threshold:g}",
        "view": "error",
    }
    st.switch_page(COMPARE, query_params=link)
