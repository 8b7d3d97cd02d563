"""One colour per symbol, the same in formulas, charts and captions; each readable on the light and on the dark page."""

COLOURS = {
    "w": "#3b7dd8",
    "wprime": "#8a7a1f",
    "f": "#22905a",
    "map": "#b2559b",
    "z": "#7d76c9",
    "y": "#c8631a",
    "p": "#128799",
    "g": "#d1495b",
}


def tex(symbol: str, colour: str) -> str:
    """A piece of a formula in the colour of its symbol, for KaTeX."""
    return rf"\textcolor{{{COLOURS[colour]}}}{{{symbol}}}"


W = tex("w_k", "w")
WPRIME = tex("w'_k", "wprime")
F = tex("f(x)", "f")
MAP = tex("A_k(x)", "map")
MASK = tex("M_k(x)", "map")
FK = tex("f_k", "f")
SIGMA = tex(r"\sigma(z_k)", "p")
PLAIN_W, PLAIN_WPRIME = tex("w", "w"), tex("w'", "wprime")


def tex_number(value: float, colour: str, digits: int = 2) -> str:
    """A number in the colour of what it is a value of, for KaTeX."""
    return tex(f"{value:.{digits}f}", colour)


def number(value: float, digits: int = 2) -> str:
    """A number with its sign where it is negative, as text: a true minus."""
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """A number that always carries its sign, unless it is 0."""
    text = f"{value:+.{digits}f}"
    return (text if float(text) else text[1:]).replace("-", "−")
