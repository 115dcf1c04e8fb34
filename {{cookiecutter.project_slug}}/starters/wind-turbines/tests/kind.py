"""What the shared tests have to know: the data is time series."""

from pathlib import Path

import numpy as np
import pandas as pd

SMALL = [
    "model.epochs=2",
    "model.width=16",
    "model.hidden=32",
    "data.baselines.boosting.max_iter=10",
]
EVERY = 200  # of the prepared windows, every two hundredth is used
API = "forecast"  # of the demo, for a file
# Whatever own.yaml holds by now.
OWN = ["data=own", "data.kaggle=null", "data.sha256=null", "data.split_sha256=null", "data.borders=null"]
OWN += ["data.drop=[]", "data.slices=[]", "data.stride=1"]


def inputs(count: int) -> np.ndarray:
    """Windows with numbers that the data does not hold."""
    return np.random.default_rng(count).normal(0, 100, (count, 24, 17)).astype(np.float32)


def own(folder: Path) -> list[str]:
    """Writes series as a user would bring them; returns how `prepare` is told."""
    rows().to_csv(folder / "series.csv", index=False)
    named = ["data.time=when", "data.target=load", "data.series=site", "data.drop=[bill]"]
    return [*OWN, "data.path=series.csv", *named, "data.history=10", "data.horizon=2"]


def rows(count: int = 300) -> pd.DataFrame:
    """Two sites, hour by hour: numbers with holes, a truth and a text. One of them is silent for a day."""
    rng = np.random.default_rng(0)
    when = pd.date_range("2024-01-01", periods=count, freq="h")
    sites = []
    for place, site in enumerate(("north", "south")):
        wind = np.abs(np.cumsum(rng.normal(0, 1, count)))
        load = 50 + 20 * np.sin(2 * np.pi * (when.hour - 6 * place) / 24) + 3 * wind + rng.normal(0, 2, count)
        table = pd.DataFrame({"when": when, "site": site, "load": load.round(2), "wind": wind.round(2)})
        table["open"], table["note"] = when.hour > 7, rng.choice(["wet", "dry"], count)
        table["bill"] = table.load * 2
        for column in ("load", "wind"):
            table[column] = table[column].mask(rng.uniform(size=count) < 0.01)
        sites.append(table if site == "north" else table.drop(index=range(100, 124)))
    table = pd.concat(sites).sort_values("when", kind="stable").reset_index(drop=True)
    return table.assign(when=table.when.dt.strftime("%Y-%m-%d %H:%M"))
