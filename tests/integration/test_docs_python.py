"""The Python blocks of the documentation run, one after the other, as a reader would type them."""

import functools
import json
import re
from pathlib import Path

import pytest
from made_passages import prose
from scripted_teacher import serving

import foretune

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A folder with a small dataset, documents and a space, searches that end after a few slices, and a teacher."""
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"What comes after {n}?", "completion": str(n + 1)} for n in range(40)]
    Path("questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    space = Path(foretune.__file__).parent / "data" / "spaces" / "peft.yaml"
    Path("mine.yaml").write_text(space.read_text(encoding="utf-8"), encoding="utf-8")
    Path("docs").mkdir()
    Path("docs/a.md").write_text("\n\n".join(f"# Part {at}\n\n{prose(at)}" for at in range(16)), encoding="utf-8")
    monkeypatch.setattr(foretune, "tune", functools.partial(foretune.tune, max_slices=2), raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as server:
        made = functools.partial(foretune.synthesize, Path("docs"), teacher=server.url)
        monkeypatch.setattr(foretune, "synthesize", lambda _, out, *, teacher, **more: made(out, **more), raising=False)
        yield


# TRL lags behind transformers.
@pytest.mark.filterwarnings("ignore:.gradient_checkpointing. is deprecated:FutureWarning")
@pytest.mark.parametrize(("page", "count"), [("python.md", 8), ("extending.md", 3), ("integrations.md", 4)])
def test_the_blocks_of_a_page_run(page, count, short, capsys):
    names: dict[str, object] = {}
    found = blocks(page)
    assert len(found) == count
    for block in found:
        exec(compile(block, page, "exec"), names)  # noqa: S102 - what a reader would run
    said = capsys.readouterr().out
    expected = {
        "python.md": "run already exists",
        "extending.md": "{'learning_rate': 0.01}",
        "integrations.md": "('questions@32:foretune-tiny',) 2 slices\nlora\n2 slices of the best trial",
    }
    assert expected[page] in said
