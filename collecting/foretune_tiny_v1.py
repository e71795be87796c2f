"""Collect the meta-dataset `foretune-tiny-v1` (`python collecting/foretune_tiny_v1.py WORK --data TASKS`).

One resumable command for many hours: killed and started again, it goes on where it was. TASKS is the folder of the
public datasets (`name` is TASKS/name); others are generated. The parts, each a table of its own in WORK, in this order:

- tiny: 61 tasks on foretune-tiny, 40 configurations each, the same everywhere (as far as a run's tokens are within the
  limit; draws of the task's own instead of the others);
- long: on the tasks where that limit leaves out some of these 40, those, too, in the same table;
- noise: 12 of these configurations on 8 of the tasks with three further seeds, in the same table;
- one per base model in --models: 14 of the tasks, the first 20 of the common configurations;
  Those of other people are the folders of their models; our own, of other sizes than foretune-tiny, are made by
  `pretraining/` (`train.py` with `--processes 1 --batch 16 --muon-lr 8e-3`, then `export.py`):
  foretune-200k: `--hidden 96 --layers 2 --intermediate 192 --heads 3 --tokens 14e6`,
  foretune-500k: `--hidden 128 --layers 3 --intermediate 256 --heads 4 --tokens 16e6`,
  foretune-3m: `--hidden 256 --layers 4 --intermediate 640 --heads 8 --tokens 60e6 --batch 64 --device cuda`
  (on the first 42 million tokens of the books and the technical texts);
- foretune-35m, if it is in --models: 21 tasks, all 40 configurations within the wider limit, on a GPU that many workers
  share (`--workers 16`, NVIDIA's MPS started): 80 runs a minute on one H200. The model, from the same tokens:
  `--hidden 768 --layers 5 --intermediate 2048 --heads 12 --tokens 72e6 --batch 128 --muon-lr 8e-3 --device cuda`;
- merge: all of them as one table, WORK/foretune-tiny-v1;
- save: what there is of each table so far to collecting/parts, where a collection in a new WORK begins.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PUBLIC = """
arc_challenge@60 arc_easy@60 boolq_closed_book@200 chemprot_relation@60 citation_intent@80 clinc150@200 clinc150@1000
clinc_paraphrase@120 clinc_paraphrase@500 e2e_text_to_data@60 gsm8k_answer@60 gsm8k_steps@50 hwu64@100 hwu64@300
hwu64@1500 mathqa@60 mawps_equation@80 multiarith@60 ner_jnlpba@60 ner_ncbi_disease@80 ner_sciie@70 paper_topic@80
paper_topic@600 pico_extraction@60 piqa@70 sciie_relation@70 snips_intent@50 snips_intent@150 snips_intent@1000
snips_slots@60 snips_slots@200 social_iqa@80 sql_academic@50 sql_advising@50 sql_scholar@50 sql_to_question@80
sql_wikisql@80 svamp@60 trivia_category@80 trivia_category@500 trivia_multiple_choice@80 trivia_open@100 trivia_open@400
winogrande@80 xquad_en_qa@50
"""
GENERATED = """
to_roman@100 from_roman@150 number_words@150 word_problems@200 reverse_words@150 initials@150 caesar@400 csv_field@120
to_json@80 describe_person@100 shell_commands@100 iso_date@100 made_up_people@200 noisy_mood@800 noisy_word_class@600
requests@100
"""
NOISE = """
snips_intent@150 hwu64@100 snips_slots@60 trivia_category@80 mawps_equation@80 clinc_paraphrase@120 trivia_open@100
noisy_word_class@600
"""
LONG = """
caesar@400 clinc150@1000 clinc_paraphrase@500 gsm8k_steps@50 hwu64@1500 hwu64@300 noisy_mood@800 noisy_word_class@600
paper_topic@600 snips_intent@1000 snips_slots@200 sql_academic@50 sql_advising@50 sql_scholar@50 trivia_category@500
trivia_open@400 xquad_en_qa@50 made_up_people@800 made_up_people@400
"""
OTHER_MODELS = """
snips_intent@50 snips_intent@1000 hwu64@300 trivia_category@80 snips_slots@60 mawps_equation@80 svamp@60
clinc_paraphrase@120 paper_topic@80 trivia_open@100 to_roman@100 csv_field@120 iso_date@100 made_up_people@200
"""
GPU_MODEL = "foretune-35m"
GPU_TASKS = """
hwu64@1500 trivia_category@500 snips_slots@60 svamp@60 iso_date@100 clinc150@1000 hwu64@300 paper_topic@80
snips_intent@50 to_roman@100 snips_intent@1000 made_up_people@200 mawps_equation@80 csv_field@120 sql_scholar@50
gsm8k_steps@50 noisy_mood@800 trivia_open@400 trivia_category@80 trivia_open@100 clinc_paraphrase@120
"""
LIMITS = "--seed 0 --max-length 256 --validation-tokens 9000 --test-tokens 5000 --timeout 10m"
SHORT_RUNS = ("--max-tokens-per-run", 150_000)
LONG_RUNS = ("--max-tokens-per-run", 400_000)
ALL_RUNS = ("--max-tokens-per-run", 2_000_000)


SAVED = Path(__file__).parent / "parts"


def foretune(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "foretune.cli", *map(str, arguments)], check=True)


def collect(model: object, names: str, arguments: argparse.Namespace, out: Path, *options: object) -> None:
    if not out.exists() and (SAVED / out.name).is_dir():
        shutil.copytree(SAVED / out.name, out)
    made = {name.split("@")[0] for name in GENERATED.split()}
    folders = [
        (arguments.work / "generated" if name.split("@")[0] in made else arguments.data) / name
        for name in names.split()
    ]
    sources = [part for folder in folders for part in ("--tasks", folder)]
    foretune(
        *("collect", *sources, "--model", model, *options, *LIMITS.split()),
        *("--workers", arguments.workers, "--out", out),
    )


def found(work: Path, models: Iterable[str]) -> list[Path]:
    return [folder for name in ("tiny", *models) if (folder := work / name).is_dir()]


def save(folder: Path) -> None:
    foretune("collect", "--out", folder, "--finish")
    (SAVED / folder.name).mkdir(parents=True, exist_ok=True)
    for file in [*folder.glob("*.parquet"), folder / "metadata.json"]:
        shutil.copy(file, SAVED / folder.name)


def collect_on(model: Path, arguments: argparse.Namespace) -> None:
    """Runs on a base model other than foretune-tiny."""
    if model.name == GPU_MODEL:
        shared = ("--configurations", 40, "--common", 1, *LONG_RUNS, "--device", "cuda")
        collect(model, GPU_TASKS, arguments, arguments.work / model.name, *shared)
    else:
        shared = ("--configurations", 20, "--common", 1, *SHORT_RUNS)
        collect(model, OTHER_MODELS, arguments, arguments.work / model.name, *shared)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, nargs="*", default=[], help="folders of further base models")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--parts", nargs="*", help="only these: tiny, long, noise, names of --models, merge, save")
    arguments = parser.parse_args()
    models = {model.name: model for model in arguments.models}
    parts, work = arguments.parts or ["tiny", "long", "noise", *models, "merge"], arguments.work
    if set(parts) - {"merge", "save"}:
        foretune("generate", work / "generated")
    for part in parts:
        if part == "tiny":
            shared = ("--configurations", 40, "--common", 1, *SHORT_RUNS)
            collect("foretune-tiny", PUBLIC + GENERATED, arguments, work / "tiny", *shared)
        elif part == "long":
            shared = ("--configurations", 40, "--common", 1, *ALL_RUNS)
            collect("foretune-tiny", LONG, arguments, work / "tiny", *shared)
        elif part == "noise":
            shared = ("--configurations", 12, "--common", 1, "--repeats", 3, *SHORT_RUNS)
            collect("foretune-tiny", NOISE, arguments, work / "tiny", *shared)
        elif part in models:
            collect_on(models[part], arguments)
        elif part == "merge":
            foretune("metadata", "merge", *found(work, models), "--out", work / "foretune-tiny-v1")
        elif part == "save":
            for folder in found(work, models):
                save(folder)
        else:
            parser.error(f"there is no part {part!r}; choose from tiny, long, noise, {', '.join(models)}, merge, save")


if __name__ == "__main__":
    main()
