"""A finished run, from its folder: what it found, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foretune.report.final_scores import ModelScores
from foretune.report.run_report import RunReport, read_run_report
from foretune.session.lineage import lineage
from foretune.types import CONTINUES, Configuration

if TYPE_CHECKING:
    from foretune.execution.finetuned import Finetuned


@dataclass(frozen=True)
class Run:
    """A finished search, or a finished run of one configuration.

    Attributes:
        folder: that everything is in.
        adapter: folder of the adapter that is returned or, after full finetuning, of the model.
        report: the content of `report.json`.
    """

    folder: Path
    adapter: Path
    report: RunReport

    @property
    def scores(self) -> Mapping[str, ModelScores]:
        """Rows of the final table by name, the returned adapter's last: see `ModelScores.name`, or `finetuned`."""
        return {row.name: row for row in self.report.scores}

    @property
    def configuration(self) -> Configuration:
        """The hyperparameters that the adapter was trained with; of an average, those of the best run."""
        return self._runs[-1].without(CONTINUES)

    @property
    def after(self) -> tuple[Configuration, ...]:
        """Those of the runs that this one went on from, first to last."""
        return tuple(one.without(CONTINUES) for one in self._runs[:-1])

    @property
    def _runs(self) -> tuple[Configuration, ...]:
        known = {one.key: Configuration(one.configuration) for one in self.report.trials}
        return lineage(known[self.report.best_key], known.values())

    def to_json(self) -> dict[str, Any]:
        """The essentials as plain values: what was found and what it scores; all curves are in `report.json`."""
        report = self.report
        taken = ("data", "model", "optimizer", "seed", "metric", "budget_seconds", "spent_seconds", "reason", "notes")
        return {
            "run": str(self.folder),
            "adapter": str(self.adapter),
            "recipe": str(self.folder / "best.yaml"),
            "returned": report.returned.name,
            "configuration": dict(self.configuration.values),
            "after": [dict(one.values) for one in self.after],
            "scores": [asdict(row) for row in report.scores],
            "configurations": len(report.trials),
            **{name: getattr(report, name) for name in taken},
        }

    def open(self, *, model: str | None = None, device: str = "auto") -> Finetuned:
        """Load the finetuned model with its tokenizer, ready to answer; its `note` says if an adapter of QLoRA has to
        do without 4 bits here.

        Args:
            model: the base model, where it is no longer where the adapter says.
            device: `auto`, `cpu`, `cuda`, ...
        """
        from foretune.execution.finetuned import open_finetuned
        from foretune.finetuning.model import choose_device

        return open_finetuned(self.adapter, model=model, device=choose_device(device))

    def answer(self, prompts: Sequence[str], *, max_new_tokens: int | None = None) -> list[str]:
        """Greedy answers to prompts; the model is loaded for it, so ask all at once, or `open` it.

        Args:
            prompts: plain text, each a conversation of its own.
            max_new_tokens: at which an answer that does not end is cut; None for the longest completion in training.
        """
        return self.open().answers(prompts, max_new_tokens=max_new_tokens)

    def write_page(self, out: str | Path | None = None) -> Path:
        """Write an HTML page about the run: scores, curves, the choice, costs.

        Args:
            out: the file; `report.html` in the folder by default. Only an earlier page is replaced.

        Returns:
            The file.

        Raises:
            JournalError: it cannot be written.
        """
        from foretune.session.reporting import report

        return report(self.folder, None if out is None else Path(out))

    def merge(self, out: str | Path, *, device: str = "auto") -> Path:
        """Write the adapter and its base model as one model, which `AutoModelForCausalLM` loads.

        Args:
            out: a new folder.
            device: `auto`, `cpu`, `cuda`, ...

        Raises:
            ModelError: there is no adapter to merge, or the model would answer in another way than with the adapter.
        """
        from foretune.session.merging import merge

        merge(self.folder, Path(out), device=device)
        return Path(out)


def load_run(folder: str | Path) -> Run:
    """A finished run, from its folder.

    Raises:
        JournalError: there is none, or it has not ended.
    """
    from foretune.execution.run_folder import find_finetuned

    adapter = find_finetuned(Path(folder))
    home = adapter.parent
    return Run(home, adapter, read_run_report(home / "report.json"))
