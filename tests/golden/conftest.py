"""What several golden tests need."""

import pytest
from hash_weights import hash_tensor
from torch import nn

from recam_core.system.device import exact


@pytest.fixture(autouse=True)
def no_tf32():
    """Vectors were made in float32, so a graphics card checks them in float32 too."""
    with exact():
        yield


@pytest.fixture(scope="session")
def fill_with_hash_weights():
    """Fill a torchvision-named trunk with hash weights under ``resnet50.*``."""

    def fill(trunk: nn.Module, seed: int) -> None:
        state = {}
        for name, value in trunk.state_dict().items():
            tracked = name.endswith("num_batches_tracked")
            state[name] = value if tracked else hash_tensor(f"resnet50.{name}", tuple(value.shape), seed)
        trunk.load_state_dict(state)

    return fill


@pytest.fixture(scope="session")
def official_shapes(golden_file):
    """The names and shapes of an official network's state dict, by the name of its list."""

    def read(name: str) -> dict[str, tuple[int, ...]]:
        lines = golden_file(f"state_dict_{name}.txt").read_text("utf-8").splitlines()
        pairs = (line.split() for line in lines)
        return {full: () if shape == "scalar" else tuple(map(int, shape.split("x"))) for full, shape in pairs}

    return read
