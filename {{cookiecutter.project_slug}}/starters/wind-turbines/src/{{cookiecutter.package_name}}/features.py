"""What a window says to classical methods: the last values, lags, means and spreads."""

import numpy as np
import pandas as pd

LAGS = (1, 2, 3, 6, 12)


def features(x: np.ndarray, samples: pd.DataFrame, schema: dict) -> pd.DataFrame:
    """Features (n, k) of windows x (n, history, channels); `now` is the target at the moment of forecast."""
    history = x.shape[1]
    columns = [x[:, -1, :]]
    for lag in LAGS:
        if lag < history:
            columns.append(x[:, -1 - lag, : len(schema["channels"])])
    target = np.asarray(x[:, :, 0])
    for span in sorted({min(6, history), history}):
        columns += [target[:, -span:].mean(1, keepdims=True), target[:, -span:].std(1, keepdims=True)]
    found = pd.DataFrame(np.concatenate(columns, axis=1)).rename(columns=str)
    return found.rename(columns={"0": "now"})
