"""Step 6: both classifiers stay, and the map can be read out with either, or with both."""

from recam_core.networks.readouts import READOUTS
from recam_core.records.names import percent
from ui.why.example import Example, show_heat
from ui.why.symbols import MAP, PLAIN_W, PLAIN_WPRIME, WPRIME, F, W, tex_number
from ui.why.task import demo, idea, try_this
from ui.widgets.escaping import plain


def show(example: Example) -> None:
    """All maps of the class."""
    top = {name: float(example.evidence.scale_maps[name][0][example.k].max()) for name in READOUTS}
    idea(
        "Trained with BCE + λ · SCE, the network has two classifiers on the same features: **FC1** with weights "
        f"${W}$ and **FC2** with weights ${WPRIME}$. A map can be read out with either, with their sum, or with their "
        "product: that choice is a **readout**. CAM on the left is the other network, before SCE.",
        rf"\begin{{aligned}}{MAP} &= w''^{{\top}}_{{k}}\,{F}\\ w'' &\in \{{\, {PLAIN_W},\; {PLAIN_WPRIME},\; "
        rf"{PLAIN_W} \oplus {PLAIN_WPRIME},\; {PLAIN_W} \otimes {PLAIN_WPRIME} \,\}}\\ "
        rf"\max_x {W}^{{\!\top}} {F} &= {tex_number(top['w'], 'w')}\\ \max_x {WPRIME}^{{\!\top}} {F} &= "
        rf"{tex_number(top['wprime'], 'wprime')}\end{{aligned}}",
    )
    with demo():
        view = show_heat(example, tuple(READOUTS), "why-five")
    level = (view.settings or {}).get("threshold", 0.3)
    areas = example.covered(tuple(READOUTS), level)
    order = sorted(areas, key=areas.__getitem__)
    least, most = order[0], order[-1]
    shares = ", ".join(f"{READOUTS[name].label} {percent(areas[name])}" for name in READOUTS)
    try_this(
        f"Move the threshold. Which readout covers most of {plain(example.name)}? Does the same one win on another "
        "picture?",
        f"Above {level:.2f} they cover: {shares} of the picture; {READOUTS[most].label} most, {READOUTS[least].label} "
        "least. More area is not better by itself: on the drawn scenes the true mask is known, and Compare shows the "
        "overlap with it. Each map is divided by its own maximum, so a flatter map looks larger at the same "
        "threshold.",
    )
