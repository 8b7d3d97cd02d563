"""The one place where text from outside (a file, a name, a person) becomes Markdown or HTML that shows it letter by letter."""

import html
import re


def plain(text: str) -> str:
    """Text from outside as Markdown."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-!|~$:&])", r"\\\1", text)


def as_html(text: str) -> str:
    """Text from outside as HTML between two tags, and for charts, which read a little HTML."""
    return html.escape(text, quote=False)
