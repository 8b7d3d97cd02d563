"""Maps beside the readouts: those of other methods of the same network, and all of them refined from the picture alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from recam_core import REFINERS, CamResult, Evidence, ModelPair, Subject, read_out
from recam_core.cam.methods import METHODS, MethodMap, is_method, method_map
from recam_core.cam.methods.results import method_gap, method_passes, method_results
from recam_core.cam.methods.views import layer_names
from recam_core.networks.readouts import NETWORKS, RECAM
from ui.compute.engine import EVIDENCE, TurnCache
from ui.session.link import read_choice, read_list, write
from ui.widgets.escaping import plain
from ui.widgets.jobs import time_words

CACHE_BYTES = 128 * 2**20
FIRST = ("gradcampp", "layercam")  # of a model without readouts, where nothing else is chosen
MOST_SECONDS = 120.0  # others wait for as long: what takes longer is for the command line
SNAP = "1"  # what older addresses call PAMR
NETWORK_WORDS = {"recam": "stage 2 (ReCAM)", "cam": "stage 1 (CAM)"}


@dataclass(frozen=True)
class MoreMaps:
    """What is asked for beside the readouts: maps of methods by name, and a refiner of all maps ("" for none)."""

    methods: tuple[str, ...] = ()
    refiner: str = ""


def _bytes(results: list[CamResult]) -> int:
    return sum(r.raw.nbytes + r.maps.nbytes + r.grid.nbytes for r in results)


_RESULTS: TurnCache[list[CamResult]] = TurnCache(CACHE_BYTES, _bytes, EVIDENCE.queue)


def choose_more(pair: ModelPair) -> MoreMaps:
    """Which further maps are wanted; nothing is computed for those that are not."""
    layers = ("", *layer_names(pair.recam))
    refiners = [name for name, refiner in REFINERS.items() if refiner.picture_alone]
    _remember(layers, refiners, [] if pair.readouts else list(FIRST))
    has_both = len(pair.networks) == len(NETWORKS)
    network = str(st.session_state["more-network"]) if has_both else RECAM
    offered = [name for name, row in METHODS.items() if not method_gap(pair, MethodMap(row, network).name)]
    st.session_state["more-methods"] = [name for name in st.session_state["more-methods"] if name in offered]
    with st.popover("More maps", icon=":material/add_photo_alternate:"):
        chosen = st.multiselect(
            "Methods",
            offered,
            key="more-methods",
            format_func=lambda name: METHODS[name].label,
            placeholder="none",
            persist_state="session",
            help="; ".join(f"**{METHODS[name].label}**: {METHODS[name].help}" for name in offered),
        )
        if has_both:
            st.segmented_control(
                "Network",
                list(NETWORK_WORDS),
                key="more-network",
                format_func=NETWORK_WORDS.__getitem__,
                required=True,
                persist_state="session",
            )
        layer = st.selectbox(
            "Layer",
            layers,
            key="more-layer",
            format_func=lambda name: name or "last features",
            persist_state="session",
            help="Earlier layers are finer and know less of classes; LayerCAM was made for them.",
        )
        refiner = st.selectbox(
            "All maps",
            ["", *refiners],
            key="more-refiner",
            format_func=lambda name: REFINERS[name].label if name else "as they are",
            persist_state="session",
            help="From the picture alone, without the network; "
            + "; ".join(f"**{REFINERS[name].label}**: {REFINERS[name].help}" for name in refiners),
        )
    names = [MethodMap(METHODS[name], network, "" if name == "lpcam" else str(layer)).name for name in chosen]
    write("methods", ",".join(names), "")
    write("snap", refiner, "")
    return MoreMaps(tuple(names), refiner)


def _remember(layers: Sequence[str], refiners: Sequence[str], first: list[str]) -> None:
    """Take what the address asks for when somebody comes, and leave a layer that another model had.

    Where nothing is chosen, ``first`` are.
    """
    if "more-methods" not in st.session_state:
        linked = [method_map(name) for name in read_list("methods") if is_method(name)]
        st.session_state["more-methods"] = list(dict.fromkeys(one.method.name for one in linked))
        st.session_state["more-network"] = linked[0].network if linked else RECAM
        st.session_state["more-layer"] = linked[0].layer if linked else ""
        refiner = read_choice("snap", (SNAP, *refiners), "")
        st.session_state["more-refiner"] = "pamr" if refiner == SNAP else refiner
    st.session_state["more-methods"] = st.session_state["more-methods"] or first
    st.session_state.setdefault("more-network", RECAM)  # its control is not drawn for every model
    for key, offered in (("more-layer", layers), ("more-refiner", refiners)):
        if st.session_state[key] not in offered:
            st.session_state[key] = ""


def agreed_to(more: MoreMaps, key: Any, pair: ModelPair, evidence: Evidence, classes: Sequence[str]) -> MoreMaps:
    """The further maps without those of slow methods that nobody agreed to yet, of what ``key`` stands for."""
    agreed = tuple(name for name in more.methods if _is_agreed(key, pair, evidence, classes, name))
    return MoreMaps(agreed if agreed or pair.readouts else FIRST, more.refiner)


def _is_agreed(key: Any, pair: ModelPair, evidence: Evidence, classes: Sequence[str], name: str) -> bool:
    """Whether a method may run now; a slow one says first what it costs, and one that would keep everybody waiting is refused."""
    wanted, options = method_map(name), evidence.options
    if not wanted.method.slow:
        return True
    views = 2 if options.flip else 1
    passes = method_passes(pair, name, len(classes), views * len(options.scales))
    seconds = passes * evidence.seconds / evidence.backbone_passes / views
    cost = f"{wanted.label} runs the network {passes:,} times for this picture, about {time_words(seconds)}."
    if seconds > MOST_SECONDS:
        st.info(
            f"{cost} That is too long for a page that others use too: python -m recam_core explain … --methods {plain(name)}",
            icon=":material/hourglass_top:",
        )
        return False
    agreed: set[Any] = st.session_state.setdefault("more-agreed", set())
    if (key, name) not in agreed and st.button(
        f"{cost} Compute it", icon=":material/play_arrow:", key=f"more-start-{name}"
    ):
        agreed.add((key, name))
    return (key, name) in agreed


def results_with(
    more: MoreMaps, key: Any, pair: ModelPair, evidence: Evidence, classes: Sequence[str]
) -> list[CamResult] | None:
    """All results where there is more than the readouts, made when their turn has come or found under ``key``; else None."""
    if more == MoreMaps():
        return None

    def make() -> list[CamResult]:
        results = [read_out(evidence, readout, classes) for readout in evidence.scale_maps]
        results += method_results(evidence, pair, more.methods, classes)
        if not more.refiner:
            return results
        subject = Subject(pair, evidence, tuple(classes), tuple(r.readout for r in results), tuple(results))
        return REFINERS[more.refiner].results(subject, REFINERS[more.refiner].defaults(pair))

    return _RESULTS.get((key, more), make)
