"""The columns of a table as scikit-learn takes them."""

import numpy as np


def one_hot_features(x: np.ndarray, columns: list[dict]) -> np.ndarray:
    """Features (n, k) float32 of encoded rows x (n, columns): categorical columns one-hot."""
    features = []
    for i, column in enumerate(columns):
        values = x[:, [i]]  # (n, 1)
        if "values" in column:  # categorical; none in the caravan table, all columns are numeric
            values = values == np.arange(len(column["values"]))  # (n, codes); NaN equals none
        features.append(values)
    return np.hstack(features).astype(np.float32)
