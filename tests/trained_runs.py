"""Runs of a training written by hand: what the page reads, without an hour of training."""

import json
import time
from dataclasses import asdict, replace

import numpy as np

from recam_core import read_sample
from recam_core.checkpoints.pair_file import known_models
from recam_core.datasets.samples import SCENE_CLASSES
from recam_core.networks.readouts import READOUTS, recam_readouts
from recam_core.records import (
    EpochEnd,
    Finished,
    MapsKept,
    PictureSkipped,
    TrainStep,
    Validated,
    WatchedPicture,
)
from recam_core.system import jobs
from recam_core.system.files import npz_bytes
from recam_core.training.recipes import presets
from recam_core.training.run_folder import save_settings
from recam_core.training.watched_pictures import keep_watched

SCENE, SHOWN = "scene-fish-boat", ("fish", "boat")
CONFIG = replace(
    presets("scenes")["quick look"],
    stage1_epochs=3,
    stage2_epochs=2,
    batch_size=16,
    stage2_batch_size=0,
    recam_weight=0.02,
    watch=(SCENE, "mine.png"),
)
STEPS = 10  # of an epoch


def write_run(
    runs, name, config=CONFIG, *, epochs=None, job="done", title="quick", message="", model=True, seed=0, shift=0.0
):
    """A run's folder with so many epochs of its history (None: all); ``job`` is the state of its job, None for no job."""
    folder = runs / name
    folder.mkdir(parents=True, exist_ok=True)
    save_settings(folder, config, SCENE_CLASSES)
    whole = 0 if config.stage1 else config.stage1_epochs
    ends = [(1, e) for e in range(whole)] + [(2, e) for e in range(config.stage2_epochs)]
    ends = ends if epochs is None else ends[:epochs]
    if ends and config.watch:
        pixels = read_sample(SCENE)[0].pixels
        keep_watched(
            [WatchedPicture(SCENE, pixels, SHOWN), WatchedPicture("mine.png", pixels[::-1].copy(), ())], folder
        )
    events = []
    for stage, epoch in ends:
        if epoch == 0 and config.watch:
            events.append(_maps(folder, stage, -1))
        events += _epoch(folder, config, stage, epoch, seed, shift)
    if epochs is None:
        events.append(Finished(str(folder / "model.safetensors"), 421.0, {"pictures": 1600, "classes": 8}))
        if model:
            (folder / "model.safetensors").write_bytes(known_models()["scenes"].read_bytes())
    lines = [json.dumps({"event": type(e).__name__, "time": 1e9 + i, **asdict(e)}) for i, e in enumerate(events)]
    (folder / "history.jsonl").write_text("".join(f"{line}\n" for line in lines))
    if job is not None:
        write_job(folder, "train", title, job, message, about={"config": asdict(config), "pictures": 160})
    return folder


def write_job(folder, kind, title, state, message="", about=None):
    """The files by which a folder is a job's."""
    folder.mkdir(exist_ok=True)
    described = {"kind": kind, "title": title, "arguments": [kind], "again": ["--resume"], "about": about or {}}
    (folder / jobs.JOB).write_text(json.dumps(described))
    job = jobs.Job(folder, kind, title, (kind,), about=about or {})
    now = time.time()
    jobs.write_status(job, jobs.Status(state, now, now, now if state in jobs.ENDED else None, message))
    return jobs.read_job(folder)


def _epoch(folder, config, stage, epoch, seed, shift):
    epochs = config.stage1_epochs if stage == 1 else config.stage2_epochs
    rng = np.random.default_rng([seed, stage, epoch])
    for i in range(STEPS):
        step = epoch * STEPS + i + 1
        sce = 0.0 if stage == 1 else 2 / (1 + 0.1 * step)
        bce = 0.7 / (1 + 0.05 * step + (stage - 1)) + 0.02 * rng.random() + shift
        yield TrainStep(stage, epoch, step, epochs * STEPS, bce, sce, 0.004 * (1 - step / 99), 0.5, 0.05)
    if (stage, epoch) == (1, 1):
        yield PictureSkipped("train-0007", "its file ends too early")
    yield EpochEnd(stage, epoch, epochs, bce, sce, 5.0, 0.5, 160, 1 if epoch else 0)
    scored = recam_readouts() if stage == 2 else ["cam"]
    miou = {name: 0.2 + 0.05 * epoch + 0.1 * (stage - 1) + 0.01 * k for k, name in enumerate(scored)}
    yield Validated(stage, epoch, 100, 0.5 + 0.1 * epoch, miou, {name: 0.3 for name in miou}, 2.0)
    if config.watch:
        yield _maps(folder, stage, epoch)


def _maps(folder, stage, epoch):
    """A spot that grows with the epochs, and lies further right in each readout; of the second picture no labels are known."""
    name = f"stage{stage}-epoch{epoch + 1:03d}.npz"
    arrays = {}
    for i, shown in enumerate((SHOWN, ("cat", "tree", "boat"))):
        for k, readout in enumerate(READOUTS if stage == 2 else ["cam"]):
            y, x = np.mgrid[0:12, 0:12]
            spot = np.exp(-((y - 6) ** 2 + (x - 6 - k) ** 2) / (5 + 3 * epoch + 6 * (stage - 1)))
            arrays[f"{readout}.{i}"] = np.repeat(spot[None], len(shown), 0).astype(np.float32) * (2 + epoch)
        arrays[f"scores.{i}"] = np.full(len(shown), 0.5 + 0.1 * epoch, np.float32)
        arrays[f"classes.{i}"] = np.array(shown)
    (folder / "maps").mkdir(exist_ok=True)
    (folder / "maps" / name).write_bytes(npz_bytes(arrays))
    return MapsKept(stage, epoch, f"maps/{name}")
