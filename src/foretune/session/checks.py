"""What can be said of arguments before anything heavy is imported: names, paths, devices, the data.

A search, and every verb of the command line, begins here, so that a slip of the hand is answered within a second. No
torch, no transformers, no pandas. Names that registries elsewhere define are repeated here, for importing those takes
seconds; a test compares them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from foretune.errors import (
    ConfigurationError,
    DataError,
    ForetuneError,
    JournalError,
    MetaDatasetError,
    ModelError,
    SurrogateError,
)
from foretune.session import hub

METHODS = (
    *("zero-shot", "default", "best-average", "portfolio", "portfolio-sha", "nearest-task", "one-slice-top-k"),
    "oracle",
)
"""Of a replay, beside the optimizers of `foretune.optimizer.registry`."""
IMPORTERS = (
    *("csv", "fms-acceleration", "hf-cards", "litgpt", "mlflow", "optuna", "peft", "public-llm", "quicktunetool"),
    *("scaling-law", "taskset", "tensorboard", "tinker", "trainer-state"),
)
REPLACED = {"public-llm-v1": "public-llm-v2"}
EXPORTS = ("syne-tune", "quicktunetool", "csv")
TRAINERS = ("trl", "axolotl", "llama-factory", "unsloth", "peft-script")

_DEVICE = re.compile(r"auto|cpu|(cuda|mps|xpu|hpu|npu)(:\d+)?")
_DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
_READ_WHOLE = 2**19
"""Bytes of a dataset up to which all of it is read for a check; of larger JSONL files so much of the beginning is."""


def did_you_mean(given: str, known: Collection[str]) -> str:
    """` (did you mean ...?)` for a name that is almost one of those known, else nothing."""
    near = get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def check_name(what: str, given: str, known: Sequence[str], error: type[ForetuneError] = ConfigurationError) -> None:
    """Whether a name is one of those known.

    Raises:
        ForetuneError: of the type given, if it is not.
    """
    if given not in known:
        raise error(f"no {what} is called {given!r}{did_you_mean(given, known)}; choose one of {', '.join(known)}")


def check_optimizer(name: str) -> None:
    """Whether this is an optimizer's name, or `module:function` of a module that Python finds.

    Raises:
        ConfigurationError: it is neither.
    """
    from foretune.optimizer.registry import OPTIMIZERS

    module, _, attribute = name.partition(":")
    if not attribute or module == "rule":
        check_name("optimizer", name, list(OPTIMIZERS))
    elif find_spec(module.partition(".")[0]) is None:
        message = f"there is no module {module} to take the optimizer {name!r} from; put its folder into PYTHONPATH"
        raise ConfigurationError(message)


def shipped(kind: str) -> tuple[str, ...]:
    """Names of what comes with the package: `models`, `spaces`, `surrogates` or `meta_datasets`."""
    folder = Path(str(resources.files("foretune"))) / "data" / kind
    return tuple(sorted({path.stem for path in folder.iterdir()})) if folder.is_dir() else ()


def check_output(folder: Path, option: str = "--output") -> None:
    """Whether a folder can be written to, or made.

    Raises:
        JournalError: it is a file, lies below one, or may not be written to.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise JournalError(f"{there} is a file; give a folder to {option}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise JournalError(f"{there} may not be written to; give another folder to {option}")


def check_device(name: str) -> None:
    """Whether a device is spelled as torch spells devices; whether this machine has it is found out later.

    Raises:
        ModelError: it is not.
    """
    if not _DEVICE.fullmatch(name):
        raise ModelError(f"{name!r} is not a device{did_you_mean(name, _DEVICES)}; give auto, cpu, cuda or cuda:1, ...")


def check_space(name: str | None) -> None:
    """Whether this is a shipped search space, or a file that holds one; None stands for what suits.

    Raises:
        ConfigurationError: it is neither.
    """
    if name is None:
        return
    if Path(name).suffix in {".yaml", ".yml"}:
        if not Path(name).is_file():
            raise ConfigurationError(f"there is no search space {name}{_sibling(Path(name))}; check the path")
        from foretune.space import load_space

        load_space(name)
        return
    known = shipped("spaces")
    if name not in known:
        listed = ", ".join(known)
        message = f"{name!r} is no search space{did_you_mean(name, known)}; name a .yaml file or one of {listed}"
        raise ConfigurationError(message)


def check_surrogates(folder: str | Path | None) -> None:
    """Whether `foretune fit` has written this folder; None stands for the shipped surrogates.

    Raises:
        SurrogateError: it has not.
    """
    if folder is None or (Path(folder) / "surrogates.json").is_file():
        return
    what = "has no surrogates.json" if Path(folder).is_dir() else f"is not a folder{_sibling(Path(folder))}"
    raise SurrogateError(f"{folder} {what}; give what `foretune fit META --out FOLDER` has written to --surrogates")


def check_meta_dataset(folder: str | Path) -> None:
    """Whether a meta-dataset is there, or comes with the package by that name.

    Raises:
        MetaDatasetError: neither.
    """
    path, known = Path(folder), shipped("meta_datasets")
    if (path / "metadata.json").is_file() or (not path.exists() and str(folder) in known):
        return
    newer = REPLACED.get(str(folder))
    replaced = f" (replaced by {newer}, which has all of its runs)" if newer else ""
    near = replaced or did_you_mean(str(folder), known) or _sibling(path)
    what = f"is not a folder{near}" if not path.is_dir() else "has no metadata.json, so it is no meta-dataset"
    message = f"{folder} {what}; give a folder that `foretune collect` or `import` wrote, or one of {', '.join(known)}"
    raise MetaDatasetError(message)


def check_model(name: str, *, weights: bool = True) -> None:
    """Whether a base model is shipped, in a folder, downloaded already, or known to the hub.

    Args:
        name: as the user gave it.
        weights: whether they need to be there.

    Raises:
        ModelError: there is none of that name.
    """
    known = shipped("models")
    if name in known:
        return
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_model_folder(folder, weights=weights)
        return
    is_path = folder.exists() or folder.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1
    near = did_you_mean(name, known) or _sibling(folder)
    if is_path or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        message = f"there is no model folder at {name}{near}; give a folder with config.json, a hub name, or {known[0]}"
        raise ModelError(message)
    if weights:
        hub.check_model(name, near)
    else:
        hub.spare_retries()


def _check_model_folder(folder: Path, *, weights: bool) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json; give a folder written by `save_pretrained`")
    if weights and not any(path.suffix in {".safetensors", ".bin", ".pt", ".pth"} for path in folder.iterdir()):
        raise ModelError(f"{folder} has no *.safetensors file; copy the model's weights there")


def check_data(source: str, *, alone: bool = False, **options: Any) -> None:
    """Whether a dataset is there and can be made into splits; of a large one only the first rows are looked at.

    Args:
        source: file, folder, or name on the hub.
        alone: whether it is not to be split.
        options: for `foretune.finetuning.data.load_splits`, or `load_alone`.

    Raises:
        DataError: something is wrong with it.
    """
    from foretune.finetuning.data import load_alone, load_splits
    from foretune.finetuning.data.files import ending_of

    path = Path(source).expanduser()
    if path.exists():
        files = path.iterdir() if path.is_dir() else [path]
        if sum(file.stat().st_size for file in files) <= _READ_WHOLE:
            (load_alone if alone else load_splits)(source, **options)
        elif path.suffix.lower() == ".jsonl":
            _check_first_rows(path, options.get("columns"), skip_bad_rows=options.get("skip_bad_rows", False))
        return
    near = _sibling(path)
    if ending_of(path) or path.is_absolute() or source.startswith((".", "~")):
        raise DataError(f"{source}: no such file or folder{near}; check the path")
    hub.check_dataset(source.partition(":")[0], near)


def _check_first_rows(path: Path, columns: str | None, *, skip_bad_rows: bool) -> None:
    from foretune.finetuning.data.columns import parse_columns
    from foretune.finetuning.data.files import READERS
    from foretune.finetuning.data.formats import COLUMN_NAMES
    from foretune.finetuning.data.reading import read_examples
    from foretune.finetuning.data.sources import Source

    with path.open("rb") as file:
        beginning = file.read(_READ_WHOLE)
    rows = list(READERS[".jsonl"](path, beginning[: beginning.rfind(b"\n") + 1]))
    source = Source(path.stem, {"train": rows})
    read_examples(source, parse_columns(columns, COLUMN_NAMES), last_turn_only=False, skip_bad_rows=skip_bad_rows)


def _sibling(path: Path) -> str:
    """A file or folder beside it that has almost this name."""
    if not path.parent.is_dir():
        return ""
    beside = [str(other) for other in path.parent.iterdir() if not other.name.startswith(".")]
    return did_you_mean(str(path), beside)


def check_accelerator(name: str | None) -> None:
    """Whether this accelerator is known; capitals, spaces and underscores make no difference.

    Raises:
        ConfigurationError: it is not.
    """
    if name is None:
        return
    import yaml

    content = (resources.files("foretune") / "data" / "accelerators.yaml").read_text(encoding="utf-8")
    check_name(
        "accelerator", re.sub(r"[\s_]+", "-", name.strip().lower()), list(yaml.safe_load(content)["accelerators"])
    )


def check_methods(names: str) -> None:
    """Whether methods of a replay are known, their parameters (`name:key=value`) aside, and can be fitted here.

    Raises:
        ConfigurationError: one is not.
        SurrogateError: a library that one is fitted with is missing.
    """
    from foretune.optimizer.registry import OPTIMIZERS, split_options

    known = sorted({*METHODS, *OPTIMIZERS})
    given = [split_options(name.strip(), known)[0] for name in names.split(",") if name.strip()]
    for name in given:
        check_name("method", name, known)
    for kind in sorted({OPTIMIZERS[name].kind for name in given if name in OPTIMIZERS} - {""}):
        check_kind(kind)


def check_kind(name: str) -> None:
    """Whether surrogates of this kind can be fitted here.

    Raises:
        SurrogateError: a library is missing.
    """
    from foretune.surrogate.kinds import find_kind

    find_kind(name).check()


def check_tasks(sources: Sequence[str]) -> None:
    """Whether every `DIR@ROWS` is there.

    Raises:
        MetaDatasetError: if one is not.
    """
    for source in sources:
        path = Path(source if Path(source).exists() else source.rpartition("@")[0] or source)
        if not path.exists():
            raise MetaDatasetError(f"no dataset at {str(path)!r}{_sibling(path)}; give a folder of splits or a file")


def check_recipe(values: Mapping[str, Any], where: str) -> None:
    """Whether the engine knows every hyperparameter of a configuration, and all that its method needs are there.

    Raises:
        ConfigurationError: naming the first that is unknown, not legal, or missing.
    """
    from foretune.space.vocabulary import COMMON, HYPERPARAMETERS, NEEDS

    for name, value in values.items():
        if name not in HYPERPARAMETERS:
            near, known = did_you_mean(str(name), HYPERPARAMETERS), ", ".join(HYPERPARAMETERS)
            raise ConfigurationError(f"{where}: {name!r} is no hyperparameter{near}; use only {known}")
        legal = HYPERPARAMETERS[name]
        if not isinstance(value, str | int | float) or not legal.allows(value):
            near = did_you_mean(str(value), getattr(legal, "words", ()))
            raise ConfigurationError(f"{where}: {name} is {value!r}{near}, expected {legal}")
    needed = (*COMMON, *NEEDS.get(str(values.get("method")), ()))
    if missing := [name for name in needed if name not in values]:
        message = f"{where}: {', '.join(missing)} missing, which method {values.get('method')} needs; add them"
        raise ConfigurationError(message)
