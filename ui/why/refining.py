"""Step 7: two methods that start from any of these maps, each with its own page."""

from pathlib import Path

import streamlit as st

from ui.why.example import Example, show_heat
from ui.why.symbols import number, tex, tex_number
from ui.why.task import demo, try_this
from ui.widgets.escaping import plain

WALKED = tex(r"A^{\prime}_k", "map")
PAGES = Path(__file__).parents[2] / "pages" / "explore"


def show(example: Example) -> None:
    """One map, what each method does with it, and the way there."""
    name, own = plain(example.name), float(example.climbed[example.k])
    others = float(example.climbed.sum()) - own
    mirror = (
        "; AdvCAM climb adds what the mirror image gives, as the panel asks" if example.subject.options.flip else ""
    )
    with st.container(key="why-idea"):
        climbed, walked = st.columns(2, gap="large")
    with climbed:
        st.markdown(
            "ReCAM changes the **weights**. **AdvCAM** changes the **picture**: it is nudged so that its own class scores higher "
            "and all others lower."
        )
        st.latex(
            rf"\mathcal{{L}} = {tex('y_k', 'z')} - \sum_{{j \neq k}} {tex('y_j', 'z')} - "
            rf"\mu \lVert M \otimes |\Delta {tex('A_k', 'map')}| \rVert_1"
        )
        st.latex(
            rf"{tex_number(own, 'z')} - {tex_number(others, 'z')} - 0 = {own - others:.2f} \quad "
            rf"\text{{at the start}}"
        )
        st.caption(
            f"y is not the logit z: it is the mean of the class’s **positive** evidence over the picture, so it is never below "
            f"0 (z of {name} is {number(float(example.logits[example.k]))}){mirror}."
        )
    with walked:
        st.markdown(
            "**IRN** changes the **map**: heat walks to neighbouring positions and stops where a learned boundary lies."
        )
        st.latex(rf"\mathrm{{vec}}({WALKED}) = T^{{\,t}}\; \mathrm{{vec}}\big({tex('A_k', 'map')} \otimes (1 - B)\big)")
    with demo():
        st.markdown("Both start from any of ReCAM’s maps, for example w of this class:")
        show_heat(example, ("w",), "why-refine")
        with st.container(horizontal=True):
            _way("Climb this picture", "landscape", "climb")
            _way("Walk this map", "directions_walk", "walk")
    try_this(
        f"Before you go: which of the two can light up a part of {name} that has no heat around it at all?",
        "AdvCAM can: the nudged picture has new features everywhere. A walk only carries heat on from where some is; "
        "what no step reaches without crossing a boundary stays dark. And neither knows the object: a climb can "
        "bleed into the background, a walk can leak through a weak boundary.",
    )


def _way(words: str, icon: str, page: str) -> None:
    """A button to another page with the same subject, where that page is there."""
    if not (PAGES / f"{page}.py").is_file():
        st.caption("This version has no page for it.")
    elif st.button(words, icon=f":material/{icon}:", key=f"why-to-{page}"):
        st.switch_page(f"../pages/explore/{page}.py")
