"""How good recommended learning rates and ranks are on models left out, by the shipped table of published sweeps.

`python benchmarks/published_sweeps.py` takes each model out in turn, recommends one of the pairs that were tried on it
from all other models, and prints its excess: its published loss over that model's least, in percent. Seconds.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np

from foretune.metadata import read_meta_dataset
from foretune.recommend import read_published
from foretune.recommend.published import predicted_excess
from foretune.space import load_space

TABLE = Path(str(resources.files("foretune"))) / "data" / "meta_datasets" / "public-llm-v1"


def main() -> None:
    models = read_published(read_meta_dataset(TABLE))
    usual = np.log([2e-4, float(load_space("peft").default().values["rank"])])
    rows = []
    for model in models:
        others = [one for one in models if one is not model]
        like, _ = predicted_excess(model.name, model.billions, others, model.pairs)
        alike, _ = predicted_excess("", model.billions, others, model.pairs)
        average = np.mean([predicted_excess(one.name, one.billions, [one], model.pairs)[0] for one in others], axis=0)
        rule = np.abs(model.pairs - usual).sum(axis=1)
        rows.append([model.excess[int(np.argmin(values))] for values in (like, alike, average, rule)])
    print(f"{len(models)} models, one left out at a time; excess of the recommended pair over the best one, in percent")
    for name, values in zip(("size and family", "size alone", "average", "usual rule"), np.array(rows).T, strict=True):
        print(f"{name:16s} mean {values.mean():.3f}   median {np.median(values):.3f}   worst {values.max():.2f}")


if __name__ == "__main__":
    main()
