"""Image classifiers of timm and torchvision by name, and what their weights say about their input.

A name is ``timm:ARCHITECTURE`` or ``torchvision:ARCHITECTURE``, then ``.TAG`` for one of its sets of weights, then ``@16`` or
``@8`` for an output stride finer than the one it was trained at: ``timm:resnet34``, ``timm:resnet50.a1_in1k@16``.

Both libraries take seconds to load, more than the first picture takes: they are imported where they are used.
"""

import contextlib
import difflib
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from torch import Tensor, nn

from recam_core.records import LIBRARIES, UserError

FINER = (16, 8)  # output strides that some architectures can be brought to
RENORMALISED, HALVES = (
    ("googlenet", "inception_v3"),
    (0.5,) * 3,
)  # torchvision's code brings other means to these, inside
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # what the hub keeps weights of timm in
PATIENCE = 4.0  # seconds until a server that does not answer is given up
NEAR = 4  # names that are offered in the place of one that is not known


@dataclass(frozen=True)
class LibraryName:
    """A classifier of a library: ``tag`` of its weights ("" for the library's default), ``stride`` 0 for its own."""

    library: str
    architecture: str
    tag: str = ""
    stride: int = 0

    def __str__(self) -> str:
        return f"{self.library}:{self.model}" + (f"@{self.stride}" if self.stride else "")

    @property
    def model(self) -> str:
        """What the library calls it."""
        return f"{self.architecture}.{self.tag}" if self.tag else self.architecture


@dataclass(frozen=True)
class InputDescription:
    """What weights were trained on: mean and std of values 0 … 1, side in pixels, and how pictures are brought to it.

    A picture's short side is resized to ``resize`` with ``interpolation``, then its middle is cropped to ``size``.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: int
    resize: int
    interpolation: str

    def __str__(self) -> str:
        return (
            f"short side {self.resize} px ({self.interpolation}), the middle {self.size} × {self.size} px, "
            f"mean {_numbers(self.mean)}, std {_numbers(self.std)}"
        )


@cache
def library_names(library: str) -> list[str]:
    """Every image classifier that a library builds."""
    return _LIBRARIES[library].names()


@cache
def parse_name(name: str) -> LibraryName:
    """A checked name; ``UserError`` offers near names, or the tags that there are."""
    library, _, rest = name.partition(":")
    if library not in LIBRARIES:
        raise UserError(f"Classifiers of others are named timm:NAME or torchvision:NAME; got {name!r}.")
    rest, _, stride = rest.partition("@")
    if stride not in ("", *map(str, FINER)):
        raise UserError(f"After @ stands an output stride, 16 or 8; got {name!r}.")
    architecture, _, tag = rest.partition(".")
    known = library_names(library)
    if architecture not in known:
        near = difflib.get_close_matches(architecture, known, NEAR, 0.5)
        offered = f"near names: {', '.join(near)}" if near else "no name is near"
        raise UserError(f"{library} has no image classifier {architecture[:60]!r}; {offered}.")
    if tag and tag not in (tags := _LIBRARIES[library].tags(architecture)):
        raise UserError(
            f"{library}'s {architecture} has no weights {tag[:60]!r}; there are {', '.join(tags) or 'none'}."
        )
    return LibraryName(library, architecture, tag, int(stride or 0))


def near_names(text: str) -> tuple[str, ...]:
    """Names of both libraries that contain ``text``, the shortest first, then those that are spelled much like it."""
    text = text.strip().lower().rpartition(":")[2]
    everything = [f"{library}:{name}" for library in LIBRARIES for name in library_names(library)]
    inside = sorted((name for name in everything if text in name.partition(":")[2]), key=lambda name: (len(name), name))
    close = difflib.get_close_matches(text, [name.partition(":")[2] for name in everything], 2 * NEAR, 0.6)
    return tuple(dict.fromkeys([*inside, *(n for n in everything if n.partition(":")[2] in close)]))[: 3 * NEAR]


def build_classifier(name: LibraryName, classes: int = 1000) -> nn.Module:
    """The library's own network with random weights, in evaluation mode; ``UserError`` where it cannot be built so."""
    try:
        return _LIBRARIES[name.library].build(name, classes).eval()
    except Exception as error:  # each architecture refuses in its own way
        if name.stride:
            raise UserError(
                f"{name.library}'s {name.architecture} has no output stride {name.stride}; leave out @{name.stride}."
            ) from error
        raise UserError(f"{name} cannot be built ({_first_line(error)}).") from error


def fetch_classifier(name: LibraryName) -> nn.Module:
    """The library's own network with its published weights, fetched once when online and kept where the library keeps them.

    Raises ``UserError`` where they cannot be fetched.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):  # downloads are announced where our commands write events
            return _LIBRARIES[name.library].fetch(name).eval()
    except Exception as error:  # no name service, no weights, half a file: every library has errors of its own
        raise UserError(
            f"The weights of {name} could not be fetched ({_first_line(error)}). Give a file that you downloaded, "
            "or go online."
        ) from error


def check_reachable(address: str) -> None:
    """See that a server answers; ``OSError`` within seconds where it does not, which libraries take a minute of trying to say."""
    head = urllib.request.Request(address, method="HEAD")
    with contextlib.suppress(urllib.error.HTTPError):  # whatever it answers, it is there
        urllib.request.urlopen(head, timeout=PATIENCE).close()


def input_description(name: LibraryName) -> InputDescription:
    """What the weights of a name say about their input."""
    return _LIBRARIES[name.library].describe(name)


def class_names_of(name: LibraryName, count: int) -> tuple[str, ...] | None:
    """The names of the classes that published weights tell apart, where the library has them and they are so many."""
    names = _LIBRARIES[name.library].classes(name)
    return numbered(names) if len(names) == count else None


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Names of which one that stands there twice has a number the second time."""
    times: dict[str, int] = {}
    unique = []
    for name in names:
        times[name] = times.get(name, 0) + 1
        unique.append(name if times[name] == 1 else f"{name} ({times[name]})")
    return tuple(unique)


@cache
def tensor_shapes(name: LibraryName) -> dict[str, torch.Size]:
    """Names and shapes of a network's tensors for one class; where the architecture allows it, found without making them."""
    try:
        with torch.device("meta"):
            net = build_classifier(name, 1)
    except UserError:  # its code computes with tensors while it is built
        net = build_classifier(name, 1)
    return {key: value.shape for key, value in net.state_dict().items()}


def parameter_count(name: LibraryName) -> int:
    """Numbers in the network, for one class."""
    return sum(shape.numel() for shape in tensor_shapes(name).values())


@dataclass(frozen=True)
class _Library:
    names: Callable[[], list[str]]
    tags: Callable[[str], list[str]]
    build: Callable[[LibraryName, int], nn.Module]
    fetch: Callable[[LibraryName], nn.Module]
    describe: Callable[[LibraryName], InputDescription]
    classes: Callable[[LibraryName], Sequence[str]]


def _timm_names() -> list[str]:
    import timm

    return timm.list_models()


def _timm_tags(architecture: str) -> list[str]:
    import timm

    return [name.partition(".")[2] for name in timm.list_models(f"{architecture}.*", pretrained=True)]


def _timm_build(name: LibraryName, classes: int, **how: Any) -> nn.Module:
    import timm

    stride: dict[str, Any] = {"output_stride": name.stride} if name.stride else {}
    return timm.create_model(name.model, num_classes=classes, **stride, **how)


def _timm_fetch(name: LibraryName) -> nn.Module:
    import huggingface_hub
    import timm

    stride: dict[str, Any] = {"output_stride": name.stride} if name.stride else {}
    config = timm.get_pretrained_cfg(name.model)
    hub = config and config.hf_hub_id
    if hub and not any(isinstance(huggingface_hub.try_to_load_from_cache(hub, file), str) for file in HUB_FILES):
        check_reachable(huggingface_hub.constants.ENDPOINT)
    return timm.create_model(name.model, pretrained=True, **stride)


def _timm_input(name: LibraryName) -> InputDescription:
    import timm

    config = timm.get_pretrained_cfg(name.model)
    if config is None:
        config = timm.models.PretrainedCfg()
    size = int(config.input_size[-1])
    resize = round(size / config.crop_pct)
    return InputDescription(tuple(config.mean), tuple(config.std), size, resize, config.interpolation)


def _timm_classes(name: LibraryName) -> Sequence[str]:
    import timm
    from timm.data import ImageNetInfo, infer_imagenet_subset

    config = timm.get_pretrained_cfg(name.model)
    subset = config and infer_imagenet_subset(config.to_dict())
    if not subset or subset == "imagenet-1k":  # torchvision's names of those are the ones that our lists have
        return ()
    return list(ImageNetInfo(subset).label_descriptions())


def _torchvision_names() -> list[str]:
    import torchvision

    return torchvision.models.list_models(module=torchvision.models)


def _torchvision_tags(architecture: str) -> list[str]:
    import torchvision

    return [weights.name for weights in torchvision.models.get_model_weights(architecture)]


def _torchvision_build(name: LibraryName, classes: int) -> nn.Module:
    import torchvision

    dilated = {16: [False, False, True], 8: [False, True, True]}
    how: dict[str, Any] = {"replace_stride_with_dilation": dilated[name.stride]} if name.stride else {}
    if name.architecture in RENORMALISED:
        how["init_weights"] = False  # theirs takes half a minute
    return torchvision.models.get_model(name.architecture, weights=None, num_classes=classes, **how)


def _torchvision_weights(name: LibraryName) -> Any:
    import torchvision

    return torchvision.models.get_model_weights(name.architecture)[name.tag or "DEFAULT"]


def _torchvision_fetch(name: LibraryName) -> nn.Module:
    weights = _torchvision_weights(name)
    if not (Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(weights.url).path).name).is_file():
        check_reachable(weights.url)
    net = _torchvision_build(name, len(weights.meta["categories"]))
    state: dict[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    net.load_state_dict(state)
    return net


def _torchvision_classes(name: LibraryName) -> Sequence[str]:
    return _torchvision_weights(name).meta["categories"]


def _torchvision_input(name: LibraryName) -> InputDescription:
    how = _torchvision_weights(name).transforms()
    mean, std = (HALVES, HALVES) if name.architecture in RENORMALISED else (tuple(how.mean), tuple(how.std))
    return InputDescription(mean, std, how.crop_size[0], how.resize_size[0], how.interpolation.value)


_LIBRARIES: dict[str, _Library] = {
    "timm": _Library(_timm_names, _timm_tags, _timm_build, _timm_fetch, _timm_input, _timm_classes),
    "torchvision": _Library(
        _torchvision_names,
        _torchvision_tags,
        _torchvision_build,
        _torchvision_fetch,
        _torchvision_input,
        _torchvision_classes,
    ),
}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
