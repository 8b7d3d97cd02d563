"""Naming a classifier of timm or torchvision, with near names as long as it is none."""

import streamlit as st

from recam_core import UserError
from recam_core.networks.backbones.libraries import near_names, parse_name
from ui.widgets.escaping import plain

EXAMPLE = "timm:resnet34"
HELP = (
    "timm:NAME or torchvision:NAME, with .TAG for one of its sets of weights, and @16 or @8 for a finer output stride where the "
    "architecture allows it. Any network with a linear head on averaged features: ResNet, RegNet, EfficientNet, ConvNeXt …"
)


def name_architecture(label: str, key: str) -> str:
    """A library's classifier by its checked name; "" as long as nothing was typed, or what was typed is none."""
    text = str(st.text_input(label, key=key, placeholder=EXAMPLE, help=HELP, persist_state="session") or "").strip()
    if not text:
        return ""
    try:
        return str(parse_name(text))
    except UserError as error:
        near = near_names(text)
        if not near:
            st.error(plain(str(error)), icon=":material/block:")
            return ""
    return str(st.pills(f"“{plain(text)}” is none. Did you mean", near, key=f"{key}-near-{text}") or "")
