"""A metric is checked before anything is loaded, and named on the command line as it was asked for."""

import pytest
from scripted_teacher import serving

from foretune.errors import ConfigurationError, DataError, TeacherError
from foretune.metrics import METRICS
from foretune.metrics.protocol import Asked
from foretune.metrics.text import TEXT_METRICS, TextScorer
from foretune.session.scoring import REPLIES, MetricRequest, check_metric, open_scorer
from foretune.teacher.price import Price


def test_the_metrics_are_these():
    assert METRICS == ("nll", "exact_match", "token_f1", "rouge_l", "judge")
    assert [open_scorer(MetricRequest(name), None) for name in TEXT_METRICS] == [TextScorer(n) for n in METRICS[1:4]]
    assert [MetricRequest(name).writes for name in METRICS] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        (MetricRequest("rogue_l"), ConfigurationError, r"no metric is called 'rogue_l' \(did you mean rouge_l\?\)"),
        (MetricRequest("token_f1", rows=0), ConfigurationError, "0 rows cannot be scored"),
        (MetricRequest("token_f1", judge="http://host/v1"), ConfigurationError, "token_f1 asks no judge; add --metric"),
        (MetricRequest("judge"), ConfigurationError, "who is to judge"),
        (MetricRequest("judge", judge="http://host/v1"), TeacherError, "name it with --judge-model"),
        (MetricRequest("judge", judge="local:foretune-tiny", judge_model="m"), TeacherError, "leave out --judge-model"),
        (MetricRequest("judge", judge="host/v1", judge_model="m"), TeacherError, "is no address"),
    ],
)
def test_what_cannot_be_is_said(request_, error, said):
    with pytest.raises(error, match=said):
        check_metric(request_)


def test_a_judge_needs_its_libraries(monkeypatch):
    monkeypatch.setattr("foretune.session.scoring.find_spec", lambda name: None if name == "llguidance" else name)
    with pytest.raises(ConfigurationError, match=r"a judge needs llguidance; install with: pip install 'foretune\["):
        check_metric(MetricRequest("judge", judge="local:foretune-tiny"))


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (" \n", "has 0 char"), ("a" * 10_001, "10,001")]
)
def test_a_rubric_has_to_be_a_short_text(tmp_path, content, said):
    path = tmp_path / "rubric.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=said):
        check_metric(MetricRequest("judge", judge="local:foretune-tiny", rubric=path))


def test_the_judge_reads_the_rubric_and_its_replies_are_kept_in_the_folder_of_the_run(tmp_path):
    (tmp_path / "rubric.txt").write_text("Rhymes are worth 5.\n")
    with serving() as server:
        request = MetricRequest("judge", judge=server.url, judge_model="m", rubric=tmp_path / "rubric.txt")
        check_metric(request)
        for _ in range(2):
            assert open_scorer(request, tmp_path).scores([Asked("q", "a b")], ["a b"]) == [5.0]
    assert len(server.log) == 1
    assert server.bodies[0]["messages"][-1]["content"].startswith("Rhymes are worth 5.\n\nQuestion:")
    assert (tmp_path / REPLIES).read_text().count("\n") == 1


def test_the_command_line_names_what_is_unusual(tmp_path):
    assert MetricRequest().words == []
    request = MetricRequest("judge", 50, "http://host/v1", "m", tmp_path, "KEY", Price(0.1, 0.2))
    assert request.words == [
        *("--metric", "judge", "--metric-rows", "50", "--judge", "http://host/v1", "--judge-model", "m"),
        *("--rubric", str(tmp_path), "--key-variable", "KEY", "--prompt-price", "0.1", "--completion-price", "0.2"),
    ]
