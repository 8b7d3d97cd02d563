"""What a command does where nobody reads its output, or where the output lacks letters."""

import os
import subprocess
import sys

import pytest

from recam_core.__main__ import UNHEARD
from recam_core.system.jobs import ROOT, environment

pytestmark = pytest.mark.process
COMMAND = f"{sys.executable} -W ignore -m recam_core"


def shell(script, **variables):
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # what is said in other letters
        cwd=ROOT,
        env=environment() | variables,
        check=False,
    )


@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_ends_it_quietly(tmp_path, reader):
    (tmp_path / "cat").mkdir()
    script = (
        f"{COMMAND} check --dataset scenes --split samples --json {tmp_path}/r.json | {reader}; exit ${{PIPESTATUS[0]}}"
    )
    done = shell(script, PYTHONUNBUFFERED="1")
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode in (0, UNHEARD)
    assert (tmp_path / "r.json").exists()  # work comes before words


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_one_sentence():
    done = shell(f"{COMMAND} check --dataset scenes --split samples > /dev/full")
    assert done.returncode == 2
    assert "the output could not be written (No space left on device)" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932"])
def test_letters_that_the_output_lacks_are_escapes(encoding):
    code = "from recam_core.__main__ import speak_in_any_letters; speak_in_any_letters(); print('w′ ⊕')"
    script = f'{sys.executable} -c "{code}"'
    done = shell(script, PYTHONIOENCODING=encoding)
    assert "Traceback" not in done.stderr
    assert r"\u2295" in done.stdout


def test_streams_that_were_closed_are_no_fault():
    done = shell(f"{COMMAND} check --dataset scenes --split samples >&- 2>&-")
    assert done.returncode == 0
