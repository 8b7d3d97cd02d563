"""A process ends well, whatever is being computed beside it: no abort, no traceback."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ui.compute.leaving import _working, start_thread, stop_threads

ROOT = Path(__file__).parents[2]
VISIT = """
from streamlit.testing.v1 import AppTest
for page, link in (("climb", {{"T": "200"}}), ("walk", {{"last": "4096"}})):
    app = AppTest.from_file({shell!r}, default_timeout=300)
    app.query_params.update(link)
    app.switch_page(f"../pages/explore/{{page}}.py")
    app.run()
    assert not app.exception
from ui.components.player.stream_store import STORE
assert [stream.running for stream in STORE.values()] == [True, True]
"""


@pytest.mark.process
def test_a_script_that_opens_pages_and_ends_leaves_well():
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    script = VISIT.format(shell=str(ROOT / "ui" / "shell.py"))
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, timeout=400)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert b"terminate called" not in done.stderr


STOPPED = """
import runpy, signal, sys
class Stop:
    def find_spec(self, name, *_):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that a shell starts in the background ignore it
sys.meta_path.insert(0, Stop())
sys.argv = ["recam_core", "doctor"]
runpy.run_module("recam_core", run_name="__main__", alter_sys=True)
"""


@pytest.mark.process
@pytest.mark.parametrize("module", ["numpy", "recam_core.commands", "torch"])
def test_ctrl_c_while_a_command_starts_is_a_word(module):
    script = STOPPED.format(module=module)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=300)
    assert (done.returncode, done.stderr) == (130, b"Stopped.\n")


def test_threads_are_asked_and_waited_for():
    stopping = threading.Event()
    thread = start_thread(lambda: stopping.wait(30) and None, stopping.set)
    assert thread.is_alive()
    assert stop_threads(10)
    assert not thread.is_alive()
    assert thread not in _working


def test_one_that_does_not_end_is_not_waited_for_for_ever():
    let_go = threading.Event()
    thread = start_thread(lambda: let_go.wait(30) and None, lambda: None)
    assert not stop_threads(0.1)
    let_go.set()
    thread.join(10)
