"""The people of ``benchmark serve``: their messages are Streamlit's own, and the running app answers them."""

import pytest
import torch
from streamlit.proto.Common_pb2 import UploadedFileInfo

from recam_core.experiments.benchmarks import serve, visitor
from recam_core.records import UserError


def test_a_rerun_brings_the_address_and_the_files_of_the_uploader():
    info = UploadedFileInfo(name="a.jpg", size=70_000, file_id="id")
    script = visitor.rerun("picture=coffee", "$$ID-files", [info]).rerun_script
    assert script.query_string == "picture=coffee"
    (widget,) = script.widget_states.widgets
    assert (widget.id, list(widget.file_uploader_state_value.uploaded_file_info)) == ("$$ID-files", [info])
    assert not visitor.rerun("", "", []).rerun_script.widget_states.widgets


def test_pictures_are_all_different_and_an_answer_that_came_before_is_refused():
    photos = serve.Photos()
    assert len({photos.take()[1] for _ in range(20)}) == photos.taken == 20
    photos.answered("maps")
    with pytest.raises(UserError, match="would mean nothing"):
        photos.answered("maps")


@pytest.mark.process
def test_the_running_app_answers_several_people_and_is_gone_afterwards(monkeypatch):
    monkeypatch.setattr(serve, "SHAPE", (120, 160))
    with serve.running_app(torch.device("cpu")) as server:
        row = serve.measured(server, people=2, rounds=1, marks=(7, 8))
    assert row.name == "serve/2-people"
    assert row.ratio == pytest.approx(row.plain_s / row.ours_s)
    assert min(row.ours_mib, row.plain_mib) > 100
    assert "+" in row.note or "-" in row.note
    with pytest.raises((FileNotFoundError, ProcessLookupError)):
        server.memory()


def test_who_waits_too_long_is_told_and_the_server_is_stopped(monkeypatch):
    monkeypatch.setattr(serve, "PATIENCE", -1.0)
    with pytest.raises(UserError, match="too busy to measure"):
        serve._in_time(serve.PATIENCE)
