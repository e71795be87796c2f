"""A server of the chat completions API that writes questions and judges answers by a script, with faults if asked.

To try the command without a model: `python tests/scripted_teacher.py --port 8017`.
"""

import argparse
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

FENCED = re.compile(r"^(=====\w+=====)\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
SENTENCE = re.compile(r"[^.!?|\n]{40,240}[.!?]")
AT_ONCE = {"retry-after-ms": "1"}
BAD_TEXTS = {"truncated": '{"pairs": [{"kind": "factual", "quest', "wrong schema": '{"questions": ["Why?"]}'}


def key_of(body):
    """As `foretune.teacher.protocol.Request.key`, of a body that may have a schema."""
    plain = {name: body.get(name) for name in ("model", "messages", "max_tokens", "temperature")}
    return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def written(prompt):
    """Questions on the first passage of a prompt, which depend on nothing else; some of them are unsound."""
    where, _, text = FENCED.search(prompt)[2].partition("\n\n")
    draw = Random(where + text)
    subject = re.sub(r", lines? .*", "", where)
    sentences = [" ".join(found.split()) for found in SENTENCE.findall(text)] or [" ".join(text.split())[:200]]
    pairs = []
    for kind in ("factual", "why_how", "comparison", "multi_step", "unanswerable"):
        said = draw.choice(sentences)
        topic = " ".join(draw.sample(said.split(), min(4, len(said.split()))))
        question = f"What do the pages of {subject} say about {topic}?"
        if kind == "unanswerable":
            said = f"The documentation does not tell who wrote about {topic}."
            question = f"Who was the first to write about {topic} in {subject}?"
        fault = draw.random()
        if fault < 0.08 and kind != "unanswerable":
            said = "Elephants remember waterholes across enormous distances."
        elif fault < 0.16:
            question = f"What does this passage say about {topic}?"
        pairs.append({"kind": kind, "question": question[:390], "answer": said})
    return {"pairs": pairs}


def judged(prompt):
    """Verdicts on the pairs of a prompt: one in twelve is not supported."""
    pairs = [json.loads(line) for line in FENCED.findall(prompt)[1][1].splitlines()]
    return {
        "verdicts": [
            {"number": one["number"], "supported": Random(one["question"]).random() > 1 / 12, "stands_alone": True}
            for one in pairs
        ]
    }


def likeness(answer, reference):
    """Share of the words of both texts that are in both."""
    ours, theirs = set(answer.split()), set(reference.split())
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0


def opinion(prompt, prefers=""):
    """The grade of an answer by its likeness to the reference, or a verdict on two; `prefers` may name A or B."""
    _, reference, *answers = [inside for _, inside in FENCED.findall(prompt)]
    first, *other = [likeness(answer, reference) for answer in answers]
    if not other:
        return {"reason": "By its words.", "grade": 1 + round(4 * first)}
    fair = "tie" if first == other[0] else "A" if first > other[0] else "B"
    return {"reason": "By their words.", "better": prefers or fair}


class ScriptedTeacher(ThreadingHTTPServer):
    """Answers from threads; `log` has the key of each request and its outcome, in order."""

    daemon_threads = True

    def __init__(
        self,
        port=0,
        *,
        first: Sequence[str] = (),
        faults: Mapping[str, float] | None = None,
        slow=0.5,
        refuses="",
        prefers="",
    ):
        super().__init__(("127.0.0.1", port), Handler)
        self.first, self.faults, self.slow = list(first), dict(faults or {}), slow
        self.refuses, self.prefers = refuses, prefers
        self.log: list[tuple[str, str]] = []
        self.bodies: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.times: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.under_way = self.most_under_way = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def says(self, prompt: str) -> dict[str, object]:
        """The reply to a prompt of any kind."""
        if "Reference answer:" in prompt:
            return opinion(prompt, self.prefers)
        return judged(prompt) if "Pairs:" in prompt else written(prompt)

    def fault(self, key: str) -> str:
        """The next of the scripted faults; then by the key and how often it came, so that a run can be repeated."""
        with self.lock:
            if self.first:
                return self.first.pop(0)
            self.times[key] += 1
            draw = Random(f"{key} {self.times[key]}").random()
        for fault, share in self.faults.items():
            if draw < share:
                return fault
            draw -= share
        return ""

    def handle_error(self, request, client_address):
        """A client that was killed, or has given up, is no error here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedTeacher

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        key, server = key_of(body), self.server
        fault = server.fault(key)
        with server.lock:
            server.log.append((key, fault or "answered"))
            server.headers.append(dict(self.headers))
            server.bodies.append(body)
            server.under_way += 1
            server.most_under_way = max(server.most_under_way, server.under_way)
        try:
            self.respond(body, fault)
        finally:
            with server.lock:
                server.under_way -= 1

    def respond(self, body, fault):
        if fault in {"401", "403", "404", "429", "500"}:
            said = f"fault {fault}, key {self.headers['authorization']}"
            self.send(int(fault), {"error": {"message": said}}, AT_ONCE)
        elif fault == "no schema" and "response_format" in body:
            self.send(400, {"error": {"message": "response_format is not supported"}})
        elif self.server.refuses in body:
            self.send(400, {"error": {"message": f"unsupported parameter: {self.server.refuses}"}})
        elif fault == "no completion":
            self.send(200, {"choices": []})
        elif fault == "dropped":
            self.close_connection = True
            self.connection.close()
        else:
            if fault == "slow":
                time.sleep(self.server.slow)
            prompt = body["messages"][-1]["content"]
            text = json.dumps(self.server.says(prompt))
            if fault == "echo":
                text = f"{self.headers['authorization']} {text}"
            self.send(200, completion(BAD_TEXTS.get(fault, text)), cut=fault == "cut")

    def send(self, status, values, headers=None, *, cut=False):
        content = json.dumps(values).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True
            self.connection.close()

    def log_message(self, *_):
        pass


def completion(text):
    """A chat completion with this text."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


@contextmanager
def serving(**options):
    """A server in a thread of this process."""
    with ScriptedTeacher(**options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8017)
    with ScriptedTeacher(parser.parse_args().port) as teacher:
        teacher.serve_forever()
