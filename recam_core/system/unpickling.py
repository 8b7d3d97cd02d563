"""Pickled tensors that others made, read in a process of their own: bounded in time and memory, nothing in them is run.

A pickle of some hundred bytes can keep a reader busy for ever or ask for all memory, also where only plain tensors are let in;
``unpickled_apart`` then ends the reader, and whoever asked goes on. ``python -m recam_core.system.unpickling FILE BYTES SECONDS
AVERAGE`` is the reader: it writes safetensors, or one sentence, to stdout.
"""

import contextlib
import io
import json
import math
import os
import pickle
import pickletools
import re
import signal
import subprocess
import sys
import warnings
import zipfile
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from recam_core.records import UserError

# keys that others keep their tensors under, and the moving averages of them
WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net", "params", "weights", "student", "module")
AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "params_ema", "ema", "ema_model", "shadow", "teacher")
# settings that stand beside the tensors, as plain names: they become empty boxes, and nothing of them is run
SETTINGS = (
    "argparse.Namespace", "types.SimpleNamespace", "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath",
    "pathlib.PurePosixPath", "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "easydict.EasyDict",
    "lightning_fabric.utilities.data.AttributeDict", "lightning.fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict", "lightning.pytorch.utilities.parsing.AttributeDict",
    "yacs.config.CfgNode", "addict.addict.Dict", "mmengine.config.config.ConfigDict", "torch.torch_version.TorchVersion",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype", "numpy.float64", "numpy.float32",
)  # fmt: skip
WRAPPED = 4  # times, at most
PLAIN = "torch.save(model.state_dict(), FILE), or safetensors"
SECONDS = 40.0  # of processor time for the start and a small file; 20 MB more take a second more
PATIENCE = 10  # times as long by the clock, beside busy processes
LOOKED_AT = 2**18  # bytes of a pickle that are looked at before a process is started for it
OURS = (
    "torch",
    "collections",
    "numpy",
    "_codecs",
    "__builtin__",
    "builtins",
)  # modules whose names plain tensors may ask for
ROOM = 2**30  # bytes of memory that any file may take
TIMES = 16  # so many times its file's size may tensors be: as float32, and under all their names
REFUSED = 3  # exit status: stdout is a sentence for the person


@dataclass(frozen=True)
class Weights:
    """Tensors by name; of a file with weights and their moving average the keys of what was ``taken`` and of the other."""

    tensors: dict[str, Tensor]
    taken: str = ""
    other: str = ""


class _Setting(dict[Any, Any]):
    """Stands for an object that only holds settings: it takes whatever a pickle gives it and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        """Forget it."""


def unpickled_apart(path: Path, most: int, average: bool = True) -> Weights:
    """``plain_tensors`` of a file, read by a process of its own; ``UserError`` also where that takes too long or too much."""
    limit = SECONDS + path.stat().st_size / 20e6
    command = (
        sys.executable,
        "-m",
        "recam_core.system.unpickling",
        str(path.absolute()),
        str(most),
        str(math.ceil(limit)),
        str(int(average)),
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    _check_plainly(path)
    try:
        done = subprocess.run(
            command,
            cwd=Path(__file__).parents[2],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit * PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _given_up(path, limit * PATIENCE) from error
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        raise _given_up(path, limit)
    if done.returncode == REFUSED:
        raise UserError(done.stdout.decode())
    if done.returncode:
        raise UserError(
            f"{path.name} could not be read as a weights file: it takes more time or memory than tensors of its size. "
            f"Save it as {PLAIN}."
        )
    try:
        return Weights(load(done.stdout), *_properties(done.stdout))
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{path.name} has tensors under names that cannot be kept: {error}.") from error


def _given_up(path: Path, seconds: float) -> UserError:
    return UserError(
        f"{path.name} was given up after {seconds:.0f} seconds, more than tensors of its size take to read. Save it as {PLAIN}."
    )


def _check_plainly(path: Path) -> None:
    """Refuse at once what begins like no file of torch.save, or asks for foreign code: a process that loads torch takes seconds.

    What passes here is read by torch all the same, which lets in far less.
    """
    if _is_archive(path):
        _check_archive(path)
        start = _stored_pickle(path)
    else:
        with path.open("rb") as file:
            start = file.read(LOOKED_AT)
        if start.startswith(b"PK\x03\x04"):
            raise UserError(
                f"{path.name} could not be read as a weights file: its end is missing. Copy or download it again."
            )
        if not start.startswith(b"\x80"):
            raise UserError(
                f"{path.name} could not be read as a weights file: it does not begin like one of torch.save. Save it as {PLAIN}."
            )
    for name in _asked_for(start):
        if name.split(".")[0] not in OURS and name not in SETTINGS:
            raise _runs_code(path.name, name)


def _stored_pickle(path: Path) -> bytes:
    """The beginning of the pickle in an archive of torch.save; empty where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            name = next((name for name in archive.namelist() if name.endswith("data.pkl")), None)
            if name is None:
                return b""
            with archive.open(name) as stream:
                return stream.read(LOOKED_AT)
    except (
        OSError,
        zipfile.BadZipFile,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:  # also an encrypted one
        raise UserError(
            f"{path.name} could not be read as a weights file; it is damaged: {str(error)[:120]}."
        ) from error


def _asked_for(start: bytes) -> Iterator[str]:
    """Names that the beginning of a pickle asks for, as far as it can be followed without running it."""
    stream, texts, memo, last = io.BytesIO(start), deque[str](maxlen=2), dict[Any, str](), ""
    with contextlib.suppress(Exception):  # cut off, or damaged: torch says how
        while stream.tell() < len(start):  # older files are several pickles
            for code, argument, _ in pickletools.genops(stream):
                if code.name in ("GLOBAL", "INST"):
                    yield str(argument).replace(" ", ".", 1)
                elif code.name == "STACK_GLOBAL" and len(texts) == 2:
                    yield ".".join(texts)
                elif code.name in ("MEMOIZE", "BINPUT", "LONG_BINPUT"):
                    memo[len(memo) if argument is None else int(argument)] = last
                elif code.name in ("BINGET", "LONG_BINGET") and memo.get(argument):
                    texts.append(memo[argument])
                elif isinstance(argument, str):
                    texts.append(argument)
                last = argument if isinstance(argument, str) else ""


def _runs_code(name: str, wanted: str) -> UserError:
    return UserError(
        f"{name} wants to run code when it is read ({wanted}), so it was refused, and nothing of it was run. "
        f"Ask for plain tensors: {PLAIN}."
    )


def _properties(data: bytes) -> tuple[str, str]:
    """What the reader wrote beside the tensors: ``taken`` and ``other``."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
    return header.get("taken", ""), header.get("other", "")


def plain_tensors(path: Path, most: int, average: bool = True) -> Weights:
    """Names and tensors of a file of torch.save, those of floating point as float32, at most ``most`` bytes of them.

    Of weights and their moving average the latter is taken, if ``average``. Raises ``UserError`` for a file that is damaged or
    claims to hold more.
    """
    if _is_archive(path):
        _check_archive(path)
    content, taken, other = _unwrapped(_unpickled(path), average)
    state = named_tensors(content, path.name)
    for name, value in state.items():
        _check_plain(value, name, path.name)
    size = path.stat().st_size
    if sum(value.numel() for value in state.values()) * 4 > min(most, TIMES * size + 2**20):
        raise UserError(
            f"{path.name} claims to have {sum(value.numel() for value in state.values())} numbers, which a file of {size} bytes "
            "has not, and no network of ours."
        )
    # each tensor on its own: safetensors takes none that share their numbers
    own = {
        name: (value.detach().float() if value.is_floating_point() else value.detach()).clone(
            memory_format=torch.contiguous_format
        )
        for name, value in state.items()
    }
    return Weights(own, taken, other)


def named_tensors(state: Any, file: str) -> Mapping[str, Tensor]:
    """``state`` itself where it is names and tensors; else ``UserError`` says what it is."""
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(
            f"{file} is not a state dict: expected names and tensors ({PLAIN}); got {_contents(state)}. "
            "Save the state dict alone."
        )
    if not all(isinstance(name, str) for name in state):
        raise UserError(f"{file} has tensors without names, so nobody can say where they belong.")
    return state


def _unpickled(path: Path) -> Any:
    name = path.name
    try:
        inert: list[Any] = [(_Setting, setting) for setting in SETTINGS]
        with warnings.catch_warnings(), torch.serialization.safe_globals(inert):
            warnings.simplefilter("ignore")  # torch's remarks on pickles that others would write
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if wanted := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise _runs_code(name, wanted[1]) from error
        raise UserError(
            f"{name} could not be read as a weights file: it is no file of torch.save, or holds more than plain tensors. "
            f"Save it as {PLAIN}."
        ) from error
    except Exception as error:  # torch raises many kinds for a broken file
        raise UserError(
            f"{name} could not be read as a weights file; it is damaged, or no file of torch.save: "
            f"{(str(error).splitlines() or [type(error).__name__])[0][:200]}"
        ) from error


def _is_archive(path: Path) -> bool:
    """As ``zipfile.is_zipfile``, which raises where an archive says that it goes on in another file."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return True


def _check_archive(path: Path) -> None:
    """Refuse an archive that unfolds to more than it is; torch.save never compresses."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(f"{path.name} could not be read as a weights file; it is damaged: {error}.") from error
    names = {entry.filename.partition("/")[2] for entry in entries}
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        raise UserError(
            f"{path.name} is TorchScript, a program with its weights, and programs of others are not run. Save the "
            f"weights alone: {PLAIN}."
        )
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise UserError(
            f"{path.name} would unfold to more than it is: it is a compressed archive, which torch.save never writes. "
            f"Save it as {PLAIN}."
        )


def _unwrapped(state: Any, average: bool) -> tuple[Any, str, str]:
    """The innermost dict of tensors under the keys that others wrap theirs in; a few layers are looked into.

    With it the key of what was taken and that of the other, where there are weights and their moving average.
    """
    taken = other = ""
    for _ in range(WRAPPED):
        if not isinstance(state, Mapping):
            break
        plain, averaged = (_first(state, keys) for keys in (WRAPPERS, AVERAGES))
        if plain and averaged:
            taken, other = (averaged, plain) if average else (plain, averaged)
        inner = taken if plain and averaged else plain or averaged or _only(state)
        if not inner:
            break
        state = state[inner]
    return state, taken, other


def _first(state: Mapping[Any, Any], keys: tuple[str, ...]) -> str:
    return next((key for key in keys if isinstance(state.get(key), Mapping) and state[key]), "")


def _only(state: Mapping[Any, Any]) -> str:
    """The one key that holds names and tensors, whatever somebody called it; "" where none or several do."""
    keys = [key for key, value in state.items() if isinstance(value, Mapping) and _holds_tensors(value)]
    return keys[0] if len(keys) == 1 else ""


def _holds_tensors(state: Mapping[Any, Any]) -> bool:
    """Is it names and tensors, or wrapped once more around some? The state of an optimizer is neither."""
    whole = bool(state) and all(isinstance(value, Tensor) for value in state.values())
    return whole or bool(_first(state, WRAPPERS + AVERAGES))


def _contents(state: Any) -> str:
    strange = (
        [key for key, value in state.items() if not isinstance(value, Tensor)] if isinstance(state, Mapping) else []
    )
    if 0 < len(strange) < len(state):
        return f"tensors, and beside them {', '.join(str(key)[:40] for key in strange[:5])}, which are none"
    if isinstance(state, Mapping):
        return f"a dict with {', '.join(str(key)[:40] for key in list(state)[:5]) or 'nothing'}"
    return f"a {type(state).__name__}"


def _check_plain(value: Tensor, name: str, file: str) -> None:
    if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_complex() or value.is_nested:
        raise UserError(
            f"{name} in {file} is no plain tensor of numbers (it is sparse, quantised, complex or empty of data)."
        )
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise UserError(
            f"{name} in {file} claims to have {value.numel()} numbers, more than the file holds for it. Save it whole."
        )


def _bound(size: int, most: int, seconds: int) -> None:
    """Let this process have memory for a file of ``size`` bytes and its tensors, and no more, beside what it has now."""
    import resource  # not on every system

    with open("/proc/self/statm") as status:
        now = int(status.read().split()[0]) * resource.getpagesize()
    room = now + ROOM + min(2 * most, 2 * TIMES * size) + 4 * size
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: Path, most: int, seconds: int, average: bool = True) -> int:
    """Write a file's tensors to stdout, or why not; returns the exit status."""
    if sys.platform == "linux":
        _bound(path.stat().st_size, most, seconds)
    try:
        read = plain_tensors(path, most, average)
        data, status = save(read.tensors, {"taken": read.taken, "other": read.other} if read.other else None), 0
    except UserError as error:
        data, status = str(error).encode("utf-8", "replace"), REFUSED
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] != ["0"]))
