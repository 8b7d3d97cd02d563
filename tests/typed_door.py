"""What a type checker sees through the door; mypy reads this file with the engine (``files`` in pyproject.toml)."""

from typing import assert_type

import numpy as np

import recam
import recam_core


def look(picture: np.ndarray) -> None:
    """A person's first lines in a notebook."""
    pair = recam_core.load_pair("photos")
    assert_type(pair, recam_core.ModelPair)
    assert_type(pair.readouts, tuple[str, ...])
    assert_type(recam_core.explain(picture, pair), recam_core.Explanation)
    assert_type(recam.explain("dog.jpg", model="voc")["w"], recam_core.CamResult)
    evidence = recam_core.gather_evidence(picture, pair, recam_core.HeatmapOptions())
    assert_type(evidence, recam_core.Evidence)
    assert_type(recam_core.read_out(evidence, "w", ["dog"]).maps, np.ndarray)
    assert_type(recam_core.READOUTS["w"], recam_core.Readout)
    assert_type(recam_core.REFINERS["walk"], recam_core.Refiner)


def nonsense() -> None:
    """Calls that make no sense are errors: mypy complains of an ignore that ignores nothing."""
    recam_core.explain(3, "voc")  # type: ignore[arg-type]
    recam_core.nothing  # type: ignore[attr-defined]  # noqa: B018
