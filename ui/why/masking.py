"""Step 4: the features under the class's own map."""

import numpy as np
import streamlit as st

from recam_core.records import CAM
from recam_core.records.names import percent
from ui.why.example import Example, show_heat
from ui.why.symbols import FK, MASK, F, tex
from ui.why.task import demo, idea, try_this
from ui.widgets.escaping import plain


def show(example: Example) -> None:
    """Mask, features, and features under the mask, as energy at each position."""
    masked, name = example.masked, plain(example.name)
    pooled, plainly = (float(np.linalg.norm(v)) for v in (masked.pooled, example.features.stage2.mean(axis=(1, 2))))
    place, live = st.container(), demo()
    with live:
        view = show_heat(
            example,
            (),
            "why-mask",
            {
                "energy": (masked.energy, ("‖f‖", "all features", "length of the feature vector at each position")),
                "mask": (masked.mask, ("Mₖ", "the mask, w’s map", f"ReLU(wᵀf) of {example.name} over its own maximum")),
                "masked": (masked.masked, ("‖fₖ‖", "masked features", "length of the feature vector under the mask")),
            },
        )
    level = (view.settings or {}).get("threshold", 0.3)
    areas = example.covered((CAM, "w"), level)
    with place:
        idea(
            f"ReCAM turns the map into a soft mask ${MASK}$ from 0 to 1 and multiplies every feature map with it. What is "
            f"left is ${FK}$, the features **of one class**, which it pools again. The mask is the CAM of the network that is "
            f"being trained, made with **w**: above {level:.2f} it covers {percent(areas['w'])} of the picture. What this "
            f"lesson calls CAM is of the network before ReCAM, trained with BCE alone, and covers {percent(areas[CAM])}.",
            rf"\begin{{aligned}}{tex('f_k(x)', 'f')} &= {MASK}\,{F}\\ "
            rf"\frac{{\sum_x \lVert {tex('f_k(x)', 'f')} \rVert}}{{\sum_x \lVert {F} \rVert}} &= "
            rf"{100 * masked.energy_share:.0f}\,\%\end{{aligned}}",
        )
    try_this(
        "Choose another class above. Does the mask of a class that is not in the picture let nothing through? Which "
        f"mask is right for {name}?",
        "Each mask is divided by its own maximum, so even a class that is not there gets one that reaches 1 (unless "
        f"nothing speaks for it). That is why training masks only with the classes that are labelled. For {name} it "
        f"keeps {percent(masked.energy_share)} of the energy, and the pooled feature is {pooled / max(plainly, 1e-12):.2f} times "
        "as long as without a mask. The mask is only as good as the map of w: where that misses the object, its features "
        "are gone from this.",
    )
