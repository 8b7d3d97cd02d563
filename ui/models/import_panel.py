"""Importing a model: from files that somebody sends, from a file on the server, or ImageNet weights from the network."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from recam_core import UserError
from recam_core.checkpoints.fetching import IMAGENET_FILE, fetch_imagenet
from recam_core.checkpoints.importers import Recognised, recognise, stride_note
from recam_core.checkpoints.registry import arriving, write_arrived
from recam_core.system.folders import allowed_file, data_roots
from ui.models.import_form import Answers, answers_for_fetched, ask_about, free_name, make_model
from ui.models.state import form_key
from ui.widgets.architecture import name_architecture
from ui.widgets.escaping import plain

LIMIT = 400  # MB: an official ResNet-50 file has 98 to 300
WAYS = {
    "send": "from this computer",
    "path": "a file on the server",
    "fetch": "ImageNet weights from the network",
    "library": "any classifier of timm or torchvision",
}
ARCHITECTURE = "Architecture, where the file is of another than ResNet-18, -50, -101 or EfficientNet-Lite0"
RECOGNITION = "models-recognised"


@dataclass(frozen=True, eq=False)
class Source:
    """Files to import: sent ones (names and contents holders) or paths; ``stamp`` is what they are known again by."""

    stamp: tuple[Any, ...]
    sent: tuple[Any, ...] = ()
    paths: tuple[Path, ...] = ()

    @property
    def stem(self) -> str:
        """The first file's name, which a model's name can be made of."""
        return Path(self.names[0]).stem

    @property
    def names(self) -> list[str]:
        """What each file is called."""
        return [file.name for file in (*self.sent, *self.paths)]

    @contextlib.contextmanager
    def on_disk(self) -> Iterator[list[Path]]:
        """The files as files; what was sent is written for the block only."""
        if not self.sent:
            yield list(self.paths)
            return
        with arriving() as folder:
            yield write_arrived(folder, [(file.name, file.getvalue()) for file in self.sent])


def bring_in() -> None:
    """The form: choose files, see what they are, answer what they do not say, import."""
    with st.expander("Import a model", icon=":material/upload_file:", key=form_key("import")):
        way = st.segmented_control(
            "Where from", list(WAYS), format_func=WAYS.__getitem__, default="send", required=True, key=form_key("way")
        )
        if way == "fetch":
            _fetch()
            return
        if way == "library":
            _fetch_any()
            return
        source = _sent() if way == "send" else _named()
        if source is None:
            st.caption(
                "Understood are the reference’s own files (res50_cam.pth, the network and recam_predictor of ReCAM, the IRN "
                "network), torchvision and timm classifiers, and model files of this project. What belongs together is given "
                "together. Files are read as plain tensors: nothing in them is run."
            )
            return
        recognised = _recognised(source, name_architecture(ARCHITECTURE, form_key("architecture")))
        if recognised is None:
            return
        answers = ask_about(source.stem, source.names, recognised)
        if answers is not None and st.button(
            "Import", type="primary", icon=":material/add:", key=form_key("go"), disabled=not answers.name
        ):
            with (
                _in_a_sentence(),
                st.spinner("Reading and checking the weights …", show_time=True),
                source.on_disk() as paths,
            ):
                make_model(paths, answers)


def _sent() -> Source | None:
    files = st.file_uploader(
        f"One file, or several that belong together, at most {LIMIT} MB each",
        accept_multiple_files=True,  # of any type, because what is refused is refused in a sentence of ours
        max_upload_size=LIMIT,
        key=form_key("files"),
    )
    if not files:
        return None
    return Source(tuple(file.file_id for file in files), sent=tuple(files))


def _named() -> Source | None:
    roots = data_roots()
    where = f"Inside of {' or '.join(map(str, roots))}. " if roots else ""
    text = st.text_area(
        "Path of the file on this server",
        key=form_key("paths"),
        height=68,
        help=f"{where}Several that belong together: one a line.",
        placeholder="/data/weights/res50_cam.pth",
    )
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        paths = tuple(allowed_file(line) for line in lines)
        stamp = tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths)
    except (UserError, OSError) as error:
        st.error(plain(str(error)), icon=":material/block:")
        return None
    return Source(stamp, paths=paths) if paths else None


def _recognised(source: Source, backbone: str) -> tuple[Recognised, ...] | None:
    """What each file is, in words on the page; looked at once, and None where one is refused.

    ``backbone`` is the library's classifier that was named, or "".
    """
    stamp, recognised, refusals = st.session_state.get(RECOGNITION, (None, (), []))
    if stamp != (*source.stamp, backbone):
        try:
            with st.spinner("Looking at the file …", show_time=True), source.on_disk() as paths:
                recognised, refusals = _look(paths, backbone)
        except UserError as error:  # there is no place to write what was sent
            recognised, refusals = (), [str(error)]
        st.session_state[RECOGNITION] = ((*source.stamp, backbone), recognised, refusals)
    for refusal in refusals:
        st.error(plain(refusal), icon=":material/block:")
    if refusals:
        return None
    for name, one in zip(source.names, recognised, strict=True):
        st.success(f"**{plain(name)}** is {plain(one.words)}", icon=":material/check:")
    return recognised


def _look(paths: list[Path], backbone: str) -> tuple[tuple[Recognised, ...], list[str]]:
    """What the files are, and why each of the others is refused."""
    recognised, refusals = [], []
    for path in paths:
        try:
            recognised.append(recognise(path, backbone=backbone))
        except UserError as error:
            refusals.append(str(error))
    return tuple(recognised), refusals


def _fetch() -> None:
    st.caption(
        "Downloads torchvision’s ResNet-50 that was trained on ImageNet (98 MB, from download.pytorch.org) and makes a "
        "classifier of 1,000 classes of it, with softmax probabilities. It has CAM only: FC2 can be trained on it. "
        f"Offline, take the file {IMAGENET_FILE} from another computer and choose “{WAYS['send']}”."
    )
    name = st.text_input("Name", "imagenet-resnet50", key=form_key("fetch-name"), max_chars=60)
    if not st.button("Fetch ImageNet weights of ResNet-50 (98 MB)", icon=":material/download:", key=form_key("fetch")):
        return
    with _in_a_sentence(), arriving() as folder:
        bar = st.progress(0.0, "Connecting …")

        def say(done: int, total: int) -> None:
            bar.progress(min(1.0, done / max(total, done, 1)), f"{done >> 20} of {total >> 20} MB")

        try:
            path = fetch_imagenet(folder, say)
        except UserError:
            bar.empty()
            raise
        bar.progress(1.0, "Reading and checking the weights …")
        answers = answers_for_fetched(name)
        make_model([path], answers)


def _fetch_any() -> None:
    st.caption(
        "Takes a classifier with the weights that its library publishes. Its input (size, mean, std) is that of the weights, and "
        "its probabilities are the library’s own. It has CAM only: FC2 can be trained on it. Offline, give a file of its weights "
        f"and name the architecture: “{WAYS['send']}”."
    )
    backbone = name_architecture("Classifier", form_key("library"))
    if note := stride_note(backbone):
        st.caption(f"It is {note}.")
    if not backbone:
        return
    name = st.text_input(
        "Name under Models", free_name(backbone), key=form_key(f"library-name-{backbone}"), max_chars=60
    )
    if st.button("Fetch its weights and import", icon=":material/download:", key=form_key("fetch-any")):
        with _in_a_sentence(), st.spinner("Fetching, reading and checking the weights …", show_time=True):
            make_model([], Answers(name.strip(), backbone=backbone))


@contextlib.contextmanager
def _in_a_sentence() -> Iterator[None]:
    """A refusal is a sentence on the page."""
    try:
        yield
    except UserError as error:
        st.error(plain(re.sub(r"\s+", " ", str(error))), icon=":material/block:")
