"""Draws the figures, writes docs/results.md and the numbers in README.md. `dvc repro report`.

All sentences are in docs/results.md.j2 and docs/blocks.md.j2.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import figures, pages, prepared, stage
from omegaconf import DictConfig

from . import explain
from .data import load_prepared
from .evaluate import METRICS, PREDICTIONS, TABLE

FIGURES = Path("docs/figures")


@stage
def main(cfg: DictConfig) -> None:
    """Fills docs/ and README.md from reports/ and prints the result table."""
    photos, _, schema = load_prepared()
    metrics = json.loads(METRICS.read_text(encoding="utf-8"))
    prepared.check_same_data(METRICS, metrics, schema)
    test = pd.read_parquet(PREDICTIONS)
    reference = metrics["baseline_name"]
    context = pages.context(
        metrics,
        TABLE,
        headline_metrics=["recall_at_fpr", "cost", "auc"],
        cfg=cfg,
        schema=schema,
        predictions=test,
        shape=photos.shape,
    )
    draw_metrics(metrics, test, ["network", reference], context)
    draw_photos(cfg, metrics, test, photos)
    explain.save_examples(photos, test, list(cfg.data.slices), schema["names"])
    blocks = pages.update(context, pages.browser_demo(schema, metrics))
    figures.social_card(context, blocks["claim"], FIGURES / "social.png")


def draw_metrics(metrics: dict, test: pd.DataFrame, models: list[str], context: dict) -> None:
    """Figures of reports/metrics.json."""
    label = context["labels"]["auc"]
    figures.calibration(metrics, FIGURES / "calibration.png")
    figures.roc(test, models, FIGURES / "roc.png")
    figures.intervals(metrics["slices"], models, label, FIGURES / "slices.png")
    figures.cost_curve(metrics, [*models, "constant"], FIGURES / "cost.png")
    leakage = context["leakage_scores"]
    figures.intervals(leakage, models[1:], label, FIGURES / "leakage.png", "split")
    figures.training(Path("models/history/metrics.csv"), FIGURES / "training.png")


def draw_photos(cfg: DictConfig, metrics: dict, test: pd.DataFrame, photos: np.ndarray) -> None:
    """Figures that show photos (n, h, w[, 3])."""
    column = next(iter(cfg.data.slices), None)
    figures.save(explain.hero(photos, test, metrics["threshold"]), FIGURES / "hero.png")
    figures.save(explain.data_examples(photos, test, column), FIGURES / "data.png")
    figures.save(explain.worst_errors(photos, test), FIGURES / "errors.png")


if __name__ == "__main__":
    main()
