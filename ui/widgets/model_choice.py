"""Models as select boxes name them."""

import time

from recam_core.checkpoints.registry import ModelEntry, model_entries

KINDS = {"bundled": "bundled", "trained": "trained here", "imported": "imported"}


def model_words() -> dict[str, str]:
    """What a select box says of each model: name, number of classes, and where it comes from if it is not bundled."""
    return {entry.name: entry_words(entry) for entry in model_entries()}


def keep_in_mind(name: str) -> str:
    """What to keep in mind about a model: what it was made of and its own warning, or why it cannot be read."""
    entry = next(entry for entry in model_entries() if entry.name == name)
    card = entry.header.get("card", {})
    return " ".join(str(words) for words in (entry.fault, card.get("about"), card.get("warning")) if words)


def entry_words(entry: ModelEntry) -> str:
    """One model in a line."""
    if entry.fault:
        return f"{entry.title} · cannot be read"
    count = len(entry.classes)
    alone = " · CAM alone" if entry.networks == ("cam",) else "" if "cam" in entry.networks else " · ReCAM alone"
    alone = alone if entry.readouts else " · gradient methods alone"
    words = f"{entry.title} · {count} class{'' if count == 1 else 'es'}{alone}"
    if entry.kind == "bundled":
        return words
    return f"{words} · {KINDS[entry.kind]}" + (f" {date_words(entry.changed)}" if entry.kind == "trained" else "")


def date_words(seconds: float) -> str:
    """A day, and the time where it is today."""
    then = time.localtime(seconds)
    if then[:3] == time.localtime()[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%d %b %Y", then).lstrip("0")
