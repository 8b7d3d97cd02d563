import io

import numpy as np
import pytest
from PIL import Image

from recam_core import SAMPLES
from ui.session import uploads
from ui.widgets import pictures
from ui.widgets.escaping import plain


def test_samples_have_short_names_that_fit_under_a_small_picture_and_tooltips_that_say_more():
    words = {name: pictures._sample_words(name) for name in SAMPLES}
    assert all(len(label) <= 9 for label, _ in words.values())
    assert len({label for label, _ in words.values()}) == len(SAMPLES)
    assert words["scene-cat-fish-boat"][1] == "Drawn scene with cat, fish, boat; its true mask is known"
    assert words["chelsea"] == ("cat", "Show cat")


@pytest.mark.parametrize(
    "text", ["a_b*c*", "[x](http://y)", "![x](y)", ":red[x]", "$x$", "`x`", "<b>", "# x", "~x~", "a|b"]
)
def test_text_from_outside_is_shown_letter_by_letter(text):
    escaped = plain(text)
    assert escaped.replace("\\", "") == text
    marks = [k for k, letter in enumerate(escaped) if letter in "_*[]()`<>#$~|:!"]
    assert marks
    assert all(escaped[k - 1] == "\\" for k in marks)


@pytest.mark.parametrize("shape", [(40, 40), (400, 90), (90, 400), (1024, 1000)])
def test_a_thumbnail_is_a_small_square(shape):
    image = Image.open(io.BytesIO(uploads.thumbnail(np.zeros((*shape, 3), np.uint8))))
    assert image.width == image.height <= 320
    assert image.width >= min(40, *shape)


def test_an_upload_goes_to_the_model_for_photos_unless_the_person_has_a_model_of_their_own(monkeypatch):
    state = {"model": "scenes"}
    monkeypatch.setattr(pictures.st, "session_state", state)
    monkeypatch.setattr(pictures, "known_models", lambda: {"voc": 1, "photos": 1, "scenes": 1, "mine": 1})
    pictures.select_picture("0" * 64, "voc")
    assert state == {"model": "voc", "picture": "0" * 64}
    state["model"] = "photos"  # who chose COCO's classes keeps them from photo to photo
    pictures.select_picture("chelsea", "voc")
    assert state == {"model": "photos", "picture": "chelsea"}
    state["model"] = "mine"
    pictures.select_picture("scene-fish-boat", "scenes")
    assert state == {"model": "mine", "picture": "scene-fish-boat"}
