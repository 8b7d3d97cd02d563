"""ImageNet weights from the network: what arrives is checked, and what does not is a sentence."""

import hashlib
import io
import urllib.error
from http.client import BadStatusLine, IncompleteRead

import pytest

from recam_core.checkpoints import fetching
from recam_core.checkpoints.fetching import IMAGENET_FILE, fetch_imagenet
from recam_core.records import UserError


class Answer(io.BytesIO):
    @property
    def headers(self):
        return {"Content-Length": "9"}


def test_a_file_with_the_right_hash_is_kept_and_progress_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda address, timeout: Answer(b"weights!!"))
    monkeypatch.setattr(fetching, "_DIGEST", hashlib.sha256(b"weights!!").hexdigest()[:8])
    progress = []
    path = fetch_imagenet(tmp_path, lambda done, total: progress.append((done, total)))
    assert path == tmp_path / IMAGENET_FILE
    assert path.read_bytes() == b"weights!!"
    assert progress == [(9, 9)]


def test_another_file_is_refused_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda address, timeout: Answer(b"something"))
    with pytest.raises(UserError, match="its hash is another one"):
        fetch_imagenet(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_way_round_is_said(tmp_path, monkeypatch):
    def offline(address, timeout):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(
        UserError, match=r"could not be fetched.*Download https://download\.pytorch\.org.*import the file"
    ):
        fetch_imagenet(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [BadStatusLine("nonsense" * 9999), IncompleteRead(b"half")])
def test_an_answer_that_is_none_or_half_is_a_sentence(tmp_path, monkeypatch, error):
    class Broken(Answer):
        def read(self, size):
            if self.tell():
                raise error
            return super().read(4)

    monkeypatch.setattr("urllib.request.urlopen", lambda address, timeout: Broken(b"weights!!"))
    with pytest.raises(UserError, match="could not be fetched") as refusal:
        fetch_imagenet(tmp_path)
    assert len(str(refusal.value)) < 600
    assert list(tmp_path.iterdir()) == []


def test_an_answer_without_an_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda address, timeout: Answer(bytes(3 << 20)))
    monkeypatch.setattr(fetching, "_LARGEST", 2 << 20)
    with pytest.raises(UserError, match="it sent more than 2 MB"):
        fetch_imagenet(tmp_path)
    assert list(tmp_path.iterdir()) == []
