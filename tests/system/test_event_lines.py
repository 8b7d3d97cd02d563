"""Events in a growing file: half a line waits, what was read is not parsed again, a file that was cut off is read anew."""

from recam_core.system import event_lines
from recam_core.system.event_lines import read_lines


def test_only_new_events_are_parsed_again(tmp_path, monkeypatch):
    parsed, parse = [], event_lines._parsed
    monkeypatch.setattr(event_lines, "_parsed", lambda whole: parsed.append(whole) or parse(whole))
    path, first, second = tmp_path / "events", b'{"event": "A"}\n', b'{"event": "B"}\n'
    path.write_bytes(first + second[:5])
    read_lines(path)[0].clear()  # what is handed out is the reader's own
    path.write_bytes(first + second)
    assert read_lines(path) == ([{"event": "A"}, {"event": "B"}], 30)
    assert parsed == [first, second]
    path.write_bytes(second)  # another file
    assert read_lines(path) == ([{"event": "B"}], 15)


def test_reading_goes_on_where_it_ended(tmp_path):
    path = tmp_path / "events"
    assert read_lines(path) == ([], 0)
    path.write_bytes(b'{"event": "A"}\nno event\n{"event": "B"}\n{"ev')
    events, end = read_lines(path, 15)
    assert events == [{"event": "B"}]
    assert read_lines(path, end) == ([], end)
