"""The settings of a training as widgets; the session holds their values, filled from a preset: no widget has its own default."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from recam_core import BACKBONES, UserError, known_models, read_header
from recam_core.records import OBJECTIVES, PRECISIONS, TrainConfig, is_library_name
from recam_core.system.folders import allowed_file
from recam_core.training.recipes import MOMENTUM_OF_THE_REFERENCE, OTHER_NETWORKS
from ui.train import words
from ui.widgets.architecture import name_architecture
from ui.widgets.escaping import plain

_PLAIN = tuple(words.NUMBERS)
_TOGGLES = ("mask_gradient", "half", "frozen_depthwise")
FIELDS = (*_PLAIN, *_TOGGLES, "backbone", "optimizer", "fc1_start", "fc2_start", "objective", "precision")
REFERENCE_MOMENTUM = "reference_momentum"
LIBRARY = "library"  # in the place of a network of ours


def key(name: str) -> str:
    """Where the session keeps a setting."""
    return f"train-f-{name}"


def fill(config: TrainConfig) -> None:
    """Put the settings of a preset or of a run into the widgets."""
    values = {name: getattr(config, name) for name in FIELDS}
    if is_library_name(config.backbone):
        values |= {"backbone": LIBRARY, LIBRARY: config.backbone}
    in_file = config.weights not in ("none", "imagenet")
    values |= {
        "weights": "file" if in_file else config.weights,
        "weights_file": config.weights if in_file else "",
        "stages": "second" if config.stage1 else "both",
        "stage1": config.stage1,
        "train_on": not config.stage1 or config.stage2_backbone_rate > 0 or config.stage2_fc1_rate > 0,
        REFERENCE_MOMENTUM: config.momentum == MOMENTUM_OF_THE_REFERENCE,
    }
    for name, value in values.items():
        st.session_state[key(name)] = value


def number(name: str) -> float | int:
    """A whole number or a rate as it was typed, with the reference's value one tap away.

    The browser knows no limits: it would keep the last number that fits without a word. ``problems.wrong`` says what cannot be.
    """
    label, help_text, step = words.NUMBERS[name]
    whole = isinstance(getattr(TrainConfig(), name), int)
    st.session_state.setdefault(key(name), getattr(TrainConfig(), name))
    value = st.number_input(
        label,
        step=int(step) if whole else float(step),
        format="%d" if whole else "%g",
        key=key(name),
        persist_state="session",
        help=f"{help_text} {words.reference(name)}",
    )
    return int(value) if whole else float(value)


def pick(name: str, label: str, choices: Mapping[str, str], help_text: str = "") -> str:
    """One of some words."""
    if st.session_state.get(key(name)) not in choices:
        st.session_state[key(name)] = next(iter(choices))
    return str(
        st.selectbox(
            label,
            list(choices),
            format_func=choices.__getitem__,
            key=key(name),
            persist_state="session",
            help=help_text or None,
        )
    )


def choose_network(base: TrainConfig) -> TrainConfig:
    """Stages, backbone and where its weights come from; ``UserError`` where that cannot be."""
    first, second, third = st.columns(3, gap="medium")
    with first:
        stages = pick(
            "stages",
            "Stages",
            words.STAGES,
            "Stage 1 trains with BCE alone and makes CAM; stage 2 goes on with BCE + λ·SCE and makes ReCAM.",
        )
    if stages == "second":
        with second:
            base = _on_a_model(base)
        _suit(base.backbone)
        return base
    with second:
        networks = {name: words.backbone(row) for name, row in BACKBONES.items()} | {LIBRARY: words.LIBRARY}
        backbone = pick("backbone", "Network", networks, words.POSITIONS)
        if backbone == LIBRARY:
            backbone = name_architecture("Its name", key(LIBRARY))
            if not backbone:
                raise UserError("Name the classifier of timm or torchvision that is to be trained.")
    with third:
        own = BACKBONES[backbone].weights if backbone in BACKBONES else tuple(words.WEIGHTS)
        offered = {name: label for name, label in words.WEIGHTS.items() if name in own}
        weights = pick("weights", "It begins with weights", offered)
        if weights == "file":
            text = st.text_input(
                "File with weights", key=key("weights_file"), persist_state="session", help="As torchvision saves them."
            )
            weights = str(allowed_file(str(text or "")))
    _suit(backbone)
    return replace(base, backbone=backbone, weights=weights, stage1="")


def _suit(backbone: str) -> None:
    """Take back what a preset says for EfficientNet-Lite0 alone, once another network is chosen."""
    if st.session_state.get(key("training_stride")) and not backbone.startswith("efficientnet"):
        st.session_state.update({key(name): value for name, value in OTHER_NETWORKS.items()})


def _on_a_model(base: TrainConfig) -> TrainConfig:
    """Stage 2 alone: FC2 is trained on a model of the list, whose classifier stays what it is unless somebody says so."""
    models = known_models()
    name = pick("stage1", "Model", {name: name for name in models}, "Its stage-1 network is taken as it is.")
    header = read_header(models[name])
    train_on = st.toggle(
        "Train its network and classifier on, too",
        key=key("train_on"),
        persist_state="session",
        help="Off: the rates of network and FC1 are 0, so that the classifier stays exactly what it is and only FC2 is learned.",
    )
    st.caption(f"{plain(name)}: {header['backbone']}, {len(header['classes'])} classes.")
    base = replace(base, backbone=header["backbone"], weights="none", stage1=name)
    return base if train_on else replace(base, stage2_backbone_rate=0.0, stage2_fc1_rate=0.0)


def choose_course(config: TrainConfig) -> dict[str, Any]:
    """How long, how much at a time, λ, sizes: as typed, by the names of the settings."""
    values: dict[str, Any] = {}
    first = ["stage1_epochs"] * (not config.stage1) + ["stage2_epochs", "batch_size", "recam_weight"]
    for names in (first, ["crop", "long_side_min", "long_side_max"]):
        for column, name in zip(st.columns(len(names), gap="medium"), names, strict=True):
            with column:
                values[name] = number(name)
    return values


def choose_rates(config: TrainConfig) -> dict[str, Any]:
    """Learning rates per group, the optimiser, where the classifiers start: as typed."""
    with st.expander("Learning rates and optimiser", icon=":material/trending_down:"):
        names = [] if config.stage1 else ["backbone_rate", "fc1_rate"]
        frozen = config.stage1 and not st.session_state.get(key("train_on"))
        names += [] if frozen else ["stage2_backbone_rate", "stage2_fc1_rate"]
        values: dict[str, Any] = {}
        for column, name in zip(st.columns(5, gap="medium"), [*names, "fc2_rate"], strict=False):
            with column:
                values[name] = number(name)
        first, second, third, fourth = st.columns(4, gap="medium")
        with first:
            values["optimizer"] = pick("optimizer", "Optimiser", words.OPTIMIZERS)
        with second:
            values["weight_decay"] = number("weight_decay")
        with third:
            values["power"] = number("power")
        with fourth:
            if values["optimizer"] == "sgd":
                values["momentum"] = _momentum()
        values |= _choose_frozen()
        first, second, third = st.columns(3, gap="medium")
        with first:
            values["fc1_start"] = pick("fc1_start", "FC1 starts", words.FC1_STARTS)
        with second:
            values["fc2_start"] = pick("fc2_start", "FC2 starts", words.FC2_STARTS)
        with third:
            values["objective"] = pick("objective", "Stage 2 learns with", OBJECTIVES)
        values["mask_gradient"] = st.toggle(
            "SCE teaches FC1 too, through the mask",
            key=key("mask_gradient"),
            persist_state="session",
            help="As published. Off: FC1 learns from BCE alone.",
        )
    return values


def _choose_frozen() -> dict[str, Any]:
    """What of the backbone stays as it began, and how finely it is trained: as typed."""
    values: dict[str, Any] = {}
    first, second, third = st.columns(3, gap="medium", vertical_alignment="bottom")
    for column, name in ((first, "frozen_parts"), (second, "training_stride")):
        with column:
            values[name] = number(name)
    with third:
        values["frozen_depthwise"] = st.toggle(
            "Depthwise kernels stay",
            key=key("frozen_depthwise"),
            persist_state="session",
            help="Their gradient is slow on a CPU, and they are a small part of the weights.",
        )
    return values


def _momentum() -> float:
    exact = st.toggle(
        "1e-4, as the reference's code really does",
        key=key(REFERENCE_MOMENTUM),
        persist_state="session",
        help=words.MOMENTUM,
    )
    if exact:
        st.caption("Momentum 0.0001")
        return MOMENTUM_OF_THE_REFERENCE
    if st.session_state.get(key("momentum")) == MOMENTUM_OF_THE_REFERENCE:
        st.session_state[key("momentum")] = TrainConfig().momentum
    return float(number("momentum"))


def choose_machine() -> dict[str, Any]:
    """What concerns the machine, and chance: as typed."""
    with st.expander("Machine and chance", icon=":material/memory:"):
        values: dict[str, Any] = {}
        left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
        with left:
            values["precision"] = pick("precision", "Precision", PRECISIONS)
        with right:
            values["half"] = st.toggle(
                "Store the model in half precision", key=key("half"), persist_state="session", help="Half the file."
            )
        names = ("accumulate", "stage2_batch_size", "workers", "prefetch", "seed")
        for column, name in zip(st.columns(len(names), gap="medium"), names, strict=True):
            with column:
                values[name] = number(name)
    return values
