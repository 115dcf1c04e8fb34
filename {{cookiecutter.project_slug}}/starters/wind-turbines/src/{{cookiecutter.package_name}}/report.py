"""Draws the figures, writes docs/results.md and the numbers in README.md. `dvc repro report`.

All sentences are in docs/results.md.j2 and docs/blocks.md.j2.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
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
    windows, _, schema = load_prepared()
    metrics = json.loads(METRICS.read_text(encoding="utf-8"))
    prepared.check_same_data(METRICS, metrics, schema)
    test = pd.read_parquet(PREDICTIONS)
    reference = metrics["baseline_name"]
    table = {**TABLE, "cost": TABLE["cost"]._replace(label=cfg.data.names.cost)}  # with its unit
    context = pages.context(
        metrics,
        table,
        headline_metrics=["mae", "cost", "coverage"],
        cfg=cfg,
        schema=schema,
        predictions=test,
        shape=windows.shape,
    )
    models, label = ["network", reference], context["labels"]["mae"]
    figures.calibration(metrics, FIGURES / "calibration.png")
    figures.intervals(metrics["slices"], models, label, FIGURES / "slices.png")
    figures.error_concentration(test, models, FIGURES / "cost.png")
    leakage = context["leakage_scores"]
    figures.intervals(leakage, models[1:], label, FIGURES / "leakage.png", "split")
    figures.training(Path("models/history/metrics.csv"), FIGURES / "training.png")
    test["baseline"] = test[reference]
    with plt.rc_context(figures.STYLE):
        figures.save(explain.hero(windows, test), FIGURES / "hero.png")
        figures.save(explain.data_examples(windows, test, schema), FIGURES / "data.png")
        figures.save(explain.worst_errors(windows, test, schema), FIGURES / "errors.png")
    explain.save_examples(windows, test, schema)
    blocks = pages.update(context, pages.browser_demo(schema, metrics))
    figures.social_card(context, blocks["claim"], FIGURES / "social.png")


if __name__ == "__main__":
    main()
