"""Model pairs as files: safetensors with a JSON header, written whole or not at all, and the list of those there are."""

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from recam_core.checkpoints.cards import clean_card
from recam_core.networks.backbones import BACKBONES, library_name
from recam_core.networks.backbones.libraries import parameter_count, parse_name
from recam_core.networks.heads import HEADS, VECTOR, head_settings
from recam_core.networks.model import CamModel, build_branches, build_edge_network, unfilled
from recam_core.networks.pair import ModelPair, build_pair
from recam_core.networks.readouts import NETWORKS, READOUTS, RECAM, head_readouts
from recam_core.networks.tensor_check import listed, tensor_faults
from recam_core.records import ACTIVATIONS, CAM, UserError, is_library_name
from recam_core.system.files import save_atomically
from recam_core.system.folders import models_folder, runs_folder
from recam_core.system.project_files import ASSETS

FORMAT = "recam-studio-pair-1"
HEADER = {"name": str, "classes": list, "backbone": str, "card": dict}
MAX_CLASSES = 50_000  # ImageNet has 21,841 at the most
NAME = re.compile(r"\w[\w.-]{0,59}")  # with .safetensors at most 252 bytes, of the 255 that a file's name may have
BUNDLED_MODELS = ASSETS / "models"
OURS = {"bias": False, "activation": "sigmoid"}  # settings of a head where an older file does not say
_FOUR = ["w", "wprime", "sum", "product"]
WRITTEN: tuple[tuple[list[str], tuple[str, ...]], ...] = (
    (["cam"], (CAM,)),
    (_FOUR, (RECAM,)),
    (["cam", *_FOUR], NETWORKS),
)  # the readouts that older files name
KINDS = ("bundled", "trained", "imported")
RUN_MODEL, NAME_FILE = (
    "model.safetensors",
    "name.txt",
)  # in a run's folder: its model, and the name that a person gave it


def save_pair(pair: ModelPair, path: Path, dtype: torch.dtype = torch.float32, *, new: bool = False) -> None:
    """Write the networks, the boundary branches if there are any, and the card; floating-point tensors as ``dtype``.

    One network that stands for both is written once, under the name of its head. With ``new`` no file is replaced. Raises
    ``UserError`` for weights that are not finite, and where the disk refuses.

    ```python
    pair = dataclasses.replace(recam.load_pair("scenes"), name="mine")
    recam.save_pair(pair, Path("mine.safetensors"))
    ```
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
        "heads": {stage: head_settings(network.head) for stage, network in _classifiers(pair).items()},
        **({} if pair.edge_network is None else {"edges": pair.edge_backbone}),
        "card": pair.card,
    }
    save_atomically(path, save(tensors, {"pair": json.dumps(header, ensure_ascii=False)}), new=new)


def update_card(path: Path, changes: Mapping[str, Any]) -> None:
    """Change entries of a stored pair's card; the weights stay bit for bit what they are."""
    header = read_header(path)
    header["card"] = header["card"] | changes
    save_atomically(path, save(_tensors(path.read_bytes(), path), {"pair": json.dumps(header, ensure_ascii=False)}))


def copy_pair(path: Path, to: Path, name: str, *, new: bool = False) -> None:
    """Write a stored pair to another file under another name; the weights stay bit for bit what they are."""
    header = read_header(path) | {"name": name}
    data = save(_tensors(path.read_bytes(), path), {"pair": json.dumps(header, ensure_ascii=False)})
    save_atomically(to, data, new=new)


def model_name(name: str) -> str:
    """A name that a model may have, in files, links and commands, without the spaces around it; ``UserError`` for another."""
    name = name.strip()
    if not NAME.fullmatch(name):
        raise UserError(
            f"“{name[:60]}” cannot be a model's name: it takes letters, digits, “-”, “_” and “.”, at most 60 of them, and "
            "starts with a letter or a digit."
        )
    return name


def read_header(path: Path) -> dict[str, Any]:
    """Classes, backbone, heads and card of a stored pair, without reading its weights.

    "heads" are the settings of each network that the model really has, also where an older file does not say; of the card
    what has another form than ours is left out. Raises ``UserError`` for a file that is damaged or not ours.
    """
    header = _header_of(path)
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
    if not header["classes"] or not all(isinstance(name, str) for name in header["classes"]):
        raise UserError(f"The header of {path.name} has no usable names of classes; the file is damaged or not ours.")
    if len(header["classes"]) > MAX_CLASSES:
        raise UserError(
            f"{path.name} has {len(header['classes']):,} classes; at most {MAX_CLASSES:,} can be told apart."
        )
    heads = _heads(header.pop("readouts", None), header.get("heads", {}))
    if heads is None:
        raise UserError(f"The header of {path.name} has no usable readouts or heads; the file is damaged or not ours.")
    header["heads"] = heads
    if header.get("edges") and not _is_backbone(header["edges"]):
        raise UserError(f"The header of {path.name} has no usable edges; the file is damaged or not ours.")
    header["card"] = clean_card(header["card"])
    return header


def _is_backbone(name: Any) -> bool:
    return isinstance(name, str) and (is_library_name(name) or name in BACKBONES)


def _header_of(path: Path) -> Any:
    """What a file says under "pair", whatever that is; None where it says nothing."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise OSError("it is no file")
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("pair", "null"))
        json.dumps(header, ensure_ascii=False).encode()  # half a character would stop whoever shows or writes it
        return header
    except FileNotFoundError as error:
        raise UserError(
            f"There is no model file {path.name}; known models: {', '.join(known_models()) or 'none'}."
        ) from error
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path.name} is not a readable safetensors file: {error}.") from error


def load_pair(name_or_path: str | Path, device: str | torch.device = "cpu") -> ModelPair:
    """A pair from the list by name, or from a file, in evaluation mode and float32, without parameter gradients.

    Raises ``UserError`` where there is no such model, and for a file that is damaged or not ours.

    ```python
    pair = recam.load_pair("voc")
    pair.classes, pair.readouts  # 20 names; cam, w, wprime, sum, product
    ```
    """
    path = find_model(name_or_path)
    header = read_header(path)
    _check_rows(path, header)
    data = path.read_bytes()
    stored = _tensors(data, path)
    with unfilled(header["backbone"]):
        pair = build_pair(
            header["name"],
            header["backbone"],
            header["classes"],
            header["card"],
            list(header["heads"]),
            header["heads"],
        )
    if any(name.startswith("boundary.") for name in stored):  # files without branches are as good as any
        if own := header.get("edges"):
            with unfilled(own):
                pair = replace(pair, edge_network=build_edge_network(own), edge_backbone=own)
        pair = replace(pair, boundary=build_branches(pair.edges))
    for stage, network in _classifiers(pair).items():
        if f"{stage}.prototypes" in stored and network.readouts:
            network.prototypes = torch.zeros_like(network.classifier_weights())
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


def _tensors(data: bytes, path: Path) -> dict[str, Tensor]:
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as error:  # KeyError: a kind of number that torch does not have
        raise UserError(f"{path.name} is not a readable safetensors file: {error}.") from error


def _check_rows(path: Path, header: Mapping[str, Any]) -> None:
    """Refuse a header that names other classes than the file has rows for, before a network of its size is built."""
    wanted, faults = len(header["classes"]), []
    with safe_open(path, framework="pt") as file:
        names = file.keys()
        for part in (f"{network}.head" for network in header["heads"]):
            there = [name for name in names if name.startswith(f"{part}.")]
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in there}
            faults += [] if there else [f"{part} is missing"]
            faults += _hidden_faults(file, names, part.removesuffix(".head"), header["heads"])
            if all(shape[:1] != (wanted,) for shape in shapes.values()):
                faults += [f"{name} is {shape}, expected {wanted} rows" for name, shape in shapes.items()]
        if library := library_name(header["backbone"]):  # a header of few bytes may name the largest network of one
            numbers = sum(math.prod(file.get_slice(name).get_shape()) for name in names)
            if numbers < (least := parameter_count(parse_name(library)) // 2):
                faults.append(f"it has {numbers:,} numbers, and {header['backbone']} has more than {least:,}")
    if faults:
        raise UserError(f"{path.name} does not fit its own header: {listed(faults)}.")


def _hidden_faults(file: Any, names: Sequence[str], network: str, heads: Mapping[str, Any]) -> list[str]:
    """What is wrong with a hidden layer that a header speaks of, before one of its size is made."""
    wanted, name = heads[network].get("hidden", 0), f"{network}.backbone.hidden.weight"
    if not wanted or (name in names and file.get_slice(name).get_shape()[0] == wanted):
        return []
    return [f"{name} has not {wanted} rows"]


def _parts(pair: ModelPair) -> dict[str, nn.Module]:
    """What a file holds, by the first word of its tensors' names."""
    parts: dict[str, nn.Module | None] = {**_classifiers(pair), "boundary": pair.boundary, "edges": pair.edge_network}
    return {name: part for name, part in parts.items() if part is not None}


def _classifiers(pair: ModelPair) -> dict[str, CamModel]:
    """The networks that there really are, by what their heads make them."""
    return {network.head.network: network for network in pair.networks}


def _heads(readouts: Any, heads: Any) -> dict[str, dict[str, Any]] | None:
    """The settings of each network's head, None where they are not usable; ``readouts`` is what older files say instead."""
    networks: tuple[str, ...] | None = NETWORKS
    if readouts is not None:
        networks = next((there for names, there in WRITTEN if names == readouts), None)
    if networks is None or not isinstance(heads, dict) or not set(heads) <= set(networks):
        return None
    if readouts is None and heads:
        networks = tuple(name for name in NETWORKS if name in heads)
    settings_of = {network: heads.get(network, OURS) for network in networks}
    return settings_of if all(_is_head(network, settings) for network, settings in settings_of.items()) else None


def _is_head(network: str, settings: Any) -> bool:
    return (
        isinstance(settings, dict)
        and settings.keys() - {"head", "hidden"} == OURS.keys()
        and type(settings.get("hidden", 1)) is int
        and ("hidden" not in settings or (settings.get("head") == VECTOR and settings["hidden"] > 0))
        and isinstance(settings["bias"], bool)
        and settings["activation"] in list(ACTIVATIONS)
        and settings.get("head", network) in list(HEADS)
        and HEADS[settings.get("head", network)].network == network
    )


def stored_readouts(header: Mapping[str, Any]) -> tuple[str, ...]:
    """The readouts that the model of a header (``read_header``) has, in the order of ``READOUTS``."""
    there = {
        name
        for network, settings in header["heads"].items()
        for name in head_readouts(network, HEADS[settings.get("head", network)].classifiers)
    }
    return tuple(name for name in READOUTS if name in there)


@dataclass(frozen=True)
class Standing:
    """A model's place: its name in links and commands, its file, and where it comes from, one of ``KINDS``."""

    name: str
    path: Path
    kind: str


BUNDLED = ("voc", "photos", "scenes")  # in the order of their use


def _place_on_list(path: Path) -> tuple[int, str]:
    return (BUNDLED.index(path.stem) if path.stem in BUNDLED else len(BUNDLED)), path.stem


def standing() -> list[Standing]:
    """Every model file: those bundled, those trained here (the newest run first), those imported.

    A name that is taken already becomes ``own-NAME``. A run's model has the name that a person gave it, else that of its folder.
    """
    models = models_folder()
    places = [("bundled", path.stem, path) for path in sorted(BUNDLED_MODELS.glob("*.safetensors"), key=_place_on_list)]
    runs = {path for folder in {runs_folder(), models} for path in _run_models(folder)}
    places += [("trained", _given_name(path.parent), path) for path in sorted(runs, key=str, reverse=True)]
    own = sorted(name for name in _entries(models) if name.endswith(".safetensors"))
    places += [("imported", name.removesuffix(".safetensors"), models / name) for name in own]
    taken: dict[str, Standing] = {}
    for kind, name, path in places:
        free, n = name, 1
        while free in taken:
            free, n = f"own-{name}" if n == 1 else f"own-{name}-{n}", n + 1
        taken[free] = Standing(free, path, kind)
    return list(taken.values())


def known_models() -> dict[str, Path]:
    """Names and files of all models: bundled, trained here, imported."""
    return {place.name: place.path for place in standing()}


def _run_models(folder: Path) -> list[Path]:
    """Models in run folders; asked several times whenever a page is drawn, so it looks at as little as it can."""
    return [folder / name / RUN_MODEL for name in _entries(folder) if os.path.isfile(f"{folder}/{name}/{RUN_MODEL}")]


def _entries(folder: Path) -> list[str]:
    """Names in a folder, without hidden ones; none where it is not there."""
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError:
        return []


def _given_name(run: Path) -> str:
    try:
        return (run / NAME_FILE).read_text("utf-8").strip() or run.name
    except (OSError, ValueError):
        return run.name


def find_model(name_or_path: str | Path) -> Path:
    """The file of a model named in the list of models, or the given path; a run folder stands for its ``model.safetensors``.

    Raises ``UserError`` where there is none.
    """
    known = known_models()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    path = Path(name_or_path)
    if path.is_dir():
        path /= RUN_MODEL
    if not path.is_file():
        raise UserError(
            f"There is no model {str(name_or_path)!r}: neither the name of a listed model ({', '.join(known) or 'empty'}) "
            "nor a file or run folder."
        )
    return path
