"""Model pairs as files: safetensors with a JSON header, written whole or not at all, and the shelf they stand on."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from recam_core.files import save_atomically
from recam_core.model import ModelPair, build_pair
from recam_core.records import READOUTS, UserError

FORMAT = "recam-studio-pair-1"
HEADER = {"name": str, "classes": list, "backbone": str, "card": dict}
SHELF = Path(__file__).parent.parent / "assets" / "models"


def save_pair(pair: ModelPair, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write both networks and the card; floating-point tensors are stored as ``dtype``."""
    tensors: dict[str, Tensor] = {}
    for stage, model in (("cam", pair.cam), ("recam", pair.recam)):
        for name, value in model.state_dict().items():
            value = value.detach().cpu()
            if not torch.isfinite(value).all():
                raise UserError(f"{stage}.{name} has values that are not finite; {path.name} is not written.")
            tensors[f"{stage}.{name}"] = (value.to(dtype) if value.is_floating_point() else value).contiguous()
    header = {
        "format": FORMAT,
        "name": pair.name,
        "classes": pair.classes,
        "backbone": pair.backbone,
        "readouts": READOUTS,
        "card": pair.card,
    }
    save_atomically(path, save(tensors, {"pair": json.dumps(header, ensure_ascii=False)}))


def update_card(path: Path, changes: Mapping[str, Any]) -> None:
    """Change entries of a stored pair's card; the weights stay bit for bit what they are."""
    header = read_header(path)
    header["card"] = header["card"] | changes
    save_atomically(path, save(load(path.read_bytes()), {"pair": json.dumps(header, ensure_ascii=False)}))


def read_header(path: Path) -> dict[str, Any]:
    """Classes, backbone, readouts and card of a stored pair, without reading its weights."""
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
    return header


def load_pair(name_or_path: str | Path, device: str | torch.device = "cpu") -> ModelPair:
    """A pair from the shelf by name, or from a file, in evaluation mode and float32, without parameter gradients."""
    path = find_model(name_or_path)
    header = read_header(path)
    data = path.read_bytes()
    pair = build_pair(header["name"], header["backbone"], header["classes"], header["card"])
    stored = load(data)
    foreign = [name for name in stored if not name.startswith(("cam.", "recam."))]
    if foreign:
        raise UserError(f"{path.name} does not fit its own header: {min(foreign)} is not expected.")
    for stage, model in (("cam", pair.cam), ("recam", pair.recam)):
        own = {name.removeprefix(f"{stage}."): value for name, value in stored.items() if name.startswith(f"{stage}.")}
        check_tensors(path.name, own, model.state_dict())
        model.load_state_dict(own)
        model.to(device).eval().requires_grad_(False)
    return ModelPair(
        pair.name, pair.classes, pair.backbone, pair.cam, pair.recam, pair.card, hashlib.sha256(data).hexdigest()
    )


def check_tensors(file: str, stored: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are missing, unexpected, of another shape or not finite, by name."""
    faults = [f"{name} is missing" for name in wanted.keys() - stored.keys()]
    faults += [f"{name} is not expected" for name in stored.keys() - wanted.keys()]
    for name in wanted.keys() & stored.keys():
        if stored[name].shape != wanted[name].shape:
            faults.append(f"{name} is {tuple(stored[name].shape)}, expected {tuple(wanted[name].shape)}")
        elif not torch.isfinite(stored[name].float()).all():
            faults.append(f"{name} has values that are not finite")
    if faults:
        shown = "; ".join(sorted(faults)[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise UserError(f"{file} does not fit its own header: {shown}.")


def known_models() -> dict[str, Path]:
    """Names and files of the bundled models and of those in ``RECAM_MODELS``, a folder of the person's own."""
    folders = [SHELF] + ([Path(os.environ["RECAM_MODELS"])] if os.environ.get("RECAM_MODELS") else [])
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.safetensors"))}


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
