"""What a run left, and what can be done with it: look, evaluate, train boundaries, train again, take away, delete."""

import json
from dataclasses import asdict, replace
from typing import Literal

import streamlit as st

from recam_core import SAMPLES, UserError, known_models, zip_bytes
from recam_core.checkpoints.pair_file import RUN_MODEL
from recam_core.checkpoints.registry import delete_run, model_entries
from recam_core.networks.readouts import READOUTS, readout_label
from recam_core.records import SEED_REFINEMENTS, BoundaryConfig, TrainConfig
from recam_core.records.names import percent
from recam_core.system.folders import may_start
from recam_core.system.history import HISTORY
from recam_core.training.recipes import BOUNDARY_RECIPES, default_boundaries
from recam_core.training.run_folder import SETTINGS
from ui.train import runs, state
from ui.train.history import History
from ui.train.live import show_boundary
from ui.train.runs import Run
from ui.widgets import jobs
from ui.widgets.escaping import plain
from ui.widgets.evaluate_this import evaluate_this
from ui.widgets.jobs import time_words
from ui.widgets.pictures import PICTURE

COMPARE = "../pages/explore/compare.py"
AGAIN, LINKED = "train-again", "train-linked"  # where the form begins: a run's settings, or a model that a link named


def show_after(run: Run, config: TrainConfig | None) -> None:
    """How it ended, its scores, and the buttons."""
    with st.container():  # one place, as show_progress is: each replaces the other whole
        if run.job is not None:
            again = "Try again" if run.state == "failed" and not run.has_checkpoint else "Go on"
            jobs.show_ended(run.job, again, main=run.has_checkpoint)
        _show_what_is_left(run, config)


def _show_what_is_left(run: Run, config: TrainConfig | None) -> None:
    """Scores, model and buttons."""
    history = runs.history_of(run)
    name = model_name(run) if run.has_model else ""
    if name:
        words = f"{result_words(history, run.seconds)} The model is listed under Models as **{plain(title_of(name))}**."
        st.success(words, icon=":material/check:")
    elif history.finished or run.state == "done":
        gone = "" if run.has_model else " Its model was deleted."
        st.info(f"{result_words(history, run.seconds)}{gone}", icon=":material/check:")
    elif run.state == "unknown":
        st.info(
            "This run was started on the command line and has no model yet; whether it still goes on is not known here."
        )
    with st.container(horizontal=True):
        if name:
            _offer_looks(name, config)
        if config is not None:
            _offer_again(config, main=run.state == "failed" and not run.has_checkpoint)
            _offer_download(run)
        if may_start():
            _offer_delete(run)
    if name and config is not None:
        _boundaries(run, config)


def _offer_looks(name: str, config: TrainConfig | None) -> None:
    if st.button("Look with it", icon=":material/compare:", type="primary", help="Open Compare with this model."):
        st.session_state.pop(PICTURE, None)  # what the link names counts
        picture = next((one for one in config.watch if one in SAMPLES), "") if config is not None else ""
        st.switch_page(COMPARE, query_params={"model": name} | ({PICTURE: picture} if picture else {}))
    if st.button("Evaluate", icon=":material/troubleshoot:", help="Open Errors, with this model in its form."):
        evaluate_this(name)


def _offer_again(config: TrainConfig, *, main: bool) -> None:
    how: Literal["primary", "secondary"] = "primary" if main else "secondary"
    if may_start() and st.button("Train again with other settings", icon=":material/tune:", type=how):
        st.session_state[AGAIN] = config
        st.session_state.pop(LINKED, None)
        state.choose("run", state.NEW)
        st.rerun()


def result_words(history: History, seconds: float = 0.0) -> str:
    """What came out, in one or two sentences; ``seconds`` are those of the whole job, where there is one."""
    spent = max(history.seconds, seconds)
    took = f"Trained in {time_words(spent)}." if spent else "The training is done."
    if not history.validated:
        return took
    last = history.validated[-1]
    ranked = "" if last.mean_ap is None else f" mAP {percent(last.mean_ap, 1)}."
    seeds = ", ".join(f"{READOUTS[name].label} {100 * value:.1f}" for name, value in history.last_miou.items())
    scored = f" Seed mIoU, %: {seeds}." if seeds else ""
    return f"{took} On {last.pictures} pictures after the last epoch:{ranked}{scored}"


def model_name(run: Run) -> str:
    """What the list calls the model of a run; "" where it does not stand there."""
    path = (run.folder / RUN_MODEL).resolve()
    return next((name for name, place in known_models().items() if place.resolve() == path), "")


def title_of(name: str) -> str:
    """What the list shows a model as."""
    return next((entry.title for entry in model_entries() if entry.name == name), name)


def _offer_download(run: Run) -> None:
    def packed() -> bytes:
        files = {name: run.folder / name for name in (SETTINGS, HISTORY)}
        return zip_bytes({name: path.read_bytes() for name, path in files.items() if path.is_file()})

    if (run.folder / SETTINGS).is_file():
        st.download_button(
            "Settings and history",
            packed,
            file_name=f"{run.name}.zip",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
        )


def _offer_delete(run: Run) -> None:
    """A question first: what is deleted does not come back."""
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Delete **{plain(run.title)}** with its checkpoints, maps and model? It does not come back.")
        if st.button("Delete it", type="primary", key=f"delete-{run.name}"):
            try:
                delete_run(run.folder)
            except UserError as error:
                st.error(plain(str(error)))
                return
            state.choose("run", None)
            st.query_params.pop("run", None)  # who deletes it is not told that it is gone
            st.rerun()


def _boundaries(run: Run, config: TrainConfig) -> None:
    """Boundary branches on the model: what runs or ran, and the small form for another training."""
    for job in runs.boundaries_of(run)[:1]:
        st.markdown("#### Boundary branches", anchors=False)
        show_boundary(job)
        if job.status.state == "done" and (name := model_name(Run(job.name, job.folder, job))):
            words = f"The model with its boundaries is listed under Models as **{plain(title_of(name))}**."
            st.success(words, icon=":material/check:")
    if not may_start() or any(job.is_waiting for job in runs.boundaries_of(run)):
        return
    with st.expander("Train boundary branches", icon=":material/border_outer:"):
        st.caption(
            "Branches on the frozen network learn where labels change, from the model's own confident seeds, without any mask "
            "(IRN). With them heat can walk: see the page IRN walk."
        )
        chosen = boundary_form(config, f"boundary-{run.name}")
        if chosen is not None and st.button(
            "Start", type="primary", icon=":material/play_arrow:", key="boundary-start"
        ):
            try:
                runs.start_boundary(run, chosen)
            except UserError as error:
                st.error(plain(str(error)))
                return
            st.rerun()


def default_boundary(config: TrainConfig) -> BoundaryConfig:
    """Settings of boundary branches that suit a training: its data, sizes that its pictures have."""
    recipe = BOUNDARY_RECIPES[default_boundaries(config.dataset)]
    return replace(
        recipe,
        dataset=config.dataset,
        root=config.root,
        split=config.split,
        crop=max(72, config.crop // 4 * 4),
        workers=config.workers,
        seed=config.seed,
        half=config.half,
    )


def boundary_form(config: TrainConfig, key: str) -> BoundaryConfig | None:
    """The few settings that matter; None, with a sentence, where they contradict each other."""
    start = default_boundary(config)
    first, second, third = st.columns(3)
    with first:
        readout = st.selectbox(
            "Seeds from",
            list(READOUTS),
            index=list(READOUTS).index(start.readout),
            format_func=readout_label,
            key=f"{key}-readout",
        )
        refinement = st.selectbox(
            "Seeds brought to edges by",
            list(SEED_REFINEMENTS),
            index=list(SEED_REFINEMENTS).index(start.refinement),
            key=f"{key}-refinement",
            help=" · ".join(f"{name}: {words}" for name, words in SEED_REFINEMENTS.items()),
        )
    with second:
        foreground = st.slider("Surely the class above", 0.0, 1.0, start.foreground, 0.01, key=f"{key}-foreground")
        background = st.slider("Surely background below", 0.0, 1.0, start.background, 0.01, key=f"{key}-background")
    with third:
        epochs = st.number_input("Epochs", 1, 100, start.epochs, key=f"{key}-epochs")
        batch = st.number_input("Batch size", 1, 256, start.batch_size, key=f"{key}-batch")
    try:
        return replace(
            start,
            readout=str(readout),
            refinement=str(refinement),
            foreground=float(foreground),
            background=float(background),
            epochs=int(epochs),
            batch_size=int(batch),
        )
    except UserError as error:
        st.error(plain(str(error)))
        return None


def show_settings(run: Run, config: TrainConfig) -> None:
    """Everything that was asked for, folded away."""
    with st.expander("Settings of this run", icon=":material/settings:"):
        st.code(json.dumps(asdict(config), indent=1, ensure_ascii=False), language="json")
