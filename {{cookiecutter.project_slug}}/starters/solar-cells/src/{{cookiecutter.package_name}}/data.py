"""ELPV photos: labels, module ids and the train/val/test split. `dvc repro prepare`.

images.npy       uint8 (n, size, size), or (n, size, size, 3) for color photos
samples.parquet  id, label (1: defective), group (module), slices, splits, block (resampled unit)
schema.json      shape of a photo, names of the classes; travels inside the ONNX file
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import config, fetch, images, prepared, splits, stage
from omegaconf import DictConfig, OmegaConf

PREPARED = Path("data/prepared")
MODULE_SIZES = (60, 72, 48)  # usual cells per module, an assumption; 60 first, as it fits best


@stage
def main(cfg: DictConfig) -> None:
    """Writes photos, labels and the frozen splits to data/prepared/."""
    data = cfg.data
    source, sha256 = fetch.source(data)
    if data.starter:
        samples = load_elpv(source, data.positive)
    else:
        samples = images.image_table(source, data.label, data.group, data.slices, data.positive)
    photos = images.stack_images(samples.path, data.size)
    samples = samples.drop(columns="path")
    if "group" not in samples:  # at least identical photos stay in one split
        samples["group"] = images.content_hashes(photos)
    split_samples(samples, data)
    schema = {
        "task": "classification",
        "channels": 1 if photos.ndim == 3 else 3,
        "size": data.size,
        "names": OmegaConf.to_container(data.names, resolve=True),
    }
    # conf/ first: if this process is killed here, `dvc repro` prepares the data again.
    config.record_own_data(data, sha256)
    prepared.write(PREPARED, {"images": photos}, samples, schema)
    print(splits.summary(samples, data.split))


def split_samples(samples: pd.DataFrame, data: DictConfig) -> None:
    """Adds one column per split strategy, and the unit that confidence intervals resample."""
    # Cells of one module share camera and panel: a module is never in two splits.
    samples["grouped"] = splits.grouped(
        samples.group,
        samples.label,
        data.shares,
        slices=samples[list(data.slices)],
        holdout=data.unseen,
        n_draws=data.draws,
        seed=data.split_seed,
    )
    # The split of most papers, to measure by how much it overstates the result.
    samples["random"] = splits.random(samples.label, data.shares, data.split_seed)
    splits.check_split(samples[data.split], samples.label, "classification")
    splits.verify_frozen(samples, ["grouped", "random"], data.split_sha256)
    samples["block"] = samples.group


def load_elpv(folder: Path, positive_from: float) -> pd.DataFrame:
    """One row per cell: id, path, label, group (module), cell type, certainty of the label.

    Experts rated every cell 0, 1/3, 2/3 or 1; it is defective if >= `positive_from`.
    """
    columns = ["path", "probability", "cell_type"]
    table = pd.read_csv(folder / "labels.csv", sep=r"\s+", header=None, names=columns)
    certain = table.probability.isin([0, 1])
    return pd.DataFrame(
        {
            "id": table.path.str.extract(r"(cell\d+)")[0],
            "path": [str(folder / path) for path in table.path],
            "label": (table.probability >= positive_from).astype(int),
            "group": infer_modules(table.cell_type.to_numpy()),
            "cell_type": table.cell_type,
            "certainty": np.where(certain, "certain label", "uncertain label"),
        }
    )


def infer_modules(cell_type: np.ndarray) -> np.ndarray:
    """Module id (n,) of every cell, inferred from the order of the files; cell_type (n,).

    Runs of one cell type are cut into whole modules. 714 and 530 cells, some missing, divide by no
    size: near-equal modules of about 60. 360 divides by 60 and 72; 60 gives the paper's 44 modules.
    """
    module_id = np.empty(len(cell_type), np.int64)
    next_id = 0
    run_starts = np.flatnonzero(cell_type[1:] != cell_type[:-1]) + 1
    for run in np.split(np.arange(len(cell_type)), run_starts):
        size = next((s for s in MODULE_SIZES if len(run) % s == 0), MODULE_SIZES[0])
        for cells in np.array_split(run, max(1, round(len(run) / size))):
            module_id[cells] = next_id
            next_id += 1
    return module_id


def load_prepared() -> tuple[np.ndarray, pd.DataFrame, dict]:
    """Photos (n, h, w[, 3]) uint8, memory-mapped, the table of samples, and the schema."""
    photos = np.load(PREPARED / "images.npy", mmap_mode="c")  # "c": read when used, never written
    schema = json.loads((PREPARED / "schema.json").read_text(encoding="utf-8"))
    return photos, pd.read_parquet(PREPARED / "samples.parquet"), schema


if __name__ == "__main__":
    main()
