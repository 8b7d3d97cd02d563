"""What people write beside the pictures of an evaluation: notes and tags, kept in its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from recam_core.records import UserError, from_plain
from recam_core.system.files import save_atomically
from recam_core.system.folders import may_start
from recam_core.system.locks import held

NOTES, LOCK = "notes.json", ".notes"
MAX_TEXT, MAX_TAG, MAX_TAGS = 2000, 30, 12


@dataclass(frozen=True)
class Note:
    """A text, and tags in the order they were given; ``UserError`` where they are too long or too many."""

    text: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.text) > MAX_TEXT or len(self.tags) > MAX_TAGS or any(len(tag) > MAX_TAG for tag in self.tags):
            raise UserError(
                f"A note may have {MAX_TEXT} characters and {MAX_TAGS} tags of {MAX_TAG} characters each; shorten it."
            )


def read_notes(folder: Path) -> dict[str, Note]:
    """Notes by name of the picture; empty where nobody wrote one; ``UserError`` where the file is damaged."""
    path = folder / NOTES
    if not path.exists():
        return {}
    try:
        return {name: from_plain(Note, note) for name, note in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise UserError(f"{NOTES} in {folder.name} is damaged; mend it, or move it away to begin anew.") from error


def write_note(folder: Path, name: str, note: Note) -> None:
    """Keep the note of one picture, or forget it where it is empty; what others write meanwhile is kept too.

    Raises ``UserError`` where the operator has switched that off, or somebody else is writing.
    """
    if not may_start():
        raise UserError("Notes cannot be changed on this server: its operator has switched that off.")
    with held(folder / LOCK, "Somebody else is writing a note at this moment; try again."):
        notes = read_notes(folder) | {name: note}
        entries = {key: asdict(value) for key, value in sorted(notes.items()) if value != Note()}
        save_atomically(folder / NOTES, json.dumps(entries, ensure_ascii=False, indent=1).encode())
