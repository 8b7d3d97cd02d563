"""Methods: maps of a network that are more than its features times weights; a further one is a row of ``METHODS``.

A map is asked for by the name of its method, where wanted with a place behind it: ``gradcam`` (the network that answers, its last
features), ``gradcam@cam`` (the stage-1 network), ``layercam@trunk.layer3`` (a layer), ``layercam@cam.trunk.layer3`` (both). This
module loads neither torch nor the library: what makes a map is imported when one is made.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

from recam_core.networks.readouts import NETWORKS, READOUTS, RECAM, Readout
from recam_core.records import CAM, UserError

if TYPE_CHECKING:
    from torch import Tensor

    from recam_core.cam.methods.views import Views

_GRADIENT_UNIT = "logits of FC1: the library's map times the number of positions, so that sizes can be added"


@dataclass(frozen=True)
class Method:
    """One way to make maps of some classes of a picture.

    ``name`` stands in commands, links, file names and result files and never changes; ``label``, ``title`` and ``help`` are what
    a person reads, ``unit`` what raw maps are measured in, ``colour`` that of its curves. ``maker`` names the function that makes
    maps (V, n, h, w) ≥ 0 of ``Views``, as "module:function". A ``slow`` one needs many passes for each class.
    """

    name: str
    label: str
    title: str
    help: str
    unit: str
    colour: str
    maker: str
    slow: bool = False

    def maps(self, views: "Views") -> "Tensor":
        """Maps (V, n, h, w) ≥ 0 of V views and their n classes, at the grid of the layer."""
        module, _, function = self.maker.partition(":")
        make: Callable[[Views], Tensor] = getattr(import_module(f"recam_core.cam.methods.{module}"), function)
        return make(views)


_ROWS = (
    Method(
        name="gradcam",
        label="Grad-CAM",
        title="mean gradients",
        help="each channel weighed by its mean gradient (Selvaraju et al., ICCV 2017); of the last features it is CAM itself",
        unit=_GRADIENT_UNIT,
        colour="#117733",
        maker="library:gradcam",
    ),
    Method(
        name="gradcampp",
        label="Grad-CAM++",
        title="weighted positive gradients",
        help="each channel weighed by its positive gradients, where much is active by less (Chattopadhay et al., WACV 2018)",
        unit="activation times weights of Grad-CAM++",
        colour="#882255",
        maker="library:gradcampp",
    ),
    Method(
        name="layercam",
        label="LayerCAM",
        title="positive gradients per position",
        help="each position weighed by its own positive gradient (Jiang et al., TIP 2021), so earlier layers can be looked at",
        unit=_GRADIENT_UNIT,
        colour="#44aa99",
        maker="library:layercam",
    ),
    Method(
        name="xgradcam",
        label="XGrad-CAM",
        title="gradients by share of activation",
        help="each channel weighed by its gradients, each by its share of the activation (Fu et al., BMVC 2020)",
        unit=_GRADIENT_UNIT,
        colour="#999933",
        maker="library:xgradcam",
    ),
    Method(
        name="finercam",
        label="Finer-CAM",
        title="against the classes most alike",
        help="Grad-CAM of the logit minus 0.6 times the mean of the three nearest ones (Zhang et al., CVPR 2025)",
        unit=_GRADIENT_UNIT,
        colour="#cc6677",
        maker="library:finercam",
    ),
    Method(
        name="scorecam",
        label="Score-CAM",
        title="each channel tried as a mask",
        help="each channel weighed by the logit of the picture masked with it (Wang et al., CVPRW 2020); a pass a channel",
        unit="activation times weights of Score-CAM, which add up to 1",
        colour="#332288",
        maker="library:scorecam",
        slow=True,
    ),
    Method(
        name="lpcam",
        label="LPCAM",
        title="likeness to local prototypes",
        help="likeness to local features of the class minus that to its context (Chen & Sun, CVPR 2023), after fit-prototypes",
        unit="cosine to the class's prototypes minus cosine to its context",
        colour="#6699cc",
        maker="local_prototypes:lpcam",
    ),
)
METHODS: dict[str, Method] = {row.name: row for row in _ROWS}


@dataclass(frozen=True)
class MethodMap:
    """A map that was asked for: its method, which network it is of, and which layer ("" for the last features)."""

    method: Method
    network: str = RECAM
    layer: str = ""

    @property
    def name(self) -> str:
        """How it is asked for, without what is so in any case."""
        words = [] if self.network == RECAM else [self.network]
        place = ".".join(words + ([self.layer] if self.layer else []))
        return f"{self.method.name}@{place}" if place else self.method.name

    @property
    def label(self) -> str:
        """What a person reads."""
        words = [f"layer {self.layer}"] if self.layer else []
        words += ["stage 1"] if self.network == CAM else []
        return f"{self.method.label} ({', '.join(words)})" if words else self.method.label


def method_map(name: str) -> MethodMap:
    """What a name asks for; ``UserError`` with near names for a method that there is not."""
    method, _, place = name.partition("@")
    if method not in METHODS:
        near = get_close_matches(method.lower().replace("-", "").replace("+", "p"), METHODS, 2, 0.5)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        raise UserError(f"There is no method {method!r}{hint}; there are {', '.join(METHODS)}.")
    first, _, rest = place.partition(".")
    network, layer = (first, rest) if first in NETWORKS else (RECAM, place)
    return MethodMap(METHODS[method], network, layer)


def method_names(names: Collection[str]) -> tuple[str, ...]:
    """The names as they are kept, each once; ``UserError`` for one that is no method."""
    return tuple(dict.fromkeys(method_map(name).name for name in names))


def is_method(name: str) -> bool:
    """Whether a map of this name is made by a method."""
    return name.partition("@")[0] in METHODS


def map_row(name: str) -> Readout | Method:
    """The row of a readout or of a method's map: its label, help, unit and colour."""
    return READOUTS[name] if name in READOUTS else method_map(name).method


def map_network(name: str) -> str:
    """Which of a pair's two networks a map is of: "cam" or "recam"."""
    return READOUTS[name].network if name in READOUTS else method_map(name).network


def map_title(name: str) -> str:
    """What a person reads for a map: the label of a readout, or a method with its place."""
    return READOUTS[name].label if name in READOUTS else method_map(name).label
