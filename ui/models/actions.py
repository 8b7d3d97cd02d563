"""What can be done with a model: look, evaluate, train on, take along, rename, delete after a question."""

from urllib.parse import quote

import streamlit as st

from recam_core import SAMPLES, UserError
from recam_core.checkpoints.registry import ModelEntry, delete_model, rename_model
from recam_core.datasets.samples import SCENE_CLASSES, sample_model
from recam_core.system.folders import may_start
from ui.models.state import say_next
from ui.widgets.escaping import plain
from ui.widgets.evaluate_this import evaluate_this
from ui.widgets.pictures import PICTURE

COMPARE, TRAIN = (f"../pages/{page}.py" for page in ("explore/compare", "lab/train"))


def show_actions(entry: ModelEntry) -> None:
    """A row of buttons; a bundled model keeps its name and its place, and an operator may forbid changes."""
    own = entry.kind != "bundled" and may_start()
    with st.container(horizontal=True, key=f"model-actions-{entry.name}"):
        if not entry.fault:
            _uses(entry)
            st.link_button(
                "Export",
                f"api/model/{quote(entry.name, safe='')}",
                icon=":material/download:",
                key=f"export-{entry.name}",
                help=f"The file itself: {entry.name}.safetensors",
            )
        if own and _button("Rename", "edit", entry):
            _ask_name(entry)
        if own and _button("Delete", "delete", entry):
            _ask_delete(entry)


def _uses(entry: ModelEntry) -> None:
    if _button("Look with it", "visibility", entry, help="Open Compare with this model"):
        look_with(entry)
    if _button("Evaluate", "troubleshoot", entry, help="Count a data set with masks on the Errors page"):
        evaluate_this(entry.name)
    if may_start() and "cam" in entry.networks:
        words = "Fine-tune it" if "recam" in entry.networks else "Train FC2 on it"
        if _button(words, "model_training", entry, help="Stage 2 starts from its stage-1 network"):
            st.switch_page(TRAIN, query_params={"stage1": entry.name})


def look_with(entry: ModelEntry) -> None:
    """Open Compare with a model, on the picture that was looked at, or on a drawn scene where it knows only those."""
    picture = st.session_state.get(PICTURE)
    if entry.classes == SCENE_CLASSES and (picture not in SAMPLES or sample_model(picture) != "scenes"):
        picture = next(name for name in SAMPLES if sample_model(name) == "scenes")
    if PICTURE in st.session_state:  # else the page takes both from its address
        st.session_state[PICTURE], st.session_state["model"] = picture, entry.name
    st.switch_page(COMPARE, query_params={"model": entry.name} | ({PICTURE: picture} if picture else {}))


def _button(label: str, icon: str, entry: ModelEntry, help: str | None = None) -> bool:
    return st.button(label, icon=f":material/{icon}:", key=f"{icon}-{entry.name}", help=help)


@st.dialog("Rename the model")
def _ask_name(entry: ModelEntry) -> None:
    new = st.text_input("New name", entry.name, key=f"new-name-{entry.name}", max_chars=60)
    st.caption(
        "Its file stays what it is, so evaluations find it by its hash. Links and commands that name it need the new name, and "
        "so does a stopped evaluation or training that starts from it."
    )
    if st.button("Rename", type="primary", key=f"rename-{entry.name}"):
        try:
            name = rename_model(entry.name, new)
        except UserError as error:
            st.error(plain(str(error)))
            return
        say_next(f"The model is called **{plain(name)}** now.", name)


@st.dialog("Delete the model?")
def _ask_delete(entry: ModelEntry) -> None:
    st.markdown(f"**{plain(entry.title)}** is deleted for good. Its figures on the Errors page stay.")
    whole = False
    if entry.kind == "trained":
        whole = st.radio(
            "What is deleted",
            [False, True],
            format_func=lambda all_of_it: (
                "the whole run: model, settings, curves and checkpoints"
                if all_of_it
                else "the model’s file; the run stays"
            ),
            key=f"whole-{entry.name}",
        )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", icon=":material/delete:", key=f"really-{entry.name}"):
            try:
                delete_model(entry.name, whole_run=bool(whole))
            except UserError as error:
                st.error(plain(str(error)))
                return
            say_next(f"**{plain(entry.title)}** was deleted.")
        if st.button("Cancel", key=f"keep-{entry.name}"):
            st.rerun()
