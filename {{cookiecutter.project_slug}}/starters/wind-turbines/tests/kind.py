"""What the shared tests have to know: the data is time series."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from {{ cookiecutter.package_name }}.inputs import explain

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


NOTATIONS = [
    {"sep": ",", "date_format": "%Y-%m-%d %H:%M:%S"},
    {"sep": ";", "decimal": ",", "date_format": "%Y/%m/%d %H:%M", "encoding": "utf-8-sig"},
    {"sep": "\t", "date_format": "%Y-%m-%dT%H:%M:%SZ", "lineterminator": "\r\n"},
    {"sep": ",", "date_format": "%Y-%m-%d %H:%M:%S+0200", "quoting": csv.QUOTE_ALL},
    {"sep": ";", "date_format": "%Y-%m-%d %H:%M:%S.000"},
]


def files(folder: Path, x: np.ndarray, schema: dict) -> list[Path]:
    """Windows in the notations in which a visitor of the demo may bring them."""
    found = []
    for i, window in enumerate(x[:: len(x) // 20][:20]):
        rows = pd.DataFrame(window[:, : len(schema["channels"])], columns=schema["channels"])
        rows = pd.concat([rows.tail(i), rows], ignore_index=True)  # the last rows count
        times = pd.date_range(f"2015-{1 + i % 12}-28 {i}:17", periods=len(rows), freq="10min")
        rows = rows.assign(turbine=schema["series"][i % 4], time=times, note='calm; "cold", dry')
        found.append(folder / f"{i}.csv")
        rows.to_csv(found[-1], index=False, **NOTATIONS[i % len(NOTATIONS)])
    return found


def why(model, x: np.ndarray, story: DictConfig) -> tuple[str, float | None]:
    """The channel that moved the forecast for x (history, channels) most, and by how much."""
    found = explain(model, x)
    block, channel = np.unravel_index(np.abs(found).argmax(), found.shape)
    return story.names[model.schema["channels"][channel]], found[block, channel]


NAMES = "time,turbine,power,wind,east,north,temperature"
NAMES += ",era_wind,era_east,era_north,era_pressure,farm_power,farm_wind"


def written(**other: str) -> bytes:
    """A window as CSV, with other texts in its last row."""
    rows = [[f"2015-01-01 {i // 6:02d}:{i % 6}0", "R80711", *["1.5"] * 11] for i in range(24)]
    for name, text in other.items():
        rows[-1][NAMES.split(",").index(name)] = text
    return "\n".join([NAMES, *map(",".join, rows)]).encode()


BAD = {  # what the page of the demo says
    "empty.csv": (b"", "no row"),
    "words.csv": (b"hello", "no row"),
    "photo.png": (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
    "huge.csv": (bytes(11_000_000), "larger than 10 MB"),
    "columns.csv": (b"time,power\n2015-01-01,1\n", "no column wind, east, north, temperature, era_wind;"),
    "short.csv": (b"\n".join(written().splitlines()[:9]), "8 rows; a forecast needs the last 24"),
    "text.csv": (written(wind="storm"), "row 25, column wind: 'storm' is no finite number"),
    "hole.csv": (written(wind=""), "row 25, column wind: '' is no finite number"),
    "day.csv": (written(time="2015-02-30 03:50"), "row 25, column time: '2015-02-30 03:50' is no time"),
    "late.csv": (written(time="2015-01-01 09:00"), "every 10 minutes"),
    "two.csv": (written(turbine="R80721"), "several series"),
    "other.csv": (written().replace(b"R80711", b"R1"), "series R1; the model knows R80711"),
}
