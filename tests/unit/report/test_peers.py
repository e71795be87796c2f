"""Tables of a comparison with other libraries, from results whose figures can be seen."""

from __future__ import annotations

import pandas as pd
import pytest

from foretune.report.peers import peer_sheets

TASKS = [f"t{at}" for at in range(12)]
OURS = [0.10 + 0.01 * at for at in range(12)]
EFFORT = {"seeds": 2, "asks": 10, "seconds": 0.04, "cpu_seconds": 0.02, "peak_bytes": 2**21}


def rows(method, regrets, **effort):
    columns = {"method": method, "task": TASKS, "1 run": 1.0, "2 runs": regrets}
    return pd.DataFrame({**columns, **EFFORT, **effort})


def results(*others):
    return pd.concat([rows("transfer-in-context", OURS, cpu_seconds=0.001, peak_bytes=0), *others], ignore_index=True)


FAR = rows("peer:far", [4 * one for one in OURS])
NEAR = rows("peer:near", [one + 0.001 * (-1) ** at for at, one in enumerate(OURS)])
SNAPPED = rows("peer:random-snapped", [one / 2 for one in OURS])
QUICK = rows("peer:quicktunetool", [3 * one for one in OURS], cpu_seconds=0.2)
TPE = rows("peer:optuna-tpe", [3 * one for one in OURS], cpu_seconds=0.0001)


def test_methods_stand_with_regret_rank_time_and_memory():
    sheet = peer_sheets(results(FAR))[0]
    assert sheet.head[:6] == ["method", "seeds", "1 run", "2 runs", "rank 1 run", "rank 2 runs"]
    ours, far = sheet.rows
    assert far[:3] == ["peer:far", "2", "1.00 [1.00, 1.00]"]
    assert far[3].startswith("0.62 [")
    assert far[4:] == ["1.5", "2.0", "4", "2", "2"]
    assert (ours[5], ours[-1]) == ("1.0", "-")


def test_a_share_and_a_p_value_stand_for_each_peer():
    sheet = peer_sheets(results(FAR, NEAR))[1]
    far, near = sheet.rows
    assert far[2].startswith("0.25 [0.25, 0.25], p ")
    assert float(far[2].split("p ")[1]) == pytest.approx(2 * 2 / 2**12, rel=0.05), "all 12 of one sign, two tests"
    assert float(near[2].split("p ")[1]) > 0.5
    assert far[1] == "1.00 [1.00, 1.00], p 1"


def test_aims_are_met_by_half_the_regret_of_the_best_library():
    sheet = peer_sheets(results(FAR, SNAPPED))[2]
    assert [row[2] for row in sheet.rows] == ["yes", "yes"]
    assert sheet.rows[0][1] == "0.155 of 0.620 (peer:far): 0.25"


def test_a_missed_aim_names_who_is_not_beaten():
    share, told = peer_sheets(results(FAR, NEAR))[2].rows
    assert (share[2], told[2]) == ("**no**", "**no**")
    assert told[1].endswith("; not peer:near")


def test_time_is_compared_with_that_of_two_libraries():
    rows_of = {row[0]: row[1:] for row in peer_sheets(results(QUICK, TPE))[2].rows if "CPU" in row[0]}
    assert list(rows_of.values()) == [["0.1 ms of 20 ms", "yes"], ["0.1 ms of 0.01 ms", "**no**"]]


def test_without_peers_there_is_one_table():
    assert len(peer_sheets(results())) == 1
