"""Reading files of named tensors that others made: nothing in them is run, and what is too large is not taken in."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from recam_core.records import UserError
from recam_core.system.unpickling import PLAIN, Weights, named_tensors, unpickled_apart

MAX_BYTES = 4 * 2**30  # of a file, and of what it unfolds to; ResNet-101 in float32 is 0.2
# what DataParallel, Lightning, torch.compile and classes around a network put before every name
PREFIXES = ("module.", "model.", "net.", "network.", "backbone.", "encoder.", "_orig_mod.", "student.")
# how other files begin that people take for weights
FOREIGN = (
    (b"version https://git-lfs", "a pointer of Git LFS: the weights themselves were not fetched; run git lfs pull"),
    (b"\x89HDF\r\n", "an HDF5 file (of Keras)"), (b"\x93NUMPY", "an array of NumPy"),
    (b"<!DOCTYPE", "a web page, not the file behind it"), (b"<html", "a web page, not the file behind it"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"), (b"BZh", "a bzip2 archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7-zip archive: unpack it first"), (b"Rar!", "a RAR archive: unpack it first"),
    (b"GGUF", "a GGUF file (of llama.cpp)"), (b"\xff\xd8\xff", "a JPEG picture"), (b"\x89PNG", "a PNG picture"),
)  # fmt: skip


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Names and tensors of a ``.pth`` or ``.safetensors`` file, on the CPU, those of floating point as float32.

    As `read_weights` reads them, without what is put before every name.
    """
    return unprefixed(read_weights(path).tensors)


def unprefixed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors without what wrappers put before every name."""
    state = dict(state)
    while prefix := next((p for p in PREFIXES if state and all(name.startswith(p) for name in state)), ""):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def read_weights(path: str | Path, average: bool = True) -> Weights:
    """Names and tensors of a file, on the CPU, those of floating point as float32, taken out of what they were wrapped in.

    What a file is says its content, not its name. A pickle is read in a process of its own; one that wants to run code is
    refused before anything of it runs, and so is what is larger than ``MAX_BYTES``. Where it holds weights and their moving
    average the latter is taken, if ``average``. Raises ``UserError``.
    """
    path = Path(path)
    _check_file(path)
    with path.open("rb") as stream:
        start = stream.read(512)
    if words := _foreign(path, start):
        raise UserError(f"{path.name} is {words}. Expected {PLAIN}.")
    pickled = start[:4] == b"PK\x03\x04" or start[:1] == b"\x80"
    if pickled and path.suffix == ".safetensors":
        raise UserError(
            f"{path.name} is not a readable safetensors file: it begins as a file of torch.save. Name it .pth."
        )
    if path.suffix == ".safetensors" or _begins_safetensors(start):
        return Weights(dict(_safetensors(path)))
    return unpickled_apart(path, MAX_BYTES, average)


def _begins_safetensors(start: bytes) -> bool:
    return start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= 100_000_000


def _foreign(path: Path, start: bytes) -> str:
    """What a file is that holds no tensors we read, "" where it may hold some."""
    words = next((words for magic, words in FOREIGN if start.lstrip()[: len(magic)].lower() == magic.lower()), "")
    if path.suffix.lower() == ".onnx" or (start[:1] == b"\x08" and b"pytorch" in start[:64]):
        words = "an ONNX file, a graph with its weights"
    if start[4:8] == b"TFL3":
        words = "a TensorFlow Lite file"
    return words


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
