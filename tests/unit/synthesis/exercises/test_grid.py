"""Ways on a grid."""

import re


def test_grid(drawn) -> None:
    steps = {"north": 1j, "east": 1, "south": -1j, "west": -1}
    for prompt, answer in drawn("walk"):
        end = sum(steps[wind] * int(count) for wind, count in re.findall(r"(north|east|south|west) (\d)", prompt))
        assert complex(*map(int, answer.split(","))) == end
    for prompt, answer in drawn("turns"):
        facing = steps[re.search(r"faces (\w+)", prompt)[1]]
        for side in re.findall(r"left|right|around", prompt):
            facing *= {"left": 1j, "right": -1j, "around": -1}[side]
        assert facing == steps[answer]
    for prompt, answer in drawn("cell_distance"):
        (a, i), (b, j) = re.findall(r"\b([A-H])(\d)\b", prompt)
        assert abs(ord(a) - ord(b)) + abs(int(i) - int(j)) == int(answer)
