"""What a link to the Compare page says beside the heat view's settings: where maps are cut, and which are shown."""

from typing import Any

import streamlit as st

from recam_core.cam.thresholds import RULES
from ui.components.heatview import DEFAULTS
from ui.session.link import heat_settings, read_choice, write, write_heat_settings

MAPS = ("two", "all")


def view_settings() -> dict[str, Any]:
    """The settings of the address; one that names a threshold and no rule is older than rules: all maps are cut there."""
    settings = heat_settings()
    usual = DEFAULTS["threshold"]
    is_named = settings["threshold"] != usual or st.query_params.get("t") == f"{usual:g}"
    area = read_choice("area", [str(percent) for percent in range(101)], f"{100 * DEFAULTS['area']:.0f}")
    return settings | {
        "rule": read_choice("rule", RULES, "same" if is_named else DEFAULTS["rule"]),
        "area": int(area) / 100,
        "maps": read_choice("maps", MAPS, DEFAULTS["maps"]),
        "boxes": read_choice("boxes", ("0", "1"), "0") == "1",
    }


def write_view(settings: dict[str, Any]) -> None:
    """Put what differs from the defaults into the address; a threshold only where it counts."""
    rule = settings["rule"]
    threshold = settings["threshold"] if rule == "same" else DEFAULTS["threshold"]
    write_heat_settings(settings | {"threshold": threshold})
    write("rule", rule, DEFAULTS["rule"] if threshold == DEFAULTS["threshold"] else "same")
    write("area", f"{100 * settings['area']:.0f}", None if rule == "area" else f"{100 * settings['area']:.0f}")
    write("maps", settings["maps"], DEFAULTS["maps"])
    write("boxes", str(int(settings["boxes"])), "0")
