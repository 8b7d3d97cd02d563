"""Settings as the command line takes them."""

from dataclasses import asdict

from recam_core.records.boundary import BoundaryConfig
from recam_core.records.training import TrainConfig


def flags_of(settings: TrainConfig | BoundaryConfig) -> list[str]:
    """Every setting as a flag of its command: what is run does not depend on a recipe then."""
    said = []
    for name, value in asdict(settings).items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            said.append(flag if value else f"--no-{flag.removeprefix('--')}")
        elif isinstance(value, tuple):
            said += [f"{flag}={one}" for one in value]
        else:
            said.append(f"{flag}={value}")
    return said
