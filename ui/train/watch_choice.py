"""What a person sees while it trains: a split that is scored, and pictures whose heatmaps are kept."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from recam_core import SAMPLES, Picture, UserError, read_image
from recam_core.datasets.samples import PHOTO_MODEL, sample_labels, sample_model
from recam_core.records import TrainConfig
from recam_core.system.folders import watched_file
from recam_core.system.layouts import splits_of
from ui.train import knobs
from ui.train.problems import Data
from ui.widgets.dataset_choice import DataChoice
from ui.widgets.escaping import plain
from ui.widgets.pictures import TYPES

SCENE_SPLITS = ("train", "val", "test", "samples")
NOTHING = "none"
WATCHED = 3  # pictures that are watched unless somebody chooses others


def choose_validation(config: TrainConfig, choice: DataChoice) -> dict[str, Any]:
    """A split that is scored after every epoch, or none, and how much of it: as typed, by the names of the settings."""
    splits = SCENE_SPLITS if choice.kind == "scenes" else tuple(splits_of(choice.kind, Path(choice.root)))
    offered = [NOTHING, *(split for split in splits if split)]
    key = f"train-validation-{choice.kind}"
    if st.session_state.get(key) not in offered:
        st.session_state[key] = config.validation if config.validation in offered else NOTHING
    chosen = st.selectbox(
        "Scored after every epoch",
        offered,
        key=key,
        persist_state="session",
        format_func=lambda split: "nothing" if split == NOTHING else split,
        help="A split of the same data set: mAP of FC1, and seed mIoU where its pictures have masks. It costs time.",
    )
    if chosen in (None, NOTHING):
        return {"validation": ""}
    return {"validation": str(chosen), "validation_pictures": knobs.number("validation_pictures")}


def choose_watched(config: TrainConfig, choice: DataChoice, data: Data) -> tuple[TrainConfig, list[Picture]]:
    """Pictures whose maps are kept after every epoch: of the data set, samples, or one's own."""
    samples = samples_for(choice.kind, data.classes)
    of_data = data.report.samples if data.report is not None else ()
    offered = list(dict.fromkeys((*config.watch, *samples, *of_data)))
    key = f"train-watch-{choice.kind}-{choice.root}-{choice.split}"
    if key not in st.session_state:
        own = samples if choice.kind == "scenes" else of_data or samples
        st.session_state[key] = list(config.watch or own[:WATCHED])
    chosen = st.multiselect(
        "Heatmaps after every epoch of",
        sorted({*offered, *st.session_state[key]}, key=lambda name: (name not in offered, name)),
        key=key,
        accept_new_options=True,
        persist_state="session",
        placeholder="samples, or names of the data set",
        help="Bundled samples, or pictures of the data set by their names. Their maps are kept after every epoch of both stages.",
    )
    files = st.file_uploader(
        "Your own pictures to watch",
        type=TYPES,
        accept_multiple_files=True,
        key="train-files",
        max_upload_size=20,
        help="They are stored in the folder of the run, on this server, and go when the run is deleted.",
    )
    pictures = []
    for file in files or []:
        try:
            pictures.append(read_image(file.getvalue(), name=file.name))
        except UserError as error:
            st.error(plain(str(error)), icon=":material/block:")
    names = tuple(str(name).strip() for name in chosen if str(name).strip())
    for name in set(names).difference(offered):
        if os.path.isabs(name):  # the job asks again; names of the data set it knows better
            watched_file(name)
    return replace(config, watch=names), pictures


def samples_for(kind: str, classes: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Bundled samples that suit a data set: drawn scenes, or photos that show one of its classes."""
    if kind == "scenes":
        return tuple(name for name in SAMPLES if sample_model(name) == "scenes")
    return tuple(name for name in SAMPLES if sample_model(name) == PHOTO_MODEL and sample_labels(name, classes))
