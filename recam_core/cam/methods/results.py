"""Maps of a method, of the same network, picture, scales and mirror image as those of readouts."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from recam_core.cam.methods import MethodMap, method_map
from recam_core.cam.methods.views import Classifier, Views
from recam_core.cam.pipeline import read_out
from recam_core.networks.memory_fallback import with_room
from recam_core.networks.model import CamModel
from recam_core.networks.pair import ModelPair
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM, CamResult, Evidence, UserError


def method_results(
    evidence: Evidence, pair: ModelPair, names: Sequence[str], classes: Sequence[str]
) -> list[CamResult]:
    """Heatmaps of some classes of a picture that was looked at already, one result a method's map.

    ``names`` are rows of ``METHODS``, behind @ with a network and a layer where those are not the last features of stage 2:
    "layercam@cam.blocks.0". Raises ``UserError`` where a method does not apply to the model.
    """
    return [read_out(method_evidence(evidence, pair, name, classes), name, classes) for name in names]


def method_evidence(evidence: Evidence, pair: ModelPair, name: str, classes: Sequence[str]) -> Evidence:
    """The maps of one method at the grid of its layer, of some classes alone, with the scores of ``evidence``.

    As for readouts, maps of picture and mirror image are added, and so are those of the scales. In float32 also on a
    graphics card: powers of gradients do not fit a half.
    """
    wanted, ids, start = method_map(name), pair.class_ids(classes), time.perf_counter()
    model, options = _network(pair, wanted), evidence.options
    maps: list[np.ndarray] = []
    notes: list[str] = []
    for scale in options.scales:
        scale_maps, shortage = with_room(model, partial(_maps, wanted=wanted, evidence=evidence, scale=scale, ids=ids))
        maps.append(scale_maps.cpu().numpy())
        notes += [f"{wanted.label}, scale {scale:g}: {shortage}."] if shortage else []
    if not all(np.isfinite(values).all() for values in maps):
        raise UserError(
            f"{wanted.label} gives values that are not finite for this picture; choose another layer or method."
        )
    return replace(
        evidence,
        options=replace(options, stretch=options.stretch or getattr(model.backbone, "stretches", False)),
        classes=tuple(classes),
        scores=evidence.scores[ids],
        scale_maps={name: tuple(maps)},
        seconds=time.perf_counter() - start,
        notes=tuple(notes),
    )


def network_of(pair: ModelPair, name: str) -> CamModel:
    """The network that a map is of, whether it is a readout's or a method's."""
    return pair.network(name) if name in READOUTS else _network(pair, method_map(name))


def _network(pair: ModelPair, wanted: MethodMap) -> CamModel:
    if wanted.network == CAM and CAM not in pair.network_names:
        raise UserError(
            f"The model {pair.name} has no network trained with BCE alone, so there is no {wanted.name}; "
            f"ask for {wanted.method.name}."
        )
    return pair.cam if wanted.network == CAM else pair.recam


def _maps(
    model: CamModel, together: bool, wanted: MethodMap, evidence: Evidence, scale: float, ids: Sequence[int]
) -> Tensor:
    """Maps (n, h, w) of one scale, those of the mirror image turned back and added."""
    with torch.inference_mode(False), torch.no_grad():
        x = model.preprocess(evidence.picture, scale)
        views = [x, x.flip(-1)] if evidence.options.flip else [x]
        classifier = Classifier(model, wanted.layer)
        batches = [torch.cat(views)] if together else views
        count = len(evidence.classes)
        parts = torch.cat([wanted.method.maps(Views(model, classifier, b, ids, count)).detach() for b in batches])
    return parts[0] + parts[1].flip(-1) if evidence.options.flip else parts[0]


def method_gap(pair: ModelPair, name: str) -> str:
    """What a model lacks for a method, or an empty string."""
    wanted = method_map(name)
    if wanted.network == CAM and CAM not in pair.network_names:
        return "no network trained with BCE alone"
    if wanted.method.name == "lpcam" and not pair.readouts:
        return "no features that CAM applies to"
    if wanted.method.name == "lpcam" and _network(pair, wanted).prototypes is None:
        return "no local prototypes"
    if wanted.method.name == "finercam" and len(pair.classes) < 2:
        return "no other class to compare with"
    return ""


def method_passes(pair: ModelPair, name: str, classes: int, views: int) -> int:
    """How many times a method runs its network over a picture at one size, for so many classes and views.

    Of a slow one as many times a view and class as its layer has channels, which a tiny picture tells. ``UserError`` where the
    model has no such network or layer.
    """
    wanted = method_map(name)
    classifier = Classifier(_network(pair, wanted), wanted.layer)
    if not wanted.method.slow:
        return views
    widths: list[int] = []
    classifier.layer.register_forward_hook(lambda layer, given, features: widths.append(features.shape[1]))
    with torch.no_grad():
        classifier(torch.zeros(1, 3, 64, 64, device=pair.recam.device))
    return views * (1 + classes * (1 + widths[-1]))
