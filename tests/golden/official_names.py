"""The official networks register their modules several times (README.md, part 8): every name → the first one."""

import re

STEM = {"0": "conv1", "1": "bn1"}


def first_name(name: str, irn: bool) -> str:
    """``stage2.0.1.bn1.weight`` → ``resnet50.layer2.1.bn1.weight``, ``edge_layers.0.1.bias`` → ``fc_edge1.1.bias``."""
    name = re.sub(r"^backbone\.(\d)\.", lambda m: f"stage{int(m[1]) + 1}.", name)
    name = re.sub(r"^(edge|dp)_layers\.(\d)\.", lambda m: f"fc_{m[1]}{int(m[2]) + 1}.", name)
    name = re.sub(r"^newly_added\.0\.", "classifier.", name)
    name = re.sub(r"^fc_dp7\.4\.", "mean_shift.", name)
    match = re.match(r"^stage(\d)\.(\d)\.(.*)", name)
    if not match:
        return name
    stage, place, rest = int(match[1]), match[2], match[3]
    if stage == 1:  # the stem's layers, and in CAM networks layer1 behind ReLU and pooling
        return f"resnet50.{STEM.get(place, 'layer1')}.{rest}"
    return f"resnet50.layer{stage - irn}.{rest}"
