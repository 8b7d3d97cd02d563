"""The people of ``benchmark serve``: their messages are Streamlit's own, and the running app answers them."""

import pytest
import torch
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from recam_core.experiments.benchmarks import serve, visitor
from recam_core.records import UserError


def test_a_rerun_is_the_message_that_a_browser_sends():
    told = visitor.field(2, "a.jpg") + visitor.field(3, 70_000) + visitor.field(4, "id") + visitor.field(5, b"")
    uploader = visitor.field(1, "$$ID-files") + visitor.field(13, visitor.field(2, told))
    state = visitor.field(1, "picture=coffee") + visitor.field(2, visitor.field(1, uploader))
    message = BackMsg.FromString(visitor.field(visitor.RERUN_SCRIPT, state))
    assert message.rerun_script.query_string == "picture=coffee"
    (widget,) = message.rerun_script.widget_states.widgets
    (file,) = widget.file_uploader_state_value.uploaded_file_info
    assert (widget.id, file.name, file.size, file.file_id) == ("$$ID-files", "a.jpg", 70_000, "id")


def test_asking_for_a_place_for_an_upload_and_the_answer():
    asked = visitor.field(visitor.FILE_URLS_REQUEST, visitor.field(1, "r") + visitor.field(2, "a.jpg"))
    assert list(BackMsg.FromString(asked).file_urls_request.file_names) == ["a.jpg"]
    answer = ForwardMsg()
    answer.file_urls_response.response_id = "r"
    answer.file_urls_response.file_urls.add(file_id="id", upload_url="/put", delete_url="/delete")
    told = dict(visitor.fields(dict(visitor.fields(answer.SerializeToString()))[visitor.FILE_URLS_RESPONSE]))
    assert told[1] == b"r"
    assert dict(visitor.fields(told[2])) == {1: b"id", 2: b"/put", 3: b"/delete"}


@pytest.mark.parametrize(("status", "ends"), [
    (ForwardMsg.FINISHED_SUCCESSFULLY, True), (ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY, True),
    (ForwardMsg.FINISHED_EARLY_FOR_RERUN, False),
])  # fmt: skip
def test_the_end_of_a_run_is_recognised(status, ends):
    message = ForwardMsg(hash="h" * 300, script_finished=status).SerializeToString()
    found = dict(visitor.fields(message))[visitor.SCRIPT_FINISHED]
    assert (found in (visitor.FINISHED, visitor.FINISHED_FRAGMENT)) is ends


def test_pictures_are_all_different_and_an_answer_that_came_before_is_refused():
    photos = serve.Photos()
    assert len({photos.take()[1] for _ in range(20)}) == photos.taken == 20
    photos.answered("maps")
    with pytest.raises(UserError, match="would mean nothing"):
        photos.answered("maps")


@pytest.mark.process
@pytest.mark.slow
def test_the_running_app_answers_several_people_and_is_gone_afterwards():
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
