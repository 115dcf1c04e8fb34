"""What the shared tests have to know: the data is a table."""

from pathlib import Path

import numpy as np
import pandas as pd

SMALL = ["model.epochs=2", "model.members=4", "model.width=32"]
# Data of one's own, whatever own.yaml holds by now.
OWN = ["data=own", "data.kaggle=null", "data.sha256=null", "data.split_sha256=null"]
OWN += [f"data.{key}=null" for key in ("id", "group", "time", "positive", "borders")]
OWN += ["data.drop=[]", "data.slices=[]", "data.keep_groups_whole=true"]
EVERY = 4  # of the prepared rows, every fourth is used
API = "upload"  # of the demo, for a file


def inputs(count: int) -> np.ndarray:
    """Rows with gaps and with numbers that the data does not hold."""
    rng = np.random.default_rng(count)
    x = rng.normal(0, 100, (count, 85)).astype(np.float32)
    x[rng.uniform(size=x.shape) < 0.1] = np.nan
    return x


def own(folder: Path) -> list[str]:
    """Writes a table as a user would bring it; returns how `prepare` is told."""
    rows().to_csv(folder / "table.csv", index=False)
    named = ["data.target=left", "data.group=customer", "data.id=key", "data.drop=[day,cost]"]
    return [*OWN, "data.path=table.csv", *named]


def rows(count: int = 240) -> pd.DataFrame:
    """Customers of four rows each: a number and a text with gaps, a truth; who left, when, at what cost."""
    rng = np.random.default_rng(0)
    age, plan = rng.normal(50, 10, count).round(1), rng.choice(["basic", "full", "none"], count)
    left = age + 20 * (plan == "full") + rng.normal(0, 5, count) > 58
    table = pd.DataFrame(
        {
            "key": [f"k{i}" for i in range(count)],
            "customer": [f"c{i // 4}" for i in range(count)],
            "day": pd.date_range("2020-01-01", periods=count).strftime("%Y-%m-%d"),
            "age": age,
            "plan": plan,
            "member": rng.choice([True, False], count),
            "left": np.where(left, "yes", "no"),
            "cost": (100 + age + 50 * left).round(2),
        }
    )
    for column in ("age", "plan"):
        table[column] = table[column].mask(rng.uniform(size=count) < 0.05)
    return table
