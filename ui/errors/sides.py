"""Two sides of a comparison: an evaluation and one of its maps each, over the pictures that both have counted."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import streamlit as st

from recam_core import Store, UserError
from recam_core.cam.methods import is_method, map_row
from recam_core.evaluation.store import Areas, Curves, same_pictures
from recam_core.evaluation.store.map_names import is_baseline, map_label, readout_of
from recam_core.evaluation.sweep import THRESHOLDS
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM
from ui.errors import runs
from ui.errors.runs import Run, model_of
from ui.errors.state import fraction, key, remembered, settle, tell
from ui.session.link import write
from ui.widgets.escaping import plain
from ui.widgets.evaluate_this import ASKED, FORM, LOOK
from ui.widgets.terms import READOUT

SAME = "same"
THRESHOLD, SUGGESTED = "threshold", "suggested"
LAST = 0.99  # of the thresholds that evaluation counts


@dataclass(frozen=True, eq=False)
class Side:
    """One map of one evaluation; ``numbers`` (P,) are the compared pictures in its store."""

    run: Run
    store: Store
    name: str
    numbers: np.ndarray
    label: str

    @property
    def colour(self) -> str:
        """That of its readout, as in every chart of the app; what walked has the colour of what it began with."""
        return map_colour(self.name)

    @cached_property
    def curves(self) -> Curves:
        """Figures of the compared pictures taken together at every threshold."""
        if len(self.numbers) == self.store.counted.sum():
            return self.store.curves(self.name)
        fewer = self.store.cells[self.name].of(self._chosen)
        return replace(self.store, cells={self.name: fewer}).curves(self.name)

    @property
    def _chosen(self) -> np.ndarray:
        chosen = np.zeros(len(self.store.entries), bool)
        chosen[self.numbers] = True
        return chosen

    def at(self, index: int) -> Areas:
        """Pixels of each compared picture at a threshold."""
        return self.store.areas(self.name, index)[self.numbers]

    def taken(self, index: int, truth: int, called: int) -> np.ndarray:
        """Pixels of a cell of the confusion matrix in each compared picture."""
        return self.store.taken(self.name, index, truth, called)[self.numbers]

    def confusion(self, index: int) -> np.ndarray:
        """Confusion matrix of the compared pictures."""
        return self.store.confusion(self.name, index, self._chosen)


@dataclass(frozen=True, eq=False)
class View:
    """What the page shows: sides A and B, the threshold's index, and what was worked out for it already."""

    a: Side
    b: Side
    index: int
    _areas: dict[tuple[str, int], Areas] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """The background threshold of everything on the page."""
        return round(float(self.a.store.thresholds[self.index]), 4)

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes."""
        return self.a.store.settings.classes

    @property
    def labels(self) -> tuple[str, ...]:
        """Background and the classes."""
        return ("background", *self.classes)

    @cached_property
    def names(self) -> list[str]:
        """Of the compared pictures."""
        return [self.a.store.names[i] for i in self.a.numbers]

    @property
    def both(self) -> dict[str, Side]:
        """The two sides by their letters."""
        return {"A": self.a, "B": self.b}

    def areas(self, letter: str, index: int | None = None) -> Areas:
        """Pixels of a side at the page's threshold, or at another one."""
        place = (letter, self.index if index is None else index)
        if place not in self._areas:
            self._areas[place] = self.both[letter].at(place[1])
        return self._areas[place]


def map_colour(name: str) -> str:
    """The colour of a map that an evaluation keeps, by its readout or method; grey where there is none."""
    made_of = readout_of(name)
    return map_row(made_of).colour if made_of in READOUTS or is_method(made_of) else "#808694"


def choose_run(runs: list[Run]) -> Run:
    """Which evaluation is looked at."""
    names = {run.name: run for run in runs}
    if st.session_state.get(ASKED) == LOOK:
        model = st.session_state["new-model"]
        if own := [run.name for run in runs if model_of(run) == model]:
            st.session_state[key("run")] = own[0]
            del st.session_state[ASKED]
        else:
            st.session_state[ASKED] = FORM
    linked = st.query_params.get("run")
    if key("run") not in st.session_state and linked is not None and linked not in names:
        st.warning(
            f"The link names the evaluation “{plain(linked[:60])}”, which this server does not have; you see another one "
            "instead.",
            icon=":material/link_off:",
        )
    chosen = st.sidebar.selectbox(
        "Evaluation",
        list(names),
        key=remembered("run", names, runs[0].name),
        format_func=lambda name: names[name].title,
        persist_state="session",
        help="Every evaluation is kept below the server's folder of runs, with its settings, notes and tags.",
    )
    tell("run")
    return names[str(chosen)]


def choose_sides(run: Run, all_runs: list[Run]) -> View:
    """The two maps that are compared; B may come from another evaluation of the same pictures."""
    store = runs.store_of(run)
    maps = [name for name in store.settings.maps if not is_baseline(name)] or list(store.settings.maps)
    with st.sidebar:
        first = st.selectbox(
            "A", maps, key=remembered("a", maps, maps[0]), format_func=map_label, persist_state="session"
        )
        others = {SAME: run} | {other.name: other for other in all_runs if other.name != run.name}
        where = SAME
        if len(others) > 1:
            where = st.selectbox(
                "B comes from",
                list(others),
                key=remembered("with", others, SAME),
                format_func=lambda name: "the same evaluation" if name == SAME else others[name].title,
                persist_state="session",
                help="Another model, or another way of looking, on the same pictures.",
            )
            tell("with", SAME)
        other = others[str(where)]
        theirs = runs.store_of(other)
        offered = [name for name in theirs.settings.maps if not is_baseline(name)] or list(theirs.settings.maps)
        second = st.selectbox(
            "B",
            offered,
            key=remembered("b", offered, best_map(theirs, offered)),
            format_func=map_label,
            persist_state="session",
            help="At first the map of ReCAM’s with the highest mIoU in this evaluation, each at its own best threshold.",
        )
        st.caption(f"The change is B − A everywhere: positive means that B is better. {READOUT}")
    for name in ("a", "b"):
        write(name, st.session_state[key(name)])
    numbers = same_pictures([store, theirs])
    if theirs is not store and _content(store) != _content(theirs):
        st.caption(
            "The two evaluations are of different data sets or splits; pictures with the same name are compared."
        )
    labels = [map_label(str(first)), map_label(str(second))]
    if theirs is not store:
        labels = [f"{label} ({s.settings.model})" for label, s in zip(labels, (store, theirs), strict=True)]
    if labels[0] == labels[1]:
        labels = [f"{label} ({letter})" for label, letter in zip(labels, "AB", strict=True)]
    a = Side(run, store, str(first), numbers[0], labels[0])
    b = Side(other, theirs, str(second), numbers[1], labels[1])
    if len(store.thresholds) != len(theirs.thresholds) or (store.thresholds != theirs.thresholds).any():
        raise UserError("The two evaluations counted other thresholds; choose two that were made in the same way.")
    check_thresholds(store)
    return View(a, b, 0)


def best_map(store: Store, names: list[str]) -> str:
    """The one of some maps whose mIoU is highest at its own best threshold; CAM only where there is no other."""
    ours = [name for name in names if name != CAM] or names
    return max(ours, key=lambda name: float(np.nanmax(store.curves(name).miou, initial=0)))


def check_thresholds(store: Store) -> None:
    """The slider knows the thresholds that evaluation counts unless it is told others."""
    if len(store.thresholds) != len(THRESHOLDS) or not np.allclose(store.thresholds, THRESHOLDS):
        raise UserError(
            f"This page shows evaluations of the thresholds 0.00, 0.01 … 0.99; {store.folder.name} has "
            f"{len(store.thresholds)} from {store.thresholds.min():g} to {store.thresholds.max():g}. Evaluate it again."
        )


def choose_threshold(view: View) -> View:
    """The one slider that everything on the page follows; it begins anew with every evaluation, where none was chosen."""
    together = sum(side.curves.miou for side in view.both.values())  # favours neither of the two
    suggested = int(np.nanargmax(together)) / 100
    now, run = st.session_state.get(key(THRESHOLD)), view.a.run.name
    of, before = st.session_state.get(key(SUGGESTED), (run, None))
    if now is None:
        st.session_state[key(THRESHOLD)] = fraction("t", suggested, LAST)
    elif now != suggested and (of != run or now == before):
        st.session_state[key(THRESHOLD)] = suggested
    st.session_state[key(SUGGESTED)] = (run, suggested)
    settle(THRESHOLD)
    with st.container(key="errors-slider"):
        chosen = _slider()
    index = round(chosen * 100)
    write("t", f"{index / 100:g}")
    return View(view.a, view.b, index)


def _slider() -> float:
    chosen = st.slider(
        "Background threshold",
        0.0,
        LAST,
        step=0.01,
        key=key(THRESHOLD),
        persist_state="session",
        help="A pixel is background unless the largest of the maps of the picture's true classes exceeds it. The counts of all "
        "thresholds are stored, so moving it computes nothing again.",
    )
    return float(chosen)


def _content(store: Store) -> tuple[str, str, str]:
    return store.settings.dataset, store.settings.split, store.settings.pictures
