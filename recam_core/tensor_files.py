"""Reading files of named tensors that others made: nothing in them is run, and what is too large is not taken in."""

import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from recam_core.records import UserError

MAX_BYTES = 4 * 2**30  # of a file, and of what it unfolds to; ResNet-101 in float32 is 0.2
WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net")  # keys that others keep their tensors under
PARALLEL = "module."  # what DataParallel puts before every name
PLAIN = "torch.save(model.state_dict(), FILE), or safetensors"


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Names and tensors of a ``.pth`` or ``.safetensors`` file, on the CPU, those of floating point as float32.

    Taken out of a dict that they were wrapped in, and without the prefix of DataParallel. A pickle that wants to run code is
    refused before anything of it runs, and so is what is larger than ``MAX_BYTES``. Raises ``UserError``.
    """
    path = Path(path)
    data = _bytes(path)
    state = _safetensors(data, path.name) if path.suffix == ".safetensors" else _unwrapped(_unpickled(data, path.name))
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(
            f"{path.name} is not a state dict: expected names and tensors ({PLAIN}); got {_contents(state)}. "
            "Save the state dict alone."
        )
    if not all(isinstance(name, str) for name in state):
        raise UserError(f"{path.name} has tensors without names, so nobody can say where they belong.")
    if all(name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): value for name, value in state.items()}
    return {name: _plain(value, name, path.name) for name, value in state.items()}


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UserError(f"{path.name} is a folder; name the file with the weights in it.")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path.name} is larger than {MAX_BYTES // 2**30} GiB, which no network of ours is.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"There is no weights file at {path}.") from error
    except OSError as error:
        raise UserError(f"{path.name} cannot be read ({error.strerror or error}).") from error


def _safetensors(data: bytes, name: str) -> Any:
    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{name} is not a readable safetensors file: {error}.") from error


def _unpickled(data: bytes, name: str) -> Any:
    if zipfile.is_zipfile(io.BytesIO(data)):
        _check_unfolded(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on pickles that others would write
            return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if wanted := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise UserError(
                f"{name} wants to run code when it is read ({wanted[1]}), so it was refused, and nothing of it was run. "
                f"Ask for plain tensors: {PLAIN}."
            ) from error
        raise UserError(
            f"{name} could not be read as a weights file: it holds more than plain tensors. Save it as {PLAIN}."
        ) from error
    except Exception as error:  # torch raises many kinds for a broken file
        raise UserError(
            f"{name} could not be read as a weights file; it is damaged, or no file of torch.save: "
            f"{(str(error).splitlines() or [type(error).__name__])[0][:200]}"
        ) from error


def _check_unfolded(data: bytes, name: str) -> None:
    """Refuse an archive that claims to unfold to more than it may: it is read into memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError) as error:
        raise UserError(f"{name} could not be read as a weights file; it is damaged: {error}.") from error
    if size > MAX_BYTES:
        raise UserError(f"{name} would unfold to more than {MAX_BYTES // 2**30} GiB, which no network of ours has.")


def _unwrapped(state: Any) -> Any:
    """The innermost dict of tensors under the keys that others wrap theirs in."""
    while isinstance(state, Mapping):
        inner = next((state[key] for key in WRAPPERS if isinstance(state.get(key), Mapping) and state[key]), None)
        if inner is None:
            return state
        state = inner
    return state


def _contents(state: Any) -> str:
    if isinstance(state, Mapping):
        return f"a dict with {', '.join(str(key)[:40] for key in list(state)[:5]) or 'nothing'}"
    return f"a {type(state).__name__}"


def _plain(value: Tensor, name: str, file: str) -> Tensor:
    value = value.detach()
    if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_complex():
        raise UserError(
            f"{name} in {file} is no plain tensor of numbers (it is sparse, quantised, complex or empty of data)."
        )
    if value.numel() * 4 > MAX_BYTES:  # a few bytes can claim to be as many numbers
        raise UserError(f"{name} in {file} claims to have {value.numel()} numbers, which nothing of ours has.")
    return value.float() if value.is_floating_point() else value
