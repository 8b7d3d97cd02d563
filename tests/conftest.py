"""Where the material beside the project lies, and small things that many tests need."""

from pathlib import Path

import numpy as np
import pytest
import torch

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", type=Path, help="directory of golden vectors (../shared/golden)")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The pictures and nets of tests are tiny: several threads would spend their time waiting for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def nobodys_models(tmp_path_factory: pytest.TempPathFactory):
    """No test sees the models and runs of whoever starts it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RECAM_MODELS", "RECAM_RUNS"):
            patch.setenv(name, str(tmp_path_factory.mktemp("own") / name))
        yield


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest):
    """Open a file of golden vectors by its name, or skip with the reason."""
    asked: Path | None = request.config.getoption("--golden")
    folder = asked or SHARED / "golden"

    def open_vectors(name: str) -> dict[str, np.ndarray]:
        path = folder / f"{name}.npz"
        if not path.is_file():
            missing = f"no golden vectors {path.name} in {folder}; give their directory with --golden DIR"
            if asked:
                pytest.fail(missing)  # who names a directory wants it checked
            pytest.skip(missing)
        with np.load(path) as file:
            return {key: file[key] for key in file.files}

    return open_vectors


@pytest.fixture(scope="session")
def coco128() -> Path:
    """The folder of the 128 COCO photos, or skip with the reason."""
    folder = SHARED / "data" / "coco128"
    if not folder.is_dir():
        pytest.skip("the 128 COCO photos are not beside the project (../shared/data/coco128)")
    return folder
