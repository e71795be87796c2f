"""The rule for epochs against a constant number, on published curves over small data.

`python benchmarks/epochs_by_rows.py` takes the curves of `public-llm-v2` over five epochs and more, and prints for each
how many epochs and steps its least loss came after, how many epochs the rule gives, and by how much the loss after so
many, and after 3, is over the least: at the end, and with the best epoch so far kept, as foretune keeps it. The runs
were planned for 50 epochs or more, so the learning rate had hardly fallen; runs that end sooner bear more epochs.
"""

from __future__ import annotations

import numpy as np

from foretune.metadata import read_meta_dataset
from foretune.recommendation.schedule import epochs_for

LEAST_EPOCHS = 5


def main() -> None:
    table = read_meta_dataset("public-llm-v2")
    print("over the least loss, as a ratio")
    print("rows batch     lr   best epoch  steps  rule   at the end: rule  3 epochs   best kept: rule  3 epochs")
    overs = list[list[float]]()
    for name in table.task_ids:
        rows = table.task(name).rows
        for run in table.runs_of(name):
            curve = table.curves[table.curves["run"] == run]
            values = table.configurations[run].values
            if (
                rows is None
                or "batch_size" not in values
                or not curve["epochs"].max() >= 5
                or table.metrics[name].maximize
            ):
                continue
            epochs, loss = curve["epochs"].to_numpy(), curve["validation_value"].to_numpy()
            best, batch = float(epochs[loss.argmin()]), int(values["batch_size"])
            wanted = epochs_for(rows, batch)
            last = [loss[np.abs(epochs - at).argmin()] / loss.min() for at in (wanted, 3.0)]
            kept = [loss[epochs <= max(at, epochs[0]) + 0.1].min() / loss.min() for at in (wanted, 3.0)]
            overs.append([*last, *kept])
            cells = "".join(f"{over:10.3f}" for over in overs[-1])
            steps = round(best * rows / batch)
            print(
                f"{rows:4d} {batch:5d} {values['learning_rate']:6.0e} {best:10.1f} {steps:7d} {wanted:6.1f}   {cells}"
            )
    print(f"{'geometric mean':>42s}   " + "".join(f"{over:10.3f}" for over in np.exp(np.log(overs).mean(axis=0))))


if __name__ == "__main__":
    main()
