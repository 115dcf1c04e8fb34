"""Grouped cross-validation of network and baseline -> reports/crossvalidation-MODEL.json.

By group, every sample is tested once, by a network that has seen nothing of its group; by time, each
block but the first two is tested by a network that has seen only what came before. Slow: one training a
fold. `crossvalidate model=frozen` takes a minute.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from . import baseline, config, dataset, evaluate, features, leak, predict, scores, splits, train


@config.main
def main(cfg: DictConfig) -> None:
    """Fits both on each fold and prints the first metric of all folds together, with intervals by group."""
    x, y, samples, schema = dataset.read()
    task = schema["task"]
    z = leak.encoded(cfg, x, train.learn(x, y, samples[cfg.data.split].to_numpy(), schema))
    known = features.features(x, samples, schema)
    name = predict.metrics()["baseline_name"]
    found = samples[["label", cfg.data.resample]].assign(network=np.nan, baseline=np.nan)
    for fold, part in enumerate(splits.folds(samples, cfg.data, task, cfg.folds, cfg.seed)):
        test, learnt = part == "test", part == "train"
        out = Path("runs/crossvalidate", str(fold))
        facts = train.learn(x, y, part, schema)
        answers = leak.predict(cfg, facts, z, y, part, out, np.flatnonzero(test))
        theirs = baseline.fit(name, cfg, task, known[learnt], y[learnt])(known[test])
        found.loc[test, "network"] = answers if answers.ndim == 1 else answers[:, 1]
        found.loc[test, "baseline"] = theirs if theirs.ndim == 1 else theirs[:, 1]
        print(f"fold {fold + 1} of {cfg.folds}: {test.sum()} samples tested", flush=True)
    result = {**summary(found.dropna(), task, cfg), "data": schema.get("data")}
    path = Path(f"reports/crossvalidation-{cfg.model.name}.json")
    evaluate.write_json(path, result)
    evaluate.look(cfg, f"crossvalidate, {cfg.model.name}", path, result["network"]["value"])
    print(f"{path} is written, and counts as a look at the test set; next: uv run dvc repro report")


def summary(found: pd.DataFrame, task: str, cfg: DictConfig) -> dict:
    """First metric of both and their paired difference, with intervals by group."""
    result = evaluate.paired(found, "baseline", cfg, task)
    for name, metric in result.items():
        value, low, high = (metric[key] for key in ("value", "low", "high"))
        print(f"{name:<11} {scores.FIRST[task].upper()} {value:.3f} ({low:.3f} to {high:.3f})")
    return {"folds": cfg.folds, "n": len(found), "model": cfg.model.name, **result}


if __name__ == "__main__":
    main()
