"""Draws the figures, fills docs/results.md and README.md from *.md.j2. `dvc repro report`."""

import json
from pathlib import Path

import pandas as pd
from heldout import figures, pages, prepared, stage
from omegaconf import DictConfig

from . import explain
from .data import load_prepared
from .evaluate import METRICS, PREDICTIONS, TABLE

FIGURES = Path("docs/figures")
TILES = ("recall_at_share", "mae", "coverage", "cost", "auc")  # the first is in the headline


@stage
def main(cfg: DictConfig) -> None:
    """Fills docs/ and README.md from reports/ and prints the result table."""
    x, _, schema = load_prepared()
    metrics = json.loads(METRICS.read_text(encoding="utf-8"))
    prepared.check_same_data(METRICS, metrics, schema)
    test = pd.read_parquet(PREDICTIONS)
    table = {name: TABLE[name] for name in TABLE if name in metrics["results"]["network"]}
    tiles = [name for name in TILES if name in table]
    reference = metrics["baseline_name"]
    options = {"cfg": cfg, "schema": schema, "predictions": test, "shape": x.shape}
    context = pages.context(metrics, table, tiles, **options)
    models, label = ["network", reference], context["labels"][context["primary"]]
    figures.calibration(metrics, FIGURES / "calibration.png")
    figures.intervals(metrics["slices"], models, label, FIGURES / "slices.png")
    leakage = context["leakage_scores"]
    figures.intervals(leakage, [reference], label, FIGURES / "leakage.png", "split")
    figures.training(Path("models/history/metrics.csv"), FIGURES / "training.png")
    if metrics["threshold"] is None:  # a regression has none, and no ROC curve
        figures.error_concentration(test, models, FIGURES / "cost.png")
    else:
        figures.roc(test, models, FIGURES / "roc.png")
        figures.cost_curve(metrics, [*models, "constant"], FIGURES / "cost.png")
    figures.save(explain.hero(x, test, metrics["threshold"]), FIGURES / "hero.png")
    figures.save(explain.data_examples(x, test), FIGURES / "data.png")
    figures.save(explain.worst_errors(x, test), FIGURES / "errors.png")
    explain.save_examples(x, test, schema["columns"])
    blocks = pages.update(context, pages.browser_demo(schema, metrics))
    figures.social_card(context, blocks["claim"], FIGURES / "social.png")


if __name__ == "__main__":
    main()
