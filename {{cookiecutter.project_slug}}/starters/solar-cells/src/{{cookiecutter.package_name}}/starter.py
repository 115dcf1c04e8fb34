"""The ELPV photos as a tidy table: path, label, group and what is known of each cell.

The one module that knows the starter's data; your own data goes through inputs.py alone.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

# Cells of the panels in the data set, most to least frequent size (Deitsch et al. 2019: 44 panels).
PANEL_SIZES = (60, 72, 48)


def tidy(source: Path, data: DictConfig) -> pd.DataFrame:
    """One row a cell: path, label (0, 1), group (panel), kind, probability, certainty.

    Experts gave a probability of 0, 1/3, 2/3 or 1; from data.positive on a cell is defective.
    """
    columns = ["path", "probability", "kind"]
    table = pd.read_csv(source / "labels.csv", sep=r"\s+", header=None, names=columns)
    return pd.DataFrame(
        {
            "id": table.path.str.extract(r"(cell\d+)")[0],
            "path": [str(source / path) for path in table.path],
            "source": table.path,
            "kind": table.kind,
            "probability": table.probability,
            "certainty": np.where(table.probability.isin([0, 1]), "sure label", "unsure label"),
            "label": (table.probability >= data.positive).astype(int),
            "group": panels(table.kind.to_numpy()),
        }
    )


def panels(kind: np.ndarray) -> np.ndarray:
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
