"""Fuzzing of the stage `prepare` with random own data: correct output, or one line and no change.

Runs in the environment of a generated project: `uv run --with hypothesis python fuzz.py PACKAGE EXAMPLES`. Prints how
many datasets were prepared and how many refused.
"""

import collections
import contextlib
import importlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import config
from heldout.tables import MAX_VALUES
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

PACKAGE, N_EXAMPLES = sys.argv[1], int(sys.argv[2])
data = importlib.import_module(f"{PACKAGE}.data")
LOADERS = {"load_caravan": "table", "load_haute_borne": "series", "load_elpv": "photos"}
[KIND] = [kind for name, kind in LOADERS.items() if hasattr(data, name)]  # of the project's data
SPLITS = ("train", "val", "test")
OUTCOMES = collections.Counter()  # "prepared" and "refused"
# The only reasons to refuse sound data: borders and groups are drawn independently, and so are names.
ALLOWED_REASONS = r"split lacks samples|the project uses .*; rename the column|rename it to use it in data.slices"

NAMES = ["a", "b c", "naïve", "x,y", "label", "group", "id", "network", "end", "week", "=1+1", "'; DROP", "日本", "a.b"]
NAMES += ["Unnamed: 0", "train", "random", "a:b", "[a]", "{a}", "#", "-", "none", "null", "1", "$a", 'say "so"', "a=b"]


def numbers(rng: np.random.Generator, n: int) -> np.ndarray:
    """Numbers (n,) of any size."""
    return rng.normal(size=n) * 10.0 ** rng.integers(-6, 7)


COLUMNS = {
    "numbers": numbers,
    "whole": lambda rng, n: rng.integers(-5, 50, n),
    "binary": lambda rng, n: rng.integers(0, 2, n),
    "rare": lambda rng, n: (rng.random(n) < 0.05).astype(int),
    "words": lambda rng, n: rng.choice(["no", "yes"], n),
    "classes": lambda rng, n: rng.choice(["red", "green", "blue"], n),
    "texts": lambda rng, n: [f"text {i}" for i in rng.integers(0, 10 * n + 1, n)],
    "groups": lambda rng, n: rng.integers(0, max(2, n // 8), n),
    "constant": lambda rng, n: np.full(n, 7),
    "one large group": lambda rng, n: np.where(rng.random(n) < 0.9, 0, rng.integers(1, 6, n)),
    "counter": lambda rng, n: np.arange(n),
    "bool": lambda rng, n: rng.random(n) < 0.5,
    "times": lambda rng, n: pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.permutation(n), unit="h"),
    "in order": lambda rng, n: pd.date_range("2020-01-01", periods=n, freq="h"),
    "years": lambda rng, n: rng.integers(1990, 2020, n),
    "zones": lambda rng, n: [f"2020-01-{1 + i % 28:02} 00:00+0{i % 2}:00" for i in range(n)],
    "no times": lambda rng, n: ["tomorrow"] * n,
    "empty": lambda rng, n: [None] * n,
    "huge": lambda rng, n: np.full(n, 1e300) * rng.choice([-1, 1], n),
    "infinite": lambda rng, n: np.where(rng.random(n) < 0.1, np.inf, 1.0),
    "dirty": lambda rng, n: np.where(rng.random(n) < 0.05, "n/a?", numbers(rng, n).astype(str)),
    "comma": lambda rng, n: [f"{i},5" for i in rng.integers(0, 9, n)],
    "zeros in front": lambda rng, n: [f"{i:05}" for i in rng.integers(0, 20, n)],
}


def column(kind: str, rng: np.random.Generator, n: int, holes: float) -> pd.Series:
    """A column of this kind, of which the share `holes` is missing."""
    values = pd.Series(COLUMNS[kind](rng, n), dtype=object)
    return values.mask(rng.random(n) < holes) if holes else values


def save(table: pd.DataFrame, folder: Path, style: str) -> Path:
    """Writes the table as a file, sound or damaged; returns its path."""
    path = folder / "own.csv"
    sep = {"semicolon": ";", "tab": "\t"}.get(style, ",")
    text = table.to_csv(index=False, sep=sep, lineterminator="\r\n" if style == "windows" else "\n")
    if style == "parquet":
        path = folder / "own.parquet"
        unique = table.loc[:, ~table.columns.duplicated()].infer_objects()
        for name in unique:
            if unique[name].dtype == object:
                unique[name] = unique[name].where(unique[name].isna(), unique[name].astype(str))
        unique.to_parquet(path)
    elif style == "cut Parquet":
        path = save(table, folder, "parquet")
        path.write_bytes(path.read_bytes()[:-20])
    elif style == "latin":
        path.write_bytes(text.encode("latin-1", "replace"))
    elif style == "utf-16":
        path.write_bytes(text.encode("utf-16"))
    elif style == "cut off":
        path.write_text(text[: len(text) // 2], encoding="utf-8")
    elif style == "quote":
        path.write_text(text.replace("\n", '\n"', 1), encoding="utf-8")
    elif style == "blank":
        path.write_text("", encoding="utf-8")
    elif style == "zeros":
        path.write_bytes(b"\0" * 500)
    else:
        path.write_text(text, encoding="utf-8-sig" if style == "mark" else "utf-8")
    return path


SOUND = ("plain", "parquet", "semicolon", "tab", "windows", "mark")
STYLES = [*SOUND, *["plain"] * 24, "latin", "utf-16", "cut off", "quote", "blank", "zeros", "cut Parquet"]
SOUND_COLUMNS = ["numbers", "whole", "classes", "rare", "bool", "zeros in front", "times", "in order"]


def chooser(draw, sound: bool) -> Callable[[list, list], object]:
    """A function that draws from a list of good values or, unless `sound`, also from a list of odd ones."""

    def choose(good: list, odd: list) -> object:
        return draw(st.sampled_from(good if sound else [*good, *odd]))

    return choose


@st.composite
def tables(draw) -> tuple:
    """A table, settings that fit it or not quite, and the style of its file; half of them have no error."""
    sound = draw(st.booleans())
    choose = chooser(draw, sound)
    n = choose([120, 200, 200], [0, 1, 49, 50])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(st.lists(st.sampled_from(SOUND_COLUMNS if sound else sorted(COLUMNS)), max_size=5))
    kinds = choose([["numbers", "classes", *kinds]], [kinds])
    names = draw(st.lists(st.sampled_from(NAMES), min_size=len(kinds) + 3, max_size=len(kinds) + 3))
    if sound or rng.random() < 0.9:
        names = [f"{name}{i}" for i, name in enumerate(names)]
    holes = choose([0, 0, 0.02], [0.5])
    columns = [column(kind, rng, n, holes) for kind in kinds]
    target = choose(["numbers", "whole", "binary", "words", "bool"], ["rare", "classes", "constant", "huge", "dirty"])
    columns += [column(target, rng, n, choose([0], [0, 0, 0, 0.02]))]
    columns += [column(choose(["groups"] * 3, ["one large group"]), rng, n, 0)]
    time = choose(["times", "years", "times"] * 4, ["no times", "zones", "numbers", "empty"])
    columns += [column(time, rng, n, 0)]
    table = pd.concat(columns, axis=1)
    table.columns = names
    lists = [[name] for name in [*names, "not there"]]
    drawn = {
        "target": choose([names[len(kinds)]] * 6, [*names[:2], "not there", None]),
        "group": choose([None, names[-2]], names),
        "time": choose([None, None, None, names[-1]], []),
        "id": choose([None] * 9, names),
        "positive": choose([None] * 5, ["1", "yes", "red", "zzz", 1]),
        "drop": choose([[], [], lists[0]], lists),
        "slices": choose([[], [], lists[1]], lists),
        "keep_groups_whole": draw(st.booleans()),
        "borders": choose([None] * 9, [{"val": 2000, "test": 2010}, {"val": 5}, {"val": "soon", "test": 9}]),
        "draws": 10,
        "sound": sound,
    }
    return table, drawn, choose([*SOUND, "plain", "parquet"], STYLES)


@st.composite
def series(draw) -> tuple:
    """Rows of one or more series, settings, and the style of the file; half of them have no error."""
    sound = draw(st.booleans())
    choose = chooser(draw, sound)
    n = choose([120, 200, 200], [0, 1, 60])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=5, max_size=5, unique=True))
    n_series = draw(st.integers(1, 3))
    frequency = draw(st.sampled_from(["10min", "h", "D", "s"]))
    tables = []
    for number in range(n_series):
        time = pd.date_range("2020-01-01", periods=n, freq=choose([frequency], ["h"]))
        if n > 1 and rng.random() < 0.2:  # inexact clocks
            step = (time[1] - time[0]).total_seconds()
            time = time + pd.to_timedelta(rng.uniform(-0.2, 0.2, n) * step, unit="s")
        kept = np.sort(rng.permutation(n)[: n - choose([0, 0, 0, n // 20], [])])
        rows = pd.DataFrame({names[0]: time.astype(str), names[1]: f"s{number}"})
        target = choose(["numbers"] * 12, ["constant", "dirty", "infinite", "huge", "empty"])
        rows[names[2]] = column(target, rng, n, choose([0, 0, 0.02], []))
        rows[names[3]] = column(choose(["numbers"] * 4 + ["classes", "whole", "whole"], ["empty"]), rng, n, 0)
        rows[names[4]] = column("classes", rng, n, choose([0, 0, 0.1], []))
        tables.append(rows.iloc[kept])
    table = pd.concat(tables, ignore_index=True)
    if not sound:
        table = disorder(draw, table, names[0], rng.integers(0, 10))
    drawn = {
        "time": choose([names[0]] * 9, [names[2], "not there", None]),
        "target": choose([names[2]] * 9, [names[4], "not there", None]),
        "series": choose([names[1]] * 9, [None]) if n_series > 1 else draw(st.sampled_from([None, names[1]])),
        "history": choose([1, 3, 3, 12, 12, 12], [24, 24, 0, 500]),
        "horizon": choose([1, 3], [0]),
        "stride": draw(st.sampled_from([1, 2, 7])),
        "drop": choose([[], [], [names[3]]], [["not there"]]),
        "slices": draw(st.sampled_from([[], [], [names[4]]])),
        "sound": sound,
    }
    return table, drawn, choose([*SOUND], STYLES)


def disorder(draw, table: pd.DataFrame, time: str, error: int) -> pd.DataFrame:
    """The table with one of three errors, or none: shuffled rows, a row twice, an odd value in the column `time`."""
    if error == 0:
        return table.sample(frac=1, random_state=0, ignore_index=True)
    if error == 1 and len(table) > 3:
        return pd.concat([table.iloc[:3], table.iloc[2:]], ignore_index=True)
    if error == 2 and len(table) > 3:
        table.loc[3, time] = draw(st.sampled_from(["soon", "", "2020-13-01", "1e9", "2020-01-01T00:00+01:00"]))
    return table


@st.composite
def photos(draw) -> tuple:
    """Files of a folder of classes, settings, and the mode of the photos: sizes, damage, files that are no photos."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    classes = draw(st.sampled_from([["no", "yes"]] * 9 + [["a", "b", "c"], ["only"], [], ["Zoë's", "b (2)"]]))
    count = draw(st.sampled_from([0, 1, 8, 20, 20, 30]))
    files = {}
    for name in classes:
        for number in range(count):
            shape = draw(st.sampled_from([(40, 40)] * 3 + [(33, 64)])) if rng.random() < 0.998 else (8, 8)
            files[f"{name}/{number}.png"] = rng.integers(0, 256, shape, np.uint8)
    for path in list(files):
        event = rng.random()
        if event < 0.05:
            files[path.replace(".png", " copy.png")] = files[path]
        elif event < 0.052:
            contents = [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"<svg/>", b"PK\3\4" + bytes(50)]
            files[path] = draw(st.sampled_from(contents))
    if draw(st.booleans()):
        files |= {"Thumbs.db": b"x", ".DS_Store": b"x", "notes.txt": b"hello"}
    drawn = {
        "positive": draw(st.sampled_from([None] * 6 + ["b", "no", "zzz"])),
        "size": draw(st.sampled_from([32] * 18 + [0, "big"])),
        "draws": 10,
        "damage": int(rng.integers(1, 50)) if rng.random() < 0.2 else 0,
    }
    return files, drawn, draw(st.sampled_from(["L", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "LA"]))


def write_source(dataset: tuple, folder: Path) -> tuple[Path, int | None]:
    """Writes a drawn dataset; returns its path, and the rows that `prepare` must account for (None: any number)."""
    content, drawn, style = dataset
    if KIND == "photos":
        write_photos(content, drawn["damage"], style, folder / "own")
        return folder / "own", sum(1 for name in content if "/" in name)
    return save(content, folder, style), len(content) if style in SOUND else None


def write_photos(files: dict, damage: int, mode: str, source: Path) -> None:
    """Writes arrays as photos of a mode and bytes as files; `damage` is the seed of one wrong byte in every ninth."""
    source.mkdir()
    for name, pixels in files.items():
        path = source / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(pixels, bytes):
            path.write_bytes(pixels)
            continue
        image = Image.fromarray(pixels)
        suffix = ".tif" if mode == "CMYK" else ".png"
        image = Image.fromarray(pixels.astype(np.uint16) * 256) if mode == "I;16" else image.convert(mode)
        image.save(path.with_suffix(suffix))
    for number, path in enumerate(sorted(source.rglob("*.*"))):
        if damage and number % 9 == 0 and path.stat().st_size > 40:  # as a bad disk would
            content, rng = bytearray(path.read_bytes()), np.random.default_rng(damage + number)
            content[rng.integers(0, len(content))] = rng.integers(0, 256)
            path.write_bytes(content)


def check_prepared(dataset: tuple, source: Path, n_rows: int | None, cfg) -> None:
    """Asserts that data/prepared holds the source: every row, its inputs and label, and valid splits."""
    content, drawn, _ = dataset
    x, samples, schema = data.load_prepared()
    assert len(x) == len(samples) and np.isfinite(samples.label).all() and not np.isinf(x).any()
    assert samples.id.is_unique
    if KIND == "series":
        assert np.isfinite(x).all()
        if n_rows is not None:
            assert len(samples) == count_windows(content, drawn, schema)
            check_windows(x, samples, content, drawn, schema)
    elif n_rows is not None:
        assert len(samples) == n_rows, "a row was lost"
        if KIND == "photos":
            check_photos(x, samples, source, drawn)
        elif content.columns.is_unique:
            check_rows(x, samples, content, drawn, schema)
    for strategy in {cfg.data.split, "random"}:
        check_split(samples, strategy, keep_groups=bool(cfg.data.get("keep_groups_whole")))


def check_split(samples: pd.DataFrame, strategy: str, keep_groups: bool) -> None:
    """Asserts that no group and no time is on both sides of a split."""
    split = samples[strategy]
    assert {*SPLITS} <= set(split) <= {*SPLITS, "gap", "unseen"}
    used = samples[split.isin(SPLITS)]
    if strategy in ("random", "grouped"):
        assert len(used) == len(samples)
    if strategy == "grouped" or (strategy == "time" and keep_groups):
        assert used.groupby("group")[strategy].nunique().max() == 1, "a group in two splits"
    if strategy == "time":
        start = used.start if "start" in used else used.end  # the row of a table is a moment
        for earlier, later in (("train", "val"), ("val", "test")):
            latest, earliest = used.end[used.time == earlier].max(), start[used.time == later].min()
            assert latest < earliest, "the future in the past"


def as_numbers(column: pd.Series) -> np.ndarray:
    """A column of a drawn table as numbers, NaN where there is none."""
    text = column.astype(str).str.replace(",", ".").replace({"True": "1", "False": "0"})
    return pd.to_numeric(text, errors="coerce").to_numpy(float)


def check_rows(x: np.ndarray, samples: pd.DataFrame, table: pd.DataFrame, drawn: dict, schema: dict) -> None:
    """Asserts that sample i is row i of the table: inputs, label, group and time."""
    target, y = table[drawn["target"]], samples.label.to_numpy()
    if schema["task"] == "classification":
        check_labels(y, target, drawn["positive"])
    else:
        assert np.allclose(y, as_numbers(target), rtol=1e-5), "another target"
    for i, column in enumerate(schema["columns"]):
        values = table[column["name"]]
        if "values" in column:
            present = ~np.isnan(x[:, i])
            texts = np.array(column["values"])[x[present, i].astype(int)]
            assert (texts == values[present].astype(str)).all(), "another text"
            assert values[~present].isna().all() or len(column["values"]) == MAX_VALUES, "a text is lost"
        else:
            assert np.allclose(x[:, i], as_numbers(values), rtol=1e-5, equal_nan=True), "another input"
    if drawn["group"]:
        groups = table[drawn["group"]].astype(str)
        assert (pd.factorize(samples.group)[0] == pd.factorize(groups)[0]).all(), "other groups"
    if drawn["time"]:
        times = table[drawn["time"]]
        numbers = pd.to_numeric(times, errors="coerce")
        if numbers.isna().any() or isinstance(times.iloc[0], pd.Timestamp):
            numbers = pd.to_datetime(times)
        assert (samples.end.rank(method="dense") == numbers.rank(method="dense")).all(), "another order in time"


def check_labels(y: np.ndarray, values: pd.Series, positive: object) -> None:
    """Asserts that labels y (n,) are 1 for the positive value, named or obvious, and 0 elsewhere."""
    texts = values.astype(str).str.lower().str.removesuffix(".0")
    expected = ["1", "true", "yes", "y", "positive"] if positive is None else [str(positive).lower()]
    assert (texts.isin(expected).to_numpy() == y.astype(bool)).all() and 0 < y.sum() < len(y), "another label"


def check_windows(x: np.ndarray, samples: pd.DataFrame, table: pd.DataFrame, drawn: dict, schema: dict) -> None:
    """Asserts that windows hold the rows up to the time of the forecast, and labels the target a horizon later."""
    groups = {"series": table}
    if drawn["series"]:
        groups = {str(name): rows for name, rows in table.groupby(drawn["series"])}
    for i in {0, len(samples) // 2, len(samples) - 1}:
        rows = groups[samples.group[i]]
        time = pd.to_datetime(rows[drawn["time"]], format="ISO8601").reset_index(drop=True)
        [end] = np.flatnonzero(time == samples.end[i])
        last = end - drawn["horizon"]
        first, target = last - drawn["history"] + 1, as_numbers(rows[drawn["target"]])
        assert time[first] == samples.start[i], "another start"
        assert np.isclose(samples.label[i], target[end], rtol=1e-5), "another target"
        for k, name in enumerate(schema["channels"]):
            expected = as_numbers(rows[name])[first : last + 1]
            assert np.allclose(x[i, :, k], expected, rtol=1e-5), "another window"


def check_photos(x: np.ndarray, samples: pd.DataFrame, source: Path, drawn: dict) -> None:
    """Asserts that photos have their own pixels and the label of their folder; equal files are one group."""
    check_labels(samples.label.to_numpy(), samples.id.str.split("/").str[0], drawn["positive"])
    for i in {0, len(samples) // 2, len(samples) - 1}:
        with Image.open(source / samples.id[i]) as image:
            gray = image.mode in ("L", "1", "LA")
            size = (drawn["size"], drawn["size"])
            photo = image.convert("L" if gray else "RGB").resize(size, Image.Resampling.BILINEAR)
        assert (x[i] == np.asarray(photo.convert("L" if x.ndim == 3 else "RGB"))).all(), "another photo"
    content = samples.id.map(lambda name: (source / name).read_bytes())
    assert samples.group.groupby(content).nunique().max() == 1, "copies in two groups"


def count_windows(table: pd.DataFrame, drawn: dict, schema: dict) -> int:
    """Windows without a missing value or a hole in time, counted one by one."""
    count, history, span = 0, drawn["history"], drawn["history"] + drawn["horizon"]
    groups = table.groupby(drawn["series"]) if drawn["series"] else [(None, table)]
    for _, rows in groups:
        time = pd.to_datetime(rows[drawn["time"]], utc=True, format="ISO8601").reset_index(drop=True)
        present = rows[schema["channels"]].apply(pd.to_numeric, errors="coerce").notna()
        complete, target = present.all(axis=1).to_numpy(), present[drawn["target"]].to_numpy()
        steps = time.diff().dt.total_seconds().to_numpy() / schema["step"]
        for first in range(0, len(rows) - span + 1, drawn["stride"]):
            end = first + span
            regular = (np.abs(steps[first + 1 : end] - 1) <= 0.5).all()
            count += bool(complete[first : first + history].all() and target[end - 1] and regular)
    return count


@settings(
    max_examples=N_EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given({"table": tables(), "series": series(), "photos": photos()}[KIND])
def prepares_or_refuses(dataset: tuple) -> None:
    """Runs `prepare` on a dataset, over the data of an earlier run."""
    project, drawn = Path.cwd(), dataset[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, n_rows = write_source(dataset, folder)
        cfg = config.compose("data=own")
        for key, value in {**drawn, "path": str(source)}.items():
            if key not in ("damage", "sound"):
                cfg.data[key] = value
        os.chdir(folder)
        marker = Path("data/prepared/marker")  # of the earlier run
        marker.parent.mkdir(parents=True)
        marker.touch()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                data.main(cfg)
        except SystemExit as stop:
            message = str(stop.code)
            assert message.startswith("error: ") and "\n" not in message and len(message) < 2000, message
            assert marker.exists() and list(Path("data").iterdir()) == [marker.parent], message
            OUTCOMES["refused"] += 1
            assert not drawn.get("sound") or re.search(ALLOWED_REASONS, message), message
        else:
            assert not marker.exists()
            check_prepared(dataset, source, n_rows, cfg)
            OUTCOMES["prepared"] += 1
        finally:
            os.chdir(project)


prepares_or_refuses()
print(f"{KIND}: {OUTCOMES.total()} datasets, {OUTCOMES['prepared']} prepared, {OUTCOMES['refused']} refused")
