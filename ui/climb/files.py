"""Downloads of a climb: animations, frames, and the evidence bundle with every number."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import streamlit as st

from recam_core import DisplayOptions, make_manifest, zip_bytes
from recam_core.images.animation import gif_bytes, webp_bytes
from recam_core.images.visualise import png_bytes
from recam_core.refiners.advcam.files import climb_bundle, climb_frames
from ui.climb.runs import Run
from ui.compute.engine import brief_turn


def show_downloads(run: Run, settings: Mapping[str, Any], link: str, key: str) -> None:
    """A button for each kind of file; they are made when somebody asks, as the screen looks now."""
    known = {field.name for field in fields(DisplayOptions)}
    display = DisplayOptions(**{name: value for name, value in settings.items() if name in known})
    milliseconds = round(1000 / settings["speed"])
    stem = f"climb-{run.order.picture.sha256[:8]}-{run.order.readout}"
    makers: dict[str, tuple[str, Callable[[], bytes], str]] = {
        "WebP": (f"{stem}.webp", lambda: webp_bytes(_frames(run, display), milliseconds), "image/webp"),
        "GIF": (f"{stem}.gif", lambda: gif_bytes(_frames(run, display), milliseconds), "image/gif"),
        "Frames": (f"{stem}-frames.zip", lambda: frames_zip(run, display), "application/zip"),
        "Evidence bundle": (f"{stem}.zip", lambda: bundle_zip(run, display, milliseconds, link), "application/zip"),
    }
    helps = {
        "WebP": "The map of each step beside the accumulated one, at the speed of the player",
        "GIF": "The same for programs that do not play WebP; larger, in 256 colours",
        "Frames": "The same as single PNG pictures, in an archive",
        "Evidence bundle": "Everything: overlays, masks, frames, animations, all maps as numbers, every step's figures, settings "
        "and hashes",
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, (name, make, mime) in makers.items():
            st.download_button(
                label,
                make,
                on_click="ignore",
                file_name=name,
                mime=mime,
                icon=":material/download:",
                key=f"{key}-{label}",
                help=helps[label],
            )


def _frames(run: Run, display: DisplayOptions) -> list[Any]:
    return climb_frames(run.order.before.picture, run.steps, 0, display)


def frames_zip(run: Run, display: DisplayOptions) -> bytes:
    """One PNG a step in an archive."""
    return zip_bytes({f"{t:03}.png": png_bytes(frame) for t, frame in enumerate(_frames(run, display))})


def bundle_zip(run: Run, display: DisplayOptions, milliseconds: int, link: str) -> bytes:
    """The same files that the command writes, in an archive; the manifest also has the link."""
    order = run.order
    with brief_turn():
        files = climb_bundle(
            order.before,
            run.steps,
            order.options,
            class_ids=order.pair.class_ids([order.class_name]),
            display=display,
            manifest=make_manifest(order.picture, order.pair, order.before) | {"link": link},
            truth=order.truth,
            milliseconds=milliseconds,
        )
    return zip_bytes(files)
