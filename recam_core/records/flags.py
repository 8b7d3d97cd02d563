"""Settings as the command line takes them."""

from dataclasses import asdict

from recam_core.records.boundary import BoundaryConfig
from recam_core.records.training import TrainConfig


def flags_of(settings: TrainConfig | BoundaryConfig) -> list[str]:
    """Every setting as a flag of its command: what is run does not depend on a recipe then."""
    flags = []
    for name, value in asdict(settings).items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            flags.append(flag if value else f"--no-{flag.removeprefix('--')}")
        elif isinstance(value, tuple):
            flags += [f"{flag}={one}" for one in value]
        else:
            flags.append(f"{flag}={value}")
    return flags
