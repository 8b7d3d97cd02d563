"""Which labelled pictures both heads are fitted on: few or many drawn scenes, photos of VOC or COCO, or some of one's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any

import streamlit as st

from recam_core import ModelPair, RefitConfig, UserError, open_dataset
from recam_core.datasets.class_names import VOC_CLASSES
from recam_core.datasets.labelled import Labelled
from recam_core.datasets.samples import SCENE_CLASSES
from recam_core.system.folders import DataFolder, data_folders
from recam_core.system.layouts import changed, splits_of
from ui.balance.own import choose_own
from ui.session.choices import carry_over
from ui.session.link import read_choice, write

SET = "balance-set"
QUICK, SCENES, PHOTOS, OWN = "quick", "scenes", "photos", "own"
WORDS = {QUICK: "64 scenes, quick", SCENES: "256 scenes", PHOTOS: "64 photos", OWN: "your own"}
HELP = {
    QUICK: "The first 64 of them in a quarter of the steps, half of the pictures a step: seconds, also with the last block.",
    SCENES: "The first 256 scenes of the training split; their true masks are known, so every λ gets a score.",
    PHOTOS: "The first 64 photos with masks of a data set that the operator of this server names in RECAM_DATA_ROOTS: a VOC "
    "devkit for a model of VOC's classes, or a folder in COCO's layout (annotations/instances_NAME.json and pictures in NAME).",
    OWN: "Pictures that you uploaded, and the samples, with labels that you give them.",
}
COUNTS = {QUICK: 64, SCENES: 256, PHOTOS: 64}
PHOTO_SIDE = 384


@dataclass(frozen=True)
class LabelledSet:
    """Pictures with labels: ``open`` gives the data set and which of its pictures; ``key`` names them and their labels."""

    kind: str
    key: str
    open: Callable[[], tuple[Any, Sequence[int]]]
    long_side: int

    def suited(self, config: RefitConfig) -> RefitConfig:
        """Settings of a fit on these pictures: of few ones fewer steps, so that somebody who turns λ need not wait."""
        if self.kind != QUICK:
            return config
        return replace(config, steps=max(1, config.steps // 4), batch_size=max(1, config.batch_size // 2))


def choose_set(pair: ModelPair, place: Any) -> LabelledSet:
    """Ask in a place which pictures; those that fit the model are offered.

    Raises ``UserError`` where there is nothing to fit on.
    """
    offered = [QUICK, SCENES, OWN] if pair.classes == SCENE_CLASSES else [PHOTOS, OWN]
    if st.session_state.get(SET) not in offered:
        first = offered[0] if offered[0] == QUICK or _photo_splits(pair) else OWN
        st.session_state[SET] = read_choice("set", offered, first)
    carry_over(SET)
    kind = place.segmented_control(
        "Fit on",
        offered,
        key=SET,
        required=True,
        persist_state="session",
        format_func=WORDS.__getitem__,
        help=" ".join(f"**{WORDS[name]}**: {HELP[name]}" for name in offered),
    )
    write("set", str(kind))
    if kind in (QUICK, SCENES):
        return LabelledSet(str(kind), f"scenes-train-{COUNTS[str(kind)]}", partial(_scenes, COUNTS[str(kind)]), 512)
    return _photos(pair) if kind == PHOTOS else _own(pair)


def _scenes(count: int) -> tuple[Any, Sequence[int]]:
    return open_dataset("scenes", "", "train"), range(count)


def _photo_splits(pair: ModelPair) -> dict[str, tuple[DataFolder, str]]:
    """Splits of the data sets whose classes a model may have, by what people read."""
    kinds = ("voc", "coco") if pair.classes == VOC_CLASSES else ("coco",)
    places = [place for kind in kinds for place in data_folders() if place.kind == kind]
    return {
        f"{place.path.name}/{split}": (place, split) for place in places for split in splits_of(place.kind, place.path)
    }


def _photos(pair: ModelPair) -> LabelledSet:
    splits = _photo_splits(pair)
    if not splits:
        raise UserError(
            "There are no labelled photos on this server. Its operator can name a folder with a VOC devkit or in COCO's layout: "
            "RECAM_DATA_ROOTS=FOLDER streamlit run app.py. Or choose “your own” and label a few."
        )
    name = str(st.selectbox("Photos", list(splits), key="balance-photos")) if len(splits) > 1 else next(iter(splits))
    place, split = splits[name]
    at = place.kind, str(place.path), split
    when = changed(*at)
    return LabelledSet(PHOTOS, "-".join((*at, str(when))), lambda: _first_photos(*at, when), PHOTO_SIDE)


@st.cache_resource(max_entries=1, show_spinner="The labels of the photos are read …")
def _first_photos(kind: str, folder: str, split: str, changed: int) -> tuple[Any, Sequence[int]]:
    dataset = open_dataset(kind, folder, split)
    with_mask = (i for i in range(len(dataset)) if dataset.mask(i) is not None)
    return dataset, [i for i, _ in zip(with_mask, range(COUNTS[PHOTOS]), strict=False)]


def _own(pair: ModelPair) -> LabelledSet:
    chosen = choose_own(pair)
    stamp = "|".join(f"{own.sha256}:{','.join(labels)}" for own, labels in chosen)

    def own_pictures() -> tuple[Any, Sequence[int]]:
        pictures = [own.open() for own, _ in chosen]
        return Labelled(pair.classes, pictures, {own.sha256: labels for own, labels in chosen}), range(len(chosen))

    return LabelledSet(OWN, f"own-{sha256(stamp.encode()).hexdigest()}", own_pictures, PHOTO_SIDE)
