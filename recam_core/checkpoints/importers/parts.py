"""One file from elsewhere → one part of a model: a network, FC2, or boundary branches with their backbone."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recam_core.checkpoints.importers.classes import names_for
from recam_core.checkpoints.importers.classifiers import (
    HIDDEN,
    KNOWN,
    find_classifier,
    layout_of,
)
from recam_core.checkpoints.importers.kinds import Recognised, recognise_weights
from recam_core.checkpoints.importers.official import FC1, flat, irn_network
from recam_core.networks.backbones import strides_of
from recam_core.networks.backbones.adapted import take_apart
from recam_core.networks.backbones.libraries import (
    build_classifier,
    class_names_of,
    fetch_classifier,
    parse_name,
)
from recam_core.networks.backbones.whole import Outline, structure_of, take_whole
from recam_core.networks.heads import VECTOR
from recam_core.networks.heads.recam import with_second
from recam_core.networks.model import CamModel, build_branches, build_edge_network, build_model, unfilled
from recam_core.networks.pair import ModelPair
from recam_core.networks.tensor_check import listed, tensor_faults
from recam_core.records import ACTIVATIONS, CAM, UserError, is_library_name
from recam_core.system.tensor_files import read_weights, unprefixed

NOISE = 96  # side of the picture of noise that an imported classifier is tried on
SAME = 1e-4  # of probabilities
COUNTER = "num_batches_tracked"  # of batch normalisation: nothing depends on it, and old files lack it


@dataclass(frozen=True, eq=False)
class Source:
    """A file as it was read: what it is, its tensors under their own names, its hash."""

    name: str
    recognised: Recognised
    state: Mapping[str, Tensor]
    sha256: str
    classes: tuple[str, ...] | None = None  # where their names are known


@dataclass(frozen=True, eq=False)
class Network:
    """A classifier of one file with what a pair must know about it."""

    model: CamModel
    backbone: str
    classes: tuple[str, ...]
    file: str


def read_source(path: Path, average: bool = True, backbone: str = "") -> Source:
    """Read a file and tell what it is; of a network and its moving average the latter, if ``average``.

    ``backbone`` may name the library's architecture that it holds.
    """
    path = Path(path)
    weights = read_weights(path, average)
    recognised = recognise_weights(weights, path.name, average, backbone)
    state = unprefixed(weights.tensors)
    layout = layout_of(backbone) if is_library_name(backbone) else KNOWN
    if not recognised.row.reference and (classifier := find_classifier(state, path.name, average, layout)):
        state = classifier.state
    return Source(path.name, recognised, state, hashlib.sha256(path.read_bytes()).hexdigest())


def fetched_source(backbone: str) -> Source:
    """A library's classifier with its published weights, as if it had been read from a file; its classes are the library's."""
    name = parse_name(backbone)
    layout_of(backbone)  # what no method suits need not be fetched
    state = fetch_classifier(name).state_dict()
    count = len(state[f"{layout_of(backbone).layer}.weight"])
    digest = hashlib.sha256(b"".join(value.detach().numpy().tobytes() for value in state.values())).hexdigest()
    words = f"{name.library}'s {name.model} with its published weights, {count} classes"
    recognised = Recognised("classifier", backbone, count, True, words)
    return Source(str(name), recognised, state, digest, class_names_of(name, count))


def build_network(source: Source, class_names: Sequence[str] | None, backbone: str, activation: str) -> Network:
    """A CAM network or a classifier as a network with head "cam"; ``backbone`` and ``activation`` may be "".

    Raises ``UserError`` where they do not fit, or leave doubt.
    """
    recognised, chosen = source.recognised, backbone or source.recognised.backbone
    fitting = [recognised.backbone]
    if not is_library_name(recognised.backbone):
        fitting = strides_of(recognised.backbone)
    if chosen not in fitting:
        raise UserError(f"{source.name} fits {' or '.join(fitting)}; got the backbone {chosen!r}.")
    if not (recognised.row.reference or activation or recognised.softmax):
        choices = "; ".join(f"{key}: {words}" for key, words in ACTIVATIONS.items())
        raise UserError(
            f"{source.name} does not say how its scores become probabilities; say so with --activation ({choices})."
        )
    named = recognised.row.network
    state = named(source.state, source.name) if named and not is_library_name(chosen) else _library_network(source)
    classes = names_for(recognised.classes, class_names or source.classes, recognised.row.reference)
    activation = activation or ("softmax" if recognised.softmax else "sigmoid")
    hidden = state.get("backbone.hidden.bias")
    whole = is_library_name(chosen) and isinstance(structure_of(chosen), Outline)
    how: dict[str, Any] = {"bias": "head.fc1_bias" in state, "activation": activation}
    if hidden is not None:
        if whole:
            raise UserError(
                f"{source.name} has a head of its own two linear layers on {chosen}, which has layers there already."
            )
        how["hidden"] = len(hidden)
        state = {_deeper(name): value for name, value in state.items()}
    with unfilled(chosen):
        model = build_model(chosen, VECTOR if whole or hidden is not None else CAM, recognised.classes, **how)
    _load(model, state, source)
    return Network(model, chosen, classes, source.name)


def _deeper(name: str) -> str:
    """Where a tensor of a network lies in one whose backbone has a hidden layer behind it."""
    inside = name.startswith("backbone.") and not name.startswith(f"backbone.{HIDDEN}.")
    return name.replace("backbone.", "backbone.trunk.", 1) if inside else name


def _library_network(source: Source) -> dict[str, Tensor]:
    """Tensors of a library's classifier under the names of a ``CamModel``, once they have given the library's own answer."""
    name = source.recognised.backbone
    outline, net = structure_of(name), build_classifier(parse_name(name), source.recognised.classes)
    own = net.state_dict()
    last = {key: value for key, value in source.state.items() if key.startswith(f"{outline.classifier}.")}
    hidden = {key: value for key, value in source.state.items() if key.startswith(f"{HIDDEN}.")}
    rest = {key: value for key, value in source.state.items() if key not in hidden}
    if hidden:  # the library's own head takes what the hidden layer is given
        rest |= {key: value for key, value in own.items() if key.startswith(f"{outline.classifier}.")}
    _load(net, rest, source)
    with torch.no_grad():
        side = outline.side or NOISE if isinstance(outline, Outline) else NOISE
        x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        answer = net(x)
        take: Callable[..., tuple[nn.Module, Tensor, Tensor | None]] = (
            take_whole if isinstance(outline, Outline) else take_apart
        )
        backbone, weight, bias = take(net, name)
        ours = F.linear(backbone.eval()(x).mean(dim=(2, 3)), weight, bias)
    if not torch.allclose(ours.softmax(dim=1), answer.softmax(dim=1), rtol=0, atol=SAME):
        raise UserError(
            f"With the weights of {source.name} averaged features do not give the answer of {source.recognised.backbone}."
        )
    if hidden:
        weight, bias = last[f"{outline.classifier}.weight"], last.get(f"{outline.classifier}.bias")
    head = {"head.fc1": weight} | ({} if bias is None else {"head.fc1_bias": bias})
    head |= {f"backbone.{key}": value for key, value in hidden.items()}
    return head | {f"backbone.{key}": value for key, value in backbone.state_dict().items()}


def with_second_classifier(network: Network, source: Source) -> CamModel:
    """The same network under ReCAM's head: its own FC1, and FC2 out of another file.

    Raises ``UserError`` for a network without features that CAM applies to.
    """
    if not network.model.readouts:
        raise UserError(
            f"{source.name} is a second classifier of features, and {network.file} has none that CAM applies to."
        )
    with unfilled(network.backbone):
        model = build_model(network.backbone, "recam", len(network.classes), **network.model.head.settings)
    state = dict(network.model.state_dict())
    head = with_second(network.model.head.state_dict(), flat(source.state[FC1]))
    _load(model, state | {f"head.{name}": value for name, value in head.items()}, source)
    return model


def with_edges(pair: ModelPair, source: Source) -> ModelPair:
    """The pair with the boundary branches of an IRN network, which look through a backbone of their own."""
    trunk, branches = irn_network(source.state)
    with unfilled(source.recognised.backbone):
        network = build_edge_network(source.recognised.backbone)
    boundary = build_branches(network)
    if faults := _faults(trunk, network) + _faults(branches, boundary):
        raise _misfit(source, faults)
    network.load_state_dict(_counted(trunk, network))
    boundary.load_state_dict(branches)
    card = {key: value for key, value in pair.card.items() if key != "walk"}  # measured with other boundaries
    card["boundary"] = {"imported": source.name}
    return replace(pair, boundary=boundary, edge_network=network, edge_backbone=source.recognised.backbone, card=card)


def _load(model: nn.Module, state: Mapping[str, Tensor], source: Source) -> None:
    if faults := _faults(state, model):
        raise _misfit(source, faults)
    model.load_state_dict(_counted(state, model))


def _faults(state: Mapping[str, Tensor], model: nn.Module) -> list[str]:
    stored, wanted = (
        {name: value for name, value in values.items() if not name.endswith(COUNTER)}
        for values in (state, model.state_dict())
    )
    return tensor_faults(stored, wanted)


def _counted(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """The state with the model's own counters of batches, which nothing depends on."""
    own = {name: value for name, value in model.state_dict().items() if name.endswith(COUNTER)}
    return {name: value for name, value in state.items() if not name.endswith(COUNTER)} | own


def _misfit(source: Source, faults: list[str]) -> UserError:
    return UserError(f"{source.name} looks like {source.recognised.words}, but does not fit: {listed(faults)}.")
