"""Runs of the walk: what was asked, and the stream that the player shows."""

from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from recam_core import CamResult, ModelPair, Picture, RandomWalk, RandomWalkOptions, WalkStep, walked_result
from recam_core.images.visualise import jpeg_bytes
from recam_core.refiners.random_walk.result import milestones
from recam_core.system.compute_queue import ComputeQueue
from ui.components.heatview.maps import labelled
from ui.components.player import stream_store
from ui.components.player.frame import Frame
from ui.components.player.frame_stream import FrameStream
from ui.walk.frames import first_frame, walk_about, walk_frame
from ui.walk.knobs import steps_in_words


@dataclass(frozen=True, eq=False)
class Order:
    """What somebody wants to see walk: ``start`` has the class that is looked at first, and those that compete with it.

    ``boundary`` (h, w) is on the grid of ``start``; ``truth`` (1, H, W) of the first class as for curves.
    """

    picture: Picture
    pair: ModelPair
    start: CamResult
    origin: str  # what the start map is: "map", or "climb" with the climb's id
    boundary: np.ndarray
    source: str
    options: RandomWalkOptions
    truth: np.ndarray | None
    truth_key: str
    view: Any  # how the picture is looked at

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two orders the same."""
        who = (self.picture.sha256, self.picture.name, self.pair.sha256, self.start.classes, self.start.readout)
        return (*who, self.origin, self.source, self.options, self.truth_key, self.view)

    @cached_property
    def walk(self) -> RandomWalk:
        """The operator of this boundary map; made once, by whoever needs it first."""
        return RandomWalk(self.boundary, self.options, self.pair.recam.device)

    def walked(self, t: int) -> tuple[CamResult, float]:
        """The heatmaps of all classes after ``t`` steps; past those of the player by a jump, with a bound of its error."""
        if t <= self.options.steps:
            return walked_result(self.start, self.walk.at(self.start.grid, t)), 0.0
        maps, error = self.walk.jump(self.start.grid, t)
        return walked_result(self.start, maps), error

    def kept_steps(self, t: int) -> list[WalkStep]:
        """The maps of the milestones up to ``t``, for files; past the player's steps ``t`` alone."""
        wanted, steps = set(milestones(t)), []
        for here, maps in enumerate(self.walk.steps(self.start.grid)):
            if here in wanted:
                steps.append(WalkStep(here, t, self.start.classes, maps, 0.0))
            if here == t:
                return steps
        far, _ = self.walk.jump(self.start.grid, t)
        return [*steps, WalkStep(t, t, self.start.classes, far, 0.0)]


@dataclass(eq=False)
class Run:
    """A walk that goes on or went; ``shares[t]`` holds the curves of each t that is there."""

    order: Order
    stream: FrameStream
    begin: dict[str, Any] = field(default_factory=dict)
    shares: list[dict[str, Any]] = field(default_factory=list)

    def frames(self) -> Generator[Frame]:
        """Walk, and make a frame of every t."""
        order = self.order
        first = order.walk.gate(order.start.grid)[0]
        for t, maps in enumerate(order.walk.steps(order.start.grid)):
            frame = walk_frame(t, maps, walked_result(order.start, maps), first, order.truth)
            if t == 0:
                frame = first_frame(frame, order.start, order.boundary, order.truth)
                self.begin = dict(frame.curves["begin"])
            self.shares.append(dict(frame.curves["map"]))
            yield frame


def start_walk(order: Order, queue: ComputeQueue) -> Run:
    """The whole walk, in the background."""
    title = labelled(order.start.readout, order.start.classes[0])
    if order.origin != "map":
        title += ", climbed"
    about = walk_about(
        order.start,
        order.picture.name,
        f"{title} · {order.pair.name}",
        run_settings(order),
        order.truth is not None,
    )
    run = Run(order, FrameStream(about, jpeg_bytes(order.start.picture, 85), order.options.steps + 1))
    stream_store.put(run.stream)
    run.stream.start(run.frames, queue)
    return run


def run_settings(order: Order) -> list[tuple[str, str]]:
    """The knobs of a run in words."""
    height, width = order.boundary.shape
    values = asdict(order.options)
    return [
        ("boundaries", order.source),
        ("radius", f"{values['radius']}"),
        ("sharpness β", f"{values['beta']:g}"),
        ("steps t", steps_in_words(values["steps"])),
        ("grid", f"{width} × {height}"),
    ]
