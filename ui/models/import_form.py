"""What a file does not say and a person must: name, class names, stride, how scores become probabilities."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from recam_core import BACKBONES, UserError, known_models
from recam_core.checkpoints.importers import (
    CLASS_LISTS,
    EDGES,
    NETWORK,
    SECOND,
    WHOLE,
    Recognised,
    certain_list,
    parse_class_names,
    store_import,
    stride_note,
)
from recam_core.checkpoints.registry import model_entries, model_entry, place_for
from recam_core.networks.backbones import strides_of
from recam_core.records import is_library_name
from ui.models.state import form_key, next_form, say_next
from ui.models.words import missing_words
from ui.widgets.escaping import plain
from ui.widgets.model_choice import entry_words

OWN = "other names"
STRIDES = {16: "16 (as the reference)", 8: "8 (finer maps, four times the work)"}
ACTIVATIONS = {"sigmoid": "sigmoid: every class by itself", "softmax": "softmax: the classes share 100 %"}


@dataclass(frozen=True)
class Answers:
    """How a model is made of files: what ``store_import`` is told."""

    name: str
    class_names: tuple[str, ...] | None = None
    backbone: str = ""
    activation: str = ""
    onto: str = ""
    order: tuple[int, ...] = ()  # of the files, where it matters: stage 1 before stage 2
    average: bool = True  # of a network and its moving average the latter


def ask_about(stem: str, files: Sequence[str], recognised: Sequence[Recognised]) -> Answers | None:
    """Ask what the files (their names, and what each is) do not say; None as long as an answer is missing."""
    parts = [one.row.part for one in recognised]
    name = st.text_input("Name under Models", free_name(stem), key=form_key("name"), max_chars=60).strip()
    if WHOLE in parts:
        return Answers(name)
    order = _choose_order(files, parts)
    _say_what_is_missing(parts)
    onto = _choose_onto(parts)
    if set(parts) == {EDGES}:
        return Answers(name, onto=onto) if onto else None
    main = next((one for one in recognised if one.row.part == NETWORK), recognised[0])
    classes = _choose_classes(main)
    if classes is None:
        return None
    backbone = main.backbone if is_library_name(main.backbone) else _choose_stride(main.backbone)
    if not main.row.reference and (note := stride_note(backbone)):
        st.caption(f"It is {note}.")
    activation = "" if main.row.reference else _choose_activation(main)
    average = not any(one.both for one in recognised) or _choose_average()
    return Answers(name, classes, backbone, activation, onto, order, average)


def answers_for_fetched(name: str) -> Answers:
    """Torchvision's ImageNet classifier under a name."""
    return Answers(name.strip(), backbone="resnet50_s16", activation="softmax")


def make_model(paths: Sequence[Path], answers: Answers) -> None:
    """Import the files, and draw the page again with the new card on top."""
    store_import(
        [paths[i] for i in answers.order] if answers.order else paths,
        place_for(answers.name),
        answers.name,
        class_names=answers.class_names,
        backbone=answers.backbone,
        activation=answers.activation,
        onto=answers.onto,
        average=answers.average,
    )
    entry = model_entry(answers.name)
    next_form()
    lacking = missing_words(entry.networks)
    say_next(f"**{plain(entry.name)}** is listed under Models. {lacking}".strip(), entry.name)


def free_name(stem: str) -> str:
    """A name for a model, made of a file's name, that no other model has."""
    plain_stem = re.sub(r"[^\w.-]+", "-", stem).strip("-._")[:50] or "model"
    taken = known_models()
    return next(name for name in (plain_stem, *(f"{plain_stem}-{n}" for n in range(2, 10_000))) if name not in taken)


def _choose_average() -> bool:
    return st.toggle(
        "Take the moving average",
        True,
        key=form_key("average"),
        help="The file holds the weights and their moving average over the training (EMA), which usually is the better one.",
    )


def _choose_order(files: Sequence[str], parts: Sequence[str]) -> tuple[int, ...]:
    """Positions of the files, the stage-1 network first; only somebody who knows them can tell two networks apart."""
    networks = [i for i, part in enumerate(parts) if part == NETWORK]
    if len(networks) < 2:
        return ()
    first = st.selectbox(
        "Which network was trained with BCE alone?",
        networks,
        format_func=lambda i: files[i],
        key=form_key("first"),
        help="CAM is read out of it. The other one is the network that ReCAM trained on, with FC2.",
    )
    return tuple(sorted(range(len(files)), key=lambda i: i != first))


def _choose_stride(backbone: str) -> str:
    """The same backbone at the stride that was chosen; "" where it has one alone."""
    names = strides_of(backbone)
    if len(names) < 2:
        return ""
    return st.segmented_control(
        "Output stride",
        names,
        format_func=lambda name: STRIDES.get(BACKBONES[name].stride, str(BACKBONES[name].stride)),
        default=backbone,
        required=True,
        key=form_key("stride"),
        help="How fine the maps are. The weights are the same for both; the reference looks at stride 16.",
    )


def _choose_activation(recognised: Recognised) -> str:
    chosen = st.segmented_control(
        "Scores become probabilities by",
        list(ACTIVATIONS),
        format_func=ACTIVATIONS.__getitem__,
        default="softmax" if recognised.softmax else "sigmoid",
        required=True,
        key=form_key("activation"),
        help="As it was trained: one label a picture needs softmax, several need sigmoid. Maps do not depend on it.",
    )
    return str(chosen)


def _choose_classes(recognised: Recognised) -> tuple[str, ...] | None:
    """Names of the classes; None as long as they are missing."""
    count = recognised.classes
    if known := next((name for name, names in CLASS_LISTS.items() if len(names()) == count), ""):
        words = f"the {count:,} of {known}"
        which = st.segmented_control(
            f"Names of the {count:,} classes",
            [words, OWN],
            default=words if known == certain_list(count, recognised.row.reference) else None,
            key=form_key("classes-of"),
        )
        if which is None:
            st.caption("Say which classes they are.")
            return None
        if which == words:
            return CLASS_LISTS[known]()
    text = st.text_area(
        f"Names of the {count:,} classes, one a line, in the order of the classifier",
        key=form_key("classes"),
        height=140,
    )
    file = st.file_uploader("… or a text file with them", type=["txt"], max_upload_size=1, key=form_key("class-file"))
    if file is not None:
        text = file.getvalue().decode("utf-8", errors="replace")
    try:
        names: tuple[str, ...] = parse_class_names(text)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/block:")
        return None
    if len(names) != count:
        st.caption(f"{len(names):,} of {count:,} names are given.")
        return None
    return names


def _choose_onto(parts: Sequence[str]) -> str:
    """The model that the files are added to, "" for none: an IRN network needs one, and FC2 with its network may complete one."""
    needed = set(parts) == {EDGES}
    readable = [entry for entry in model_entries() if not entry.fault]
    fits = {entry.name: entry_words(entry) for entry in readable if needed or missing_words(entry.networks)}
    if not fits:
        return ""
    chosen = st.selectbox(
        "Boundaries for the walk of which model?" if needed else "Add to a listed model",
        list(fits),
        index=None,
        format_func=fits.__getitem__,
        placeholder="choose a model" if needed else "no: a model of its own",
        key=form_key("onto"),
        help="An IRN network finds boundaries and knows no classes. A copy of the model gets them; they keep their own backbone."
        if needed
        else "For a model that has the other stage only, with the same backbone and classes. A copy of it gets what is imported.",
    )
    if needed and not chosen:
        st.caption("An IRN network alone has no classifier: choose the model that gets its boundaries.")
    return str(chosen or "")


def _say_what_is_missing(parts: Sequence[str]) -> None:
    if NETWORK in parts:
        if SECOND not in parts:
            st.caption(missing_words(("cam",)))
        elif parts.count(NETWORK) == 1:
            st.caption(missing_words(("recam",)))
    elif SECOND in parts:
        st.caption("This is FC2 alone: add the file of the network that was trained with it.")
