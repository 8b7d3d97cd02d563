"""Steps 3 and 5: drag the same logits under BCE and under SCE; everything is computed in the browser while it moves."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from recam_core.cam.lesson import sce_value
from recam_core.networks.gradients import bce_gradient, sce_gradient, sigmoid
from recam_core.records.names import percent
from ui.components.modules import bundle, handed_over
from ui.session.link import write
from ui.why.example import Example
from ui.why.symbols import COLOURS, SIGMA, number, signed, tex
from ui.why.task import demo, idea, try_this
from ui.widgets.escaping import plain
from ui.widgets.terms import BCE, SCE

LOGITS = "why-logits"
START: dict[str, Any] = {"z": [4.0, 4.0, -4.0], "y": [1, 1, 0], "target": 0}
LIMIT = 8.0
_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "recam_logits",
    css=(_HERE / "logits.css").read_text(encoding="utf-8"),
    js=bundle(_HERE / "logits.js"),
)


def show_bce(example: Example) -> None:
    """Gradients of BCE: one class, one number."""
    z, y, g = tex("z_k", "z"), tex("y_k", "y"), tex("g_k", "g")
    idea(
        f"{BCE} Training moves each score by its gradient. Under BCE that of a class is its own probability minus its own "
        "label, and nothing else. A class that is answered has almost no gradient left: BCE **saturates**, however "
        "little of the object the map covers. And the classes **never talk to each other**.",
        rf"\begin{{aligned}}{g} &= K\,\frac{{\partial\,\mathrm{{BCE}}}}{{\partial {z}}} = {SIGMA} - {y}\\ "
        rf"\frac{{\partial {g}}}{{\partial {tex('z_j', 'z')}}} &= 0 \;\;(j \neq k)\end{{aligned}}",
    )
    with demo():
        _widget("bce", example, example.logits)
    gradients = [signed(float(g), 3) for g in bce_gradient(START["z"], START["y"])]
    sure = float(sigmoid(START["z"])[0])
    try_this(
        "Start from z = 4, 4, −4 with labels 1, 1, 0. Move one score from end to end. Which gradients of the others "
        "move? Then put a score where its gradient is below 0.001 in size: how far is that?",
        f"None: only its own moves. At the start the gradients are {', '.join(gradients)}: each answered to "
        f"{percent(sure)}, so little is left to learn. Below 0.001 it is once z is {number(math.log(999), 1)} or more on "
        "the side of its label.",
    )


def show_sce(example: Example) -> None:
    """Gradients of SCE: the same logits, but what one class wins the others lose."""
    z, p, g = tex("z_k", "z"), tex("p_k", "p"), tex("g_k", "g")
    idea(
        f"ReCAM gives the masked feature of one class $c$ to a second classifier. {SCE} Now a score is only worth what it is "
        "above the others. The gradients **sum to 0**, and "
        f"${tex('p_j p_k', 'p')}$ ties each class to every other.",
        rf"\begin{{aligned}}{p} &= \frac{{e^{{{z}}}}}{{\sum_j e^{{{tex('z_j', 'z')}}}}}\\ "
        rf"{g} &= \frac{{\partial\,\mathrm{{SCE}}}}{{\partial {z}}} = {p} - [k = c]\\ "
        rf"\frac{{\partial {g}}}{{\partial {tex('z_j', 'z')}}} &= -{tex('p_j p_k', 'p')} \;\;(j \neq k)\end{{aligned}}",
    )
    own = sce_value(example.masked_logits, example.k)
    with demo():
        _widget("sce", example, example.masked_logits)
        st.caption(
            f"In this picture, FC2 on the masked feature of {plain(example.name)}: SCE = {number(own, 3)} over all "
            f"{len(example.masked_logits)} classes. “This picture” takes the logits z′ of the class and of its two strongest "
            "rivals."
        )
    pull = abs(float(bce_gradient(START["z"], START["y"])[0]))
    g_start = [signed(float(v), 4) for v in sce_gradient(START["z"], 0)]
    answer = (
        f"The gradients are {', '.join(g_start)}: SCE pushes the first class up and the second down with half its "
        f"strength, where BCE had {pull:.3f} left for each. Only their difference counts; add the same to all three "
        "and nothing changes (step 8 makes use of that)."
    )
    try_this("Start from z = 4, 4, −4 with the first class as target. BCE was done with them. Is SCE?", answer)


def _widget(kind: str, example: Example, picture: np.ndarray) -> None:
    """Mount the sliders; both steps share the logits, and the link says them."""
    chosen = st.session_state.setdefault(LOGITS, linked())
    view = _COMPONENT(
        key=f"why-{kind}",
        data=handed_over(
            {
                "kind": kind,
                "names": ["A", "B", "C"],
                "start": START,
                "initial": chosen,
                "limit": LIMIT,
                "picture": _of_picture(example, picture),
                "colours": COLOURS,
            }
        ),
        on_logits_change=_nothing,
    )
    if view.logits:
        chosen = checked(view.logits)
        st.session_state[LOGITS] = chosen
    write("z", ",".join(f"{value:g}" for value in chosen["z"]), ",".join(f"{value:g}" for value in START["z"]))
    write("y", "".join(str(value) for value in chosen["y"]), "110")
    write("target", str(chosen["target"]), "0")


def _of_picture(example: Example, logits: np.ndarray) -> dict[str, Any] | None:
    """The class of the lesson and the two strongest others, for the sliders; None where a model has fewer classes."""
    ids = example.strongest(logits)
    if len(ids) < len(START["z"]):
        return None
    return {
        "names": [example.evidence.classes[k] for k in ids],
        "z": [round(min(max(float(logits[k]), -LIMIT), LIMIT), 2) for k in ids],
        "y": [1, *(int(example.evidence.scores[k] > 0.5) for k in ids[1:])],
        "target": 0,
    }


def linked() -> dict[str, Any]:
    """The logits, labels and target of the address where they make sense, else those of the worked example."""
    query = st.query_params
    return checked(
        {"z": query.get("z", "").split(","), "y": list(query.get("y", "")), "target": query.get("target", "0")}
    )


def checked(values: dict[str, Any]) -> dict[str, Any]:
    """Three logits in range, labels 0 or 1, a target 0 to 2; what is none of this is replaced by the worked example."""
    out = dict(START)
    try:
        z = [float(value) for value in values["z"]]
        if len(z) == 3 and all(abs(value) <= LIMIT for value in z):
            out["z"] = z
    except (TypeError, ValueError):
        pass
    y = [str(value) for value in values["y"]]
    if len(y) == 3 and set(y) <= {"0", "1"}:
        out["y"] = [int(value) for value in y]
    if str(values["target"]) in ("0", "1", "2"):
        out["target"] = int(values["target"])
    return out


def _nothing() -> None:
    """Streamlit gives the result an attribute only for names that have a callback."""
