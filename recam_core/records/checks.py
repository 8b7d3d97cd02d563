"""Checks that settings share, each with the sentence for the person whose number it was."""

import math
from collections.abc import Collection, Mapping
from typing import Any

from recam_core.records.names import UserError

Limits = Mapping[str, tuple[int, int]]  # the least and the most that a whole number may be, by the name of its field
MOST_RATE = 3.4e38  # of rates and weights of terms: what single precision holds
MOST_SEED = 2**63 - 1


def check_limits(settings: Any, limits: Limits) -> None:
    """Refuse fields outside of their limits."""
    for name, (least, most) in limits.items():
        value = getattr(settings, name)
        if not value >= least:
            bound = "0 or more" if least == 0 else f"at least {least}"
            raise UserError(f"{name} must be {bound}; got {value}.")
        if value > most:
            raise UserError(f"{name} must be at most {most}; got {value}.")


def check_finite(settings: Any, *names: str) -> None:
    """Refuse fields that are negative, not a number, or beyond all sense."""
    for name in names:
        value = getattr(settings, name)
        if not (math.isfinite(value) and value >= 0):
            raise UserError(f"{name} must be a finite number, 0 or more; got {value}.")
        if value > MOST_RATE:
            raise UserError(f"{name} must be at most {MOST_RATE:g}; got {value}.")


def check_choice(settings: Any, name: str, choices: Collection[str]) -> None:
    """Refuse a field that is none of the choices."""
    if getattr(settings, name) not in choices:
        raise UserError(f"{name} must be one of {', '.join(choices)}; got {getattr(settings, name)!r}.")
