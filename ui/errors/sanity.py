"""What the figures are worth: the same counting for maps that know nothing of the picture, and for random weights."""

from typing import Any

import numpy as np
import streamlit as st

from recam_core import Store, UserError
from recam_core.evaluation.localisation import REQUIRED
from recam_core.evaluation.store.map_names import is_baseline, map_label
from recam_core.records.stored import BASELINES
from recam_core.system.folders import may_start
from ui.errors import runs
from ui.errors.headline import percent
from ui.errors.new import READ_ONLY
from ui.errors.sides import View
from ui.widgets import jobs
from ui.widgets.escaping import plain


def show_sanity(view: View) -> None:
    """A table of every map and of the baselines; they are measured on request."""
    st.markdown(
        "The image-level labels are given to every map here, so even a map that knows nothing gets points. "
        "A readout is worth what it has **beyond** these rows; if random weights come "
        "close, the figures say more about the data set than about training."
    )
    stores: list[Store] = [view.a.store]
    baselines = runs.baselines_of(view.a.run)
    if not any(is_baseline(name) for name in view.a.store.settings.maps):
        stores += _measured(view, baselines)
    for words in (sentence for other in stores[1:] for sentence in differences(view.a.store, other)):
        st.warning(words, icon=":material/difference:")
    rows = [sanity_row(store, name, view.index) for store in stores for name in store.settings.maps]
    st.dataframe(rows, hide_index=True, width="stretch")
    lines = [f"**{map_label(name)}**: {words}" for name, words in BASELINES.items()]
    st.caption(
        f"{'; '.join(lines)}; **random weights**: the same networks, never trained. Where maps of several "
        "classes are alike, the first class has every pixel. Pointing: share of objects that a map's highest point lies on "
        "or within 15 px of, mean over classes."
    )
    for store in stores:
        _show_localisation(store)


def differences(store: Store, baselines: Store) -> list[str]:
    """Why the rows of the baselines may not stand beside those of an evaluation: another model, or other pictures."""
    sentences = []
    if store.settings.sha256 != baselines.settings.sha256:
        sentences.append(
            "The model has changed between this evaluation and its baselines, so their rows are of two models. Evaluate it again "
            "and measure the baselines of that evaluation."
        )
    mine, theirs = int(store.counted.sum()), int(baselines.counted.sum())
    if mine != theirs:
        sentences.append(
            f"The rows are not of the same pictures: {mine} are counted in this evaluation, {theirs} for the baselines. Compare "
            "them when both are finished."
        )
    return sentences


def sanity_row(store: Store, name: str, index: int) -> dict[str, Any]:
    """Figures of one map at a threshold, at its best one, and its pointing game; percent."""
    total, curves = store.areas(name, index).total(), store.curves(name)
    return {
        "map": map_label(name),
        "mIoU": percent(float(np.asarray(total["miou"]))),
        "FP": percent(float(np.asarray(total["fp"]))),
        "FN": percent(float(np.asarray(total["fn"]))),
        "best mIoU": percent(float(curves.miou[curves.best])),
        "at": f"{store.thresholds[curves.best]:.2f}",
        "pointing": percent(store.pointing(name)),
    }


def localisation_row(store: Store, name: str) -> dict[str, Any]:
    """MaxBoxAcc and pixel average precision of one map; percent."""
    figures = store.localisation(name)
    at = {f"box, IoU {needed:g}": percent(rate) for needed, rate in zip(REQUIRED, figures.box_accuracy, strict=True)}
    return {"map": map_label(name), "MaxBoxAcc": percent(figures.max_box_acc), **at, "PxAP": percent(figures.pxap)}


def _show_localisation(store: Store) -> None:
    """The same maps as another field scores them, where that was counted."""
    if not store.objects:
        return
    objects = len(next(iter(store.objects.values())).label)
    st.markdown(
        f"**Localisation**: {objects} objects, a class of a picture each, at the thresholds that suit each map best."
    )
    st.dataframe([localisation_row(store, name) for name in store.objects], hide_index=True, width="stretch")
    st.caption(
        "MaxBoxAcc: share of objects where a box around a part of the map and one around a part of the object overlap by "
        "an IoU of 0.3, 0.5 and 0.7, and the mean of the three; PxAP: area under pixel precision over pixel recall. "
        "(Choe et al., CVPR 2020.)"
    )


def _measured(view: View, run: runs.Run | None) -> list[Store]:
    """The store of the baselines if there is one; else a button, or how far it is."""
    if run is not None and run.job is not None and run.job.is_waiting:
        st.info(
            "The baselines are being measured; how far they are stands at the top.", icon=":material/hourglass_top:"
        )
        return []
    if run is not None:
        try:
            store = runs.store_of(run)
        except UserError as error:
            st.error(plain(str(error)))
            store = None
        if store is not None and store.finished:
            return [store]
        if run.job is not None:
            jobs.show_ended(run.job)
    if not may_start():
        st.caption(READ_ONLY)
        return []
    time = runs.estimate(view.a.store.settings.source, 2 * len(view.names))
    if st.button("Measure the baselines", icon=":material/play_arrow:", help=f"On the same pictures, about {time}."):
        try:
            runs.start_baselines(view.a.run, view.a.store)
        except UserError as error:
            st.error(plain(str(error)))
        else:
            st.rerun()
    return []
