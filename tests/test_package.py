"""What is installed: the wheel holds models, samples and pages, and does its work wherever it lies."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from recam_core import __version__
from recam_core.__main__ import main

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("recam_studio-*.whl"))


@pytest.mark.slow
@pytest.mark.process
def test_the_wheel_holds_what_the_project_needs_and_no_more(wheel):
    assert wheel.stat().st_size < 60e6
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        about = f"recam_studio-{__version__}.dist-info"
        metadata = archive.read(f"{about}/METADATA").decode()
        assert "recam = recam_core.__main__:console" in archive.read(f"{about}/entry_points.txt").decode()
    assert {name.split("/")[0] for name in names} == {"recam", "recam_core", about}
    for folder in ("assets", "pages", "ui"):
        tracked = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True, check=True)
        assert {f"recam_core/studio/{name}" for name in tracked.stdout.split()} <= names
    assert {"recam_core/py.typed", "recam_core/studio/app.py", "recam_core/studio/.streamlit/config.toml"} <= names
    wanted = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()]
    assert metadata.count("Requires-Dist: ") - metadata.count("; extra ==") == len(list(filter(None, wanted)))


@pytest.mark.slow
@pytest.mark.process
def test_an_installed_engine_explains_a_sample_and_finds_its_app(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    work = (
        "import recam, sys\n"
        "from recam_core.__main__ import main\n"
        "from recam_core.system.project_files import APP, ASSETS\n"
        "assert APP.is_file() and ASSETS.is_relative_to(sys.argv[1]) and recam.__file__.startswith(sys.argv[1])\n"
        "sys.exit(main(['explain', 'scene-bird-tree', '--model', 'scenes', '--readouts', 'w', '--out', 'out']))"
    )
    site = str(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", work, site],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": site},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "w" / "labels.png").is_file()


def test_app_is_streamlit_with_the_file_of_the_project_and_what_was_asked_for(monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    assert main(["app", "--port", "8600", "--address", "127.0.0.1", "--", "--server.headless=true"]) == 0
    assert started[0][1:] == [
        "-m",
        "streamlit",
        "run",
        str(ROOT / "app.py"),
        "--server.address=127.0.0.1",
        "--server.port=8600",
        "--server.headless=true",
    ]


def test_the_version_is_the_same_everywhere(capsys):
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"ReCAM Studio {__version__}"
