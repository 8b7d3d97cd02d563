"""A figure has its panels, words and colour bar in each of its formats, and what comes from outside is text."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from recam_core.images.figure import ColourBar, Panel, figure_bytes
from recam_core.images.visualise import PALETTES
from recam_core.records import UserError

PICTURE = np.full((30, 40, 3), (200, 30, 30), np.uint8)
RAMP = np.linspace(0, 1, 1200).reshape(30, 40)
ROWS = [
    ("a $\\frac$ <b>cat</b>", [Panel(PICTURE, "CAM", "IoU 50%", RAMP, 0.5), Panel(PICTURE, "ReCAM w⊗w′", "IoU 60%")]),
    ("dog", [Panel(PICTURE, "CAM", boxes=[(4, 5, 20, 10)])]),
]
BAR = ColourBar(PALETTES["viridis"], "share of each map’s own maximum", marks=(0.3,))


def test_a_figure_is_a_png_an_svg_and_a_pdf():
    image = np.asarray(Image.open(io.BytesIO(figure_bytes(ROWS, bar=BAR, footer="model voc"))).convert("RGB")).astype(
        int
    )
    red = (np.abs(image - PICTURE[0, 0]).max(axis=2) < 3).mean()
    assert 0.3 < red < 0.75  # three panels of four, and room for words
    assert (np.abs(image - PALETTES["viridis"][255].astype(int)).max(axis=2) < 3).any()  # the end of the colour bar
    root = ElementTree.fromstring(figure_bytes(ROWS, "svg"))
    assert len(root.findall(".//{http://www.w3.org/2000/svg}image")) == 3
    assert figure_bytes(ROWS, "pdf").startswith(b"%PDF")


def test_what_cannot_be_drawn_is_one_sentence():
    with pytest.raises(UserError, match="png, svg, pdf; got 'eps'"):
        figure_bytes(ROWS, "eps")
    with pytest.raises(UserError, match="choose at least one map"):
        figure_bytes([])
