"""How tests are handed out, where the material beside the project lies, and small things that many tests need."""

import os
from pathlib import Path

import numpy as np
import pytest

PAGES = Path(__file__).with_name("pages")
SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", type=Path, help="directory of golden vectors (../shared/golden)")
    parser.addoption(
        "--thousand", action="store_true", help="a thousand hostile files too, instead of some of each kind"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """With ``-n auto`` a process for each processor, four at most."""
    return min(os.cpu_count() or 1, 4)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever opens a page or drives a browser is slow; hostile inputs by the hundred are for those who ask for them."""
    if not config.getoption("--thousand"):
        left_out = [item for item in items if item.get_closest_marker("thousand")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("thousand")]
    for item in items:
        if item.path.is_relative_to(PAGES) or item.get_closest_marker("browser"):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The pictures and nets of tests are tiny: several threads would spend their time waiting for one another."""
    import torch  # here, so that the process that only hands tests out does without

    torch.set_num_threads(1)


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


@pytest.fixture(scope="session")
def coco128() -> Path:
    """The folder of the 128 COCO photos, or skip with the reason."""
    folder = SHARED / "data" / "coco128"
    if not folder.is_dir():
        pytest.skip("the 128 COCO photos are not beside the project (../shared/data/coco128)")
    return folder
