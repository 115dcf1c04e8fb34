"""The customers of the CoIL Challenge 2000 as a tidy table: their columns, Purchase, inferred area, slices.

The one module that knows the starter's data; your own data goes through inputs.py alone.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

AREA = 43  # the first columns describe the postcode area of a customer, not the customer


def tidy(source: Path, data: DictConfig) -> pd.DataFrame:
    """One row a customer, with group (area), car, power and size added.

    Customers with the same 43 columns are taken to live in one area. That is an inference: two
    areas may look the same.
    """
    table = pd.read_csv(source)
    group = table.groupby(list(table.columns[:AREA]), sort=False).ngroup()
    size = group.map(group.value_counts())
    extra = {
        "group": group,
        "car": np.where(table.PPERSAUT > 0, "car policy", "no car policy"),
        "power": pd.cut(table.MKOOPKLA, [0, 3, 5, 8], labels=["low power", "middle power", "high power"]),
        "area": np.where(size == 1, "area seen once", "larger area"),
    }
    return table.assign(**extra).astype({"power": str})
