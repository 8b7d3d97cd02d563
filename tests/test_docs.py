"""What the docs say is what was measured, and what they name exists."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from recam_core.__main__ import COMMANDS
from recam_core.records import READOUTS
from recam_core.shelf import known_models, load_pair, read_header

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def tables_script():
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "docs" / "make_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["models.md", "benchmarks.md"])
def test_tables_are_those_of_the_results(name):
    page = (ROOT / "docs" / name).read_text("utf-8")
    assert tables_script().filled(page) == page, "run python docs/make_tables.py"
    assert "Not measured" not in page


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_readme_names_every_command_and_no_other():
    named = set(re.findall(r"python -m recam_core (\w+)", (ROOT / "README.md").read_text("utf-8")))
    assert named == set(COMMANDS)


@pytest.mark.parametrize("name", ["scenes", "photos"])
def test_bundled_models_load_and_carry_their_scores(name):
    path = known_models()[name]
    assert path.stat().st_size < 25 * 2**20
    card = read_header(path)["card"]
    results = json.loads((ROOT / "assets" / "results" / f"{name}.json").read_text("utf-8"))
    where = f"{results['dataset']} {results['split']}, single scale"
    kept = card["scores"][where]["readouts"]
    assert set(kept) == set(READOUTS)
    for readout, row in kept.items():
        assert row["miou"] == results["readouts"][readout]["miou"]
    pair = load_pair(name)
    assert pair.name == name
    assert len(pair.classes) == {"scenes": 8, "photos": 80}[name]
