"""Who may import whom: the contracts of pyproject.toml hold, and looking at values loads nothing heavy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import recam_core
from recam_core.layouts import voc_splits

ROOT = Path(__file__).parents[1]


def test_the_contracts_hold():
    # in a process of its own, because it silences the loggers of whoever calls it
    words = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert "5 kept, 0 broken" in done.stdout


def test_the_engine_has_twelve_rooms_and_a_door_for_scripts():
    there = [path for path in (ROOT / "recam_core").iterdir() if path.name != "__pycache__"]
    files = {path.name for path in there if path.is_file()}
    assert len(there) - len(files) == 12
    assert files == {"__init__.py", "__init__.pyi", "__main__.py", "layouts.py", "py.typed"}
    assert voc_splits is recam_core.system.layouts.voc_splits


@pytest.mark.parametrize("path", sorted(ROOT.glob("pages/*/*.py")), ids=lambda path: path.stem)
def test_pages_import_neither_torch_nor_one_another(path):
    assert not re.findall(r"^\s*(?:from|import) (?:torch|torchvision|timm|pages|app)\b", path.read_text("utf-8"), re.M)


@pytest.mark.parametrize("path", sorted(ROOT.glob("pages/*/*.py")), ids=lambda path: path.stem)
def test_a_page_uses_its_own_parts_and_those_of_all(path):
    used = re.findall(r"^\s*(?:from|import) ui(?:\.| import )(\w+)", path.read_text("utf-8"), re.M)
    assert set(used) <= {path.stem, "widgets", "session", "components", "compute"}


def test_every_public_name_is_there_and_none_hides_a_room():
    for name in recam_core.__all__:
        assert getattr(recam_core, name) is not None
    rooms = {path.stem for path in (ROOT / "recam_core").iterdir()}
    assert not rooms & set(recam_core.__all__)  # importing the room would replace the name
    with pytest.raises(AttributeError, match="nothing"):
        recam_core.nothing  # noqa: B018


@pytest.mark.process
def test_nothing_heavy_is_loaded_before_it_is_needed():
    """In one process, where each step may load more than the one before."""
    steps = {
        "import recam_core, recam_core.records": "torch streamlit timm",
        "import recam_core.images.visualise": "torch streamlit timm",
        "from recam_core import READOUTS, CamResult, UserError; assert READOUTS": "torch streamlit timm",
        "import recam_core.system.job_runner": "torch streamlit timm",
        "from recam_core.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass": "torch streamlit timm",
        "import recam_core.commands.check, recam_core.commands.train": "torch streamlit timm",
        "from recam_core import load_pair, read_sample\nload_pair('voc'), read_sample('chelsea')":
            "timm torchvision skimage scipy sympy streamlit accelerate",
        "import recam_core.training.two_stage": "accelerate streamlit",
        "import torch\nfrom recam_core.training.distributed import ProcessGroup\n"
        "ProcessGroup(torch.device('cpu')).wrapped(torch.nn.Linear(1, 1))": "accelerate streamlit",
    }  # fmt: skip
    check = "\nimport sys\nloaded = set(sys.modules) & set({!r}.split())\nassert not loaded, loaded\n"
    script = "".join(step + check.format(heavy) for step, heavy in steps.items())
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_outside_the_heads_knows_fc2():
    """Settings and names of variants (``fc2_rate``, ``fc2_start``, "fc2-copy") are what people script against."""
    for folder in ("recam_core", "ui", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            if "heads" not in path.parts:
                assert not re.findall(r"fc2(?!_rate|_start|-)", path.read_text("utf-8")), path
