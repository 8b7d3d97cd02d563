"""The two networks that a training begins with: random, from ImageNet, or stage 1 from a model that is there."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recam_core.checkpoints.importers import CLASS_LISTS, import_checkpoint, recognise
from recam_core.checkpoints.pair_file import load_pair
from recam_core.networks.backbones.adapted import anatomy_of
from recam_core.networks.initial_weights import imagenet_counterparts, imagenet_rows, rows_of
from recam_core.networks.model import CamModel, build_model
from recam_core.networks.pair import ModelPair
from recam_core.records import TrainConfig, UserError, is_library_name


def starting_networks(
    config: TrainConfig, classes: Sequence[str], device: torch.device, heads: Mapping[str, Mapping[str, Any]] | None
) -> tuple[CamModel, CamModel]:
    """The networks of both stages on the device; which weights they start with follows from the seed.

    ``heads`` are the settings of their heads in a checkpoint that is gone on from: its weights come later, and where they
    first came from need not be there any more. Raises ``UserError`` for an output stride that the backbone cannot be trained
    at.
    """
    given = _stage1(config, classes, device) if config.stage1 and heads is None else None
    settings = dict(given.cam.head.settings) if given is not None else {}  # a bias, another activation
    settings = dict(heads["cam"]) if heads is not None else settings
    torch.manual_seed(config.seed)
    weights = "none" if heads is not None or given is not None else config.weights
    cam = build_model(config.backbone, "cam", len(classes), weights, **settings)
    if given is not None:
        cam.load_state_dict(_stage1_weights(given, config, classes, set(cam.state_dict())))
    elif config.fc1_start == "imagenet" and heads is None and imagenet_counterparts(classes):
        _start_fc1(cam, imagenet_rows(classes), config)
    if config.stage2_fc1_rate or config.stage2_backbone_rate:
        settings.pop("activation", None)  # stage 2 teaches FC1 with BCE, so its scores are sigmoids whatever they were
    recam = build_model(
        config.backbone,
        "recam",
        len(classes),
        recam_weight=config.recam_weight,
        mask_gradient=config.mask_gradient,
        objective=config.objective,
        **settings,
    )
    if config.training_stride and config.training_stride not in cam.backbone.training_strides:
        strides = " or ".join(map(str, cam.backbone.training_strides)) or "its own alone"
        raise UserError(
            f"The backbone {config.backbone} can be trained at output stride {strides}; training_stride is "
            f"{config.training_stride}. Set it to 0 for the stride that maps are read out at."
        )
    return cam.to(device), recam.to(device)


def _stage1(config: TrainConfig, classes: Sequence[str], device: torch.device) -> ModelPair:
    """A model that is there, or a library's classifier with its published weights, or those of the file in ``weights``."""
    if not is_library_name(config.stage1):
        pair = load_pair(config.stage1, device)
        pair.check_readouts([pair.default_readout])
        return pair
    anatomy_of(config.stage1)  # what CAM does not suit need not be fetched
    if config.weights in ("none", "imagenet"):
        pair = import_checkpoint([], config.stage1, backbone=config.stage1, activation="softmax")
    else:
        count = recognise(Path(config.weights), backbone=config.stage1).classes
        names = None if count == len(CLASS_LISTS["ImageNet"]()) else classes
        pair = import_checkpoint(
            [Path(config.weights)], config.stage1, class_names=names, backbone=config.stage1, activation="softmax"
        )
    for network in pair.networks:
        network.to(device)
    return pair


def _start_fc1(cam: CamModel, rows: Tensor, config: TrainConfig) -> None:
    weight = cam.head.weights["w"]
    if rows.shape != weight.shape:
        raise UserError(
            f"ImageNet's classifier rows have {rows.shape[1]} channels and fit efficientnet_lite0 only; "
            f"{config.backbone} has {weight.shape[1]}. Use --fc1-start default."
        )
    with torch.no_grad():
        weight.copy_(rows)


def _stage1_weights(
    given: ModelPair, config: TrainConfig, classes: Sequence[str], wanted: Collection[str]
) -> dict[str, Tensor]:
    """The stage-1 network of a model; of its classifier the rows of the classes of this run, by their names.

    Of a library's classifier of ImageNet those that mean a class, their mean.
    """
    lacking = [name for name in classes if name not in given.classes]
    by_meaning = bool(lacking) and is_library_name(config.stage1) and given.classes == CLASS_LISTS["ImageNet"]()
    if by_meaning:
        lacking = [name for name in classes if name not in imagenet_counterparts(classes)]
    if lacking or given.backbone != config.backbone:
        raise UserError(
            f"Stage 1 of {given.name} ({given.backbone}, {len(given.classes)} classes) does not fit this run "
            f"({config.backbone}, {len(classes)} classes): the backbone must be the same, and it must know every class"
            + (f"; it lacks {', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}." if lacking else ".")
        )
    state = {name: value for name, value in given.cam.state_dict().items() if name in wanted}
    rows = [] if by_meaning else given.class_ids(classes)
    own = {n: rows_of(classes, v) if by_meaning else v[rows] for n, v in state.items() if n.startswith("head.")}
    return state | own


def stage2_weights(cam: CamModel, recam: CamModel, how: str) -> dict[str, Tensor]:
    """What stage 2 starts from: all of stage 1; what its head has more, as `fc2_start` says."""
    head = recam.head.continued(cam.head.state_dict(), how)
    return dict(cam.state_dict()) | {f"head.{name}": value for name, value in head.items()}
