"""Choosing a data set: its kind in words, its folder, its split."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from recam_core import UserError
from recam_core.system.folders import allowed_folder, data_folders, data_roots
from recam_core.system.layouts import sbd_words, splits_of
from ui.widgets.dataset_check import DataChoice, show_check
from ui.widgets.escaping import plain

__all__ = ["DataChoice", "choose_data", "show_check"]
KINDS = {
    "scenes": "Drawn scenes",
    "voc": "Pascal VOC 2012",
    "coco": "MS COCO layout",
    "folder": "A folder of my own",
}
LAYOUTS = {
    "scenes": "Drawn by the project: eight classes with exact masks. Nothing needs to be downloaded.",
    "voc": "The devkit as it comes: a folder with JPEGImages, Annotations, ImageSets and SegmentationClass, or the folder "
    "above it (VOCdevkit).",
    "coco": "Any year, and any data set laid out like it: ROOT/SPLIT/*.jpg and ROOT/annotations/instances_SPLIT.json.",
    "folder": "One folder of pictures per class; or a labels.csv (columns file and labels, separated by ;) or labels.json "
    '({"file.jpg": ["dog", "cat"]}) beside the pictures. Folders named train, val or test may divide it. Label maps as PNG in '
    "masks/ allow scores.",
}
SPLITS = {
    "scenes": {
        "train": "train · 1600 scenes",
        "val": "val · 200 scenes",
        "test": "test · 300 scenes that no model has seen",
        "samples": "samples · 12 scenes",
    },
    "voc": {
        "train": "train · 1,464 pictures, masks of the devkit",
        "val": "val · 1,449 other pictures, to score on",
        "trainval": "trainval · both of them",
        "train_aug": "train_aug · 10,582 pictures, train with those of SBD",
    },
}
VOC_HELP = (
    "train and val are the devkit's own halves. Papers train on train_aug: the pictures of train with about nine thousand more, "
    "which SBD has masks of. Scores are on train or val. train_aug needs two things that the devkit lacks: "
    "SegmentationClassAug/\\*.png (SBD's masks) beside SegmentationClass, and ImageSets/Segmentation/train_aug.txt (the names)."
)
OTHER = "another folder …"


def choose_data(key: str, *, with_masks: bool = False) -> DataChoice | None:
    """Ask for a data set; None while something is missing, which is said.

    ``key`` begins the names of the widgets; ``with_masks`` is for those who want to score it.
    """
    kind = str(
        st.selectbox(
            "Data set",
            list(KINDS),
            key=f"{key}-kind",
            format_func=KINDS.__getitem__,
            persist_state="session",
            help="  \n".join(f"**{KINDS[name]}**: {plain(words)}" for name, words in LAYOUTS.items()),
        )
    )
    if kind == "scenes":
        splits = list(SPLITS[kind])
        return DataChoice(kind, "", _choose_split(key, (kind, ""), splits, _likely(splits, with_masks)))
    try:
        folder = _choose_folder(key, kind)
        return None if folder is None else _choose_part(key, kind, folder, with_masks)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def _choose_folder(key: str, kind: str) -> Path | None:
    offered = [path for kind_of, path in _offered(tuple(map(str, data_roots()))) if kind_of == kind]
    place = OTHER
    if offered:
        places = [*offered, OTHER]
        _settle(f"{key}-folder", places, places[0])
        place = str(
            st.selectbox(
                "Folder",
                places,
                key=f"{key}-folder",
                format_func=lambda path: path if path == OTHER else path.rsplit("/", 1)[-1],
                persist_state="session",
            )
        )
    if place == OTHER:
        roots = data_roots()
        where = f" It must lie in {' or '.join(map(str, roots))}." if roots else ""
        place = st.text_input(
            "Folder on this server",
            key=f"{key}-root",
            persist_state="session",
            help=plain(f"{LAYOUTS[kind]}{where}"),
        )
    if not place:
        st.caption(f"Name its folder. {plain(LAYOUTS[kind])}")
        return None
    return allowed_folder(place)


def _choose_part(key: str, kind: str, folder: Path, with_masks: bool) -> DataChoice | None:
    splits = splits_of(kind, folder)
    if not splits:
        raise UserError(f"{folder.name} is not laid out like that. {LAYOUTS[kind]}")
    first = _likely(splits, with_masks)
    if kind == "voc" and "train_aug" not in splits:
        splits = [*splits, "train_aug"]  # offered all the same, so that what it needs is said
    split = "" if splits == [""] else _choose_split(key, (kind, str(folder)), splits, first)
    if kind == "voc" and split == "train_aug" and (words := sbd_words(folder)):
        st.info(plain(words), icon=":material/info:")
        return None
    if kind == "folder" and with_masks and not (folder / split / "masks").is_dir():
        st.info(
            "There is nothing to score here: no folder masks with label maps (PNG of the same name; 0 background, the number of "
            "the class in the alphabet, from 1 on, and 255 where it does not count).",
            icon=":material/info:",
        )
        return None
    return DataChoice(kind, str(folder), split)


def _likely(splits: Sequence[str], with_masks: bool) -> str:
    """The split that is wanted most often, to score on or to train on."""
    wanted = ("test", "val") if with_masks else ("train_aug", "train")
    return next((split for want in wanted for split in splits if split.startswith(want)), splits[0])


def _choose_split(key: str, where: tuple[str, str], splits: Sequence[str], first: str) -> str:
    if st.session_state.get(f"{key}-where", where) != where:  # another data set begins with its own
        st.session_state[f"{key}-split"] = first
    st.session_state[f"{key}-where"] = where
    _settle(f"{key}-split", splits, first)
    words = SPLITS.get(where[0], {}) | {"": "all of it"}
    return str(
        st.selectbox(
            "Split",
            splits,
            key=f"{key}-split",
            format_func=lambda split: words.get(split, split),
            persist_state="session",
            help=VOC_HELP if where[0] == "voc" else None,
        )
    )


def _settle(key: str, options: Sequence[str], first: str) -> None:
    """Have a widget start with ``first`` where what it held is not offered any more."""
    if st.session_state.get(key) not in options:
        st.session_state[key] = first


@st.cache_data(ttl=20, max_entries=4, show_spinner=False)
def _offered(roots: tuple[str, ...]) -> list[tuple[str, str]]:
    """Kind and folder of what lies in the operator's roots; the form is drawn with every rerun."""
    return [(folder.kind, str(folder.path)) for folder in data_folders()]
