"""Step 1: what goes into training is a list of labels, and what comes out is a list of numbers."""

import numpy as np
import streamlit as st

from ui.why.bars import probability_bars
from ui.why.example import Example
from ui.why.symbols import COLOURS, F, W, number, tex, tex_number
from ui.why.task import demo, idea, try_this
from ui.widgets.escaping import plain

SHOWN = 6


def show(example: Example) -> None:
    """The picture, and all that the classifier says about it."""
    height, width = example.evidence.picture.shape[:2]
    count, score, z = (
        len(example.evidence.classes),
        float(example.evidence.scores[example.k]),
        float(example.logits[example.k]),
    )
    name, function = plain(example.name), r"\mathrm{softmax}" if example.evidence.activation == "softmax" else r"\sigma"
    idea(
        f"The classifier sees {width} × {height} pixels and answers with {count} numbers, one a class. In training it "
        f"was told *which* classes are in a picture ({count} times 0 or 1), never *where* they are. Each answer is a "
        f"score ${tex('z_k', 'z')}$ of the **average** of the features, so the place is lost before the loss looks.",
        rf"\begin{{aligned}}{tex('z_k', 'z')} &= {W}^{{\!\top}}\,\mathrm{{GAP}}\big({F}\big) = "
        rf"{tex_number(z, 'z')}\\ {tex('p_k', 'p')} &= {function}({tex('z_k', 'z')}) = "
        rf"{tex_number(score, 'p')}\end{{aligned}}",
    )
    share = min(max(0.75 * width / height, 0.5), 1.0)  # a tall picture would push the numbers off the screen
    left, right = demo().columns([share, 1], gap="large", vertical_alignment="center")
    left.image(example.evidence.picture, alt=f"The picture {example.subject.picture.name}", width="stretch")
    order = [int(k) for k in np.argsort(-example.evidence.scores, kind="stable")[:SHOWN]]
    if example.k not in order:
        order[-1] = example.k
    rows = [
        (example.evidence.classes[k], float(example.evidence.scores[k]),
         f"z {number(float(example.logits[k]))} · p {example.evidence.scores[k]:.2f}")
        for k in order
    ]  # fmt: skip
    with right:
        st.markdown(f"**All that the classifier says** (the {len(rows)} most probable of {count})")
        st.html(probability_bars(rows, COLOURS["p"], example.name))
        st.caption("Not one of these numbers says where in the picture its class is.")
    try_this(
        f"Above, choose a class that is not in the picture. What does the classifier tell you about *where* {name} "
        "is, and where the other class is?",
        f"Nothing about either. For {name} it says p = {score:.2f}, for the other class another single number. Every "
        "heatmap on the next pages is read out of the network afterwards; nothing in training asked for it to be "
        "right.",
    )
