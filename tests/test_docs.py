"""What the docs say is what was measured, and what they name exists."""

import argparse
import dataclasses
import importlib
import importlib.util
import inspect
import json
import re
import shlex
from dataclasses import asdict
from pathlib import Path

import pytest

import recam
from recam_core.__main__ import COMMANDS, module_of
from recam_core.checkpoints.pair_file import known_models, load_pair, read_header
from recam_core.networks.readouts import READOUTS
from recam_core.records import TrainConfig
from recam_core.training.recipes import RECIPES

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SCREENS = 2 * 50  # lines that fit on two of them


def tables_script():
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "docs" / "make_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["models.md", "benchmarks.md", "machines.md", "tutorials/segmentation.md"])
def test_tables_are_those_of_the_results(name):
    page = (ROOT / "docs" / name).read_text("utf-8")
    assert tables_script().filled(page) == page, "run PYTHONPATH=. python docs/make_tables.py"
    assert "Not measured" not in page


def test_a_gain_is_shown_with_the_highest_that_is_sure():
    def gain(mean, low):
        return {"mean": mean, "low": low, "high": 2 * mean - low}

    best = tables_script().best_gain
    assert best({"w": gain(0.008, 0.004), "product": gain(0.012, -0.008), "sum": gain(0.007, 0.001)}) == (
        "w⊗w′ +1.2 (-0.8 … +3.2); w +0.8 (+0.4 … +1.2)"
    )
    assert best({"w": gain(0.01, 0.004), "sum": gain(0.005, 0.001)}) == "w +1.0 (+0.4 … +1.6)"


def test_recipes_that_chose_nothing_have_no_bold_row(monkeypatch):
    script = tables_script()
    figures = {name: {"miou": 0.44} for name in [*READOUTS, "product of positive weights"]}
    row = {"name": "recipe", "sce": [0.5, 0.25], "weights": {"both_negative": 0.5}, "readouts": figures}
    result = {"command": "c", "date": "d", "device": "CPU", "torch": "2", "split": "val", "rows": [row]}
    monkeypatch.setattr(script, "read", lambda name: None)
    assert script.recipe_table("study-x") == ""
    monkeypatch.setattr(script, "measured", lambda: list(READOUTS))
    monkeypatch.setattr(script, "read", lambda name: result)
    assert script.recipe_table("study-x").endswith(
        "| recipe |" + " 44.0 |" * (1 + len(READOUTS)) + " – | 0.50 → 0.25 | 50.0 % |"
    )


def test_what_work_costs_follows_from_the_seconds_of_a_picture(monkeypatch):
    script = tables_script()
    rows = [
        {"name": f"share/{name}", "shape": "640×480", "note": "n", "ours_s": 0.36}
        for name in ("decoding", *script.WORK)
    ]
    monkeypatch.setattr(script, "read", lambda _: {"device": "CPU", "torch": "2", "date": "2026-01-01T", "rows": rows})
    seeds, *_, boundary = script.cost_table("any").splitlines()[-4:]
    assert seeds == "| `seeds` | 2.8 | 1.1 h | 8 min | 1 min | 12 h | 1.5 h | 11 min | n |"
    assert boundary == "| `train-boundary` | 2.8 | 1.1 h | – | – | 12 h | – | – | n |"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_links_lead_to_files(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_reference_names_every_command_and_no_other():
    pages = "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("cli.md", "own-models.md"))
    named = set(re.findall(r"python -m recam_core ([\w-]+)", pages))
    assert named == set(COMMANDS)
    recipes = re.search(r"starts from a recipe \((.*?)\)", (ROOT / "docs" / "training.md").read_text("utf-8"), re.S)
    assert set(re.findall(r"[a-z][a-z-]+(?=`)", recipes[1])) == set(RECIPES)


def test_every_page_is_on_the_site_and_the_readme_fits_two_screens():
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = {ROOT / "docs" / name for name in re.findall(r"\w: (\S+\.md)$", site, re.M)}
    assert listed == {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= SCREENS


def test_every_command_in_a_block_of_code_can_be_given():
    parsers = {name: argparse.ArgumentParser(name) for name in COMMANDS}
    for name, parser in parsers.items():
        importlib.import_module(f"recam_core.commands.{module_of(name)}").add_arguments(parser)
    for page in PAGES:
        code = "".join(re.findall(r"^ *```\w*\n(.*?)^ *```", page.read_text("utf-8"), re.M | re.S))
        code = re.sub(r"(^| )#.*", "", code.replace("\\\n", ""), flags=re.M)
        for name, flags in re.findall(r"(?:^ *|exec )(?:.*-m )?recam(?:_core)? ([a-z-]+)([^'\n]*)", code, re.M):
            parsers[name].parse_args(shlex.split(flags))


@pytest.mark.parametrize("name", ["voc", "scenes", "photos"])
def test_bundled_models_load_and_are_those_of_the_recipe(name):
    path = known_models()[name]
    assert path.stat().st_size < 25 * 2**20
    pair = load_pair(name)
    assert pair.name == name
    assert len(pair.classes) == {"voc": 20, "scenes": 8, "photos": 80}[name]
    trained = (
        json.loads(json.dumps(asdict(TrainConfig()))) | pair.card["training"]
    )  # a setting that is newer than the model had its default
    elsewhere = ("root", "stage1")  # folders of the machine that trained it
    assert {k: v for k, v in json.loads(json.dumps(asdict(RECIPES[name]))).items() if k not in elsewhere} == {
        k: v for k, v in trained.items() if k not in elsewhere
    }


@pytest.mark.parametrize("study", ["scenes-seeds", "photos-seeds", "photos-folds", "voc-seeds"])
def test_bundled_models_carry_what_the_study_measured(study):
    result = json.loads((ROOT / "assets" / "results" / f"study-{study}.json").read_text("utf-8"))
    card = read_header(known_models()[study.split("-")[0]])["card"]
    for view, table in result["views"].items():
        place = view if study == "voc-seeds" else f"{result['split']}, {view}"  # VOC's views name their split
        figures = next(scores for where, scores in card["scores"].items() if where.endswith(place))
        assert figures["pictures"] == table["pictures"]
        assert {"cam", "w", "wprime", "sum", "product"} <= set(figures["readouts"]) == set(table["readouts"])
        for readout, row in figures["readouts"].items():
            assert row["over_cam"] == table["readouts"][readout]["over_cam"]
            assert {key: row[key] for key in ("miou", "fp", "fn")}.items() <= table["readouts"][readout]["runs"][
                0
            ].items()


def test_models_of_coco128_are_bundled_without_the_studies_of_other_folders(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    parts = importlib.import_module("bundle_models").OURS
    assert {part.partition("-")[0] for part in parts} == {"scenes", "photos"}
    assert "photos-folds" in parts


def test_half_precision_costs_at_most_a_fifth_of_a_point():
    result = json.loads((ROOT / "assets" / "results" / "study-photos-half.json").read_text("utf-8"))
    assert result["largest_difference"] <= 0.002


@pytest.mark.parametrize("name", [
    "boundary_map", "climb", "evaluate", "explain", "gather_evidence", "load_pair", "method_results", "open_dataset", "read_out",
    "refit_heads", "sample_mask", "save_pair", "walk", "write_masks",
])  # fmt: skip
def test_examples_of_docstrings_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", inspect.getdoc(getattr(recam, name)), re.DOTALL)
    names = {"recam": recam, "dataclasses": dataclasses, "Path": Path}
    exec(block, names)
    assert len(names) > 4  # it made something
