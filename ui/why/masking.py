"""Step 4: the features under the class's own map."""

import numpy as np

from ui.why.example import Seen, show_heat
from ui.why.symbols import FK, MASK, F, tex
from ui.why.task import idea, try_this
from ui.widgets.escaping import plain


def show(seen: Seen) -> None:
    """Mask, features, and features under the mask, as energy at each position."""
    masked, name = seen.masked, plain(seen.name)
    pooled, plainly = (float(np.linalg.norm(v)) for v in (masked.pooled, seen.features.stage2.mean(axis=(1, 2))))
    idea(
        f"ReCAM turns the map into a soft mask ${MASK}$ from 0 to 1 and multiplies every feature map with it. What is "
        f"left is ${FK}$, the features **of one class**. Then it pools them again. Maps of energy show how strong all "
        f"{len(seen.features.stage2)} channels are together at each position.",
        rf"\begin{{aligned}}{tex('f_k(x)', 'f')} &= {MASK}\,{F}\\ \frac{{\sum_x \lVert {tex('f_k(x)', 'f')} \rVert}}"
        rf"{{\sum_x \lVert {F} \rVert}} &= {100 * masked.kept:.0f}\,\%\end{{aligned}}",
    )
    show_heat(
        seen,
        (),
        "why-mask",
        {
            "energy": (masked.energy, ("‖f‖", "all features", "length of the feature vector at each position")),
            "mask": (masked.mask, ("Mₖ", "the mask, CAM", f"ReLU(wᵀf) of {seen.name} over its own maximum")),
            "masked": (masked.masked, ("‖fₖ‖", "masked features", "length of the feature vector under the mask")),
        },
    )
    try_this(
        "Choose another class above. Does the mask of a class that is not in the picture let nothing through? Which "
        f"mask is right for {name}?",
        "Each mask is divided by its own maximum, so even a class that is not there gets one that reaches 1 (unless "
        f"nothing speaks for it). That is why training masks only with the classes that are labelled. For {name} it "
        f"keeps {masked.kept:.0%} of the energy, and the pooled feature is {pooled / max(plainly, 1e-12):.2f} times "
        "as long as without a mask. The mask is only as good as CAM: where CAM misses the object, its features are "
        "gone from this.",
    )
