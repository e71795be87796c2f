"""What holds for the package as a whole: light imports, no pickle, everything that is shipped is there."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import foretune

PACKAGE = Path(foretune.__file__).parent
HEAVY = {"torch", "transformers", "peft", "gpytorch", "datasets", "matplotlib"}
PICKLE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "_pickle"}
PICKLE_CALLS = {"torch.load", "torch.save", "pd.read_pickle", "pandas.read_pickle"}
PICKLE_METHODS = {"to_pickle", "read_pickle"}
PICKLE_SUFFIXES = {".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".bin", ".npy", ".joblib"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_takes_no_heavy_library() -> None:
    assert not loaded_by("import foretune") & (HEAVY | {"pandas", "ConfigSpace", "scipy"})


def test_the_ground_floor_takes_no_torch() -> None:
    statement = "import foretune.types, foretune.errors, foretune.space, foretune.metadata, foretune.tuner"
    assert not loaded_by(statement) & HEAVY


def test_the_command_line_takes_no_torch_before_a_command_runs() -> None:
    assert not loaded_by("import foretune.cli") & HEAVY


def test_version_is_that_of_the_installed_distribution() -> None:
    assert foretune.__version__ == version("foretune")


def _pickling(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in PICKLE_MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in PICKLE_MODULES:
            yield node.module or ""
        elif isinstance(node, ast.Attribute) and (ast.unparse(node) in PICKLE_CALLS or node.attr in PICKLE_METHODS):
            yield ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "trust_remote_code", "weights_only"}:
            constant = isinstance(node.value, ast.Constant) and node.value.value
            yield from [f"{node.arg}={ast.unparse(node.value)}"] * (constant is (node.arg != "weights_only"))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from cloudpickle import dumps", "torch.load(p)", "torch.save(x, p)", "frame.to_pickle(p)",
        "np.load(p, allow_pickle=True)", "f(trust_remote_code=True)", "f(weights_only=False)",
    ],
)  # fmt: skip
def test_the_search_for_pickle_finds_it(source: str) -> None:
    assert list(_pickling(ast.parse(source)))


def test_no_source_file_pickles_or_runs_remote_code() -> None:
    sources = sorted(PACKAGE.rglob("*.py"))
    found = {str(p.relative_to(PACKAGE)): list(_pickling(ast.parse(p.read_text(encoding="utf-8")))) for p in sources}
    assert len(sources) > 10
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_no_shipped_file_is_a_pickle() -> None:
    assert [p.name for p in (PACKAGE / "data").rglob("*") if p.suffix in PICKLE_SUFFIXES] == []
    shipped = [p for p in (PACKAGE / "data").rglob("*") if p.is_file()]
    assert [p.name for p in shipped if p.read_bytes()[:2] in {b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}] == []
