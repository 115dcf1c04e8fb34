"""Searches settings with Optuna -> runs/tune.db; stopped, it goes on from there.

Looks at validation only and never touches models/ or reports/. The best settings are printed; put
them into conf/model by hand and run `dvc repro`. All overrides of train work here too.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import optuna
from omegaconf import DictConfig, OmegaConf

from . import config, train


def main(overrides: list[str]) -> None:
    """Runs the study until it has conf's number of finished trials."""
    cfg = config.compose(*overrides)
    config.check(cfg)
    seen = train.seen(cfg)

    def objective(trial: optuna.Trial) -> float:
        found = suggest(trial, cfg.tune.search)
        chosen = config.compose(*overrides, *(f"{key}={value}" for key, value in found.items()))
        out = Path("runs/tune", str(trial.number))
        try:
            loss = train.fit(chosen, *seen, out)
        except train.Diverged as error:
            raise optuna.TrialPruned(str(error)) from None
        shutil.rmtree(out)
        return loss

    Path("runs").mkdir(exist_ok=True)
    study = optuna.create_study(storage="sqlite:///runs/tune.db", study_name=name(cfg), load_if_exists=True)
    # Another seed after each stop, or the search would draw its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=cfg.seed + len(study.trials))
    done = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    study.optimize(objective, n_trials=max(0, cfg.tune.trials - len(done)))
    print(f"best of {len(study.trials)} trials: loss {study.best_value:.4f}")
    print(" ".join(f"{key}={value}" for key, value in study.best_params.items()))


def name(cfg: DictConfig) -> str:
    """Names a study by all that its trials share, so that only like is compared with like."""
    settings = OmegaConf.to_yaml(OmegaConf.masked_copy(cfg, ["data", "model", "seed"]))
    settings += OmegaConf.to_yaml(cfg.tune.search)
    return f"{cfg.data.split}-{cfg.model.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"


def suggest(trial: optuna.Trial, search: dict) -> dict[str, float]:
    """A value for each setting of conf's search space: [low, high] or [low, high, log]."""
    return {
        key: trial.suggest_float(key, float(low), float(high), log=bool(log))
        for key, (low, high, *log) in search.items()
    }


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except config.BadInput as error:
        sys.exit(f"error: {error}")
