"""`foretune export` says what was written, and what the trainer cannot do."""

from typer.testing import CliRunner

from foretune.cli import commands
from foretune.session.exporting import Exported


def test_the_command_tells_notes_rows_and_how_to_train(tmp_path, monkeypatch):
    asked = []

    def export(*given, **named):
        asked.append((given, named))
        return Exported((tmp_path / "a.yaml",), tmp_path / "a-data", ("trl sft --config a.yaml",), ("one thing",))

    monkeypatch.setattr("foretune.session.exporting.export", export)
    result = CliRunner().invoke(commands, ["export", str(tmp_path), "--to", "trl", "--data", "d.jsonl"])
    assert result.exit_code == 0, result.output
    assert asked == [((tmp_path, "trl", None), {"data": "d.jsonl", "model": None})]
    assert result.output == f"note: one thing\nThe rows are in {tmp_path / 'a-data'}.\nTrain: trl sft --config a.yaml\n"
