"""The tiny network of README.md, part 5, which ReCAM's inference and AdvCAM were run with."""

import numpy as np
import torch
from torch import nn

STRIDES = (2, 2, 2, 1)


class FourConvolutions(nn.Module):
    """Four convolutions with the weights of a file of vectors."""

    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for i, stride in enumerate(STRIDES, start=1):
            weight = torch.from_numpy(vectors[f"conv{i}_weight"])
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, stride, 1)
            conv.load_state_dict({"weight": weight, "bias": torch.from_numpy(vectors[f"conv{i}_bias"])})
            self.layers.append(conv)
        self.channels = weight.shape[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in self.layers:
            x = conv(x).relu()
        return x
