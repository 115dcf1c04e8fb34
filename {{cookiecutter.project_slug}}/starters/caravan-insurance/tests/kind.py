"""What the shared tests have to know: the data is a table."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from {{ cookiecutter.package_name }}.inputs import explain

SMALL = ["model.epochs=2", "model.members=4", "model.width=32"]
# Data of one's own, whatever own.yaml holds by now.
OWN = ["data=own", "data.kaggle=null", "data.sha256=null", "data.split_sha256=null"]
OWN += [f"data.{key}=null" for key in ("id", "group", "time", "positive", "borders")]
OWN += ["data.drop=[]", "data.show=[]", "data.slices=[]"]
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


NOTATIONS = [
    {"sep": ","},
    {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"},
    {"sep": "\t", "lineterminator": "\r\n", "na_rep": "NA"},
    {"sep": ",", "quoting": csv.QUOTE_ALL, "na_rep": "NaN"},
    {"sep": ";", "float_format": "%.3e", "na_rep": "null"},
]


def files(folder: Path, x: np.ndarray, schema: dict) -> list[Path]:
    """Rows in the notations in which a visitor of the demo may bring them."""
    names = [column["name"] for column in schema["columns"]]
    found = []
    for i, row in enumerate(x[:: len(x) // 20][:20]):
        rows = pd.DataFrame([row + 0.25 * (i % 3), row], columns=names)  # the first row counts
        rows.iloc[:, i::17] = np.nan
        rows.insert(0, "note", 'old; "loyal", kind')
        found.append(folder / f"{i}.csv")
        rows[rows.columns[::-1]].to_csv(found[-1], index=False, **NOTATIONS[i % len(NOTATIONS)])
    return found


def why(model, x: np.ndarray, story: DictConfig) -> tuple[str, float | None]:
    """The column that moved the answer for x (columns,) most, and by how much."""
    found = explain(model, x)
    name = model.schema["columns"][np.abs(found).argmax()]["name"]
    return story.names.get(name, name), found[np.abs(found).argmax()]


BAD = {  # what the page of the demo says
    "empty.csv": (b"", "no row"),
    "words.csv": (b"hello", "no row"),
    "photo.png": (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
    "huge.csv": (bytes(11_000_000), "larger than 10 MB"),
    "columns.csv": (b"MOSTYPE,MGEMOMV\n1,2\n", "no column MAANTHUI, .*; 85 columns are needed"),
}
