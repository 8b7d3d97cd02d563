"""The Models page in real Chromium: a file through the real chooser, its card, Compare with it, and away again."""

import pytest
import torch
from waiting import box_of, check_widths, go_to, settle

from recam_core.checkpoints.pair_file import save_pair
from recam_core.networks.pair import build_pair

pytestmark = pytest.mark.browser


@pytest.fixture
def visit(url, open_page):
    def start(query="", **options):
        page = open_page(f"{url}/models{query}", **options)
        page.get_by_text("on disk").wait_for()
        settle(page)
        return page

    return start


@pytest.fixture
def file(tmp_path):
    """A model of this project with random weights, as somebody else would hand it over."""
    torch.manual_seed(0)
    path = tmp_path / "from a friend.safetensors"
    save_pair(build_pair("friend", "tiny", ("cat", "dog")), path)
    return path


def test_a_model_is_imported_looked_with_exported_and_deleted_and_nothing_is_wider_than_the_window(
    visit, file, models, screenshot, tmp_path
):
    page = visit(height=600)
    page.get_by_text("Import a model").click()
    page.locator("[class*=st-key-models-files] input[type=file]").set_input_files(file)
    page.get_by_text("a model of this project").first.wait_for()
    settle(page)
    screenshot(page, "models-recognised", full=True)
    name = page.get_by_label("Name under Models")
    assert name.input_value() == "from-a-friend"
    name.fill("friend")
    name.press("Tab")
    settle(page)
    page.get_by_role("button", name="Import", exact=True).click()
    page.locator(".st-key-model-new-friend").wait_for()
    settle(page)
    assert (models / "friend.safetensors").is_file()
    assert sorted(path.name for path in models.iterdir()) == ["friend.safetensors"]
    assert page.get_by_role("heading", name="friend").count() == 1
    screenshot(page, "models-imported", full=True)

    card = page.locator(".st-key-model-new-friend")
    assert 0 < box_of(card)["y"] < 450  # in sight, wherever the form was
    with page.expect_download() as download:
        card.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename == "friend.safetensors"
    download.value.save_as(tmp_path / "friend.safetensors")
    assert (tmp_path / "friend.safetensors").read_bytes() == (models / "friend.safetensors").read_bytes()

    card.get_by_role("button", name="Look with it").click()
    page.locator(".st-key-heat .row .view canvas").first.wait_for()
    settle(page)
    assert "model=friend" in page.url
    assert page.locator(".st-key-model input").input_value() == "friend · 2 classes · imported"

    go_to(page, "Models")
    page.get_by_text("on disk").wait_for()
    settle(page)
    page.locator("[class*=st-key-model-actions-friend]").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("is deleted for good").wait_for()
    screenshot(page, "models-delete")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("was deleted").wait_for()
    settle(page)
    assert list(models.iterdir()) == []
    assert page.get_by_role("heading", name="friend").count() == 0
    check_unfolded(page, screenshot)


def check_unfolded(page, screenshot):
    """Nothing is wider than the window, also where a card and the form are open."""
    page.get_by_text("Classes, training, scores and file").first.click()
    page.get_by_text("SHA-256 of the file").wait_for()
    page.get_by_text("Import a model").click()
    page.locator("[class*=st-key-models-files] input[type=file]").wait_for(state="attached")
    check_widths(page, lambda page, name: screenshot(page, f"models-{name}", full=True))
