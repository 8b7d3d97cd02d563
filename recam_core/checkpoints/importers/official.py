"""Names in the reference's own checkpoints (IRN, AdvCAM, ReCAM) → names of ours.

The official networks register their modules several times, so every tensor stands in a file under several names; of those the
``resnet50.*`` ones and the heads are read, and the others are left (tests/golden/README.md, part 8).
"""

from collections.abc import Mapping

from torch import Tensor

TRUNK, FC1, BRANCHES = "resnet50.", "classifier.weight", ("fc_edge", "fc_dp", "mean_shift.")
# the same tensors under other names, and what IRN's loss module adds to them
AGAIN = ("stage", "backbone.", "newly_added.", "edge_layers.", "dp_layers.", "fc_dp7.4.", "path_indices", "disp_target")


def cam_network(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a CAM network under the names of a ``CamModel`` with head "cam"; what is not known keeps its name."""
    named = {"head.fc1": flat(state[FC1])} if FC1 in state else {}
    return named | trunk(state) | {name: value for name, value in _rest(state).items() if name != FC1}


def irn_network(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors of an IRN network: those of its backbone, as in ``build_edge_network``, and those of ``BoundaryBranches``."""
    return trunk(state), _rest(state)


def trunk(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the ResNet under the names of a ``CamModel``."""
    return {
        f"backbone.trunk.{name.removeprefix(TRUNK)}": value for name, value in state.items() if name.startswith(TRUNK)
    }


def flat(weight: Tensor) -> Tensor:
    """The weight of a 1×1 convolution (K, D, 1, 1) as that of a linear layer (K, D)."""
    return weight.flatten(1) if weight.dim() == 4 and weight.shape[2:] == (1, 1) else weight


def _rest(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.startswith((TRUNK, *AGAIN))}
