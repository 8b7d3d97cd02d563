"""The check of a data set on the screen: it runs beside the page, can be stopped, and its report is kept."""

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from recam_core import UserError, open_dataset
from recam_core.datasets.check import check_opened
from recam_core.records import CheckStep, DataReport
from recam_core.system.cache import Cache
from recam_core.system.layouts import changed
from ui.compute.leaving import start_thread
from ui.session.uploads import thumbnail
from ui.widgets.escaping import as_html, plain

ALONE = 90  # seconds after which a check ends that nobody looks at
BARS = 60
SIDE = 150


@dataclass(frozen=True)
class DataChoice:
    """A split of a data set: ``open_dataset(kind, root, split)``."""

    kind: str
    root: str
    split: str


@dataclass(frozen=True)
class Checked:
    """A report, and its samples as small pictures: name, labels, JPEG."""

    report: DataReport
    samples: tuple[tuple[str, str, bytes], ...]


_REPORTS: Cache[Checked] = Cache(16)  # by choice and stamp
_TURN = threading.Lock()  # one check reads the disk at a time


class Check:
    """A check in a thread of its own; ``step`` is how far it is, ``error`` why it ended without a report."""

    def __init__(self, choice: DataChoice) -> None:
        self.choice, self.stamp = choice, changed(choice.kind, choice.root, choice.split)
        self.step = CheckStep(0, None, "reading the list of pictures")
        self.error, self.done = "", False
        self.last_look, self.started = time.monotonic(), time.monotonic()
        self._stop = threading.Event()
        self.thread = start_thread(self._run, self.stop)

    def stop(self) -> None:
        """End it at the next picture; nothing is kept."""
        self._stop.set()

    def words(self) -> tuple[float, str]:
        """How far it is, 0 … 1, and that in words."""
        done, total = self.step.done, self.step.total
        if not total or not done:
            return 0.0, "Reading the list of pictures …"
        remaining = (total - done) * (time.monotonic() - self.started) / done
        return done / total, f"{done:,} of {total:,} pictures, about {max(1, round(remaining))} s left"

    def _run(self) -> None:
        try:
            while not _TURN.acquire(timeout=0.5):
                if self._is_over():
                    return
            try:
                self.started = time.monotonic()
                self._look()
            finally:
                _TURN.release()
        except UserError as error:
            self.error = str(error)
        except Exception as error:  # a thread has nobody else who would hear of it
            self.error = f"The check ended with an error of its own ({type(error).__name__}: {error})."
        finally:
            self.done = True

    def _look(self) -> None:
        where = (self.choice.kind, self.choice.root, self.choice.split)
        dataset = open_dataset(*where)
        events = check_opened(dataset, where)
        for event in events:
            if self._is_over():
                return  # and the stream with it
            if isinstance(event, CheckStep):
                self.step = event
                continue
            checked = Checked(event, _samples(dataset, event))
            _REPORTS.put((self.choice, self.stamp), checked)

    def _is_over(self) -> bool:
        return self._stop.is_set() or time.monotonic() - self.last_look > ALONE


def show_check(choice: DataChoice, key: str) -> DataReport | None:
    """A button that checks the data set, its progress, or its report; None while there is no report."""
    name = f"{key}-check"
    check: Check | None = st.session_state.get(name)
    if check is not None and check.choice != choice:
        check.stop()
        check = None
    if check is not None and not check.done:
        _watch(check, key)
        return None
    checked = _REPORTS.get((choice, changed(choice.kind, choice.root, choice.split)))
    if check is not None and check.error:
        st.error(plain(check.error), icon=":material/error:")
    words = "Check this data set" if checked is None else "Check again"
    if checked is not None:
        show_report(checked)
    if st.button(
        words,
        key=f"{name}-start",
        icon=":material/fact_check:",
        help="Opens every picture once: counts labels, and names what is missing or broken. Nothing is changed.",
    ):
        st.session_state[name] = Check(choice)
        st.rerun()
    return None if checked is None else checked.report


def show_report(checked: Checked) -> None:
    """Figures, labels per class, what is wrong by name, and a look at some pictures."""
    report = checked.report
    figures = {
        "Pictures": report.pictures,
        "Classes": len(report.classes),
        "With a mask": report.masks,
        "Without a label": report.unlabelled,
        "Missing": report.missing_count,
        "Broken": report.broken_count,
    }
    with st.container(horizontal=True, gap="medium"):
        for label, count in figures.items():
            st.metric(label, f"{count:,}", width="content")
    for note in report.notes:
        st.caption(plain(note))
    _show_faults(report)
    st.plotly_chart(_chart(report), key=f"bars-{report.kind}-{report.split}", config={"displayModeBar": False})
    if len(report.classes) > BARS:
        st.caption(f"The {BARS} most frequent of {len(report.classes)} classes.")
    with st.container(horizontal=True, gap="small"):  # as many a row as the screen has room for
        for name, labels, data in checked.samples:
            with st.container(width=SIDE, gap="xsmall"):
                st.image(data, alt=f"{name}: {labels}", width="stretch")
                st.caption(plain(labels))


def _show_faults(report: DataReport) -> None:
    if report.missing_count:
        with st.expander(f"Labels without a picture: {report.missing_count:,}", icon=":material/search_off:"):
            st.dataframe({"picture": list(report.missing)}, hide_index=True)
            st.caption("They are left out." + _first(len(report.missing), report.missing_count))
    if report.broken_count:
        with st.expander(f"Pictures that cannot be used: {report.broken_count:,}", icon=":material/broken_image:"):
            rows = {"picture": [name for name, _ in report.broken], "why": [why for _, why in report.broken]}
            st.dataframe(rows, hide_index=True)
            st.caption("Training skips and counts them." + _first(len(report.broken), report.broken_count))
    if report.empty_classes:
        with st.expander(f"Classes without a picture: {len(report.empty_classes)}", icon=":material/label_off:"):
            st.markdown(plain(", ".join(report.empty_classes)))
            st.caption("A model learns nothing about them; scores leave them out.")


def _first(shown: int, count: int) -> str:
    return f" The first {shown} are listed." if shown < count else ""


def _chart(report: DataReport) -> go.Figure:
    rows = sorted(zip(report.per_class, report.classes, strict=True), key=lambda row: -row[0])[:BARS]
    chart = go.Figure(
        go.Bar(x=[as_html(name) for _, name in rows], y=[count for count, _ in rows], marker={"color": "#0072B2"})
    )
    chart.update_layout(
        height=300,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
        title={"text": "Pictures with each class", "font": {"size": 14}},
        xaxis={"type": "category", "tickangle": -45},
    )
    return chart


def _watch(check: Check, key: str) -> None:
    @st.fragment(run_every="0.5s")
    def poll() -> None:
        check.last_look = time.monotonic()
        if check.done:
            st.rerun()
            return
        share, words = check.words()
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container():
                st.progress(share, words)
            st.button("Stop", icon=":material/stop_circle:", key=f"{key}-check-stop", on_click=check.stop)

    poll()


def _samples(dataset: Any, report: DataReport) -> tuple[tuple[str, str, bytes], ...]:
    """The report's samples as small pictures; one that went away meanwhile is passed over."""
    wanted, made = set(report.samples), []
    for i in (i for i in range(len(dataset)) if dataset.name(i) in wanted):
        with contextlib.suppress(UserError):
            names = [report.classes[k] for k in dataset.labels(i).nonzero()[0]]
            made.append((dataset.name(i), ", ".join(names), thumbnail(dataset.image(i))))
    return tuple(made)
