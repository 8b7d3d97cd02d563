"""Classifiers that CAM does not apply to, for methods that ask a network for activations and gradients alone.

What their last linear layer is given is a vector and no grid: there are layers after pooling, or one token answers for all. They
look at pictures that are stretched to a size they take, so maps are stretched back over the picture.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recam_core.networks.backbones.adapted import EVEN, TRIED_PADDED, Anatomy, agree, anatomy_of, last_layer, lively
from recam_core.networks.backbones.fixed_stride import FixedStride
from recam_core.networks.backbones.libraries import build_classifier, input_description, parse_name
from recam_core.records import UserError

SMALLEST = 96  # pixels: what is smaller some networks do not take
COARSEST = 64  # pixels from one position to the next, at most
PREFIXES = 9  # tokens that stand for no position, at most one fewer: classes, distillation, registers


@dataclass(frozen=True)
class Outline:
    """What is known of a network as a whole: its last linear layer, what that is given, and where it can be looked at.

    ``layer`` is the last one with positions that the answer depends on; ``side`` that of the only pictures it takes, in pixels, 0
    where it takes all whose sides are multiples of 32. ``reason`` says why CAM does not apply.
    """

    classifier: str
    channels: int
    layer: str
    side: int
    reason: str


class Positions(nn.Module):
    """A layer whose output passes through ``grid`` as channels at positions (B, D, h, w), and goes on as it was."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.grid = layer, nn.Identity()
        self.size: tuple[int, ...] = ()  # of the picture that is looked at

    def forward(self, *given: Any, **more: Any) -> Any:
        """What the layer gives; ``UserError`` where that has no positions."""
        out = self.layer(*given, **more)
        order = order_of(out, self.size)
        if order is None:
            shape = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise UserError(
                f"The layer {type(self.layer).__name__} gives {shape} and no positions of the picture, so it has no map; choose "
                "another layer."
            )
        if order == "first":
            return self.grid(out)
        if order == "last":
            return self.grid(out.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        rows, columns = order
        prefix = out[:, : out.shape[1] - rows * columns]
        grid = out[:, prefix.shape[1] :].transpose(1, 2).unflatten(2, (rows, columns))
        return torch.cat([prefix, self.grid(grid).flatten(2).transpose(1, 2)], dim=1)


class Whole(FixedStride, nn.Module):
    """A library's network up to its last layer: normalised picture (B, 3, H, W) → what that layer is given, (B, D, 1, 1)."""

    frozen: tuple[nn.Module, ...] = ()
    foldable = False
    stretches = True

    def __init__(self, net: nn.Module, name: str) -> None:
        super().__init__()
        outline, about = outline_of(name), input_description(parse_name(name))
        net.set_submodule(outline.classifier, nn.Identity())
        self.trunk, self.mean, self.std = net, tuple(about.mean), tuple(about.std)
        self.channels, self.side, self.map_layer = outline.channels, outline.side, f"trunk.{outline.layer}"
        self.stage_channels, self.stage_strides = (self.channels,), (EVEN,)
        self.positions: Positions | None = None

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """One."""
        return (self.trunk,)

    @property
    def last_block(self) -> nn.Module:
        """All of it."""
        return self.trunk

    def before_last(self, x: Tensor) -> Tensor:
        """The picture, stretched to a size that the network takes."""
        size = [self.side or max(SMALLEST, -(-side // EVEN) * EVEN) for side in x.shape[2:]]
        return x if list(x.shape[2:]) == size else F.interpolate(x, size, mode="bilinear", antialias=True)

    def forward(self, x: Tensor) -> Tensor:
        """The vector that the last layer is given."""
        x = self.before_last(x)
        if self.positions is not None:
            self.positions.size = tuple(x.shape[2:])
        return self.trunk(x).flatten(1)[:, :, None, None]

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The vector alone."""
        return (self(x),)

    def with_positions(self, layer: str) -> nn.Module:
        """Where the output of a layer passes as (B, D, h, w) from now on: for a copy that somebody looks through."""
        self.positions = Positions(self.get_submodule(layer))
        self.set_submodule(layer, self.positions)
        return self.positions.grid


class Deepened(FixedStride, nn.Module):
    """A backbone whose pooled features go through a hidden layer and a ReLU: (B, 3, H, W) → (B, hidden, 1, 1)."""

    frozen: tuple[nn.Module, ...] = ()
    stretches = False
    map_layer = "trunk"

    def __init__(self, trunk: Any, hidden: int) -> None:
        super().__init__()
        self.trunk, self.hidden = trunk, nn.Linear(trunk.channels, hidden)
        self.mean, self.std, self.channels = tuple(trunk.mean), tuple(trunk.std), hidden
        self.foldable, self.multiple = getattr(trunk, "foldable", True), getattr(trunk, "multiple", 1)
        self.stage_channels, self.stage_strides = (hidden,), (EVEN,)

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """The backbone, and its head's hidden layer."""
        return self.trunk, self.hidden

    @property
    def last_block(self) -> nn.Module:
        """The hidden layer."""
        return self.hidden

    def before_last(self, x: Tensor) -> Tensor:
        """Pooled features (B, D)."""
        return self.trunk(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """What the last layer is given."""
        return self.hidden(self.before_last(x)).relu()[:, :, None, None]

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """The vector alone."""
        return (self(x),)


def order_of(out: Any, size: tuple[int, ...]) -> Any:
    """How an output lies over a picture: channels "first" or "last", rows and columns of tokens, or None where it does not."""
    if not isinstance(out, Tensor) or out.dim() not in (3, 4):
        return None
    grids = [tuple(-(-side // step) for side in size) for step in range(1, COARSEST + 1)]
    grids = [grid for grid in grids if min(grid) > 1]
    if out.dim() == 4:
        for order, grid in (("first", out.shape[2:]), ("last", out.shape[1:3])):
            if tuple(grid) in grids:
                return order
        return None
    return next((grid for grid in grids if 0 <= out.shape[1] - grid[0] * grid[1] < PREFIXES), None)


@cache
def outline_of(name: str) -> Outline:
    """A classifier that CAM does not apply to, found by trying; ``UserError`` says why where nothing else applies either."""
    library_name, reason = parse_name(name), _tried(name)
    if isinstance(reason, Anatomy):
        raise UserError(f"CAM applies to {name}; open it as it is.")
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), torch.device("cpu"):
        torch.manual_seed(0)
        net = lively(build_classifier(library_name, 5)).requires_grad_(False)
        classifier = last_layer(library_name, net)
        own = input_description(library_name).size
        for size, side in ((TRIED_PADDED, 0), ((own, own), own)):
            try:
                layer, width = _last_positions(net, classifier, torch.randn(1, 3, *size))
            except Exception:  # every architecture refuses a size in its own way
                continue
            if layer:
                return Outline(classifier, width, layer, side, reason)
    raise UserError(reason)


def structure_of(name: str) -> Anatomy | Outline:
    """How a library's classifier is opened: taken apart where CAM applies, else as a whole; ``UserError`` where neither is."""
    tried = _tried(name)
    return tried if isinstance(tried, Anatomy) else outline_of(name)


def take_whole(net: nn.Module, name: str) -> tuple[Whole, Tensor, Tensor | None]:
    """A library's network as a whole, and its classifier's weight (K, D) and bias (K,); the network is used up."""
    last: Any = net.get_submodule(outline_of(name).classifier)
    bias = None if last.bias is None else last.bias.detach().clone()
    return Whole(net, name), last.weight.detach().flatten(1).clone(), bias


def build_whole(name: str) -> Whole:
    """The same with random weights."""
    return Whole(build_classifier(parse_name(name), 1), name)


@cache
def _tried(name: str) -> Anatomy | str:
    """How a network is taken apart, or why it cannot be; that takes seconds, so it is tried once."""
    try:
        return anatomy_of(name)
    except UserError as error:
        return str(error)


def _last_positions(net: nn.Module, classifier: str, x: Tensor) -> tuple[str, int]:
    """The last layer with positions that the answer depends on ("" for none), and the width of what the classifier is given."""
    last: Any = net.get_submodule(classifier)
    weight, made = last.weight.flatten(1), list[tuple[str, Tensor]]()
    width, given = weight.shape[1], list[Tensor]()

    def keep(name: str, out: Any) -> None:
        order = order_of(out, tuple(x.shape[2:]))
        if order is None or name.startswith(classifier) or (order != "first" and out.shape[-1] != width):
            return
        if out.requires_grad:
            out.retain_grad()
            made.append((name, out))

    hooks = [
        module.register_forward_hook(lambda _, __, out, name=name: keep(name, out))
        for name, module in net.named_modules()
        if name
    ]
    hooks.append(last.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].flatten(1))))
    answer = net(x.requires_grad_())
    for hook in hooks:
        hook.remove()
    if len(given) != 1 or not agree(F.linear(given[0], weight, last.bias), answer):
        return "", width
    answer[0, 0].backward()
    names = (name for name, out in reversed(made) if out.grad is not None and _reaches(out.grad, x))
    return next(names, ""), width


def _reaches(gradient: Tensor, x: Tensor) -> bool:
    """Whether a gradient is not zero at positions, whatever is so at other tokens."""
    order = order_of(gradient, tuple(x.shape[2:]))
    if isinstance(order, tuple):
        gradient = gradient[:, gradient.shape[1] - order[0] * order[1] :]
    return bool(gradient.any())
