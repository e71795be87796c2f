"""`foretune metadata gate`."""


def test_gate_prints_regrets_of_every_order(three_tasks, say):
    result = say("metadata", "gate", three_tasks, "--leave-out", "family")
    assert result.exit_code == 0, result.output
    for order in ("average", "portfolio", "oracle", "portfolio - oracle"):
        line = next(line for line in result.output.splitlines() if f"│ {order} " in line)
        assert line.count("0.00 +- 0.00") == 4
    assert "1.00 +- 0.00" in next(line for line in result.output.splitlines() if "│ random " in line)
    assert "3 tasks, 4 common configurations" in result.output
    assert "mean rank of the default: 2.0 of 4" in result.output
