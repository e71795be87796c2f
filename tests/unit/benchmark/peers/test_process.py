from __future__ import annotations

import sys
from pathlib import Path

import pytest

from foretune.benchmark.peers.process import AdapterProcess
from foretune.errors import PeerError

SCRIPT = Path(__file__).parents[3] / "scripted_adapter.py"


@pytest.fixture
def process(tmp_path):
    made = AdapterProcess([sys.executable, str(SCRIPT)], tmp_path / "logs" / "log.txt", patience=20.0)
    yield made
    made.close()


def test_requests_are_answered_whatever_else_is_printed(process):
    process.request({"verb": "start", "proposals": [{"run": "1"}]})
    expected = {"run": "1", "seconds": 0.25, "cpu_seconds": 0.125, "peak_bytes": 2**20}
    assert process.request({"verb": "ask"}) == expected
    assert process.request({"verb": "ask"})["done"] == "the script is over"


def test_a_new_start_begins_anew_in_the_same_process(process):
    for _ in range(2):
        process.request({"verb": "start", "proposals": [{"run": "1"}]})
        assert process.request({"verb": "ask"})["run"] == "1"


def test_an_error_of_the_library_is_raised_with_the_place_of_its_log(process, tmp_path):
    process.request({"verb": "start", "proposals": [{"error": "ValueError: no"}]})
    with pytest.raises(PeerError, match=r"scripted_adapter.py answers 'ask' with: ValueError: no; see .*log.txt"):
        process.request({"verb": "ask"})


def test_an_adapter_that_ends_is_named_and_the_next_request_begins_another(process):
    process.request({"verb": "start", "proposals": [{"die": True}]})
    with pytest.raises(PeerError, match="ended without an answer to 'ask'"):
        process.request({"verb": "ask"})
    assert process.request({"verb": "ask"})["done"]


def test_an_answer_that_takes_too_long_is_given_up(tmp_path):
    process = AdapterProcess([sys.executable, str(SCRIPT)], tmp_path / "log.txt", patience=3.0)
    process.request({"verb": "start", "proposals": [{"sleep": True}]})
    with pytest.raises(PeerError, match=r"gave no answer within 3 s to 'ask'"):
        process.request({"verb": "ask"})


def test_a_program_that_is_not_there_is_named(tmp_path):
    process = AdapterProcess([str(tmp_path / "python"), "x.py"], tmp_path / "log.txt")
    with pytest.raises(PeerError, match=r"cannot start .*; run `make peers`"):
        process.request({"verb": "ask"})
