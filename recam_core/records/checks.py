"""Checks that settings share, each with the sentence for the person whose number it was."""

import math
from collections.abc import Collection
from typing import Any

from recam_core.records.names import UserError


def check_least(settings: Any, least: int, *names: str) -> None:
    """Refuse fields below ``least``."""
    for name in names:
        if not getattr(settings, name) >= least:
            bound = "0 or more" if least == 0 else f"at least {least}"
            raise UserError(f"{name} must be {bound}; got {getattr(settings, name)}.")


def check_finite(settings: Any, *names: str) -> None:
    """Refuse fields that are negative, infinite or not a number."""
    for name in names:
        value = getattr(settings, name)
        if not (math.isfinite(value) and value >= 0):
            raise UserError(f"{name} must be a finite number, 0 or more; got {value}.")


def check_choice(settings: Any, name: str, choices: Collection[str]) -> None:
    """Refuse a field that is none of the choices."""
    if getattr(settings, name) not in choices:
        raise UserError(f"{name} must be one of {', '.join(choices)}; got {getattr(settings, name)!r}.")
