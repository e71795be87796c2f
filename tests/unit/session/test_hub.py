"""The hub is asked once, briefly; without a network nothing waits for its client."""

import os
import socket
import threading
import time

import pytest

from foretune.errors import DataError, ModelError
from foretune.session import hub


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """No switches, no proxies, and an empty cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(os, "environ", dict(os.environ))
    for name in (*hub._SWITCHES, "HF_ENDPOINT", *(f"{kind}_proxy" for kind in ("http", "https", "all"))):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def listening():
    """The address of something that accepts connections."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:  # the system accepts for it
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_without_a_network_a_model_that_is_not_here_is_refused_at_once(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    begun = time.monotonic()
    with pytest.raises(ModelError) as said:
        hub.check_model("owner/model", " (did you mean this?)")
    assert time.monotonic() - begun < 2 * hub.PATIENCE
    assert str(said.value) == (
        "no model 'owner/model' is on this machine (did you mean this?), and the hub cannot be asked: no network "
        "(127.0.0.1 does not answer); give a folder"
    )
    with pytest.raises(DataError, match="it is not on this machine"):
        hub.check_dataset("owner/data")


def test_a_network_that_never_answers_costs_no_more_than_the_patience(monkeypatch):
    answered = threading.Event()

    def looks_up_a_name_for_ever(*_, **__):
        answered.wait(60)
        raise OSError

    monkeypatch.setattr(hub, "PATIENCE", 0.05)
    monkeypatch.setattr(socket, "create_connection", looks_up_a_name_for_ever)
    begun = time.monotonic()
    assert hub.why_offline() == "no network (huggingface.co does not answer)"
    assert time.monotonic() - begun < 30
    answered.set()


def test_what_was_downloaded_is_taken_and_the_client_told_not_to_ask(surroundings, monkeypatch):
    (surroundings / "hub" / "models--owner--model" / "snapshots" / "abc").mkdir(parents=True)
    (surroundings / "datasets" / "owner___data").mkdir(parents=True)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    hub.check_model("owner/model")
    hub.check_dataset("owner/data")
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_the_switch_of_the_hub_is_obeyed(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub, "_accepts", lambda *_: pytest.fail("nothing is to be asked"))
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        hub.check_model("owner/model")


@pytest.mark.parametrize("exists", [True, False])
def test_with_a_network_the_hub_decides(listening, monkeypatch, exists):
    monkeypatch.setenv("HF_ENDPOINT", listening)
    monkeypatch.setattr(hub, "_exists", lambda name, kind: exists)
    if exists:
        hub.check_model("owner/model")
        hub.check_dataset("owner/data")
        return
    with pytest.raises(ModelError, match="the hub has no model of that name"):
        hub.check_model("owner/model")
    with pytest.raises(DataError, match="the hub has no dataset of that name"):
        hub.check_dataset("owner/data")


def test_a_proxy_is_what_has_to_answer(listening, monkeypatch):
    monkeypatch.setenv("https_proxy", listening)
    assert hub.why_offline() == ""
