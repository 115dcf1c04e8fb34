"""The columns of a table as classical methods take them."""

import numpy as np
import pandas as pd


def features(x: np.ndarray, samples: pd.DataFrame, schema: dict) -> pd.DataFrame:
    """Features (n, k) of x (n, columns): numbers as they are, a column of 0 and 1 for each text."""
    found = {}
    for values, column in zip(x.T, schema["columns"], strict=True):
        if "values" not in column:
            found[column["name"]] = values
            continue
        for code, value in enumerate(column["values"]):
            found[f"{column['name']}={value}"] = (values == code).astype(np.float32)
    return pd.DataFrame(found)
