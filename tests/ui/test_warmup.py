import asyncio
import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.testing.v1 import AppTest

from recam_core import UserError
from recam_core.training.refit import refit
from ui import warmup
from ui.compute import engine
from ui.compute.engine import EvidenceCache


@pytest.fixture(autouse=True)
def collectable():
    """What the warm-up keeps from being looked at is looked at again."""
    yield
    gc.unfreeze()


@pytest.mark.process
def test_the_server_starts_without_torch():
    code = (
        "import sys, ui.warmup, ui.routes; assert 'torch' not in sys.modules and 'ui.compute.engine' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_it_imports_the_engine_and_explains_the_first_sample_as_a_fresh_page_does(monkeypatch):
    cache = EvidenceCache()
    loaded = []
    monkeypatch.setattr(engine, "EVIDENCE", cache)
    monkeypatch.setattr(refit, "load_optimizer", lambda: loaded.append(True))
    warmup.warm_up()
    assert all(name in sys.modules for name in warmup.ENGINE)
    assert loaded  # what the first fit would wait for
    assert gc.get_freeze_count() > len(sys.modules)  # nobody waits while all of it is looked through for garbage
    assert cache.cache.values()
    monkeypatch.setattr(engine, "gather_evidence", None)  # what the page asks for is there
    page = AppTest.from_file("../../ui/shell.py", default_timeout=60).run()
    assert not page.exception


def test_garbage_of_pages_is_still_looked_for():
    warmup.import_engine()
    assert gc.isenabled()
    before = gc.get_freeze_count()
    warmup.import_engine()  # as every run of a page does
    assert gc.get_freeze_count() == before


@pytest.mark.parametrize("error", [KeyError("photos"), UserError("photos.safetensors is not readable")])
def test_a_missing_or_broken_model_is_left_to_the_page(monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(engine, "load_pair", fail)
    engine._pair.clear()
    warmup.warm_up()


def test_the_server_does_not_wait_for_it(monkeypatch):
    finish, started = threading.Event(), threading.Event()

    def slow():
        started.set()
        finish.wait(10)

    async def start():
        async with warmup.lifespan(None):
            return await asyncio.to_thread(started.wait, 10)

    monkeypatch.setattr(warmup, "warm_up", slow)
    with ThreadPoolExecutor(1) as apart:  # the browser tests leave an event loop running in this thread
        assert apart.submit(asyncio.run, start()).result(20)
    assert not finish.is_set()
    finish.set()
