"""Any classifier of timm or torchvision whose answer is a linear layer on globally averaged features, as a ``Backbone``.

Nothing is known of an architecture beforehand. Its own network is built once with small random weights and asked: which of its
modules, one after the other, make features whose mean, through its last linear layer, is its answer? What cannot be taken apart
so is refused with the reason.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from recam_core.networks.backbones.fixed_stride import FixedStride
from recam_core.networks.backbones.libraries import (
    LibraryName,
    build_classifier,
    fetch_classifier,
    input_description,
    parse_name,
)
from recam_core.networks.folding import folded_copy
from recam_core.networks.tensor_check import listed, tensor_faults
from recam_core.records import UserError
from recam_core.system.tensor_files import read_tensors

# height and width of the noise that a network is tried on: odd, so that rounding shows; where that cannot be, multiples of 32
TRIED, TRIED_PADDED = (101, 149), (128, 160)
EVEN = 32  # the coarsest stride that is tried for: at multiples of it every network divides evenly
AGREE = 1e-4  # of the largest answer: so far may two ways to the same answer be apart
QUARTER = 4  # the stride that boundary branches begin at
INSTEAD = "Gradient methods (Grad-CAM and its relatives) need no such head."


@dataclass(frozen=True)
class Anatomy:
    """Where a library's network is cut: names of its modules.

    ``parts`` are the modules that make the features, grouped by their output stride; one empty group where only the library's
    own ``forward_features`` makes them. ``relu``: the library adds a ReLU that is no module. ``norm`` is a LayerNorm or
    RMSNorm between pooling and the linear layer ``classifier``, or "". Pictures are padded to a ``multiple`` of pixels where
    the network would drop their border, or fail.
    """

    parts: tuple[tuple[str, ...], ...]
    relu: bool
    norm: str
    classifier: str
    channels: int
    stage_channels: tuple[int, ...]
    stage_strides: tuple[int, ...]
    multiple: int = 1
    foldable: bool = False


class PooledNorm(nn.Module):
    """A LayerNorm or RMSNorm of pooled features, applied before pooling: the mean of what it returns is the norm of the mean.

    (B, D, h, w) → the same shape. Centring is linear and the norm's division is one number a picture, so both may come first;
    the norm's own bias is the same everywhere and belongs to the scores.
    """

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(norm.weight.detach().clone()), norm.eps
        self.centres = isinstance(norm, nn.LayerNorm)

    def forward(self, features: Tensor) -> Tensor:
        """Centred over channels by a LayerNorm, divided by the root mean square of the pooled vector, times the weight."""
        if self.centres:
            features = features - features.mean(dim=1, keepdim=True)
        square = features.mean(dim=(2, 3), keepdim=True).square().mean(dim=1, keepdim=True)
        return features * (square + self.eps).rsqrt() * self.weight[:, None, None]


class _Own(nn.Module):
    """A library's network, of which only ``forward_features`` can be called."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net: Any = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net.forward_features(x)


class Adapted(FixedStride, nn.Module):
    """A library's network without its classifier: normalised picture (B, 3, H, W) → features (B, D, h, w).

    Their mean over positions, through the network's own linear layer, is its own answer. ``foldable``: do batch normalisations
    stand right after the convolutions that they normalise, so that they can be folded?
    """

    frozen: Sequence[nn.Module] = ()

    def __init__(self, net: nn.Module, anatomy: Anatomy, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        norm = net.get_submodule(anatomy.norm) if anatomy.norm else None
        self.trunk = _without_head(net, anatomy)
        self.norm = PooledNorm(norm) if norm is not None else nn.Identity()
        self.mean, self.std, self.foldable = tuple(mean), tuple(std), anatomy.foldable
        self.channels, self.relu, self.groups = anatomy.channels, anatomy.relu, anatomy.parts
        self.stage_channels, self.stage_strides = anatomy.stage_channels, anatomy.stage_strides
        self.multiple = anatomy.multiple

    @property
    def parts(self) -> tuple[nn.Module, ...]:
        """Its modules by output stride; a network that is not one after the other is one part."""
        *first, last = (self._part(names) for names in self.groups)
        end = [nn.ReLU()] if self.relu else []
        return (*first, nn.Sequential(last, *end, self.norm))

    @property
    def last_block(self) -> nn.Module:
        """Everything at the last output stride."""
        return self.parts[-1]

    def before_last(self, x: Tensor) -> Tensor:
        """What the last block is given; the padded picture itself where there is one part alone."""
        x = self._padded(x)
        for part in self.parts[:-1]:
            x = part(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Features whose mean is what the classifier sees; they may be negative."""
        return self.last_block(self.before_last(x))

    def stages(self, x: Tensor) -> tuple[Tensor, ...]:
        """Features after each part from a quarter of the picture's size on, where the parts have such sizes."""
        outputs, size, x = [], x.shape[2:], self._padded(x)
        for part in self.parts:
            x = part(x)
            outputs.append(x)
        last = zip(outputs[-len(self.stage_strides) :], self.stage_strides, strict=True)
        return tuple(stage[..., : -(-size[0] // stride), : -(-size[1] // stride)] for stage, stride in last)

    def _padded(self, x: Tensor) -> Tensor:
        """With the mean colour at the right and below, so that no border is dropped."""
        height, width = (-side % self.multiple for side in x.shape[2:])
        return F.pad(x, (0, width, 0, height)) if height or width else x

    def _part(self, names: Sequence[str]) -> nn.Module:
        return nn.Sequential(*(self.trunk.get_submodule(name) for name in names)) if names else _Own(self.trunk)


def _without_head(net: nn.Module, anatomy: Anatomy) -> nn.Module:
    """The network with what makes no features replaced by nothing."""
    used = [name for names in anatomy.parts for name in names]
    for name, _ in list(net.named_children()):
        if used and not any(f"{one}.".startswith(f"{name}.") for one in used):
            setattr(net, name, nn.Identity())
    for name in (anatomy.classifier, anatomy.norm):
        if name and name in dict(net.named_modules()):
            net.set_submodule(name, nn.Identity())
    return net


def take_apart(net: nn.Module, name: str) -> tuple[Adapted, Tensor, Tensor | None]:
    """A library's network as a backbone, and its classifier's weight (K, D) and bias (K,); the network is used up."""
    anatomy, about = anatomy_of(name), input_description(parse_name(name))
    weight, bias = linear_of(net, anatomy)
    return Adapted(net, anatomy, about.mean, about.std), weight, bias


def linear_of(net: nn.Module, anatomy: Anatomy) -> tuple[Tensor, Tensor | None]:
    """Weight (K, D) and bias (K,) of the classifier; a norm's bias, seen through the weight, is part of the latter."""
    linear: Any = net.get_submodule(anatomy.classifier)
    weight = linear.weight.detach().flatten(1).clone()
    bias = None if linear.bias is None else linear.bias.detach().clone()
    own = getattr(net.get_submodule(anatomy.norm), "bias", None) if anatomy.norm else None
    if own is not None:
        moved = weight @ own.detach()
        bias = moved if bias is None else bias + moved
    return weight, bias


def build_adapted(name: str, weights: str = "none") -> Adapted:
    """A backbone with weights ``none`` (random), ``imagenet`` (the library's own, fetched when online) or a local file's path.

    Raises ``UserError`` where that does not hold them.
    """
    library_name = parse_name(name)
    if weights == "imagenet":
        return take_apart(fetch_classifier(library_name), name)[0]
    head = f"{anatomy_of(name).classifier}."
    net = build_classifier(library_name, 1)
    if weights != "none":
        wanted = net.state_dict()
        state = {key: value for key, value in read_tensors(weights).items() if not key.startswith(head)}
        state |= {key: value for key, value in wanted.items() if key.startswith(head)}  # of however many classes
        if faults := tensor_faults(state, wanted):
            raise UserError(f"{weights} does not hold {name}: {listed(faults)}.")
        net.load_state_dict(state)
    return take_apart(net, name)[0]


@cache
def anatomy_of(name: str) -> Anatomy:
    """How a network is taken apart, found by trying; ``UserError`` says why CAM does not apply to one that cannot be."""
    library_name = parse_name(name)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), torch.device("cpu"), torch.no_grad():
        torch.manual_seed(0)
        net = lively(build_classifier(library_name, 5))
        for size in (TRIED, TRIED_PADDED):
            x = torch.randn(1, 3, *size)
            try:
                answer = net(x)
            except Exception:  # every architecture refuses a size in its own way
                continue
            trial = _Trial(library_name, net, x, answer)
            anatomy = trial.anatomy()
            if trial.grid == _grid(x, anatomy.stage_strides[-1]):
                multiple = 1 if size == TRIED else anatomy.stage_strides[-1]
                return _checked(replace(anatomy, multiple=multiple), net, trial)
        raise UserError(_one_size(library_name, net))


def _one_size(name: LibraryName, net: nn.Module) -> str:
    """Why a network that takes no other size than its own is refused."""
    side = input_description(name).size
    try:
        _Trial(name, net, x := torch.randn(1, 3, side, side), net(x)).anatomy()
    except UserError as error:  # its features are tokens, or its head is not linear
        return str(error)
    except Exception as error:
        return f"{name} cannot be tried ({(str(error).splitlines() or [type(error).__name__])[0][:160]})."
    return (
        f"{name} takes pictures of {side} × {side} pixels alone, or its positions do not cover a picture evenly, so that nobody "
        f"could lay its maps over one. {INSTEAD}"
    )


def _checked(anatomy: Anatomy, net: nn.Module, trial: "_Trial") -> Anatomy:
    """The same, with whether batch normalisation can be folded; what was found is held against the answer once more."""
    weight, bias = linear_of(net, anatomy)
    adapted = Adapted(copy.deepcopy(net), anatomy, (0.5,) * 3, (0.5,) * 3).eval()
    features, odd = adapted(trial.x), torch.randn(1, 3, *TRIED)
    if not agree(F.linear(features.mean(dim=(2, 3)), weight, bias), trial.answer):
        raise UserError(f"The parts of {trial.name} do not make its answer, so CAM does not apply. {INSTEAD}")
    if anatomy.multiple > 1 and adapted(odd).shape[2:] != _grid(odd, anatomy.stage_strides[-1]):
        raise UserError(f"{trial.name} cannot look at pictures of every size. {INSTEAD}")
    return replace(anatomy, foldable=agree(folded_copy(adapted)(trial.x), features))


def last_layer(name: LibraryName, net: nn.Module) -> str:
    """What the one linear layer (or 1×1 convolution) is called that a library's network ends in.

    Raises ``UserError`` where it ends in another.
    """
    named, untyped = dict(net.named_modules()), cast(Any, net)
    if hasattr(untyped, "get_classifier"):
        last = untyped.get_classifier()
    else:
        last = next((module for module in reversed(named.values()) if isinstance(module, nn.Linear)), None)
    name_of_last = next((name for name, module in named.items() if module is last), "")
    if name_of_last and isinstance(last, nn.Linear | nn.Conv2d) and last.weight.shape[2:].numel() == 1:
        return name_of_last
    raise UserError(
        f"The last layer of {name} is no single linear layer, so CAM does not apply: no weight says what each position "
        "gives to a class."
    )


def lively(net: nn.Module) -> nn.Module:
    """The network with weights and statistics as after training: nothing is exactly 0 or 1, so that no part is without effect."""
    for value in net.state_dict().values():
        if value.is_floating_point() and value.dim() <= 1 and value.numel() > 1:
            value.add_(0.2 * torch.rand(value.shape))
        elif value.is_floating_point() and (value.numel() == 1 or not value.any()):
            value.add_(0.1 * torch.randn(value.shape).abs())
    return net


class _Trial:
    """A network's answer to noise, and the search for features that give it; ``grid`` is that of those that were found."""

    def __init__(self, name: LibraryName, net: nn.Module, x: Tensor, answer: Tensor) -> None:
        self.name, self.net, self.x, self.answer = name, net, x, answer
        self.grid: tuple[int, ...] = ()
        self.classifier = last_layer(name, net)
        last: Any = net.get_submodule(self.classifier)
        self.weight, self.bias = last.weight.flatten(1), last.bias

    def anatomy(self) -> Anatomy:
        """One after the other where that makes the features, else the library's own ``forward_features``."""
        links = list(self._links())
        for end in range(len(links), 0, -1):
            for relu in (False, True):
                if (norm := self._norm(links[end - 1][1], relu)) is not None:
                    return self._of_links(links[:end], relu, norm)
        net = cast(Any, self.net)
        features = net.forward_features(self.x) if hasattr(net, "forward_features") else None
        norm = self._norm(features)
        if features is None or norm is None:
            raise UserError(self._refusal(features))
        self.grid, stride = features.shape[2:], _stride(self.x, features)
        width = features.shape[1]
        return Anatomy(((),), False, norm, self.classifier, width, (width,), (stride,))

    def _of_links(self, links: Sequence[tuple[str, Tensor]], relu: bool, norm: str) -> Anatomy:
        parts = [(stride, list(some)) for stride, some in groupby(links, lambda link: _stride(self.x, link[1]))]
        ends = [(stride, some[-1][1]) for stride, some in parts if stride >= QUARTER]
        self.grid = ends[-1][1].shape[2:]
        strides = [stride for stride, _ in ends]
        whole = all(end.shape[2:] == _grid(self.x, stride) for stride, end in ends)
        stages = ends if whole and strides[0] == QUARTER and strides == sorted(strides) else ends[-1:]
        return Anatomy(
            tuple(tuple(name for name, _ in some) for _, some in parts),
            relu,
            norm,
            self.classifier,
            self.weight.shape[1],
            tuple(end.shape[1] for _, end in stages),
            tuple(stride for stride, _ in stages),
        )

    def _links(self) -> Iterator[tuple[str, Tensor]]:
        """Modules by name, each applied to what the one before made, as long as that is a grid of channels."""
        from torchvision.ops.misc import Permute  # imported where it is used, as in ``libraries``

        x = self.x
        for name, module in _leaves("", self.net):
            try:
                x = module(x)
            except Exception:  # it takes something else: the network is not one after the other from here on
                return
            if (
                not isinstance(x, Tensor) or x.dim() != 4 or isinstance(module, Permute)
            ):  # turned: it was no grid of channels
                return
            yield name, x

    def _norm(self, features: Tensor | None, relu: bool = False) -> str | None:
        """What stands between pooling and classifier if these are the features: "", or a norm's name; else None."""
        width = self.weight.shape[1]
        if features is None or features.dim() != 4 or features.shape[1] != width or features.shape[2:].numel() == 1:
            return None
        pooled = (features.relu() if relu else features).mean(dim=(2, 3))
        if agree(F.linear(pooled, self.weight, self.bias), self.answer):
            return ""
        for name, module in self.net.named_modules():
            if getattr(module, "normalized_shape", None) == (width,) and module.weight is not None:
                normed = PooledNorm(module)(pooled[:, :, None, None]).flatten(1)
                bias = getattr(module, "bias", None)
                if agree(F.linear(normed if bias is None else normed + bias, self.weight, self.bias), self.answer):
                    return name
        return None

    def _refusal(self, features: Tensor | None) -> str:
        width = self.weight.shape[1]
        if features is None:  # torchvision: what is no grid of channels and has attention works on tokens
            inside = {type(module).__name__.lower() for module in self.net.modules()}
            grids = any(link.shape[1] == width for _, link in self._links())
            tokens = any("attention" in name for name in inside) and not grids
        else:
            tokens = features.dim() != 4 or features.shape[1] != width == features.shape[3]
        if tokens:
            return f"The features of {self.name} are tokens and no grid of channels, so CAM does not apply. {INSTEAD}"
        return (
            f"The head of {self.name} is not linear on averaged features, so CAM does not apply: a map that is linear in the "
            f"features would not be what the network computes. {INSTEAD}"
        )


def _leaves(prefix: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Children in their order, those inside of a sequence in its place."""
    for name, child in module.named_children():
        if type(child).forward is nn.Sequential.forward:
            yield from _leaves(f"{prefix}{name}.", child)
        else:
            yield f"{prefix}{name}", child


def _grid(x: Tensor, stride: int) -> tuple[int, ...]:
    """Positions that cover a picture."""
    return tuple(-(-side // stride) for side in x.shape[2:])


def _stride(x: Tensor, features: Tensor) -> int:
    """The power of two that a picture's sides were divided by: of multiples of 32, the pixels from one position to the next."""
    (height, width), (rows, columns) = x.shape[2:], features.shape[2:]
    step = (width - height) / (columns - rows) if columns > rows and not height % EVEN else width / columns
    return 1 << max(0, round(math.log2(step)))


def agree(one: Tensor, two: Tensor) -> bool:
    """Whether two ways lead to the same finite answer, within 1e-4 of its largest value."""
    if one.shape != two.shape or not torch.isfinite(two).all():
        return False
    return bool((one - two).abs().max() <= AGREE * two.abs().max().clamp(min=1e-6))
