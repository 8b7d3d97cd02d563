"""JavaScript modules as the one script that a component takes: what a file imports is put before it, each file once."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


def bundle(*entries: Path) -> str:
    """The script of some modules, of which the last may have a default export; modules share one scope there.

    Imports are relative and name what they take (``import { a, b } from "./file.js";``), exports stand before declarations.
    """
    sources: dict[Path, str] = {}

    def add(path: Path) -> None:
        if path in sources:
            return
        text = path.read_text(encoding="utf-8")
        for _, target in IMPORT.findall(text):
            add((path.parent / target).resolve())
        sources[path] = EXPORT.sub("", IMPORT.sub("", text))

    for entry in entries:
        add(entry.resolve())
    return "\n".join(sources.values())


def handed_over(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Data of a component whose script calls ``mounted``: in a list, because Streamlit would load pandas for a dict.

    It looks whether one of a dict's values is a data frame; the first maps would wait half a second for that.
    """
    return [data]
