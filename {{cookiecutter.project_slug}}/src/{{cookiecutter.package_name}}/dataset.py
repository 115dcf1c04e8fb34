"""data/prepared as arrays. Most stages read them without torch, which takes seconds to import."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from .config import BadInput

FOLDER = Path("data/prepared")


def belongs(what: str, found: dict, schema: dict) -> None:
    """BadInput if a model or result was made of other data than those in data/prepared."""
    if found.get("data") != schema.get("data"):
        raise BadInput(f"{what}: of other data than {FOLDER}; make it anew with `uv run dvc repro`")


def read(columns: list[str] | None = None) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict]:
    """x (n, ...) memory-mapped, y (n,), the table of samples (or these columns of it) and the schema."""
    if not (FOLDER / "x.npy").exists():
        raise BadInput(f"{FOLDER}: missing; make it with `uv run dvc repro`")
    try:
        x = np.load(FOLDER / "x.npy", mmap_mode="c")  # "c": pages are read when used, never written
        schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
        samples = pd.read_parquet(FOLDER / "samples.parquet", columns=columns)
        return x, np.load(FOLDER / "y.npy"), samples, schema
    except (ValueError, OSError, EOFError):  # a column that is not there, too
        what = f"damaged, or without {', '.join(columns or ['what is needed'])}"
        raise BadInput(f"{FOLDER}: {what}; make it anew with `uv run dvc repro --force prepare`") from None
