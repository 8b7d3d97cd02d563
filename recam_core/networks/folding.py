"""Batch normalisation folded into convolutions: the same network in evaluation mode, with less to do in both directions."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded_copy(module: nn.Module) -> nn.Module:
    """A copy without parameter gradients in which each BatchNorm that follows a convolution is part of it.

    Expects what every backbone is that does not say ``foldable = False``: children in the order of their use, BatchNorm in
    evaluation mode. What a normalisation layer does after normalising (timm's carry their activation) is kept. Equal to the
    original but for rounding; the original is only read.
    """
    with torch.inference_mode(False), torch.no_grad():
        module = copy.deepcopy(module).requires_grad_(False)
        if not getattr(module, "foldable", True):
            return module.to(memory_format=torch.channels_last)
        for parent in module.modules():
            for (conv_name, conv), (norm_name, norm) in pairwise(list(parent.named_children())):
                if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and not norm.training:
                    setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm).requires_grad_(False))
                    setattr(parent, norm_name, getattr(norm, "act", nn.Identity()))
        return module.to(memory_format=torch.channels_last)
