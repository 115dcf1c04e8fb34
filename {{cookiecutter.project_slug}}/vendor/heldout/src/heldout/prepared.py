"""data/prepared: arrays, a table of samples and a schema, written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from .errors import InputError, making


def write(
    folder: Path, arrays: Mapping[str, np.ndarray], samples: pd.DataFrame, schema: dict
) -> None:
    """Writes NAME.npy for each array, samples.parquet and schema.json in place of `folder`.

    schema["data"] becomes a hash of schema, arrays and samples: models and metrics keep it, so that
    results of other data are recognized.
    """
    row_hashes = pd.util.hash_pandas_object(samples, index=False).to_numpy()
    schema = {**schema, "data": joblib.hash([json.dumps(schema), dict(arrays), row_hashes])[:12]}
    with making(folder) as new:
        new.mkdir()
        for name, values in arrays.items():
            np.save(new / f"{name}.npy", values)
        samples.to_parquet(new / "samples.parquet", index=False)
        text = json.dumps(schema, indent=1) + "\n"
        (new / "schema.json").write_text(text, encoding="utf-8", newline="\n")


def check_same_data(name: Path | str, content: dict, schema: dict) -> None:
    """InputError if a model or report was made from other data than those prepared."""
    if content.get("data") != schema.get("data"):
        raise InputError(f"{name}: made from other data; make it anew with `uv run dvc repro`")
