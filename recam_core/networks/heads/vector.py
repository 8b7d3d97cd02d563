"""The last linear layer of a network that gives it a vector and no grid: it answers, and no map can be read out with it."""

from typing import Any

from torch import nn

from recam_core.networks.heads.cam import CamHead


class VectorHead(CamHead):
    """FC1 without readouts: what it is given, (B, D, 1, 1), has no positions; ``hidden`` is D where a hidden layer gives it."""

    classifiers: tuple[str, ...] = ()

    def __init__(
        self, channels: int, classes: int, bias: bool = False, activation: str = "sigmoid", hidden: int = 0
    ) -> None:
        super().__init__(channels, classes, bias, activation)
        self.hidden = hidden

    @property
    def settings(self) -> dict[str, Any]:
        """Those of FC1, and how wide the hidden layer before it is, where there is one."""
        return super().settings | ({"hidden": self.hidden} if self.hidden else {})

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """None that maps could be made of."""
        return {}
