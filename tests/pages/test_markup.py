"""Whatever a model, a run, an evaluation or a file is called, every page shows it letter by letter: no picture of another site is
asked for, no style and no form of somebody else stands on the page."""

import json
from dataclasses import replace

import pytest
from any_page import open_page, ran
from google.protobuf.message import Message
from trained_runs import CONFIG, write_run

import ui.compute.engine
from recam_core import load_pair
from recam_core.__main__ import main
from recam_core.checkpoints.pair_file import BUNDLED_MODELS, save_pair
from recam_core.evaluation.store import Note, write_note
from ui.components.player import stream_store
from ui.session import uploads

MARK = "![m](//evil.test/m)<style>m</style>"
MARKDOWN, HTML = "![m](", "<style>m"
# Where Streamlit shows the letters themselves: what stands in a field, keys and ids; tables; options of select boxes.
RAW = {
    "id",
    "user_key",
    "element_id",
    "form_id",
    "default",
    "default_value",
    "raw_value",
    "raw_values",
    "value",
    "set_value",
}
RAW |= {
    "url",
    "data",
    "delta_path",
    "language",
    "hash",
    "alt",
    "placeholder",
    "page_script_hash",
    "query_string",
    "json",
}
LETTERS = {"Code", "Arrow", "Json", "BidiComponent"}
PAGES = [
    ("explore/compare", {"model": "marked"}),
    ("explore/walk", {"model": "marked", "last": "4"}),
    ("explore/climb", {"model": "marked", "T": "3"}),
    *[("learn/why", {"model": "marked", "step": str(step)}) for step in range(1, 9)],
    ("learn/balance", {"model": "marked"}),
    ("lab/train", {"run": "marked-run"}),
    ("lab/train", {"run": "new", "stage1": "marked"}),
    ("lab/models", {"show": "marked"}),
    ("lab/errors", {"run": "marked-store"}),
    ("lab/errors", {"run": "marked-store", "open": "samples-0000"}),
    ("lab/errors", {"run": MARK, "a": MARK, "b": MARK, "open": MARK}),
]


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """Folders of models and of runs with a model, a run and an evaluation whose every text is markup."""
    folder = tmp_path_factory.mktemp("marked")
    for name in ("models", "runs"):
        (folder / name).mkdir()
    _model(folder / "models" / "marked.safetensors")
    _run(folder / "runs")
    _store(folder / "runs" / "marked-store")
    return folder


@pytest.fixture(autouse=True)
def place(marked, monkeypatch):
    for name in ("models", "runs"):
        monkeypatch.setenv(f"RECAM_{name.upper()}", str(marked / name))
    monkeypatch.setattr(ui.compute.engine, "EVIDENCE", ui.compute.engine.EvidenceCache())
    uploads._STORE.clear()
    yield
    for stream in stream_store.STORE.values():
        stream.stop()
        assert stream.wait(20)
    stream_store.STORE.clear()


def _model(path):
    pair = load_pair(BUNDLED_MODELS / "scenes.safetensors")
    scores = json.loads(json.dumps(pair.card["scores"]).replace('"how": "', f'"how": "{MARK}'))
    card = pair.card | {
        "about": MARK,
        "warning": MARK,
        "scores": {f"{MARK} {where}": measured for where, measured in scores.items()},
        "imported": {"files": [{"name": MARK, "kind": MARK, "sha256": MARK}], "onto": {"name": MARK}, "note": MARK},
        "training": pair.card.get("training", {}) | {"dataset": MARK, "split": MARK, "stage1": MARK},
    }
    if "walk" in card:
        card["walk"] = card["walk"] | {"split": MARK, "how": MARK}
    save_pair(replace(pair, classes=tuple(f"{name} {MARK}" for name in pair.classes), card=card), path)


def _run(runs):
    folder = write_run(runs, "marked-run", replace(CONFIG, split=MARK), title=MARK, message=MARK, job="failed")
    history = (folder / "history.jsonl").read_text().replace("train-0007", MARK).replace("its file ends", MARK)
    (folder / "history.jsonl").write_text(history)
    settings = json.loads((folder / "settings.json").read_text())
    settings["classes"] = [f"{name} {MARK}" for name in settings["classes"]]
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "errors.txt").write_text(f"{MARK}\n")
    index = json.loads((folder / "watched" / "pictures.json").read_text())
    for entry in index:
        entry["name"] = f"{entry['name']} {MARK}"
    (folder / "watched" / "pictures.json").write_text(json.dumps(index))


def _store(folder):
    arguments = ["evaluate", "--model", "scenes", "--dataset", "scenes", "--split", "samples", "--readouts", "cam,w"]
    assert main([*arguments, "--out", str(folder)]) == 0
    stored = json.loads((folder / "store.json").read_text())
    stored["settings"] |= {"model": MARK, "source": MARK, "split": MARK}
    stored["settings"]["classes"] = [f"{name} {MARK}" for name in stored["settings"]["classes"]]
    (folder / "store.json").write_text(json.dumps(stored))
    write_note(folder, "samples-0000", Note(MARK, (MARK[:30],)))


def strings(message, path=()):
    """Every text of a message with the names of the messages and fields that it stands in."""
    for field, value in message.ListFields():
        here = (*path, type(message).__name__, field.name)
        values = value if isinstance(value, (list, tuple)) or hasattr(value, "append") else [value]
        for one in values:
            if isinstance(one, Message):
                yield from strings(one, here)
            elif isinstance(one, str):
                yield here, one


def shown(app):
    """All texts of the page, and where they stand."""

    def walk(block):
        for child in getattr(block, "children", {}).values():
            if (proto := getattr(child, "proto", None)) is not None:
                yield from strings(proto)
            yield from walk(child)

    yield from walk(app._tree)


@pytest.mark.parametrize(("page", "link"), PAGES)
def test_markup_is_shown_letter_by_letter(page, link):
    app = open_page(f"../pages/{page}.py", **link)
    while not all(stream.wait(60) for stream in stream_store.STORE.values()):
        pass
    ran(app)  # also what is shown when a walk or a climb has ended
    texts = list(shown(app))
    assert any("m](" in text.replace("\\", "") or "style" in text for _, text in texts), "the page shows none of it"
    bad = [f"{'.'.join(where)}: {text[:300]}" for where, text in texts if is_read(set(where), text)]
    assert not bad, "\n".join(bad)


def is_read(where, text):
    """Would a browser read the text as markup there?"""
    if where & {"Html", "PlotlyChart"}:
        return HTML in text
    in_a_list = "options" in where and where & {"Selectbox", "MultiSelect"}
    return MARKDOWN in text and not (where & RAW or where & LETTERS or in_a_list)
