"""Counts and figures as tables that other programs read."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from recam_core.evaluation.store.map_names import map_label
from recam_core.evaluation.store.reading import Store


def counts_table(store: Store) -> pa.Table:
    """Every count: picture, map, true label, winning label, how many thresholds the winning value exceeds, pixels."""
    labels = pa.array(["background", *store.settings.classes])
    names, parts = pa.array(store.names), []
    for name, cells in store.cells.items():
        same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(cells.pixels), np.int32)), pa.array([name]))
        parts.append(
            pa.table(
                {
                    "picture": pa.DictionaryArray.from_arrays(pa.array(cells.picture.astype(np.int32)), names),
                    "map": same,
                    "true_label": pa.DictionaryArray.from_arrays(pa.array(cells.truth.astype(np.int32)), labels),
                    "winning_label": pa.DictionaryArray.from_arrays(pa.array(cells.winner.astype(np.int32)), labels),
                    "thresholds_exceeded": pa.array(cells.level, pa.uint16()),
                    "pixels": pa.array(cells.pixels),
                }
            )
        )
    return pa.concat_tables(parts).unify_dictionaries()


def counts_parquet(store: Store) -> bytes:
    """``counts_table`` as a Parquet file."""
    stream = io.BytesIO()
    pq.write_table(counts_table(store), stream, compression="zstd")
    return stream.getvalue()


def counts_csv(store: Store) -> bytes:
    """``counts_table`` as CSV."""
    table = counts_table(store)
    plain = [pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
    return _csv(table.cast(pa.schema(plain)))


def pictures_csv(store: Store, index: int) -> bytes:
    """Figures of each counted picture under each map at one threshold, as CSV; empty where undefined."""
    rows: dict[str, list] = {
        name: [] for name in ("picture", "map", "words", "threshold", "iou", "fp", "fn", "size", "classes")
    }
    for name in store.cells:
        areas = store.areas(name, index).pictures()
        for i in np.flatnonzero(store.counted):
            figures = [
                None if np.isnan(v) else round(float(v), 6)
                for v in (areas.iou[i], areas.fp[i], areas.fn[i], areas.size[i])
            ]
            threshold = round(float(store.thresholds[index]), 4)
            values = (store.names[i], name, map_label(name), threshold, *figures, int(areas.classes[i]))
            for column, value in zip(rows, values, strict=True):
                rows[column].append(value)
    return _csv(pa.table(rows))


def _csv(table: pa.Table) -> bytes:
    """A table as CSV. A text that a spreadsheet would take for a formula gets a ' before it; numbers stay numbers."""
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            column = table.column(i)
            risky = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
            table = table.set_column(
                i, field.name, pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
            )
    stream = io.BytesIO()
    pyarrow.csv.write_csv(table, stream)
    return stream.getvalue()
