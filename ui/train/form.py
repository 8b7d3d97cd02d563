"""The form of a new training, read from top to bottom: data, preset, network, course, what is watched, what it costs, start."""

from dataclasses import replace
from typing import Any

import streamlit as st

from recam_core import Picture, UserError, known_models, open_dataset, read_header
from recam_core.records import TrainConfig
from recam_core.system.folders import may_start
from recam_core.training.recipes import presets
from ui.train import knobs, runs, state, words
from ui.train.after import AGAIN, LINKED, default_boundary
from ui.train.cost import show_cost
from ui.train.problems import Data, remarks, stops, wrong
from ui.train.watch_choice import WATCHED, choose_validation, choose_watched, samples_for
from ui.widgets import jobs
from ui.widgets.dataset_choice import KINDS, DataChoice, choose_data, show_check
from ui.widgets.escaping import plain
from ui.widgets.terms import BCE, SCE

DATA, FILLED, PRESET = "train-data", "train-filled", "train-preset"
TOOK, TITLE, START, STARTED = "train-took", "train-title", "train-start", "train-started"
ON_A_MODEL = ("stages", "stage1", "train_on")  # what makes a training stage 2 of a model that is there


def first_visit() -> None:
    """What stands on the page as long as nothing was trained."""
    st.info(
        "Nothing was trained on this server yet. A training has two stages: the first makes CAM, the second makes ReCAM of it. "
        "You see the heatmaps of a few pictures after every epoch, and when it is done the model is listed under Models.",
        icon=":material/model_training:",
    )
    if not may_start():
        st.caption(words.READ_ONLY)
        return
    if st.button("Start a quick look on drawn scenes", type="primary", icon=":material/play_arrow:", key="first"):
        begin(quick_look(), size=len(open_dataset("scenes", "", "train")))
    st.caption(
        "About two minutes on two processor cores; nothing is uploaded or downloaded, and no graphics card is needed."
    )
    if st.button("Your own pictures, VOC, COCO and every setting …", icon=":material/tune:", key="first-form"):
        state.choose("run", state.NEW)
        st.rerun()


def quick_look() -> TrainConfig:
    """The shortest training that shows something, with what the bundled scenes show watched."""
    return replace(next(iter(presets("scenes").values())), watch=samples_for("scenes")[:WATCHED])


def show_form() -> None:
    """The whole form."""
    st.markdown("#### New training", anchors=False)
    if not may_start():
        st.info(words.READ_ONLY, icon=":material/lock:")
        return
    if st.session_state.get(START):  # pressed: said before the whole form is drawn once more
        st.toast("Starting …", icon=":material/hourglass_top:")
    _take_over()
    with st.container(border=True):
        st.markdown("**1 · Pictures to learn from**")
        _say_what_it_knows()
        choice = choose_data(DATA)
        if choice is None:
            return
        report = show_check(choice, DATA)
        try:
            data = _known(choice) if report is None else Data(report.pictures, report.classes, report)
        except UserError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
    if data is None:
        st.caption("Check the data set first: the rest of the form follows from what is in it.")
        return
    config = _choose_preset(choice)
    try:
        config, pictures, known, against = _choose_settings(config, choice, data)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    _start(config, pictures, data, [*against, *stops(config, data, known)])


def _take_over() -> None:
    """Begin with what the person came from: another run's settings, or a model of the list that the link names."""
    again: TrainConfig | None = st.session_state.get(AGAIN)
    if again is not None and st.session_state.get(TOOK) != again:
        st.session_state[TOOK] = again
        _begin_with(again.dataset, again.root, again.split)
    named = st.query_params.get("stage1", "")
    if not named:
        return
    del st.query_params["stage1"]  # once: what is chosen then counts
    if named not in known_models():
        words = f"The link names the model “{plain(named[:60])}”, which this server does not have."
        st.warning(words, icon=":material/link_off:")
        return
    try:
        trained = read_header(known_models()[named])["card"].get("training", {})
    except UserError as error:
        st.warning(plain(str(error)), icon=":material/broken_image:")
        return
    st.session_state[LINKED] = named
    _begin_with(str(trained.get("dataset", "")), "", str(trained.get("split", "")))


def _begin_with(kind: str, root: str, split: str) -> None:
    """Have the form filled anew, with this data set chosen where it is one."""
    for name in (PRESET, FILLED):
        st.session_state.pop(name, None)
    if kind not in KINDS and st.session_state.get(LINKED):
        kind, split = "folder", ""  # an imported model: drawn scenes would hardly be its world
    if kind in KINDS:
        st.session_state[f"{DATA}-kind"], st.session_state[f"{DATA}-split"] = kind, split
    if root:
        st.session_state[f"{DATA}-folder"] = st.session_state[f"{DATA}-root"] = root


def _known(choice: DataChoice) -> Data | None:
    """What is known without a check: all of drawn pictures, nothing of files."""
    if choice.kind != "scenes":
        return None
    dataset = open_dataset(choice.kind, choice.root, choice.split)
    return Data(len(dataset), tuple(dataset.classes))


def _choose_preset(choice: DataChoice) -> TrainConfig:
    """The settings to start from; choosing them fills the form."""
    again: TrainConfig | None = st.session_state.get(AGAIN)
    offered = {"as before": again} if again is not None and again.dataset == choice.kind else {}
    offered |= presets(choice.kind)
    with st.container(border=True):
        st.markdown("**2 · Settings to start from**")
        if st.session_state.get(PRESET) not in offered:
            st.session_state[PRESET] = next(iter(offered))
        name = str(
            st.segmented_control(
                "Preset",
                list(offered),
                key=PRESET,
                required=True,
                persist_state="session",
                label_visibility="collapsed",
            )
            or next(iter(offered))
        )
        st.caption(f"**{name}**: {words.PRESETS.get(name, '')}. Everything below can be changed.")
    config = offered[name]
    if st.session_state.get(FILLED) != (choice.kind, name):
        values = {}
        if FILLED in st.session_state and st.session_state.get(knobs.key("stages")) == "second":
            values = {one: st.session_state.get(knobs.key(one)) for one in ON_A_MODEL}  # other pictures, the same model
        st.session_state[FILLED] = (choice.kind, name)
        knobs.fill(config)
        if named := st.session_state.pop(LINKED, ""):  # FC2 is trained on it, its classifier stays what it is
            values = dict(zip(ON_A_MODEL, ("second", named, False), strict=True))
        for one, value in values.items():
            st.session_state[knobs.key(one)] = value
    return replace(config, dataset=choice.kind, root=choice.root, split=choice.split)


def _say_what_it_knows() -> None:
    """What to choose first where a link named a model and its pictures are not known yet."""
    named = st.session_state.get(LINKED)
    if named and st.session_state.get(f"{DATA}-kind") != "scenes":
        st.info(f"Choose pictures whose classes **{plain(named)}** knows.", icon=":material/photo_library:")


def _choose_settings(
    config: TrainConfig, choice: DataChoice, data: Data
) -> tuple[TrainConfig, list[Picture], tuple[str, ...] | None, list[str]]:
    """Everything else: the settings, uploads to watch, the classes of the model that stage 2 builds on, if there is one, and what
    is wrong with the numbers, in whose place the settings have those of the preset.
    """
    with st.container(border=True):
        st.markdown("**3 · Network and course**")
        st.caption(f"{BCE} {SCE}")
        config = knobs.choose_network(config)
        known = tuple(read_header(known_models()[config.stage1])["classes"]) if config.stage1 else None
        typed = knobs.choose_course(config) | knobs.choose_rates(config) | knobs.choose_machine()
    with st.container(border=True):
        st.markdown("**4 · What you see while it trains**")
        left, right = st.columns(2, gap="large")
        with left:
            typed |= choose_validation(config, choice)
        with right:
            config, pictures = choose_watched(config, choice, data)
    faults = wrong(typed)
    config = replace(config, **{name: value for name, value in typed.items() if name not in faults})
    return config, pictures, known, list(dict.fromkeys(faults.values()))


def _start(config: TrainConfig, pictures: list[Picture], data: Data, against: list[str]) -> None:
    """What it costs, what speaks against it, the queue, and the button."""
    if st.session_state.pop(STARTED, False):
        st.session_state[TITLE] = ""  # that name is taken
    with st.container(border=True):
        st.markdown("**5 · Start**")
        for sentence in remarks(config, data):
            st.caption(f":material/info: {plain(sentence)}")
        for sentence in against:
            st.error(plain(sentence), icon=":material/block:")
        if not against:
            show_cost(config, data)
        left, right = st.columns(2, gap="large", vertical_alignment="bottom")
        with left:
            title = st.text_input(
                "Name", key=TITLE, placeholder=runs.title_of(config), max_chars=80, persist_state="session"
            )
        with right:
            follow = st.checkbox(
                "Then train boundary branches on it",
                key="train-follow",
                help="Another job behind this one: with boundaries, heat can walk (the page IRN walk).",
            )
        if before := jobs.waiting_jobs():
            st.caption(f"{_count(len(before))} before it in the queue; one runs at a time.")
        pressed = st.button(
            "Start training", type="primary", icon=":material/play_arrow:", disabled=bool(against), key=START
        )
        if pressed:
            begin(config, title=str(title or "").strip(), pictures=pictures, size=data.pictures, follow=bool(follow))


def _count(jobs_before: int) -> str:
    return "One job is" if jobs_before == 1 else f"{jobs_before} jobs are"


def begin(config: TrainConfig, *, size: int, title: str = "", pictures: Any = (), follow: bool = False) -> None:
    """Start it, make it the run that is looked at, and draw the page again."""
    try:
        with st.spinner("Starting …"):
            job = runs.start(config, title, pictures, size)
        if follow:
            runs.start_boundary(runs.Run(job.name, job.folder, job), default_boundary(config))
    except UserError as error:
        st.error(plain(str(error)))
        return
    st.session_state.pop(AGAIN, None)
    st.session_state[STARTED] = True
    state.choose("run", job.name)
    st.rerun()
