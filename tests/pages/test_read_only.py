"""``RECAM_READ_ONLY=1``: on every page nothing that changes what the server keeps is offered, and each such action is refused."""

import pytest
import torch
from any_page import open_page
from balance_page import few_fits
from trained_runs import write_job, write_run

import ui.compute.engine
from recam_core import UserError
from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import save_pair
from recam_core.checkpoints.registry import arriving, delete_model, delete_run, place_for, rename_model
from recam_core.evaluation.store import Note, write_note
from recam_core.networks.pair import build_pair
from recam_core.records import TrainConfig
from recam_core.system import jobs
from ui.components.player import stream_store
from ui.errors import runs as evaluations
from ui.train import runs

PAGES = [
    ("explore/compare", {"model": "mine"}),
    ("explore/walk", {"model": "mine", "last": "4"}),
    ("explore/climb", {"model": "mine"}),
    ("learn/why", {}),
    ("learn/balance", {}),
    ("lab/train", {"run": "stopped"}),
    ("lab/train", {"run": "waits"}),
    ("lab/train", {"run": "new"}),
    ("lab/models", {"show": "mine"}),
    ("lab/errors", {"run": "kept"}),
    ("lab/errors", {"run": "kept", "open": "samples-0000"}),
]
CHANGES = (
    "start",
    "stop",
    "resume",
    "delete",
    "rename",
    "import",
    "train-new",
    "first",
    "fetch",
    "note",
    "model_training",
)
HARMLESS = ("train-estimate",)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "runs").mkdir()
    (folder / "models").mkdir()
    torch.manual_seed(0)
    save_pair(build_pair("mine", "tiny", ("cat", "dog"), {}, ("cam",)), folder / "models" / "mine.safetensors")
    write_run(folder / "runs", "stopped", epochs=2, job="stopped", model=False)
    write_run(folder / "runs", "done")
    write_job(folder / "runs" / "waits", "train", "waits", "queued")
    broken = write_run(folder / "runs", "broken", model=False)
    (broken / jobs.STATUS).write_text("{}")
    arguments = ["evaluate", "--model", "scenes", "--dataset", "scenes", "--split", "samples", "--readouts", "cam,w"]
    assert main([*arguments, "--out", str(folder / "runs" / "kept")]) == 0
    return folder


@pytest.fixture(autouse=True)
def place(folders, monkeypatch):
    monkeypatch.setenv("RECAM_RUNS", str(folders / "runs"))
    monkeypatch.setenv("RECAM_MODELS", str(folders / "models"))
    monkeypatch.setenv("RECAM_READ_ONLY", "1")
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    few_fits(monkeypatch)
    yield folders
    for stream in stream_store.STORE.values():
        stream.stop()
        assert stream.wait(30)


def listing(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize(("page", "link"), PAGES)
def test_no_page_offers_to_change_anything(place, page, link):
    before = listing(place)
    app = open_page(f"../pages/{page}.py", **link)
    keys = [str(button.key) for button in app.button if str(button.key) not in HARMLESS]
    assert [key for key in keys if key.startswith(CHANGES)] == []
    assert listing(place) == before


def test_every_change_is_refused_also_where_a_page_is_passed_by(place):
    before = listing(place)
    run = next(run for run in runs.all_runs() if run.name == "stopped")
    changes = [
        lambda: runs.start(TrainConfig()),
        lambda: runs.start_boundary(run, runs.BoundaryConfig()),
        lambda: evaluations.start("scenes", "scenes", "", "samples"),
        lambda: jobs.resume_job(run.job),
        lambda: jobs.stop_job(jobs.find_job("waits")),
        lambda: delete_run(run.folder),
        lambda: jobs.delete_run(place / "runs" / "broken"),
        lambda: delete_model("mine"),
        lambda: rename_model("mine", "other"),
        lambda: place_for("new"),
        lambda: write_note(place / "runs" / "kept", "samples-0000", Note("x")),
        lambda: arriving().__enter__(),
    ]
    for change in changes:
        with pytest.raises(UserError, match=r"operator has switched|switched"):
            change()
    assert listing(place) == before
