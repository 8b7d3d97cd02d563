"""The heatmaps after every epoch: CAM forms, ReCAM spreads; one scrubber through both stages."""

import streamlit as st

from recam_core import UserError
from recam_core.networks.readouts import readout_labels, recam_readouts
from recam_core.records import TrainConfig
from ui.components.player import player, stream_store
from ui.train.live import rolls
from ui.train.maps import Roll, classes_shown, new_roll, watched_pictures
from ui.train.runs import Run, history_of
from ui.widgets.escaping import plain

SESSION_ROLLS = 12  # that a session keeps


def show_watched(run: Run, config: TrainConfig) -> None:
    """Picture and class, and the player of their maps epoch by epoch."""
    st.markdown("#### Heatmaps, epoch by epoch", anchors=False)
    if not config.watch:
        st.caption("No pictures are watched in this run. Choose some in the form of the next one.")
        return
    history = history_of(run)
    try:
        pictures = watched_pictures(run.folder)
    except UserError as error:
        st.error(plain(str(error)))
        return
    if not history.maps or not pictures:
        if run.waits or run.state == "unknown":
            words = "The first maps come as soon as it begins, then more after every epoch."
            st.info(words, icon=":material/hourglass_top:")
        else:
            gone = (
                "No maps of this run are left." if run.state == "done" else "It ended before the first maps were made."
            )
            st.caption(gone)
        return
    left, right = st.columns([1, 2], gap="medium")
    names = [f"{i + 1} · {picture.name}" for i, picture in enumerate(pictures)]
    with left:
        number = st.selectbox(
            "Picture", range(len(pictures)), format_func=names.__getitem__, key=f"train-picture-{run.name}"
        )
    classes = classes_shown(run.folder, history.maps, int(number or 0))
    if not classes:
        st.error("The maps of this run are damaged or gone; its curves and its model are not touched by that.")
        return
    with right:
        name = st.segmented_control(
            "Class",
            classes,
            format_func=plain,
            key=f"train-class-{run.name}-{number}",
            default=classes[0],
            required=True,
            help="The true classes of the picture; of one without labels, those with the highest scores.",
        )
    roll = roll_of(run, config, int(number or 0), str(name or classes[0]))
    stream_store.put(roll.stream)
    player([roll.stream], key=f"train-player-{run.name}", initial={"speed": 2})
    st.caption(
        f"Stage 1 makes CAM, with BCE alone. Stage 2 goes on from there and makes {readout_labels(recam_readouts())}; CAM then "
        "stays as the last epoch of stage 1 left it. Each map is shown up to its own peak, from one look without mirror image "
        "or more scales. "
        "A map shows evidence for a class under this head, no more."
    )


def roll_of(run: Run, config: TrainConfig, number: int, name: str) -> Roll:
    """The stream of a picture and class: the one that this session has, with what is new, or a new one."""
    history, own = history_of(run), rolls()
    key = (run.name, number, name)
    roll = own.get(key)
    if roll is None or not roll.feed(history.maps, run.waits):
        picture = watched_pictures(run.folder)[number]
        roll = new_roll(run.folder, picture, number, name, config, run.title)
        roll.feed(history.maps, run.waits)
    own.pop(key, None)
    own[key] = roll
    while len(own) > SESSION_ROLLS:
        del own[next(iter(own))]
    return roll
