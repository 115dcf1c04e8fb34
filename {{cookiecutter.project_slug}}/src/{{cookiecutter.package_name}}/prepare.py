"""Raw data -> checked arrays and frozen splits in data/prepared/ (`dvc repro prepare`).

x.npy            (n, ...) raw units, one row a sample
y.npy            float32 (n,): 0 or 1, or the value to predict
samples.parquet  id, label, group, the columns of slices and one column for each split
schema.json      what a raw input looks like: task, columns, categories, units

`prepare data=own data.path=FILE ...` takes your own data instead, and writes into conf/ what it was told.
"""

import contextlib
import hashlib
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from . import config, dataset, fetch, inputs, splits, starter

TAKEN = ("id", "label", "group", "start", "end", "row", "week", "network", "trivial")  # names of columns
KEPT = ["path", "kaggle", "target", "positive", "label", "id", "group", "series", "time", "horizon"]
KEPT += ["borders", "drop", "show", "slices", "unseen"]
OWN, CHOICE = Path("conf/data/own.yaml"), Path("conf/config.yaml")


@config.main
def main(cfg: DictConfig) -> None:
    """Writes data/prepared/; leaves the previous one alone if anything is wrong."""
    data = cfg.data
    x, y, samples, schema, digest = read(data)
    for key, known in (("split", data.splits), ("resample", samples)):
        if data[key] not in known:
            raise config.BadInput(f"data.{key}={data[key]}: choose of {', '.join(known) or 'data.splits'}")
    if data.unseen and data.split != "grouped" and not data.starter:
        raise config.BadInput(f"data.unseen: a {data.split} split has none; add data.split=grouped")
    if clash := {*TAKEN, *data.splits} & set(data.slices):
        raise config.BadInput(f"data.slices: the project uses the name {', '.join(clash)}; rename the column")
    for kind in data.splits:
        samples[kind] = splits.cut(kind, samples, data, schema["task"])
    frozen = check_frozen(samples, data)
    own = not data.starter and record(data, digest)  # first: cut off here, `dvc repro` does the rest
    write(x, y, samples, {**schema, "data": frozen})
    print(summary(samples, data.split))
    if (samples[data.split] == "gap").any():
        print("gap: in no part, for it spans a border in time or its group was seen earlier")
    if own:
        print(f"written into {OWN} and {CHOICE}; next: uv run dvc repro")


def read(data: DictConfig) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict, str]:
    """x (n, ...), y (n,), samples without splits, schema, and SHA-256 of the source."""
    if data.starter and any(text.startswith(("data.path=", "data.kaggle=")) for text in said()):
        raise config.BadInput("this is the starter's data; add data=own to take your own")
    for key in ("drop", "slices", "show", "splits", "unseen"):
        if not OmegaConf.is_list(names := data.get(key, OmegaConf.create([]))):
            raise config.BadInput(f"data.{key}={names}: write a list, data.{key}=[{names}]")
        if names:
            data[key] = [str(name) for name in names]  # a column named 2024 is a text too
    for key in config.TEXTS:
        if (name := data.get(key.removeprefix("data."))) is not None:
            data[key.removeprefix("data.")] = str(name)
    source = fetch.fetch(data)
    digest = fetch.check(source, expected(data), "conf/data")
    try:
        table = starter.tidy(source, data) if data.starter else inputs.tidy(source, data)
        return *inputs.arrays(table, data), digest
    except config.BadInput as error:
        where = f"{source}: " if str(error).startswith(("row ", "column ")) else ""
        raise config.BadInput(f"{where}{error}") from None


def expected(data: DictConfig) -> str | None:
    """The hash that the data must have; the one in own.yaml says nothing of another path that is given."""
    words = {text.split("=")[0] for text in said()}
    chosen = HydraConfig.get().runtime.choices["data"] if words else ""
    if chosen != "own" or "data.sha256" in words or not words & {"data.path", "data.kaggle"}:
        return data.sha256
    was = OmegaConf.to_container(OmegaConf.load(OWN), resolve=False)
    places = [[Path(str(of.get(key))).resolve() for key in ("path", "kaggle")] for of in (data, was)]
    return data.sha256 if places[0] == places[1] else None


def check_frozen(samples: pd.DataFrame, data: DictConfig) -> str:
    """SHA-256 of ids and splits; BadInput if earlier results were measured on another split."""
    rows = samples[["id", *dict.fromkeys(data.splits)]].to_csv(index=False, lineterminator="\n")
    found = hashlib.sha256(rows.encode()).hexdigest()
    if data.split_sha256 not in (None, found):
        raise config.BadInput(
            f"the split has SHA-256 {found}, conf/data expects "
            f"{data.split_sha256}; set data.split_sha256=null to accept a new split"
        )
    return found


def write(x: np.ndarray, y: np.ndarray, samples: pd.DataFrame, schema: dict) -> None:
    """Writes the prepared folder under another name, then puts it in place; schema["data"] tells it apart."""
    new = dataset.FOLDER.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    np.save(new / "x.npy", x)
    np.save(new / "y.npy", y)
    samples.to_parquet(new / "samples.parquet", index=False)
    digest = hashlib.sha256(json.dumps(schema).encode())
    for name in ("x.npy", "y.npy"):
        with (new / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    schema = {**schema, "data": digest.hexdigest()[:12]}
    config.write(new / "schema.json", json.dumps(schema, indent=1) + "\n")
    config.replace(new, dataset.FOLDER)


def summary(samples: pd.DataFrame, split: str) -> pd.DataFrame:
    """Samples, groups and mean label of each part."""
    parts = samples.groupby(split)
    return parts.agg(samples=("id", "size"), groups=("group", "nunique"), label=("label", "mean")).round(3)


def record(data: DictConfig, digest: str) -> bool:
    """Writes what the command line said into conf/, so that `dvc repro` goes on; whether it said anything."""
    keys = {text.split("=")[0].removeprefix("data.") for text in said() if text.startswith("data.")}
    if not keys:
        return False
    if nested := sorted(key for key in keys if "." in key):
        print(f"not written into {OWN}, do it by hand: {', '.join(nested)}")
    every = OmegaConf.to_container(data, resolve=True)
    values = {key: value for key, value in every.items() if key in keys}
    kept = [f"{key}={every[key]}" for key in KEPT if every.get(key) and key not in keys]
    if data.read and kept:  # it was told something before, here as the command line takes it
        print(f"kept from {OWN}: {', '.join(kept)}".replace("'", ""))
    values |= {"sha256": digest, "read": f"{datetime.now(UTC):%Y-%m-%d}"}
    fill(OWN, {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()})
    fill(CHOICE, {"  - data": "own"})
    return True


def said() -> list[str]:
    """The overrides of the command line."""
    return list(HydraConfig.get().overrides.task) if HydraConfig.initialized() else []


def fill(path: Path, values: dict[str, str]) -> None:
    """Replaces the values of these keys in a YAML file and keeps its comments."""
    text = path.read_text(encoding="utf-8")
    for key, value in values.items():
        old = r"(?:\"(?:[^\"\\]|\\.)*\"|[^\s#][^#\n]*?)?"
        line = re.compile(rf"^({re.escape(key)}:) *{old} *(#.*)?$", re.MULTILINE)
        text, count = line.subn(lambda m, new=value: f"{m[1]} {new}  {m[2] or ''}".rstrip(), text, count=1)
        with contextlib.suppress(*config.ERRORS):
            if count and OmegaConf.create(text):
                continue
        raise config.BadInput(f"{path}: write the value of {key.strip(' -')} on its line")
    config.write(path, text)


if __name__ == "__main__":
    main()
