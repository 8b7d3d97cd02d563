"""Files from elsewhere become a model pair, and a file on the shelf."""

from collections.abc import Sequence
from pathlib import Path

from recam_core.model import ModelPair


def import_checkpoint(
    files: Sequence[Path],
    name: str,
    *,
    class_names: Sequence[str] | None = None,
    backbone: str = "",
    activation: str = "",
    onto: str | Path = "",
) -> ModelPair:
    """A pair made of one or more files of known kinds, in evaluation mode on the CPU."""
    raise NotImplementedError


def store_import(
    files: Sequence[Path],
    path: Path,
    name: str,
    *,
    class_names: Sequence[str] | None = None,
    backbone: str = "",
    activation: str = "",
    onto: str | Path = "",
) -> ModelPair:
    """Import and write the pair to ``path``; a pair of this project is copied in the precision that it has."""
    raise NotImplementedError
