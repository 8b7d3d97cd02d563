"""Reading files of named tensors that others made: nothing in them is run, and what is too large is not taken in."""

from pathlib import Path

from torch import Tensor


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Names and tensors of a ``.pth`` or ``.safetensors`` file."""
    raise NotImplementedError
