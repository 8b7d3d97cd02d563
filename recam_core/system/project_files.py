"""Where the files lie that are no code of the engine: models, samples and the app, beside it or, once installed, inside of it."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "studio"  # where a wheel has what stands beside the engine in a source tree (pyproject.toml)
PROJECT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent
ASSETS = PROJECT / "assets"
APP = PROJECT / "app.py"
