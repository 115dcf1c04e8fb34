"""The CoIL Challenge 2000 table: labels, postcode areas and the split. `dvc repro prepare`.

x.npy            float32 (n, columns): numbers, codes of categories, NaN where a value is missing
samples.parquet  id, label (1: policyholder), group (area), columns of slices, splits, block (what
                 confidence intervals resample)
schema.json      task, columns, display names; travels inside the ONNX file
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import InputError, config, fetch, prepared, readers, splits, stage, tables
from omegaconf import DictConfig, OmegaConf

PREPARED = Path("data/prepared")
N_AREA_COLUMNS = 43  # the first columns describe the postcode area, the others the customer
COLUMN_SETTINGS = ("target", "id", "group", "time", "drop", "show", "slices")  # of conf/data
RESERVED = {"split", "row", "network", "constant"}  # columns that evaluate.py adds
# What columns mean, from the challenge's dictionary: in figures, app and demo.
COLUMN_NAMES = {
    "MKOOPKLA": "purchasing power class",
    "MINKGEM": "average income in the area",
    "MINKM30": "low incomes in the area",
    "MOPLLAAG": "lower education in the area",
    "MHKOOP": "home owners in the area",
    "MRELGE": "married people in the area",
    "MFALLEEN": "singles in the area",
    "MOSTYPE": "subtype of the area",
}
POLICIES = {"PERSAUT": "car", "BRAND": "fire", "WAPART": "liability", "PLEZIER": "boat"}
for code, policy in POLICIES.items():
    COLUMN_NAMES |= {f"P{code}": f"{policy} policy, premium", f"A{code}": f"{policy} policies"}


@stage
def main(cfg: DictConfig) -> None:
    """Writes rows, labels and the frozen splits to data/prepared/."""
    data = cfg.data
    source, sha256 = fetch.source(data)
    table = load_caravan(source) if data.starter else load_own(source, data)
    try:
        labels, task = tables.target(table[data.target], data.positive)
        # Excluded: the target, row identifiers, and what is known only after the outcome.
        excluded = [data.target, data.id, data.group, data.time, *data.drop]
        columns = tables.column_schema(table, excluded)
        x = tables.encode(table, columns)
        samples = pd.DataFrame({"id": np.arange(len(table)), "label": labels})
        # Without a group, at least rows that are equal in all columns stay together.
        row_hashes = pd.util.hash_pandas_object(pd.DataFrame(x), index=False)
        samples["group"] = pd.factorize(row_hashes)[0]
        for name in ("id", "group"):
            if data[name] is not None:
                samples[name] = table[data[name]]
        if data.time is not None:
            samples["end"] = readers.times(table[data.time])
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    slices = table[list(data.slices)].astype(str)
    split_samples(samples, slices, data, task)
    names = OmegaConf.to_container(data.names, resolve=True)
    if not samples.block.equals(samples.group):
        names["block"] = "block of time"
    for name in (RESERVED | {*samples, *data.baselines}) & {*slices}:
        raise InputError(f"{source}: column {name}: rename it to use it in data.slices")
    schema = {
        "task": task,
        "names": names,
        "columns": columns,
        "column_names": COLUMN_NAMES if data.starter else {},
        "show": list(data.show) or [column["name"] for column in columns[:8]],
    }
    # conf/ first: if this process is killed here, `dvc repro` prepares the data again.
    config.record_own_data(data, sha256)
    prepared.write(PREPARED, {"x": x}, samples.join(slices), schema)
    print(splits.summary(samples, data.split))


def load_caravan(path: Path) -> pd.DataFrame:
    """One row per customer: the 85 columns, Purchase, the area, and three columns for slices."""
    table = pd.read_csv(path)
    # Customers with the same 43 columns count as one area, although two areas may be equal.
    area = table.groupby(list(table.columns[:N_AREA_COLUMNS]), sort=False).ngroup()
    names = ["low purchasing power", "middle purchasing power", "high purchasing power"]
    return table.assign(
        group=area,
        car=np.where(table.PPERSAUT > 0, "car policy", "no car policy"),
        purchasing_power=pd.cut(table.MKOOPKLA, [0, 3, 5, 8], labels=names),  # classes 1 to 8
        area=np.where(area.map(area.value_counts()) == 1, "area seen once", "larger area"),
    )


def load_own(source: Path, data: DictConfig) -> pd.DataFrame:
    """A user-supplied table, with the columns that conf/data names."""
    path = source / "train.csv" if source.is_dir() else source  # the folder of a competition
    table = readers.table(path)
    if data.target is None:
        raise InputError(f"{path}: set data.target=COLUMN; there are {readers.listing(table)}")
    readers.check_columns(table, path, {key: data[key] for key in COLUMN_SETTINGS})
    return table


def split_samples(samples: pd.DataFrame, slices: pd.DataFrame, data: DictConfig, task: str) -> None:
    """Adds one column per split strategy, and the unit that confidence intervals resample."""
    if data.split == "grouped":
        # Customers of one area share half of the columns: an area is never in two splits.
        options = {"slices": slices, "task": task, "n_draws": data.draws, "seed": data.split_seed}
        samples["grouped"] = splits.grouped(samples.group, samples.label, data.shares, **options)
    elif data.split == "time" and data.time is not None:
        groups = samples.group if data.keep_groups_whole else None
        options = {"borders": data.borders, "groups": groups}
        samples["time"] = splits.by_time(samples.end, None, data.shares, **options)
    elif data.split != "random":
        raise InputError(f"data.split={data.split}: choose grouped, random, or time with data.time")
    # A random split of rows, to measure whether it overstates the result.
    stratify = samples.label.nunique() == 2  # both classes equally frequent in all splits
    samples["random"] = splits.random(samples.label, data.shares, data.split_seed, stratify)
    more = ""
    if data.split == "time" and data.keep_groups_whole:
        more = " or data.keep_groups_whole=false"
    splits.check_split(samples[data.split], samples.label, task, more)
    splits.verify_frozen(samples, [data.split, "random"], data.split_sha256)
    samples["block"] = samples.group
    if data.split == "time" and data.group is None:
        # Rows of one day or week share its conditions: intervals over single rows are too narrow.
        is_test = samples.time == "test"
        samples["block"] = splits.time_blocks(samples.end, within=is_test)


def load_prepared() -> tuple[np.ndarray, pd.DataFrame, dict]:
    """Rows x (n, columns) float32, memory-mapped, the table of samples, and the schema."""
    x = np.load(PREPARED / "x.npy", mmap_mode="c")  # "c": read when used, never written
    schema = json.loads((PREPARED / "schema.json").read_text(encoding="utf-8"))
    return x, pd.read_parquet(PREPARED / "samples.parquet"), schema


if __name__ == "__main__":
    main()
