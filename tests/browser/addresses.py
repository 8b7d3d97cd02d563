"""Waiting for what the address says: Python writes it some time after the person acted."""

from playwright.sync_api import Page


def wait_for_address(page: Page, **wanted: str) -> None:
    """Until the address names these values, and perhaps others."""
    page.wait_for_function(
        """wanted => { const query = new URLSearchParams(location.search);
            return Object.entries(wanted).every(([name, value]) => query.get(name) === value); }""",
        arg=wanted,
    )
