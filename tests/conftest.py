"""How tests are handed out, where the material beside the project lies, and small things that many tests need."""

import os
from pathlib import Path

import numpy as np
import pytest

BROWSER, PAGES = (Path(__file__).with_name(name) for name in ("browser", "pages"))
SHARED = Path(__file__).parents[2] / "shared"
MIDDLE = "tests/browser/test_i"  # of the browser's files, by how long they take


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", type=Path, help="directory of golden vectors (../shared/golden)")
    parser.addoption("--screenshots", type=Path, help="directory for what the pages of the browser's tests look like")
    parser.addoption(
        "--thousand", action="store_true", help="a thousand hostile files too, instead of some of each kind"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A process for each processor, four at most, and one for the browser, which often waits; none for a single file."""
    single = len(config.args) == 1 and Path(config.args[0].split("::")[0]).is_file()
    waiting = "not slow" not in config.option.markexpr
    return 0 if single else min(os.cpu_count() or 1, 4) + waiting


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log) -> object:
    """A file is one process's, so that what it prepares is prepared once; two of them drive a browser, half of its files each."""
    from xdist.scheduler import LoadFileScheduling  # whose plugin is the only one that asks

    class Files(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return f"browser {file < MIDDLE}" if file.startswith("tests/browser/") else file

    config.option.loadscopereorder = False  # the order is that of the collection
    return Files(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What opens a page, drives a browser or starts a process is slow; hundreds of hostile inputs are for who asks for them."""
    if not config.getoption("--thousand"):
        left_out = [item for item in items if item.get_closest_marker("thousand")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thousand")]
    for item in items:
        if item.get_closest_marker("browser"):  # two processors for everything: now and then one runs out of patience
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError"]))
        if item.path.is_relative_to(PAGES) or any(map(item.get_closest_marker, ("browser", "process"))):
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    # what takes longest comes first, so that all processes end together
    items.sort(key=lambda item: (not item.path.is_relative_to(BROWSER), item.path not in slow))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The pictures and nets of tests are tiny: several threads would spend their time waiting for one another."""
    import torch  # here, so that the process that only hands tests out does without

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # for the processes that tests start
        yield


@pytest.fixture(scope="session", autouse=True)
def no_power_cuts():
    """What tests write need not outlive the machine: to wait until it is on the disk takes a tenth of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickles are read in the process of the test; one of its own, as people have it, takes seconds to start."""
    from recam_core.system import tensor_files, unpickling

    monkeypatch.setattr(tensor_files, "unpickled_apart", unpickling.plain_tensors)


@pytest.fixture(scope="session", autouse=True)
def nobodys_models(tmp_path_factory: pytest.TempPathFactory):
    """No test sees the models and runs of whoever starts it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RECAM_MODELS", "RECAM_RUNS"):
            patch.setenv(name, str(tmp_path_factory.mktemp("own") / name))
        yield


@pytest.fixture(scope="session")
def golden_file(request: pytest.FixtureRequest):
    """Find a golden file by its name, or skip with the reason."""
    asked: Path | None = request.config.getoption("--golden")
    folder = asked or SHARED / "golden"

    def find(name: str) -> Path:
        path = folder / name
        if not path.is_file():
            missing = f"no golden vectors {name} in {folder}; give their directory with --golden DIR"
            if asked:
                pytest.fail(missing)  # who names a directory wants it checked
            pytest.skip(missing)
        return path

    return find


@pytest.fixture(scope="session")
def golden(golden_file):
    """Open a file of golden vectors by its name, or skip with the reason."""

    def open_vectors(name: str) -> dict[str, np.ndarray]:
        with np.load(golden_file(f"{name}.npz")) as file:
            return {key: file[key] for key in file.files}

    return open_vectors


def pictures_beside(name: str, words: str) -> Path:
    """A folder of pictures that lie beside the project, or skip with the reason."""
    folder = SHARED / "data" / name
    if not folder.is_dir():
        pytest.skip(f"{words} not beside the project (../shared/data/{name})")
    return folder


@pytest.fixture(scope="session")
def voc2012() -> Path:
    """Pascal VOC 2012 with official masks."""
    return pictures_beside("voc", "Pascal VOC is")


@pytest.fixture(scope="session")
def coco128() -> Path:
    """The 128 COCO photos."""
    return pictures_beside("coco128", "the 128 COCO photos are")
