"""What the app's look hangs on in Streamlit's own markup, which any release may change: as little as can be, and written down."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
UI = ROOT / "ui"
# Each is there because no option, key or element reaches the same.
NAMES = {
    "shell.css": {
        "stApp", "stCaptionContainer", "stColumn", "stElementToolbar", "stFileChip", "stFileUploaderDropzone",
        "stFileUploaderDropzoneInstructions", "stHorizontalBlock", "stMainBlockContainer", "stMetricValue", "stSidebar",
        "stSidebarUserContent", "stVerticalBlock",
    },
    "compare/compare.css": {"stFileUploader", "stFileUploaderDropzone", "stFileUploaderDropzoneInstructions"},
    "why/presented.css": {
        "stApp", "stCaptionContainer", "stColumn", "stHorizontalBlock", "stMainBlockContainer",
        "stMarkdownContainer", "stSelectbox", "stVerticalBlock",
    },
    "widgets/presented.css": {"stApp", "stExpandSidebarButton", "stMainBlockContainer", "stSidebar", "stWidgetLabel"},
}  # fmt: skip


def test_stylesheets_hang_on_these_names_of_streamlit_alone():
    found = {
        path.relative_to(UI).as_posix(): set(re.findall(r'(?:data-testid="|\.)(st[A-Z]\w*)', path.read_text("utf-8")))
        for path in UI.rglob("*.css")
    }
    assert {name: names for name, names in found.items() if names} == NAMES


def test_no_heading_has_a_link():
    """Nobody links to one here, and each link would be one more stop of the keyboard."""
    for path in [*UI.rglob("*.py"), *ROOT.glob("pages/*/*.py")]:
        for heading in re.findall(r'\.(?:title|header|subheader)\(.*|\.markdown\(f?"#.*', path.read_text("utf-8")):
            assert re.search("anchors?=False", heading), f"{path.name}: {heading}"
