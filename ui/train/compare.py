"""Two runs or more beside each other: curves, settings that differ, results, one watched picture at every epoch."""

from dataclasses import asdict
from typing import Any

import streamlit as st

from recam_core import UserError
from recam_core.networks.readouts import READOUTS, readout_label, recam_readouts
from recam_core.records import TrainConfig
from recam_core.records.names import percent
from ui.components.player import player, stream_store
from ui.session.link import read_list, write
from ui.train import charts, runs
from ui.train.epoch_maps import roll_of
from ui.train.history import History
from ui.train.live import draw
from ui.train.maps import classes_shown, watched_pictures
from ui.train.runs import Run
from ui.train.words import NUMBERS
from ui.widgets.escaping import plain

Compared = list[tuple[Run, History, TrainConfig]]
MOST = 6
KEY, WITH = "train-compare", "with"  # in the session, in the address


def choose_others(all_runs: list[Run], run: Run) -> list[Run]:
    """Which runs are looked at beside this one, in the panel."""
    others = {other.name: other for other in all_runs if other.name != run.name}
    called = runs.labels(all_runs)
    if not others:
        return []
    named = st.session_state[KEY] if KEY in st.session_state else read_list(WITH)[: MOST - 1]
    if (existing := [name for name in named if name in others]) != named or KEY not in st.session_state:
        st.session_state[KEY] = existing  # what the link names, without the run itself and what was deleted
    chosen = st.multiselect(
        "Compare with",
        list(others),
        format_func=lambda name: called.get(name, name),
        key=KEY,
        max_selections=MOST - 1,
        placeholder="other runs",
        persist_state="session",
        help="Curves over each other, settings that differ, and the same picture epoch by epoch.",
    )
    write(WITH, ",".join(name for name in chosen if name in others), "")
    return [others[name] for name in chosen if name in others]


def show_comparison(wanted: list[Run], called: dict[str, str]) -> None:
    """Everything about the runs beside each other, under what they are called."""
    compared: Compared = []
    for run in wanted:
        try:
            compared.append((run, runs.history_of(run), runs.settings_of(run)))
        except UserError as error:
            st.error(plain(str(error)))
    if len(compared) < 2:
        return
    names = [called[run.name] for run, _, _ in compared]
    shown = [(name, history, config) for name, (_, history, config) in zip(names, compared, strict=True)]
    if sentence := first_words(shown):
        st.markdown(plain(sentence))
    left, right = st.columns(2, gap="medium")
    draw(left, charts.loss_chart(shown, "bce"), "train-both-bce")
    draw(right, charts.loss_chart(shown, "sce"), "train-both-sce")
    if any(history.validated for _, history, _ in compared):
        readout = st.segmented_control(
            "Seed mIoU of stage 2 read out by",
            recam_readouts(),
            default=recam_readouts()[0],
            required=True,
            format_func=readout_label,
            key="train-both-readout",
        )
        left, right = st.columns(2, gap="medium")
        draw(left, charts.seed_chart(shown, str(readout or recam_readouts()[0])), "train-both-miou")
        draw(right, charts.ap_chart(shown), "train-both-map")
    _show_table("Results", {name: results(history) for name, history, _ in shown})
    differing = differences([config for _, _, config in shown])
    if differing:
        values = {name: {label(k): as_words(asdict(config)[k]) for k in differing} for name, _, config in shown}
        _show_table("Settings that differ", values)
    else:
        st.caption("All settings are the same.")
    _show_maps(compared, names)


def first_words(shown: list[tuple[str, History, TrainConfig]]) -> str:
    """What differs and what came of it, the best readout of the first run against the others'; empty where nothing was scored."""
    scores = [history.last_miou for _, history, _ in shown]
    common = [name for name in scores[0] if all(name in other for other in scores)]
    if not common:
        return ""
    best = max(common, key=scores[0].__getitem__)
    figures = " against ".join(percent(score[best], 1) for score in scores)
    configs = [config for _, _, config in shown]
    differing = differences(configs)
    if len(differing) == 1:
        values = " against ".join(as_words(asdict(config)[differing[0]]) for config in configs)
        what = f"{label(differing[0])} {values}"
    else:
        what = " against ".join(name for name, _, _ in shown)
    return f"{what}: seed mIoU of {READOUTS[best].label} {figures}."


def differences(configs: list[TrainConfig]) -> list[str]:
    """Settings in which some of the runs are not like the first, in the order of the settings."""
    plainly = [asdict(config) for config in configs]
    return [name for name in plainly[0] if any(other[name] != plainly[0][name] for other in plainly[1:])]


def results(history: History) -> dict[str, str]:
    """What came out of a run, in words for a table."""
    rows = {f"stage {stage}, last BCE": _last(history, stage, "loss_bce") for stage in (1, 2)}
    rows["stage 2, last SCE"] = _last(history, 2, "loss_sce")
    if history.validated:
        last = history.validated[-1]
        rows["mAP, %"] = "–" if last.mean_ap is None else f"{100 * last.mean_ap:.1f}"
        rows |= {f"{READOUTS[n].label}, mIoU, %": f"{100 * value:.1f}" for n, value in history.last_miou.items()}
    return rows


def label(name: str) -> str:
    """What the form calls a setting."""
    return NUMBERS[name][0] if name in NUMBERS else name.replace("_", " ")


def _last(history: History, stage: int, name: str) -> str:
    ends = [getattr(end, name) for end in history.epochs if end.stage == stage]
    return f"{ends[-1]:.4f}" if ends else "–"


def as_words(value: Any) -> str:
    """A setting as text for a cell."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def _show_table(title: str, columns: dict[str, dict[str, str]]) -> None:
    rows = list(dict.fromkeys(row for column in columns.values() for row in column))
    st.markdown(f"**{title}**")
    table = {"": rows} | {name: [column.get(row, "–") for row in rows] for name, column in columns.items()}
    st.dataframe(table, hide_index=True, width="stretch")


def _show_maps(compared: Compared, names: list[str]) -> None:
    """The same watched picture of every run, under one scrubber."""
    places = {}
    for run, history, _ in compared:
        try:
            pictures = watched_pictures(run.folder) if history.maps else ()
        except UserError:
            pictures = ()
        places[run.name] = {picture.name: i for i, picture in enumerate(pictures)}
    common = [name for name in places[compared[0][0].name] if sum(name in there for there in places.values()) > 1]
    if not common:
        st.caption("These runs watched no picture in common.")
        return
    st.markdown("**The same picture, epoch by epoch**")
    left, right = st.columns([1, 2], gap="medium")
    with left:
        picture = str(st.selectbox("Picture", common, key="train-both-picture"))
    having = [(name, *each) for name, each in zip(names, compared, strict=True) if picture in places[each[0].name]]
    offered = [classes_shown(run.folder, history.maps, places[run.name][picture]) for _, run, history, _ in having]
    classes = [name for name in offered[0] if all(name in other for other in offered)]
    if not classes:
        st.caption("These runs kept maps of other classes of this picture.")
        return
    with right:
        name = st.segmented_control(
            "Class", classes, format_func=plain, key=f"train-both-class-{picture}", default=classes[0], required=True
        )
    made = [
        roll_of(run, config, places[run.name][picture], str(name or classes[0])).stream for _, run, _, config in having
    ]
    for stream in made:
        stream_store.put(stream)
    player(made, key="train-both-player", initial={"speed": 2})
