"""Model pairs as files: safetensors with a JSON header, written whole or not at all, and the shelf they stand on."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from recam_core.files import save_atomically
from recam_core.model import CamModel, ModelPair, build_branches, build_edge_network, build_pair
from recam_core.records import ACTIVATIONS, CAM, READOUTS, RECAM_READOUTS, UserError
from recam_core.tensors import listed, tensor_faults

FORMAT = "recam-studio-pair-1"
HEADER = {"name": str, "classes": list, "backbone": str, "card": dict}
SHELF = Path(__file__).parent.parent / "assets" / "models"


def save_pair(pair: ModelPair, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the networks, the boundary branches if there are any, and the card; floating-point tensors as ``dtype``.

    One network that stands for both is written once, under the name of its head.
    """
    tensors: dict[str, Tensor] = {}
    for stage, part in _parts(pair).items():
        for name, value in part.state_dict().items():
            value = value.detach().cpu()
            value = value.to(dtype) if value.is_floating_point() else value
            if not torch.isfinite(value).all():  # also what half precision cannot hold
                raise UserError(f"{stage}.{name} has values that are not finite; {path.name} is not written.")
            tensors[f"{stage}.{name}"] = value.contiguous()
    header = {
        "format": FORMAT,
        "name": pair.name,
        "classes": pair.classes,
        "backbone": pair.backbone,
        "readouts": pair.readouts,
        "heads": {stage: network.head.settings for stage, network in _classifiers(pair).items()},
        **({} if pair.edge_network is None else {"edges": pair.edge_backbone}),
        "card": pair.card,
    }
    save_atomically(path, save(tensors, {"pair": json.dumps(header, ensure_ascii=False)}))


def update_card(path: Path, changes: Mapping[str, Any]) -> None:
    """Change entries of a stored pair's card; the weights stay bit for bit what they are."""
    header = read_header(path)
    header["card"] = header["card"] | changes
    save_atomically(path, save(load(path.read_bytes()), {"pair": json.dumps(header, ensure_ascii=False)}))


def copy_pair(path: Path, to: Path, name: str) -> None:
    """Write a stored pair to another file under another name; the weights stay bit for bit what they are."""
    header = read_header(path) | {"name": name}
    save_atomically(to, save(load(path.read_bytes()), {"pair": json.dumps(header, ensure_ascii=False)}))


def read_header(path: Path) -> dict[str, Any]:
    """Classes, backbone, readouts, heads and card of a stored pair, without reading its weights.

    "readouts" are those that the model really has; "heads" their settings, ours where an older file does not say.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("pair", "null"))
    except FileNotFoundError as error:
        raise UserError(
            f"There is no model file {path.name}; known models: {', '.join(known_models()) or 'none'}."
        ) from error
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path.name} is not a readable safetensors file: {error}.") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise UserError(
            f"{path.name} holds tensors but not a model pair of this project (header 'pair' with format {FORMAT}); "
            "train one with python -m recam_core train, which writes such a file."
        )
    absent = [key for key, kind in HEADER.items() if not isinstance(header.get(key), kind)]
    if absent:
        raise UserError(
            f"The header of {path.name} has no usable {', '.join(absent)}; the file is damaged or not ours."
        )
    header.setdefault("readouts", list(READOUTS))
    header.setdefault("heads", {})
    if not _usable_heads(header["readouts"], header["heads"]):
        raise UserError(f"The header of {path.name} has no usable readouts or heads; the file is damaged or not ours.")
    return header


def load_pair(name_or_path: str | Path, device: str | torch.device = "cpu") -> ModelPair:
    """A pair from the shelf by name, or from a file, in evaluation mode and float32, without parameter gradients."""
    path = find_model(name_or_path)
    header = read_header(path)
    data = path.read_bytes()
    pair = build_pair(
        header["name"], header["backbone"], header["classes"], header["card"], header["readouts"], header["heads"]
    )
    stored = load(data)
    if any(name.startswith("boundary.") for name in stored):  # files without branches are as good as any
        if own := header.get("edges"):
            pair = replace(pair, edge_network=build_edge_network(own), edge_backbone=own)
        pair = replace(pair, boundary=build_branches(pair.edges))
    parts = _parts(pair)
    foreign = [name for name in stored if name.split(".")[0] not in parts]
    if foreign:
        raise UserError(f"{path.name} does not fit its own header: {min(foreign)} is not expected.")
    for stage, part in parts.items():
        own = {name.removeprefix(f"{stage}."): value for name, value in stored.items() if name.startswith(f"{stage}.")}
        if faults := tensor_faults(own, part.state_dict()):
            raise UserError(f"{path.name} does not fit its own header: {listed(faults)}.")
        part.load_state_dict(own)
        try:
            part.to(device).eval().requires_grad_(False)
        except torch.OutOfMemoryError as error:
            raise UserError(f"The memory of {device} does not hold {path.name}; free some, or use the CPU.") from error
    return replace(pair, sha256=hashlib.sha256(data).hexdigest())


def _parts(pair: ModelPair) -> dict[str, nn.Module]:
    """What a file holds, by the first word of its tensors' names."""
    parts: dict[str, nn.Module | None] = {**_classifiers(pair), "boundary": pair.boundary, "edges": pair.edge_network}
    return {name: part for name, part in parts.items() if part is not None}


def _classifiers(pair: ModelPair) -> dict[str, CamModel]:
    """Both networks, or the one that stands for both under the name of its head."""
    if pair.cam is not pair.recam:
        return {"cam": pair.cam, "recam": pair.recam}
    return {CAM if pair.readouts == (CAM,) else "recam": pair.recam}


def _usable_heads(readouts: Any, heads: Any) -> bool:
    return (
        readouts in ([CAM], list(RECAM_READOUTS), list(READOUTS))
        and isinstance(heads, dict)
        and all(
            isinstance(head, dict)
            and head.keys() == {"bias", "activation"}
            and isinstance(head["bias"], bool)
            and head["activation"] in list(ACTIVATIONS)
            for head in heads.values()
        )
    )


def known_models() -> dict[str, Path]:
    """Names and files of the bundled models and of those in ``RECAM_MODELS``, a folder of files or run folders.

    A model of one's own that has the name of a bundled one is found as ``own-NAME``.
    """
    models = {path.stem: path for path in sorted(SHELF.glob("*.safetensors"))}
    if folder := os.environ.get("RECAM_MODELS"):
        own = {path.stem: path for path in sorted(Path(folder).glob("*.safetensors"))}
        own |= {path.parent.name: path for path in sorted(Path(folder).glob("*/model.safetensors"))}
        models |= {f"own-{name}" if name in models else name: path for name, path in own.items()}
    return models


def find_model(name_or_path: str | Path) -> Path:
    """The file of a model named on the shelf, or the given path; a run folder stands for its ``model.safetensors``."""
    known = known_models()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = Path(name_or_path)
    if path.is_dir():
        path /= "model.safetensors"
    if not path.is_file():
        raise UserError(
            f"There is no model {str(name_or_path)!r}: neither a name on the shelf ({', '.join(known) or 'empty'}) "
            "nor a file or run folder."
        )
    return path
