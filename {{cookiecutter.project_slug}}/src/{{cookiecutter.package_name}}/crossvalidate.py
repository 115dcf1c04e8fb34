"""Grouped cross-validation of network and baseline -> reports/crossvalidation-MODEL.json.

Every sample is tested once, by a network that has seen nothing of its group. Slow: one training a
fold. `crossvalidate model=frozen` takes a minute.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from sklearn.model_selection import StratifiedGroupKFold

from . import baseline, batches, config, evaluate, leak, model


@config.main
def main(cfg: DictConfig) -> None:
    """Fits both on each fold and prints the AUC of all folds together, with intervals by group."""
    x, y, samples = batches.read()
    z = batches.encode(model.build(cfg.model), x, cfg.trainer.accelerator)
    features = baseline.features(x, samples)
    found = samples[["label", "group"]].assign(network=np.nan, baseline=np.nan)
    for fold, part in enumerate(parts(samples, cfg.folds, cfg.seed)):
        test = part == "test"
        out = Path("runs/crossvalidate", str(fold))
        found.loc[test, "network"] = leak.predict(cfg, z, y, part, out)[test]
        fitted = baseline.fit(features[part == "train"], samples.label[part == "train"])
        found.loc[test, "baseline"] = baseline.probability(fitted, features[test])
        print(f"fold {fold + 1} of {cfg.folds}: {test.sum()} samples tested", flush=True)
    result = summary(found, cfg)
    path = Path(f"reports/crossvalidation-{cfg.model.name}.json")
    evaluate.write_json(path, result)
    evaluate.look(f"crossvalidate, {cfg.model.name}", path, result["network"]["auc"]["value"])
    print("Counted as a look at test data; `uv run dvc repro report` updates the README.")


def parts(samples: pd.DataFrame, folds: int, seed: int) -> list[np.ndarray]:
    """For each fold the part (n,) of every sample: a fold tests, the next validates, no group twice."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(samples), np.int64)
    for i, (_, rows) in enumerate(splitter.split(samples, samples.label, samples.group)):
        fold[rows] = i
    names = np.array(["train"] * folds)
    names[:2] = "test", "val"
    return [names[(fold - i) % folds] for i in range(folds)]


def summary(found: pd.DataFrame, cfg: DictConfig) -> dict:
    """AUC of both and their paired difference, with intervals by group."""
    result = evaluate.bootstrap(evaluate.auc_difference, found, cfg.bootstrap, cfg.seed)
    for name, metrics in result.items():
        auc = metrics["auc"]
        print(f"{name:<11} AUC {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})")
    return {"folds": cfg.folds, "n": len(found), "model": cfg.model.name, **result}


if __name__ == "__main__":
    main()
