"""Random data of one's own: `prepare` keeps its promises, or stops with one line and changes nothing.

Runs in the environment of a generated project: `uv run --with hypothesis python fuzz.py PACKAGE EXAMPLES`.
Prints how many data sets were prepared and how many refused.
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
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

PACKAGE, EXAMPLES = sys.argv[1], int(sys.argv[2])
config, dataset, prepare, inputs = (
    importlib.import_module(f"{PACKAGE}.{name}") for name in ("config", "dataset", "prepare", "inputs")
)
KIND = {"channels": "series", "encode": "table", "square": "photos"}[
    next(name for name in ("channels", "encode", "square") if hasattr(inputs, name))
]
PARTS = ("train", "val", "test")
ENDINGS = collections.Counter()  # how the examples ended
# What alone may be said against sound data: borders and groups are drawn apart, and so are names.
MAY = r"no sample lies wholly in|the project uses the name"

NAMES = ["a", "b c", "naïve", "x,y", "label", "group", "id", "network", "end", "week", "=1+1", "'; DROP", "日本", "a.b"]
NAMES += ["Unnamed: 0", "train", "random", "a:b", "[a]", "{a}", "#", "-", "none", "null", "1", "$a", 'say "so"', "a=b"]


def numbers(chance: np.random.Generator, n: int) -> np.ndarray:
    return chance.normal(size=n) * 10.0 ** chance.integers(-6, 7)


COLUMNS = {
    "numbers": numbers,
    "whole": lambda chance, n: chance.integers(-5, 50, n),
    "binary": lambda chance, n: chance.integers(0, 2, n),
    "rare": lambda chance, n: (chance.random(n) < 0.05).astype(int),
    "words": lambda chance, n: chance.choice(["no", "yes"], n),
    "classes": lambda chance, n: chance.choice(["red", "green", "blue"], n),
    "texts": lambda chance, n: [f"text {i}" for i in chance.integers(0, 10 * n + 1, n)],
    "groups": lambda chance, n: chance.integers(0, max(2, n // 8), n),
    "constant": lambda chance, n: np.full(n, 7),
    "one large group": lambda chance, n: np.where(chance.random(n) < 0.9, 0, chance.integers(1, 6, n)),
    "counter": lambda chance, n: np.arange(n),
    "bool": lambda chance, n: chance.random(n) < 0.5,
    "times": lambda chance, n: pd.Timestamp("2020-01-01") + pd.to_timedelta(chance.permutation(n), unit="h"),
    "in order": lambda chance, n: pd.date_range("2020-01-01", periods=n, freq="h"),
    "years": lambda chance, n: chance.integers(1990, 2020, n),
    "zones": lambda chance, n: [f"2020-01-{1 + i % 28:02} 00:00+0{i % 2}:00" for i in range(n)],
    "no times": lambda chance, n: ["tomorrow"] * n,
    "empty": lambda chance, n: [None] * n,
    "huge": lambda chance, n: np.full(n, 1e300) * chance.choice([-1, 1], n),
    "infinite": lambda chance, n: np.where(chance.random(n) < 0.1, np.inf, 1.0),
    "dirty": lambda chance, n: np.where(chance.random(n) < 0.05, "n/a?", numbers(chance, n).astype(str)),
    "comma": lambda chance, n: [f"{i},5" for i in chance.integers(0, 9, n)],
    "zeros in front": lambda chance, n: [f"{i:05}" for i in chance.integers(0, 20, n)],
}


def column(kind: str, chance: np.random.Generator, n: int, holes: float) -> pd.Series:
    """A column of this kind, a share of which is missing."""
    found = pd.Series(COLUMNS[kind](chance, n), dtype=object)
    return found.mask(chance.random(n) < holes) if holes else found


def save(table: pd.DataFrame, folder: Path, style: str) -> Path:
    """The table as a file: sound, or damaged as files are."""
    path = folder / "own.csv"
    sep = {"semicolon": ";", "tab": "\t"}.get(style, ",")
    text = table.to_csv(index=False, sep=sep, lineterminator="\r\n" if style == "windows" else "\n")
    if style == "parquet":
        path = folder / "own.parquet"
        once = table.loc[:, ~table.columns.duplicated()].infer_objects()
        mixed = [name for name in once if once[name].dtype == object]
        once.assign(**{name: once[name].where(once[name].isna(), once[name].astype(str)) for name in mixed}).to_parquet(
            path
        )
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
    """Draws a good value, or unless all shall be sound, among others an odd one."""
    return lambda good, odd: draw(st.sampled_from(good if sound else [*good, *odd]))


@st.composite
def tables(draw) -> tuple:
    """A table with settings that fit it, or not quite; half of them with nothing wrong."""
    one = chooser(draw, sound := draw(st.booleans()))
    n = one([120, 200, 200], [0, 1, 49, 50])
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(st.lists(st.sampled_from(SOUND_COLUMNS if sound else sorted(COLUMNS)), max_size=5))
    kinds = one([["numbers", "classes", *kinds]], [kinds])
    names = draw(st.lists(st.sampled_from(NAMES), min_size=len(kinds) + 3, max_size=len(kinds) + 3))
    if sound or chance.random() < 0.9:
        names = [f"{name}{i}" for i, name in enumerate(names)]
    holes = one([0, 0, 0.02], [0.5])
    found = [column(kind, chance, n, holes) for kind in kinds]
    target = one(["numbers", "whole", "binary", "words", "bool"], ["rare", "classes", "constant", "huge", "dirty"])
    found += [column(target, chance, n, one([0], [0, 0, 0, 0.02]))]
    found += [column(one(["groups"] * 3, ["one large group"]), chance, n, 0)]
    time = one(["times", "years", "times"] * 4, ["no times", "zones", "numbers", "empty"])
    found += [column(time, chance, n, 0)]
    table = pd.concat(found, axis=1)
    table.columns = names
    few = [[name] for name in [*names, "not there"]]
    told = {
        "target": one([names[len(kinds)]] * 6, [*names[:2], "not there", None]),
        "group": one([None, names[-2]], names),
        "time": one([None, None, None, names[-1]], []),
        "id": one([None] * 9, names),
        "positive": one([None] * 5, ["1", "yes", "red", "zzz", 1]),
        "drop": one([[], [], few[0]], few),
        "slices": one([[], [], few[1]], few),
        "keep_groups_whole": draw(st.booleans()),
        "borders": one([None] * 9, [{"val": 2000, "test": 2010}, {"val": 5}, {"val": "soon", "test": 9}]),
        "draws": 10,
        "sound": sound,
    }
    return table, told, one([*SOUND, "plain", "parquet"], STYLES)


@st.composite
def series(draw) -> tuple:
    """Rows of one or several series, whole or with holes; half of them with nothing wrong."""
    one = chooser(draw, sound := draw(st.booleans()))
    n = one([120, 200, 200], [0, 1, 60])
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=5, max_size=5, unique=True))
    several = draw(st.integers(1, 3))
    every = draw(st.sampled_from(["10min", "h", "D", "s"]))
    tables = []
    for number in range(several):
        time = pd.date_range("2020-01-01", periods=n, freq=one([every], ["h"]))
        if n > 1 and chance.random() < 0.2:  # clocks are not exact
            time = time + pd.to_timedelta(chance.uniform(-0.2, 0.2, n) * (time[1] - time[0]).total_seconds(), unit="s")
        kept = np.sort(chance.permutation(n)[: n - one([0, 0, 0, n // 20], [])])
        rows = pd.DataFrame({names[0]: time.astype(str), names[1]: f"s{number}"})
        target = one(["numbers"] * 12, ["constant", "dirty", "infinite", "huge", "empty"])
        rows[names[2]] = column(target, chance, n, one([0, 0, 0.02], []))
        rows[names[3]] = column(one(["numbers"] * 4 + ["classes", "whole", "whole"], ["empty"]), chance, n, 0)
        rows[names[4]] = column("classes", chance, n, one([0, 0, 0.1], []))
        tables.append(rows.iloc[kept])
    table = pd.concat(tables, ignore_index=True)
    disorder = None if sound else chance.integers(0, 10)
    if disorder == 0:
        table = table.sample(frac=1, random_state=0, ignore_index=True)
    elif disorder == 1 and len(table) > 3:
        table = pd.concat([table.iloc[:3], table.iloc[2:]], ignore_index=True)
    elif disorder == 2 and len(table) > 3:
        table.loc[3, names[0]] = draw(st.sampled_from(["soon", "", "2020-13-01", "1e9", "2020-01-01T00:00+01:00"]))
    told = {
        "time": one([names[0]] * 9, [names[2], "not there", None]),
        "target": one([names[2]] * 9, [names[4], "not there", None]),
        "series": one([names[1]] * 9, [None]) if several > 1 else draw(st.sampled_from([None, names[1]])),
        "history": one([1, 3, 3, 12, 12, 12], [24, 24, 0, 500]),
        "horizon": one([1, 3], [0]),
        "stride": draw(st.sampled_from([1, 2, 7])),
        "drop": one([[], [], [names[3]]], [["not there"]]),
        "slices": draw(st.sampled_from([[], [], [names[4]]])),
        "keep_groups_whole": draw(st.booleans()),
        "sound": sound,
    }
    return table, told, one([*SOUND], STYLES)


@st.composite
def photos(draw) -> tuple:
    """A folder of classes: sizes, modes, damaged files, and things that are no photos."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    classes = draw(st.sampled_from([["no", "yes"]] * 9 + [["a", "b", "c"], ["only"], [], ["Zoë's", "b (2)"]]))
    count = draw(st.sampled_from([0, 1, 8, 20, 20, 30]))
    made = {}
    for name in classes:
        for number in range(count):
            side = draw(st.sampled_from([(40, 40)] * 3 + [(33, 64)])) if chance.random() < 0.998 else (8, 8)
            made[f"{name}/{number}.png"] = chance.integers(0, 256, side, np.uint8)
    for path in list(made):
        fate = chance.random()
        if fate < 0.05:
            made[path.replace(".png", " copy.png")] = made[path]
        elif fate < 0.052:
            made[path] = draw(st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"<svg/>", b"PK\3\4" + bytes(50)]))
    if draw(st.booleans()):
        made |= {"Thumbs.db": b"x", ".DS_Store": b"x", "notes.txt": b"hello"}
    told = {
        "positive": draw(st.sampled_from([None] * 6 + ["b", "no", "zzz"])),
        "group": None,
        "size": draw(st.sampled_from([32] * 18 + [0, "big"])),
        "draws": 10,
        "damage": int(chance.integers(1, 50)) if chance.random() < 0.2 else 0,
    }
    return made, told, draw(st.sampled_from(["L", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "LA"]))


def lay(found: tuple, folder: Path) -> tuple[Path, dict, int | None]:
    """Writes what was drawn; the path, the settings and the rows that have to be accounted for."""
    made, told, style = found
    if KIND != "photos":
        return save(made, folder, style), told, len(made) if style in SOUND else None
    source = folder / "own"
    source.mkdir()
    for name, pixels in made.items():
        path = source / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(pixels, bytes):
            path.write_bytes(pixels)
            continue
        image = Image.fromarray(pixels)
        suffix = ".tif" if style == "CMYK" else ".png"
        image = Image.fromarray(pixels.astype(np.uint16) * 256) if style == "I;16" else image.convert(style)
        image.save(path.with_suffix(suffix))
    for number, path in enumerate(sorted(source.rglob("*.*"))):
        if told["damage"] and number % 9 == 0 and path.stat().st_size > 40:  # as a bad disk would
            content, chance = bytearray(path.read_bytes()), np.random.default_rng(told["damage"] + number)
            content[chance.integers(0, len(content))] = chance.integers(0, 256)
            path.write_bytes(content)
    return source, told, sum(1 for name in made if "/" in name)


def keeps(rows: int | None, found: tuple, source: Path, cfg) -> None:
    """The promises of data/prepared."""
    table, told, _ = found
    x, y, samples, schema = dataset.read()
    assert len(x) == len(y) == len(samples) and np.isfinite(y).all() and not np.isinf(x).any()
    assert samples.id.is_unique
    if KIND == "series":
        assert np.isfinite(x).all()
        if rows is not None:
            assert len(samples) == whole(table, told, schema)
            are_windows(x, y, samples, table, told, schema)
    elif rows is not None:
        assert len(samples) == rows, "a row was lost"
        if KIND == "photos":
            are_photos(x, y, samples, source, told)
        elif table.columns.is_unique:
            are_rows(x, y, samples, table, told, schema)
    for split in cfg.data.splits:
        part = samples[split]
        assert {*PARTS} <= set(part) <= {*PARTS, "gap", "unseen"}
        used = samples[part.isin(PARTS)]
        if split == "random":
            assert len(used) == len(samples)
        if split == "grouped" or (split == "time" and cfg.data.keep_groups_whole):
            assert used.groupby("group")[split].nunique().max() == 1, "a group in two parts"
        if split == "grouped":
            assert len(used) == len(samples)
        if split == "time":
            for before, after in (("train", "val"), ("val", "test")):
                assert used.end[used[split] == before].max() < used.start[used[split] == after].min(), "future in past"


def plain(column: pd.Series) -> np.ndarray:
    """A column of a drawn table as numbers, NaN where it holds none."""
    text = column.astype(str).str.replace(",", ".").replace({"True": "1", "False": "0"})
    return pd.to_numeric(text, errors="coerce").to_numpy(float)


def are_rows(
    x: np.ndarray, y: np.ndarray, samples: pd.DataFrame, table: pd.DataFrame, told: dict, schema: dict
) -> None:
    """Sample i is row i of the table that was given: inputs, label, group and time."""
    target = table[told["target"]]
    if schema["task"] == "classification":
        finds(y, target, told["positive"])
    else:
        assert np.allclose(y, plain(target), rtol=1e-5), "another target"
    for place, column in enumerate(schema["columns"]):
        given = table[column["name"]]
        if "values" in column:
            known = ~np.isnan(x[:, place])
            texts = np.array(column["values"])[x[known, place].astype(int)]
            assert (texts == given[known].astype(str)).all(), "another text"
            assert given[~known].isna().all() or len(column["values"]) == inputs.LEVELS, "a text is lost"
        else:
            assert np.allclose(x[:, place], plain(given), rtol=1e-5, equal_nan=True), "another input"
    if told["group"]:
        assert (pd.factorize(samples.group)[0] == pd.factorize(table[told["group"]].astype(str))[0]).all(), "groups"
    if told["time"]:
        given = table[told["time"]]
        numbers = pd.to_numeric(given, errors="coerce")
        given = pd.to_datetime(given) if numbers.isna().any() or isinstance(given.iloc[0], pd.Timestamp) else numbers
        assert (samples.end.rank(method="dense") == given.rank(method="dense")).all(), "another order in time"


def finds(y: np.ndarray, given: pd.Series, positive: object) -> None:
    """The label is 1 where a value is the positive one, named or beyond doubt, and 0 elsewhere."""
    plainly = given.astype(str).str.lower().str.removesuffix(".0")
    wanted = [str(positive).lower()] if positive is not None else ["1", "true", "yes", "y", "positive"]
    assert (plainly.isin(wanted).to_numpy() == y.astype(bool)).all() and 0 < y.sum() < len(y), "another label"


def are_windows(
    x: np.ndarray, y: np.ndarray, samples: pd.DataFrame, table: pd.DataFrame, told: dict, schema: dict
) -> None:
    """Windows hold the rows of their series up to the moment of the forecast, and the target a horizon later."""
    groups = {str(name): rows for name, rows in table.groupby(told["series"])} if told["series"] else {"series": table}
    for i in {0, len(samples) // 2, len(samples) - 1}:
        rows = groups[samples.group[i]]
        time = pd.to_datetime(rows[told["time"]], format="ISO8601").reset_index(drop=True)
        [end] = np.flatnonzero(time == samples.end[i])
        last = end - told["horizon"]
        first, target = last - told["history"] + 1, plain(rows[told["target"]])
        assert time[first] == samples.start[i], "begins elsewhere"
        assert np.isclose(y[i], target[end], rtol=1e-5) and samples.label[i] == y[i], "another target"
        for place, name in enumerate(schema["channels"]):
            assert np.allclose(x[i, :, place], plain(rows[name])[first : last + 1], rtol=1e-5), "another window"


def are_photos(x: np.ndarray, y: np.ndarray, samples: pd.DataFrame, source: Path, told: dict) -> None:
    """Each photo has its own pixels and the label of its folder; equal files are one group."""
    finds(y, samples.source.str.split("/").str[0], told["positive"])
    for i in {0, len(samples) // 2, len(samples) - 1}:
        with Image.open(source / samples.source[i]) as image:
            grey = image.mode in ("L", "1", "LA")
            photo = image.convert("L" if grey else "RGB").resize((told["size"],) * 2, Image.Resampling.BILINEAR)
        assert (x[i] == np.asarray(photo.convert("L" if x.ndim == 3 else "RGB"))).all(), "another photo"
    content = samples.source.map(lambda name: (source / name).read_bytes())
    assert samples.group.groupby(content).nunique().max() == 1, "copies in two groups"


def whole(table: pd.DataFrame, told: dict, schema: dict) -> int:
    """Windows without a missing value or a hole in time, counted one by one."""
    count, span = 0, told["history"] + told["horizon"]
    for _, rows in table.groupby(told["series"]) if told["series"] else [(None, table)]:
        time = pd.to_datetime(rows[told["time"]], utc=True, format="ISO8601").reset_index(drop=True)
        known = rows[schema["channels"]].apply(pd.to_numeric, errors="coerce").notna()
        every, goal = known.all(axis=1).to_numpy(), known[told["target"]].to_numpy()
        step = time.diff().dt.total_seconds().to_numpy() / schema["step"]
        for first in range(0, len(rows) - span + 1, told["stride"]):
            last, end = first + told["history"], first + span
            near = np.abs(step[first + 1 : end] - 1) <= 0.5
            count += bool(every[first:last].all() and goal[end - 1] and near.all())
    return count


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given({"table": tables(), "series": series(), "photos": photos()}[KIND])
def prepares_or_refuses(found: tuple) -> None:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, told, rows = lay(found, folder)
        cfg = config.compose("data=own")
        for key, value in {**told, "path": str(source)}.items():
            if key in ("damage", "sound"):
                continue
            cfg.data[key] = value
        os.chdir(folder)
        Path("data/prepared").mkdir(parents=True)
        Path("data/prepared/mine").touch()  # of an earlier run
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                prepare.main(cfg)
        except SystemExit as stop:
            said = str(stop.code)
            assert said.startswith("error: ") and "\n" not in said and len(said) < 2000, said
            assert Path("data/prepared/mine").exists() and not Path("data/prepared.new").exists(), said
            ENDINGS["refused"] += 1
            assert not told.get("sound") or re.search(MAY, said), said
        else:
            assert not Path("data/prepared/mine").exists()
            keeps(rows, found, source, cfg)
            ENDINGS["prepared"] += 1
        finally:
            os.chdir(before)


prepares_or_refuses()
print(f"{KIND}: {ENDINGS.total()} data sets, {ENDINGS['prepared']} prepared, {ENDINGS['refused']} refused")
