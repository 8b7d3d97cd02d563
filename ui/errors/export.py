"""Everything to take along: counts and figures as tables, and chosen pictures as evidence bundles in one archive."""

import re
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from recam_core import DisplayOptions, UserError, evidence_bundle, zip_bytes
from recam_core.evaluation.store import Note, counts_csv, counts_parquet, pictures_csv, same_pictures
from recam_core.evaluation.store.map_names import is_baseline, map_label, readout_of
from recam_core.networks.readouts import READOUTS
from recam_core.records import CAM
from ui.errors import runs
from ui.errors.maps import pair_of, read_shot, results_of
from ui.errors.runs import Run
from ui.errors.sides import Side, View
from ui.errors.state import key
from ui.session.link import address
from ui.widgets.escaping import plain
from ui.widgets.truth import class_truth

MOST = 24  # pictures in one bundle


def show_export(view: View, notes: dict[str, Note]) -> None:
    """Tables of the two evaluations, and the bundle."""
    st.markdown("##### Counts and figures", anchors=False)
    runs = {side.run.name: side.run for side in view.both.values()}
    for name, run in runs.items():
        stem = re.sub(r"[^\w-]", "", name)[:40]
        with st.container(horizontal=True, vertical_alignment="center"):
            if len(runs) > 1:
                st.markdown(f"**{plain(name)}**")
            parquet = "application/vnd.apache.parquet"
            _button("All counts, Parquet", partial(_table, counts_parquet, run), f"{stem}-counts.parquet", parquet)
            _button("All counts, CSV", partial(_table, counts_csv, run), f"{stem}-counts.csv", "text/csv")
            figures = partial(_table, pictures_csv, run, view.index)
            _button("Figures per picture, CSV", figures, f"{stem}-pictures-{view.threshold:.2f}.csv", "text/csv")
    st.caption(
        "Counts: a row for each picture, map, true label, winning label and number of thresholds exceeded, "
        "with its pixels; the confusion matrix at threshold number i is the sum of the rows that exceed more than i "
        "thresholds, all others being called background."
    )
    st.markdown("##### Pictures as evidence", anchors=False)
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
    if not names:
        st.caption("No picture is chosen: tag some in the gallery, or choose them by name.")
    elif (fault := _no_maps(view)) is not None:
        st.error(plain(fault), icon=":material/error:")
    else:
        st.download_button(
            f"Evidence bundle of {len(names)} picture{'' if len(names) == 1 else 's'}",
            partial(_bundle_of, _named(view.a), _named(view.b), view.index, names, notes, address()),
            file_name="recam-errors.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            help="A folder a picture: overlays, masks, labels and error maps of both sides, raw maps as .npz, "
            "and a manifest with figures, note, tags, settings and the model's hash.",
        )


def _no_maps(view: View) -> str | None:
    """Why there are no maps to take along, of any picture."""
    sides = [side for side in view.both.values() if not is_baseline(side.name)]
    if not sides:
        return _both_baselines(view)
    try:
        for side in sides:
            pair_of(side.store)
    except UserError as error:
        return str(error)
    return None


def _both_baselines(view: View) -> str:
    a, b = (map_label(side.name) for side in view.both.values())
    return f"A ({a}) and B ({b}) are baselines, which have no maps of their own to take along; choose a readout."


Named = tuple[Run, str, str]  # all of a side but its counts, which a download must not hold for a whole session


def _named(side: Side) -> Named:
    return side.run, side.name, side.label


def _bundle_of(a: Named, b: Named, index: int, names: list[str], notes: dict[str, Note], link: str) -> bytes:
    stores = [runs.store_of(run) for run, *_ in (a, b)]
    sides = [
        Side(run, store, name, numbers, label)
        for (run, name, label), store, numbers in zip((a, b), stores, same_pictures(stores), strict=True)
    ]
    return bundle(View(sides[0], sides[1], index), names, notes, link)


def bundle(view: View, names: list[str], notes: dict[str, Note], link: str) -> bytes:
    """An archive with the evidence of some pictures: the two sides' maps at the page's threshold.

    A picture that cannot be taken along is named in left-out.txt with the reason.
    """
    files: dict[str, bytes] = {}
    left_out = []
    for i, name in enumerate(names, 1):
        folder = f"{i:02d}-" + re.sub(r"[^\w-]", "_", name)[:60]
        try:
            for path, data in _one(view, name, notes.get(name, Note()), link).items():
                files[f"{folder}/{path}"] = data
        except UserError as error:
            left_out.append(f"{name}: {error}\n")
    if left_out:
        files["left-out.txt"] = "".join(left_out).encode()
    return zip_bytes(files)


def _one(view: View, name: str, note: Note, link: str) -> dict[str, bytes]:
    if name not in view.names:
        raise UserError("it is not among the pictures that both evaluations have counted.")
    position = view.names.index(name)
    files: dict[str, bytes] = {}
    for letter, side in view.both.items():
        store, number = side.store, int(side.numbers[position])
        ids = store.entries[number].ids
        if not ids or is_baseline(side.name):
            continue
        (result,) = results_of(store, number, (side.name,))
        truth, _ = class_truth(read_shot(store, number)[1], result.picture.shape[:2], ids)
        plain_name = readout_of(result.readout)
        areas = view.areas(letter).pictures()
        described: dict[str, Any] = {
            "picture": name,
            "side": letter,
            "map": side.name,
            "link": link,
            "note": note.text,
            "tags": list(note.tags),
            "figures": {n: _number(getattr(areas, n)[position]) for n in ("iou", "fp", "fn", "size")},
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
        if all(is_baseline(side.name) for side in view.both.values()):
            raise UserError(_both_baselines(view))
        raise UserError("it is labelled with no class, so there is no map of it.")
    return files


def _as(result: Any, readout: str) -> Any:
    return replace(result, readout=readout if readout in READOUTS else CAM)


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _table(make: Any, run: Run, *more: int) -> Any:
    return make(runs.store_of(run), *more)


def _button(words: str, make: Any, name: str, mime: str) -> None:
    st.download_button(words, make, file_name=name, mime=mime, icon=":material/download:", on_click="ignore")
