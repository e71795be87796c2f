"""Kill -9 `foretune.synthesize` at random moments, and give it a faulty teacher: the dataset must not change.

Run: python benchmarks/synthesis_faults.py [--kills 10] [--share 0.2] [--rows 150]

The teacher is the scripted one of the tests, on loopback; what was asked is read from its log. A request that was under
way at a kill has no answer on disk and is asked again. A request counts as repeated if its answer was on disk.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from made_passages import passages, prose
from scripted_teacher import ScriptedTeacher, serving

FAULTS = ("429", "500", "slow", "dropped", "cut", "no completion", "no schema", "truncated", "wrong schema")
FILES = ("train.jsonl", "validation.jsonl", "test.jsonl", "card.json", "README.md")


def synthesize(docs: Path, out: Path, url: str, rows: int) -> None:
    import foretune

    foretune.synthesize(docs, out, teacher=url, model="m", rows=rows, concurrency=3, resume=True)


def kill_at(server: ScriptedTeacher, moment: int, run: multiprocessing.process.BaseProcess) -> None:
    """After so many requests, counted by the server."""
    while len(server.log) < moment and run.is_alive():
        time.sleep(0.002)
    run.kill()
    run.join()


def on_disk(out: Path) -> set[str]:
    """Keys of the answers that are kept."""
    path = out / ".replies.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return {json.loads(line)["key"] for line in lines}


def killed(count: int, rows: int, folder: Path) -> None:
    docs, draw = folder / "docs", np.random.default_rng(0)
    docs.mkdir()
    (docs / "a.md").write_text("\n\n".join(f"# Part {at}\n\n{prose(at)}" for at in range(rows)))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["foretune.synthesis.questions.card", "foretune.teacher.endpoint"])
    print(f"| {'kill':>8} | {'asked':>5} | {'answers on disk':>15} | {'asked again though on disk':>26} |")
    print("|---------:|------:|----------------:|---------------------------:|")
    kept, asked = set[str](), 0
    with serving(faults={"slow": 1.0}, slow=0.05) as server:
        synthesize(docs, folder / "whole", server.url, rows)
        once = len(server.log)
        for number in (*range(1, count + 1), 0):
            server.log.clear()
            run = context.Process(target=synthesize, args=(docs, folder / "killed", server.url, rows))
            run.start()
            if number:
                kill_at(server, int(draw.integers(1, max(2, 3 * once // (2 * count)), endpoint=True)), run)
            run.join()
            time.sleep(0.1)  # the server may still be busy with what nobody waits for
            keys, before = {key for key, _ in server.log}, kept
            kept, asked = on_disk(folder / "killed"), asked + len(server.log)
            print(f"| {number or 'finished':>8} | {len(server.log):>5} | {len(kept):>15} | {len(keys & before):>26} |")
    same = all((folder / "killed" / name).read_bytes() == (folder / "whole" / name).read_bytes() for name in FILES)
    print(f"\n{once} requests without a kill, {asked} with {count}; the same files: {'yes' if same else 'NO'}\n")


def faulty(share: float, rows: int) -> None:
    from foretune.synthesis.questions.ask import UNREADABLE
    from foretune.synthesis.questions.make import make_pairs
    from foretune.teacher.endpoint import Endpoint

    material, expected = passages(rows // 2), None
    print(f"| {'fault':<13} | requests | faults | unreadable | no answer | pairs | the same |")
    print("|:--------------|---------:|-------:|-----------:|----------:|------:|:---------|")
    for fault in ("none", *FAULTS):
        with serving(faults={fault: share}, slow=0.6) as server:
            teacher = Endpoint(server.url, "m", concurrency=3, timeout_seconds=0.4 if fault == "slow" else 60)
            made = make_pairs(material, teacher, rows)
            outcomes = [outcome for _, outcome in server.log]
        expected = expected or made.pairs
        print(
            f"| {fault:<13} | {len(outcomes):>8} | {outcomes.count(fault) if fault != 'none' else 0:>6} | "
            f"{made.counts[UNREADABLE]:>10} | {made.failures:>9} | {len(made.pairs):>5} | "
            f"{'yes' if made.pairs == expected else 'NO':<8} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--rows", type=int, default=150)
    arguments = parser.parse_args()
    os.environ["no_proxy"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as folder:
        killed(arguments.kills, arguments.rows, Path(folder))
    faulty(arguments.share, arguments.rows)


if __name__ == "__main__":
    main()
