"""The parts of `foretune collect` that need no model."""

from typer.testing import CliRunner

from foretune.cli import commands


def say(*arguments):
    return CliRunner().invoke(commands, [str(one) for one in arguments])


def test_finish_without_a_collection_is_a_plain_error(tmp_path):
    result = say("collect", "--out", tmp_path, "--finish")
    assert "holds no collection" in str(result.exception)


def test_tasks_may_follow_one_option_or_stand_alone(tmp_path):
    (tmp_path / "data").mkdir()
    for arguments in (["--tasks", "nowhere"], ["--tasks", tmp_path / "data", "nowhere"], ["nowhere"]):
        result = say("collect", "--out", tmp_path / "meta", *arguments)
        assert "no dataset at 'nowhere'" in str(result.exception)
