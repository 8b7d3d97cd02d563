"""Reading files of named tensors that others made: nothing in them is run, and what is too large is not taken in."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from recam_core.records import UserError
from recam_core.system.unpickling import named_tensors, unpickled_apart

MAX_BYTES = 4 * 2**30  # of a file, and of what it unfolds to; ResNet-101 in float32 is 0.2
PARALLEL = "module."  # what DataParallel puts before every name


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Names and tensors of a ``.pth`` or ``.safetensors`` file, on the CPU, those of floating point as float32.

    Taken out of a dict that they were wrapped in, and without the prefix of DataParallel. A pickle is read in a process of its
    own; one that wants to run code is refused before anything of it runs, and so is what is larger than ``MAX_BYTES``. Raises
    ``UserError``.
    """
    path = Path(path)
    _check_file(path)
    state: Mapping[str, Tensor] = (
        _safetensors(path) if path.suffix == ".safetensors" else unpickled_apart(path, MAX_BYTES)
    )
    if all(name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): value for name, value in state.items()}
    return dict(state)


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise UserError(f"{path.name} is a folder; name the file with the weights in it.")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path.name} is larger than {MAX_BYTES // 2**30} GiB, which no network of ours is.")
        with path.open("rb"):
            return
    except FileNotFoundError as error:
        raise UserError(f"There is no weights file at {path}.") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path.name} cannot be read ({getattr(error, 'strerror', None) or error}).") from error


def _safetensors(path: Path) -> Mapping[str, Tensor]:
    try:
        state = load(path.read_bytes())
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{path.name} is not a readable safetensors file: {error}.") from error
    return {name: _plain(value, name, path.name) for name, value in named_tensors(state, path.name).items()}


def _plain(value: Tensor, name: str, file: str) -> Tensor:
    try:
        if not value.is_complex():
            return value.float() if value.is_floating_point() else value
    except (RuntimeError, NotImplementedError):  # several numbers in a byte
        pass
    raise UserError(f"{name} in {file} is no plain tensor of numbers (it is complex, or packed).")
