"""Maps of the watched pictures that a run keeps after every epoch → frames of the player, also while new ones come."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from recam_core import CamResult, UserError
from recam_core.images.visualise import jpeg_bytes
from recam_core.networks.readouts import READOUTS
from recam_core.records import EPSILON, EpochMaps, MapsKept, TrainConfig, WatchedPicture
from recam_core.training.watched_pictures import read_epoch_maps, read_watched
from ui.components.player.frame import Frame, Layer, heat_layer, shares
from ui.components.player.frame_stream import FrameStream

INDEX = "watched/pictures.json"  # written when the pictures are
SCORE = "#4477aa"  # the score's line
PAUSE = 2.0  # seconds between two questions of a browser for new epochs


@dataclass(eq=False)
class Roll:
    """The stream of one picture and class of a run, and the epochs whose frames it has."""

    stream: FrameStream
    name: str
    number: int
    folder: Path
    shown: list[tuple[int, int]] = field(default_factory=list)

    def feed(self, stored: Sequence[MapsKept], running: bool) -> bool:
        """Add the epochs that are new; False where those it has are not the run's any more, so that it must be made anew."""
        epochs = [(one.stage, one.epoch) for one in stored]
        if epochs[: len(self.shown)] != self.shown or (running and not self.stream.running):
            return False
        for one in stored[len(self.shown) :]:
            frame = epoch_frame(self.folder, one, self.number, self.name, first=self.stream.made == 0)
            if frame is not None:
                self.stream.add(frame)
            self.shown.append((one.stage, one.epoch))
        if not running and self.stream.running:
            self.stream.end()
        return True


def new_roll(folder: Path, picture: WatchedPicture, number: int, name: str, config: TrainConfig, run: str) -> Roll:
    """A stream without frames for a watched picture and one of its classes."""
    height, width = picture.pixels.shape[:2]
    about = {
        "title": f"{picture.name} · {name}",
        "one": "frame",
        "many": "frames",
        "settings": [["run", run]],
        "picture": {"width": width, "height": height, "name": picture.name, "type": "image/jpeg"},
        "panels": [
            {
                "layer": readout,
                "kind": "heat",
                "label": READOUTS[readout].label,
                "title": READOUTS[readout].title,
                "help": f"{READOUTS[readout].help}; 1.0 is the map's own peak at this epoch",
                "empty": "no evidence at this epoch",
            }
            for readout in READOUTS
        ],
        "charts": [
            _chart(
                "Picture above the threshold",
                [
                    {"key": f"{one}:covered", "label": READOUTS[one].label, "colour": READOUTS[one].colour}
                    for one in READOUTS
                ],
                config,
            ),
            _chart(f"Score of {name}", [{"key": "score", "label": "score", "colour": SCORE}], config),
        ],
    }
    total = _begin_of_stage_2(config) + config.stage2_epochs + 1
    return Roll(FrameStream(about, jpeg_bytes(picture.pixels), total, pause=PAUSE, timed=False), name, number, folder)


def _begin_of_stage_2(config: TrainConfig) -> int:
    """The frame at which stage 2 starts: each stage shows its start."""
    return 0 if config.stage1 else config.stage1_epochs + 1


def _chart(title: str, lines: Sequence[dict[str, str]], config: TrainConfig) -> dict[str, Any]:
    """Lines through both stages, with the epochs where the slider has frames."""
    start = _begin_of_stage_2(config)
    ticks = [(0, "stage 1, start")] if start else []
    ticks += [(start, "stage 2, start"), (start + config.stage2_epochs, f"epoch {config.stage2_epochs}")]
    return {"title": title, "percent": True, "joined": True, "ticks": ticks, "lines": lines}


def epoch_frame(folder: Path, stored: MapsKept, number: int, name: str, *, first: bool) -> Frame | None:
    """What the networks saw in one picture after an epoch; None where the file is damaged or gone."""
    try:
        maps = epoch_maps(folder, stored.file)
    except UserError:
        return None
    if number >= len(maps.scores):
        return None
    there = name in maps.classes[number]  # of a picture without labels only the highest scores of that epoch are
    k = maps.classes[number].index(name) if there else 0
    picture = _pictures(str(folder))[number]
    layers: dict[str, Layer] = {}
    curves = {}
    for readout in READOUTS:
        if readout not in maps.maps:
            if first:
                layers[readout] = Layer(np.zeros((1, 1), np.uint8), 0.0, 0.0, "comes in stage 2")
            continue
        grid = maps.maps[readout][number][k] if there else np.zeros((1, 1), np.float32)
        layers[readout] = heat_layer(grid, float(grid.max()))
        curves[readout] = _shares(picture, grid, readout)
    score = float(maps.scores[number][k]) if there else float("nan")
    return Frame(
        label=f"stage {stored.stage}, {f'epoch {stored.epoch + 1}' if stored.epoch >= 0 else 'start'}",
        layers=layers,
        values={"score": score} if there else {},
        curves=curves,
        part=stored.stage,
    )


def classes_shown(folder: Path, stored: Sequence[MapsKept], number: int) -> list[str]:
    """Classes whose maps of a picture are there, from the newest epoch back."""
    for one in reversed(stored):
        try:
            maps = epoch_maps(folder, one.file)
        except UserError:
            continue
        if number < len(maps.classes):
            return list(maps.classes[number])
    return []


def epoch_maps(folder: Path, file: str) -> EpochMaps:
    """The maps after an epoch, read once as long as the file stays the same."""
    try:
        stat = (folder / file).stat()
    except OSError as error:
        raise UserError(f"The maps {file} of {folder.name} are not there any more.") from error
    return _read(str(folder), file, stat.st_mtime_ns)


@lru_cache(maxsize=128)
def _read(folder: str, file: str, changed: int) -> EpochMaps:
    return read_epoch_maps(Path(folder), file)


def watched_pictures(folder: Path) -> tuple[WatchedPicture, ...]:
    """The watched pictures of a run; none yet before it has begun."""
    return _pictures(str(folder)) if (folder / INDEX).is_file() else ()


@lru_cache(maxsize=16)
def _pictures(folder: str) -> tuple[WatchedPicture, ...]:
    return read_watched(Path(folder))


def _shares(picture: WatchedPicture, grid: np.ndarray, readout: str) -> dict[str, list[Any]]:
    """The covered share of the picture at every threshold, of the map at picture size."""
    height, width = picture.pixels.shape[:2]
    raw = cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)[None]
    maps = raw / (raw.max() + np.float32(EPSILON))
    return shares(CamResult(picture.pixels, ("",), np.zeros(1), raw, maps, grid[None], readout), None)
