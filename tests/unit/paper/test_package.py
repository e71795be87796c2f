"""The paper's system stays in its room: nothing else imports it, or needs what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from synthetic_table import synthetic_surrogates, synthetic_table

from foretune.benchmark.replay import recorded_task
from foretune.errors import SurrogateError
from foretune.metadata import write_meta_dataset
from foretune.optimizer import make_optimizer
from foretune.session import checks
from foretune.surrogate import load_surrogates, save_surrogates
from foretune.surrogate.fit import fit

ABSENT = ("gpytorch", "linear_operator", "sklearn")
SEARCH = """
import sys
for name in {absent}:
    sys.modules[name] = None  # as if it were not installed
import foretune.benchmark.compare, foretune.session.search
from foretune.metadata import read_meta_dataset
from foretune.optimizer import make_optimizer
from foretune.recommendation.shape import shape_of_size
from foretune.session.ground import find_surrogates
from foretune.space import load_space
table, space = read_meta_dataset("foretune-tiny-v1"), load_space("peft")
surrogates = find_surrogates(None, shape_of_size("tiny", 0.004), needed=True)
task = table.task(table.task_ids[0])
search = make_optimizer("transfer-in-context", task, surrogates.performance.recorded, space.default(), surrogates)
print(search.ask(600.0).fidelity > 0, sorted(name for name in sys.modules if name.startswith("foretune.paper")))
"""


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import foretune",
        "import foretune.optimizer, foretune.surrogate",
        "from foretune.cli import commands\ntry: commands(['tune', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_what_everybody_imports_takes_nothing_of_the_paper(statement):
    loaded = loaded_by(statement)
    assert not loaded & set(ABSENT)
    assert not [name for name in loaded if name.startswith("foretune.paper")]


def test_the_default_search_neither_takes_nor_needs_it():
    code = SEARCH.format(absent=ABSENT)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "True []"


def test_without_the_extra_a_fit_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpytorch", None)
    message = r"^a deep kernel is trained with gpytorch, which is missing: pip install 'foretune\[paper\]'$"
    for ask in (
        lambda: fit([synthetic_table()], seed=0, kind="deep-kernel"),
        lambda: checks.check_kind("deep-kernel"),
        lambda: checks.check_methods("random,quick-tune:steps=3"),
        lambda: checks.check_methods("transfer"),
    ):
        with pytest.raises(SurrogateError, match=message):
            ask()
    checks.check_kind("in-context")
    checks.check_methods("random,portfolio,transfer-in-context")


def test_the_command_line_says_it_before_anything_is_read(tmp_path):
    write_meta_dataset(synthetic_table(), tmp_path / "meta")
    code = "import sys; sys.modules['gpytorch'] = None; from foretune.cli import app; app()"
    for verb in (["fit", "--kind", "deep-kernel"], ["replay", "--methods", "transfer"]):
        arguments = [verb[0], "meta", *verb[1:], "--out", "out"]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode != 0
        assert "pip install 'foretune[paper]'" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "out").exists()


def test_fitted_surrogates_are_read_and_searched_with_without_the_extra(tmp_path, monkeypatch):
    save_surrogates(tmp_path, synthetic_surrogates())
    monkeypatch.setitem(sys.modules, "gpytorch", None)
    stored, recorded = load_surrogates(tmp_path), recorded_task(synthetic_table(), "task-3")
    for name in ("transfer", "quick-tune", "quick-tune-repaired"):
        pool = recorded.candidates
        trial = make_optimizer(name, recorded.task, pool, pool[0], stored).ask()
        assert trial is not None
        assert trial.configuration == pool[0]


def test_every_file_is_in_the_map_of_the_package():
    import foretune.paper

    text = foretune.paper.__doc__ or ""
    files = [path.name for path in Path(foretune.paper.__file__).parent.glob("*.py") if path.name != "__init__.py"]
    assert len(files) > 5
    assert [name for name in files if name not in text] == []
