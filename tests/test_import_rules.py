"""Who may import whom, read from the source: the boundaries of docs/architecture.md."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import recam_core

ROOT = Path(__file__).parent.parent

# A part of recam_core → the parts directly below it. It may import these and everything below them, nothing else.
# A new file or folder needs a line here.
BELOW = {
    "records": (),
    "losses": ("records",),
    "gradients": ("records",),
    "paths": (),
    "transition": ("paths",),
    "files": ("locks",),
    "tensors": ("records",),
    "unpickling": ("records",),
    "tensor_files": ("unpickling",),
    "turns": ("records",),
    "allocator": (),
    "counting": (),
    "device": ("allocator", "records"),
    "quality": ("records",),
    "recipes": ("records",),
    "visualise": ("records",),
    "decoding": ("records",),
    "decode_process": ("records",),
    "images": ("decoding", "decode_process"),
    "masks": ("decoding", "decode_process", "visualise"),
    "bundle": ("quality", "visualise", "files"),
    "animation": ("records",),
    "heads": ("losses",),
    "backbones": ("images", "tensors", "tensor_files"),
    "layouts": (),
    "datasets": ("images", "masks", "roots"),
    "dataset_check": ("datasets",),
    "samples": ("datasets",),
    "batches": ("datasets", "images", "launch"),
    "folding": (),
    "branches": ("records",),
    "pair": ("model",),
    "model": ("backbones", "heads", "folding", "branches", "device", "counting"),
    "starts": ("backbones",),
    "cards": ("records",),
    "shelf": ("pair", "files", "roots", "cards"),
    "shelving": ("shelf", "jobs"),
    "fetching": ("records",),
    "manifest": ("pair",),
    "checkpoints": ("shelf", "datasets", "tensor_files"),
    "lesson": ("pair", "looking", "gradients", "images", "device"),
    "climbing": ("losses",),
    "climb_result": ("pair",),
    "ascent": ("model", "climbing", "device"),
    "refiners": ("ascent", "transition", "pair"),
    "looking": ("model", "device"),
    "pipeline": ("looking", "refiners", "images", "device"),
    "climb_files": ("pipeline", "bundle", "animation", "climb_result"),
    "walk_files": ("walk_result", "bundle", "animation"),
    "launch": ("records",),
    "pseudo_masks": ("evaluation", "climb_result", "files", "visualise", "launch"),
    "event_lines": (),
    "run_state": ("files",),
    "history": ("files", "event_lines", "locks"),
    "training": (
        "evaluation",
        "batches",
        "shelf",
        "starts",
        "device",
        "run_state",
        "history",
        "masks",
        "samples",
        "launch",
    ),
    "boundary_losses": ("paths", "records"),
    "seeds": ("visualise",),
    "boundary_seeds": ("seeds", "evaluation", "run_state"),
    "boundary_training": ("training", "boundary_losses", "boundary_seeds"),
    "sweep": ("records",),
    "thresholds": ("pair",),
    "walk_result": ("refiners",),
    "evaluation": ("pipeline", "datasets", "sweep", "walk_result"),
    "resample": ("sweep",),
    "locks": ("records",),
    "roots": ("records", "layouts"),
    "faithfulness": ("model", "device"),
    "store": ("evaluation", "files", "locks", "faithfulness", "roots"),
    "benchmarks": ("training", "climb_result", "store", "samples", "checkpoints", "recipes"),
    "findings": ("records",),
    "study": ("training", "evaluation", "recipes", "resample"),
    "jobs": ("files", "history", "roots"),
    "trial": ("jobs", "device"),
    "keeper": ("jobs",),
    "commands": (
        "jobs",
        "shelving",
        "roots",
        "store",
        "samples",
        "checkpoints",
        "boundary_training",
        "benchmarks",
        "climb_files",
        "walk_files",
        "pseudo_masks",
        "thresholds",
        "dataset_check",
        "bundle",
        "manifest",
        "turns",
        "recipes",
        "study",
    ),
    "__main__": ("commands",),
    "__init__": (),
}
FOLDERS = (
    "backbones",
    "heads",
    "refiners",
    "datasets",
    "benchmarks",
    "commands",
)  # their members never import one another
SHARED = {
    "datasets": {"class_names", "coco_files", "coco_shapes", "label_tables", "on_disk"},
    "commands": {"options", "pictures", "walking"},
    "benchmarks": {"boxed", "measure", "visitor"},
}  # but for these
SCREEN = ("streamlit", "plotly")
ENGINE = ("torch", "torchvision", "timm")
OPEN_TO_THE_SCREEN = ("records", "visualise")  # modules without torch that pages and ui may import from


@cache
def imports(path: Path) -> frozenset[str]:
    """Dotted names that a file imports anywhere, with what it takes from them: ``from a import b`` gives ``a.b``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def sources(*places: str) -> list[Path]:
    found = [
        path for place in places for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
    ]
    return sorted(path for path in found if path.is_file())


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def starting_with(names, tops) -> list[str]:
    return sorted(name for name in names if name.split(".")[0] in tops)


def part_of(path: Path) -> str:
    """``recam_core/networks/model.py`` → model, ``recam_core/networks/heads/cam.py`` → heads."""
    return path.relative_to(ROOT / "recam_core").parts[0].removesuffix(".py")


def parts_imported(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("recam_core.")} & BELOW.keys()


@cache
def everything_below(part: str) -> frozenset[str]:
    return frozenset(BELOW[part]).union(*(everything_below(lower) for lower in BELOW[part]))


CORE, PAGES, UI = sources("recam_core"), sources("pages"), sources("ui")


def test_there_is_something_to_read():
    assert len(CORE) > 30
    assert "recam_core.networks.losses.activation_maps" in imports(ROOT / "recam_core" / "model.py")


@pytest.mark.parametrize("path", CORE, ids=label)
def test_the_engine_knows_no_screen(path):
    assert not starting_with(imports(path), (*SCREEN, "ui", "pages", "app"))


@pytest.mark.parametrize("path", CORE, ids=label)
def test_every_part_of_the_engine_imports_only_what_lies_below_it(path):
    part = part_of(path)
    assert part in BELOW, f"give {part} a line in the table of this test, and in docs/architecture.md"
    assert parts_imported(path) <= everything_below(part) | {part}


def test_the_table_has_no_cycles():
    for part in BELOW:
        assert part not in everything_below(part)


@pytest.mark.parametrize("folder", FOLDERS)
def test_siblings_never_import_one_another(folder):
    for path in sources(f"recam_core/{folder}"):
        own = path.relative_to(ROOT / "recam_core" / folder).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        prefix = f"recam_core.{folder}."
        others = {name.removeprefix(prefix).split(".")[0] for name in imports(path) if name.startswith(prefix)}
        assert others <= {own} | SHARED.get(folder, set()), label(path)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_module_imports_itself_by_a_detour():
    modules = {module_name(path): path for path in CORE}
    graph = {name: {m for m in modules for n in imports(path) if m != name and (n == m or n.rsplit(".", 1)[0] == m)}
             for name, path in modules.items()}  # fmt: skip
    while leaves := [name for name, below in graph.items() if not below]:
        for leaf in leaves:
            del graph[leaf]
        for below in graph.values():
            below.difference_update(leaves)
    assert not graph, f"among these, some import each other in a circle: {', '.join(graph)}"


@pytest.mark.parametrize("path", sources("app.py", "pages", "ui"), ids=label)
def test_the_screen_never_imports_torch_and_only_public_names(path):
    assert not starting_with(imports(path), ENGINE)
    taken = {name.removeprefix("recam_core.") for name in imports(path) if name.startswith("recam_core.")}
    public = {name for names in recam_core.PUBLIC.values() for name in names}
    private = {name for name in taken if name not in public and name.split(".")[0] not in OPEN_TO_THE_SCREEN}
    assert not private, "put them into recam_core.PUBLIC, or do without"
    assert "recam_core" not in imports(path)  # names one by one, so that this test can read them


@pytest.mark.parametrize("path", UI, ids=label)
def test_helpers_of_the_screen_know_no_page(path):
    assert not starting_with(imports(path), ("pages", "app"))


@pytest.mark.parametrize("path", PAGES, ids=label)
def test_pages_do_not_import_one_another(path):
    assert not starting_with(imports(path), ("pages", "app"))


def test_the_server_imports_streamlit_its_routes_and_its_start_only():
    ours = starting_with(imports(ROOT / "app.py"), ("ui", "pages", "recam_core", *SCREEN))
    assert all(name.startswith(("streamlit", "ui.routes.", "ui.warmup.")) for name in ours), ours


def test_every_public_name_is_there_and_none_hides_a_module():
    for module, names in recam_core.PUBLIC.items():
        home = importlib.import_module(f"recam_core.{module}")
        for name in names:
            assert getattr(recam_core, name) is getattr(home, name)
    modules = {path.stem for path in (ROOT / "recam_core").iterdir()}
    assert not modules & set(recam_core.__all__)  # importing the module would replace the name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        recam_core.nothing  # noqa: B018


@pytest.mark.parametrize("statement", [
    "import recam_core, recam_core.records", "import recam_core.images.visualise", "from recam_core import CamResult, UserError",
    "from recam_core.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass",
])  # fmt: skip
def test_looking_at_values_loads_no_torch(statement):
    check = f"{statement}\nimport sys\nassert not set(sys.modules) & {{'torch', 'streamlit', 'timm'}}"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_engine_loads_the_launcher_s_package_only_for_training():
    check = "import recam_core.training, recam_core.commands.train, sys\nassert 'accelerate' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
