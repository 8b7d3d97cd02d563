"""Runs of the climb: what was asked, the steps that are there, and the stream that the player shows."""

import threading
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from recam_core import AdvCamOptions, Evidence, HeatmapOptions, ModelPair, Picture, RefineStep, climb
from recam_core.images.visualise import jpeg_bytes
from recam_core.refiners.advcam.equations import steps_at
from recam_core.refiners.advcam.result import grey_levels, valid_steps
from recam_core.system.compute_queue import ComputeQueue
from ui.climb.frames import climb_about, climb_frame
from ui.climb.words import what_happened
from ui.components.heatview.maps import labelled
from ui.components.player import stream_store
from ui.components.player.frame import Frame
from ui.components.player.frame_stream import FrameStream

PREVIEW_STEPS = 8


@dataclass(frozen=True, eq=False)
class Order:
    """What somebody wants to see climb; ``truth`` (1, H, W) as for curves, at the working size of ``before``."""

    picture: Picture
    pair: ModelPair
    before: Evidence  # of the same picture and view
    class_name: str
    readout: str
    options: AdvCamOptions
    truth: np.ndarray | None = None
    truth_key: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is about, whatever the knobs say."""
        return (self.picture.sha256, self.pair.sha256, self.class_name, self.readout)

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two orders the same."""
        return (*self.subject, self.options, self.before.options, self.truth_key)


@dataclass(eq=False)
class Run:
    """A climb that goes on or went; ``steps`` may be read at any time."""

    order: Order
    stream: FrameStream
    view: HeatmapOptions
    is_preview: bool = False
    _steps: list[RefineStep] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def steps(self) -> list[RefineStep]:
        """The steps so far that count."""
        with self._lock:
            return list(self._steps)

    def take(self, step: RefineStep) -> None:
        """Keep a step; only the last one keeps its change of the picture, which is by far the largest part."""
        with self._lock:
            if self._steps:
                self._steps[-1] = replace(self._steps[-1], change=self._steps[-1].change[:, :0, :0])
            self._steps = valid_steps([*self._steps, step])

    def frames(self) -> Generator[Frame]:
        """Climb, and make a frame of every step; closing it closes the climb."""
        order = self.order
        events = climb(order.picture.pixels, order.pair, [order.class_name], order.options, order.readout, self.view)
        with closing(events):
            for step in events:
                self.take(step)
                steps = self.steps
                last = step.t == step.steps - 1 and step.scale_index == len(self.view.scales) - 1
                self.stream.sentences = tuple(what_happened(steps, order.options, sure=last))
                yield climb_frame(steps, order.before, order.options, order.truth)


def start_climb(order: Order, queue: ComputeQueue) -> Run:
    """The whole climb, in the background."""
    return _start(order, order.before.options, queue)


def start_preview(order: Order, queue: ComputeQueue) -> Run:
    """The first steps of that climb, at its first scale, for somebody who turns a knob: the same pixels, the same numbers."""
    view = replace(order.before.options, scales=order.before.options.scales[:1])
    options = replace(order.options, steps=min(order.options.steps, PREVIEW_STEPS))
    return _start(replace(order, options=options), view, queue, is_preview=True)


def _start(order: Order, view: HeatmapOptions, queue: ComputeQueue, is_preview: bool = False) -> Run:
    title = labelled(order.readout, order.class_name)
    settings = dict(run_settings(order.options, order.pair))
    if is_preview and order.options.steps == PREVIEW_STEPS:
        settings["steps T"] = f"the first {PREVIEW_STEPS}"
    about = climb_about(
        order.before,
        order.picture.name,
        f"Preview: {title}" if is_preview else f"{title} · {order.pair.name}",
        [*settings.items(), _size(order.before, view)],
        order.readout,
        order.class_name,
        order.truth is not None,
    )
    total = sum(steps_at(order.options.steps, scale, view.scales) for scale in view.scales)
    run = Run(order, FrameStream(about, jpeg_bytes(order.before.picture, 85), total), view, is_preview)
    stream_store.put(run.stream)
    run.stream.start(run.frames, queue)
    return run


def _size(before: Evidence, view: HeatmapOptions) -> tuple[str, str]:
    scales = before.options.scales
    only = "" if view.scales == scales else f", the first of {len(scales)} scales"
    return "size", f"{max(before.picture.shape[:2])} px{only}"


def run_settings(options: AdvCamOptions, pair: ModelPair) -> list[tuple[str, str]]:
    """The knobs of a run in words; of the switches only those that differ from the reference code."""
    grey = f" ({grey_levels(options.xi, pair):.1f} grey levels)" if options.step_rule == "maximum" else ""
    settings = [
        ("step size ξ", f"{options.xi:g}{grey}"),
        ("steps T", f"{options.steps}"),
        ("hold-back μ", f"{options.mu:g}"),
        ("mask level τ", f"{options.tau:g}"),
    ]
    plain = AdvCamOptions()
    differing = {"step_rule": "step", "result": "result", "regulariser": "regulariser"}
    return settings + [
        (word, getattr(options, name))
        for name, word in differing.items()
        if getattr(options, name) != getattr(plain, name)
    ]
