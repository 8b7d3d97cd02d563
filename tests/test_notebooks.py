"""The notebooks run from top to bottom, as they are, in a folder of their own; one after the other in one process."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.filterwarnings("ignore")  # what the kernel's own packages warn of is not ours
def test_the_notebooks_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)  # Streamlit, once imported, sets one that shows nothing
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    whole = nbformat.v4.new_notebook()
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    for notebook in notebooks.values():
        assert not any(cell.get("outputs") for cell in notebook.cells), "clear all outputs before you commit it"
        whole.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]  # without the names of the one before
    NotebookClient(whole, timeout=900, startup_timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    for name, notebook in notebooks.items():
        shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        assert any(
            "text/html" in output["data"] or "image/png" in output["data"] for output in shown if "data" in output
        ), name
