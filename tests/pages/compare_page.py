"""The Compare page, opened and read, and pictures to upload."""

import numpy as np
from any_page import handed_over, open_page, ran
from PIL import Image

from ui.compute import payloads
from ui.compute.packing import unpack

SCENE, OTHER_SCENE = "scene-fish-boat", "scene-bird-tree"


def open_scene(**link):
    return open_page(picture=SCENE, **link)


def press(app, sample):
    app.button(key=f"show-{sample}").click()
    return ran(app)


def mounted(app):
    """What the page hands to the heat view."""
    (view,) = handed_over(app)
    return view


def shown(app):
    """The payload that the heat view is told to fetch: its header and its blobs."""
    return unpack(payloads.get(mounted(app)["id"]))


def class_names(app):
    return [entry["name"] for entry in shown(app)[0]["classes"]]


def sentences(app):
    return [error.value.replace("\\", "") for error in app.error]


def upload(app, *files):
    app.file_uploader(key="files").set_value([(name, data, "application/octet-stream") for name, data in files])
    return ran(app)


def picture(width=96, height=64, mode="RGB"):
    values = np.random.default_rng(width).integers(0, 255, (height, width, 3), np.uint8)
    return Image.fromarray(values).convert(mode)
