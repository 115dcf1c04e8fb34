"""Raw photos -> arrays, modules and frozen splits in data/prepared/ (`dvc repro prepare`).

x.npy            uint8 (n, 300, 300), grey, as photographed
y.npy            float32 (n,), 1 for defective: an expert's probability (0, 1/3, 2/3, 1) above a half
samples.parquet  one row a cell: id, source, kind, probability, certainty, label, group and a
                 column for each split
"""

import hashlib
import importlib.resources
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from PIL import Image
from sklearn.model_selection import train_test_split

from . import config

PREPARED = Path("data/prepared")
# Cells of the panels in the data set, most to least frequent size (Deitsch et al. 2019: 44 panels).
PANEL_SIZES = (60, 72, 48)


@config.main
def main(cfg: DictConfig) -> None:
    """Writes data/prepared/; leaves the previous one alone if anything is wrong."""
    table, photos = read(cfg.data.sha256)
    y = (table["probability"] >= cfg.data.positive).to_numpy(np.float32)
    samples = pd.DataFrame(
        {
            "id": table["path"].str.extract(r"(cell\d+)")[0],
            "source": table["path"],
            "kind": table["kind"],
            "probability": table["probability"],
            "certainty": np.where(table["probability"].isin([0, 1]), "sure label", "unsure label"),
            "label": y.astype(np.int8),
            "group": modules(table["kind"].to_numpy()),
        }
    )
    shares = dict(cfg.data.shares)
    samples["module"] = "unseen"
    seen = samples[~samples["group"].isin(cfg.data.unseen)]
    alike = np.column_stack([seen["label"], seen["certainty"] == "unsure label", seen["kind"] == "mono"])
    samples.loc[seen.index, "module"] = grouped_split(
        seen["group"], alike, shares, cfg.data.draws, cfg.data.split_seed
    )
    samples["random"] = random_split(samples["label"], shares, cfg.data.split_seed)
    check_frozen(samples, cfg)
    write(photos, y, samples)
    print(samples.groupby("module").agg(cells=("id", "size"), defective=("label", "mean")).round(3))


def read(sha256: str) -> tuple[pd.DataFrame, np.ndarray]:
    """The label table and the photos (n, 300, 300) uint8 of the installed package, hash-checked."""
    folder = Path(str(importlib.resources.files("elpv_dataset"))) / "data"
    labels = folder / "labels.csv"
    if not labels.exists():
        raise config.BadInput(f"{labels}: missing; reinstall elpv-dataset with `uv sync`")
    columns = ["path", "probability", "kind"]
    table = pd.read_csv(labels, sep=r"\s+", header=None, names=columns)
    files = [labels, *(folder / path for path in table["path"])]
    found = hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files))
    if found.hexdigest() != sha256:
        raise config.BadInput(
            f"{folder}: SHA-256 {found.hexdigest()}, conf/data/starter.yaml expects {sha256}"
        )
    return table, np.stack([np.asarray(Image.open(f).convert("L")) for f in files[1:]])


def modules(kind: np.ndarray) -> np.ndarray:
    """Panel number of each cell, inferred from the order of the files; kind (n,) -> int (n,).

    Cells of a panel follow each other, and runs of one cell type are whole panels. Runs that no
    panel size divides (714 and 530 cells, some are missing) are cut into panels of almost 60.
    """
    group = np.empty(len(kind), np.int64)
    count = 0
    for run in np.split(np.arange(len(kind)), np.flatnonzero(kind[1:] != kind[:-1]) + 1):
        size = next((s for s in PANEL_SIZES if len(run) % s == 0), PANEL_SIZES[0])
        for panel in np.array_split(run, max(1, round(len(run) / size))):
            group[panel] = count
            count += 1
    return group


def grouped_split(
    group: np.ndarray, alike: np.ndarray, shares: dict[str, float], draws: int, seed: int
) -> np.ndarray:
    """Part of each sample (n,), no group in two parts: the best balanced of many random draws.

    alike (n, k) holds what every part should have its share of. No result of a model enters.
    """
    names, index = np.unique(group, return_inverse=True)
    if len(names) < 2 * len(shares):
        raise config.BadInput(f"{len(names)} groups are too few to split, {2 * len(shares)} needed")
    columns = np.column_stack([np.ones(len(index)), alike]).astype(float)
    totals = np.stack([np.bincount(index, weights=column) for column in columns.T], axis=1)
    totals /= totals.sum(0)
    wanted = np.array(list(shares.values()))
    rng = np.random.default_rng(seed)
    best, parts = np.inf, np.empty(len(names), np.int64)
    for _ in range(draws):
        order = rng.permutation(len(names))
        middle = np.cumsum(totals[order, 0]) - totals[order, 0] / 2
        part = np.searchsorted(np.cumsum(wanted)[:-1], middle)
        got = np.stack([totals[order][part == p].sum(0) for p in range(len(wanted))])
        off = np.abs(got - wanted[:, None]).max()
        if off < best:
            best, parts[order] = off, part
    return np.array(list(shares))[parts][index]


def random_split(label: pd.Series, shares: dict[str, float], seed: int) -> np.ndarray:
    """Part of each sample (n,), drawn at random with the same share of positives in each."""
    part = np.full(len(label), "train", dtype=object)
    rest, test = train_test_split(
        np.arange(len(label)), test_size=shares["test"], random_state=seed, stratify=label
    )
    size = shares["val"] / (1 - shares["test"])
    _, val = train_test_split(rest, test_size=size, random_state=seed, stratify=label.iloc[rest])
    part[val], part[test] = "val", "test"
    return part


def check_frozen(samples: pd.DataFrame, cfg: DictConfig) -> None:
    """Stops if the split differs from the one that earlier results were measured on."""
    rows = samples[["id", "module", "random"]].to_csv(index=False, lineterminator="\n")
    found = hashlib.sha256(rows.encode()).hexdigest()
    if cfg.data.split_sha256 not in (None, found):
        raise config.BadInput(
            f"the split has SHA-256 {found}, conf/data/starter.yaml expects "
            f"{cfg.data.split_sha256}; set split_sha256: null to accept a new split"
        )


def write(x: np.ndarray, y: np.ndarray, samples: pd.DataFrame) -> None:
    """Writes the prepared folder under another name, then puts it in place."""
    new = PREPARED.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    np.save(new / "x.npy", x)
    np.save(new / "y.npy", y)
    samples.to_parquet(new / "samples.parquet", index=False)
    config.replace(new, PREPARED)


if __name__ == "__main__":
    main()
