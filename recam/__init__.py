"""``import recam``: the engine under a short name, for notebooks and scripts; every name is that of ``recam_core``."""

from typing import Any

import recam_core
from recam_core import __all__ as __all__
from recam_core import __version__ as __version__


def __getattr__(name: str) -> Any:
    return getattr(recam_core, name)


def __dir__() -> list[str]:
    return dir(recam_core)
