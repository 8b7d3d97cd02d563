"""Everything to take along: counts and figures as tables, and chosen pictures as evidence bundles in one archive."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from recam_core import (
    DisplayOptions,
    Note,
    Store,
    UserError,
    counts_csv,
    counts_parquet,
    evidence_bundle,
    is_baseline,
    pictures_csv,
    zip_bytes,
)
from recam_core.records import READOUTS
from ui.errors.maps import pair_of, read_shot, results_of
from ui.errors.sides import View
from ui.errors.state import key
from ui.link import address
from ui.pictures import plain
from ui.truth import class_truth

MOST = 24  # pictures in one bundle


def show_export(view: View, notes: dict[str, Note]) -> None:
    """Tables of the two evaluations, and the bundle."""
    st.markdown("##### Counts and figures")
    stores = {side.run.name: side.store for side in view.both.values()}
    for name, store in stores.items():
        stem = re.sub(r"[^\w-]", "", name)[:40]
        with st.container(horizontal=True, vertical_alignment="center"):
            if len(stores) > 1:
                st.markdown(f"**{plain(name)}**")
            _button(
                "All counts, Parquet", counts_parquet, store, f"{stem}-counts.parquet", "application/vnd.apache.parquet"
            )
            _button("All counts, CSV", counts_csv, store, f"{stem}-counts.csv", "text/csv")
            st.download_button(
                "Figures per picture, CSV",
                partial(pictures_csv, store, view.index),
                file_name=f"{stem}-pictures-{view.threshold:.2f}.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
            )
    st.caption(
        "Counts: a row for each picture, map, true label, winning label and number of thresholds exceeded, with "
        "its pixels; the confusion "
        "matrix at threshold number i is the sum of the rows that exceed more than i thresholds, all others being "
        "called background."
    )
    st.markdown("##### Pictures as evidence")
    filtered = st.session_state.get(key("chosen")) or view.names
    sets = {
        "first": (
            f"the first {min(MOST, len(filtered))} of the gallery as it is sorted and filtered",
            list(filtered)[:MOST],
        ),
        "tagged": ("those with a tag", [n for n in view.names if notes.get(n, Note()).tags][:MOST]),
        "own": ("chosen by name", []),
    }
    which = st.radio("Which pictures", list(sets), format_func=lambda name: sets[name][0], key=key("bundle"))
    names = sets[str(which)][1]
    if which == "own":
        names = st.multiselect("Pictures", view.names, max_selections=MOST, key=key("bundle-names"))
    link = address()
    if names:
        st.download_button(
            f"Evidence bundle of {len(names)} picture{'' if len(names) == 1 else 's'}",
            lambda: bundle(view, names, notes, link),
            file_name="recam-errors.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            help="A folder a picture: overlays, masks, labels and error maps of both sides, raw maps as .npz, and a "
            "manifest with "
            "figures, note, tags, settings and the model's hash.",
        )
    else:
        st.caption("No picture is chosen: tag some in the gallery, or choose them by name.")


def bundle(view: View, names: list[str], notes: dict[str, Note], link: str) -> bytes:
    """An archive with the evidence of some pictures: the two sides' maps at the page's threshold."""
    files: dict[str, bytes] = {}
    for name in names:
        folder = re.sub(r"[^\w-]", "_", name)[:60]
        for path, data in _one(view, name, notes.get(name, Note()), link).items():
            files[f"{folder}/{path}"] = data
    return zip_bytes(files)


def _one(view: View, name: str, note: Note, link: str) -> dict[str, bytes]:
    position = view.names.index(name)
    files: dict[str, bytes] = {}
    for letter, side in view.both.items():
        store, number = side.store, int(side.numbers[position])
        ids = store.entries[number].ids
        if not ids or is_baseline(side.name):
            continue
        (result,) = results_of(store, number, (side.name,))
        truth, _ = class_truth(read_shot(store, number)[1], result.picture.shape[:2], ids)
        plain_name = result.readout.split("-")[0]
        found = view.areas(letter).pictures()
        described: dict[str, Any] = {
            "picture": name,
            "side": letter,
            "map": side.name,
            "link": link,
            "note": note.text,
            "tags": list(note.tags),
            "figures": {n: _number(getattr(found, n)[position]) for n in ("iou", "fp", "fn", "size")},
            "evaluation": store.settings.to_json(),
            "model_sha256": pair_of(store).sha256,
        }
        made = evidence_bundle(
            [_as(result, plain_name)],
            class_ids=ids,
            display=DisplayOptions(threshold=view.threshold),
            manifest=described,
            truth=truth,
        )
        files |= {f"{letter}-{side.name}/{path}": data for path, data in made.items()}
    if not files:
        raise UserError(
            f"{name} is labelled with no class, so there is nothing to put into a bundle; choose other pictures."
        )
    return files


def _as(result: Any, readout: str) -> Any:
    return replace(result, readout=readout if readout in READOUTS else READOUTS[0])


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _button(words: str, make: Any, store: Store, name: str, mime: str) -> None:
    st.download_button(
        words, partial(make, store), file_name=name, mime=mime, icon=":material/download:", on_click="ignore"
    )
