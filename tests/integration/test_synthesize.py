"""A run that the system kills, and a real server of the chat completions API."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from random import Random

import pytest
from made_passages import prose
from scripted_teacher import serving

from foretune.finetuning.model import shipped_model
from foretune.teacher.endpoint import Endpoint
from foretune.teacher.protocol import Reply, Request

pytestmark = pytest.mark.slow


def start(docs, server, out):
    options = ["--teacher", server.url, "--model", "m", "--out", str(out), "--rows", "60", "--concurrency", "3"]
    command = [sys.executable, "-m", "foretune.cli", "synthesize", str(docs), *options, "--resume"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "no_proxy": "127.0.0.1"})


def known(out):
    """Keys of the answers that are on disk."""
    path = out / ".replies.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {json.loads(line)["key"] for line in lines}


def test_ten_kills_at_random_moments_change_nothing_and_cost_nothing(tmp_path):
    docs, draw, requests, kept = tmp_path / "docs", Random(0), [], []
    docs.mkdir()
    (docs / "a.md").write_text("\n\n".join(f"# Part {at}\n\n{prose(at)}" for at in range(40)))
    with serving(faults={"slow": 1.0}, slow=0.1) as server:
        assert start(docs, server, tmp_path / "whole").wait() == 0
        once = len(server.log)
        for _ in range(10):
            server.log.clear()
            moment = draw.randint(1, 5)
            with start(docs, server, tmp_path / "killed") as process:
                while len(server.log) < moment and process.poll() is None:
                    time.sleep(0.005)
                process.kill()
            requests.append({key for key, _ in server.log})
            kept.append(known(tmp_path / "killed"))
        server.log.clear()
        assert start(docs, server, tmp_path / "killed").wait() == 0
        requests.append({key for key, _ in server.log})
    for before, after in zip(kept, requests[1:], strict=True):
        assert not before & after
    # A kill costs no more than the requests that were under way.
    assert sum(map(len, requests)) <= once + 10 * 3
    for name in ("train.jsonl", "validation.jsonl", "test.jsonl", "card.json", "README.md"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_server_of_transformers_answers(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", "--host", "127.0.0.1"]
    with subprocess.Popen([*command, "--port", str(port), "--device", "cpu"], stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 240
            while not healthy(port) and time.monotonic() < until and process.poll() is None:
                time.sleep(0.5)
            teacher = Endpoint(f"http://127.0.0.1:{port}/v1", str(shipped_model()))
            reply = teacher.ask(
                Request("You answer.", "What is the capital of France?", {"type": "object"}, max_tokens=9)
            )
        finally:
            process.kill()
    assert isinstance(reply, Reply)
    assert reply.text
    assert 10 < reply.prompt_tokens < 40
    assert 1 <= reply.completion_tokens <= 9


def healthy(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except OSError:
        return False
