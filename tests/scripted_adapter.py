"""An adapter of no library, for tests of the protocol: answers to `ask` are read from the settings."""

from __future__ import annotations

import json
import sys
import time

print("a library says hello")  # noqa: T201
print('{"and": "logs JSON"}', flush=True)  # noqa: T201
proposals: list = []
for line in sys.stdin:
    message = json.loads(line)
    answer: dict = {}
    if message["verb"] == "start":
        proposals = list(message.get("proposals", []))
    elif message["verb"] == "ask":
        answer = proposals.pop(0) if proposals else {"done": "the script is over"}
    if answer == {"die": True}:
        sys.exit(1)
    if answer == {"sleep": True}:
        time.sleep(60)
    print(json.dumps({**answer, "seconds": 0.25, "cpu_seconds": 0.125, "peak_bytes": 2**20}), flush=True)  # noqa: T201
