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

ENCODING = {"model.freeze", "model.size"}  # decide what is computed once for each photo


def main(overrides: list[str]) -> None:
    """Runs the study until it has conf's number of finished trials."""
    cfg = config.compose(*overrides)
    config.check(cfg)
    seen = train.seen(cfg)

    def proposed(trial: optuna.Trial) -> DictConfig:
        found = suggest(trial, cfg.tune.search)
        chosen = config.compose(*overrides, *(f"{key}={value}" for key, value in found.items()))
        config.check(chosen)
        return chosen

    def objective(trial: optuna.Trial) -> float:
        out, chosen = Path("runs/tune", str(trial.number)), proposed(trial)
        try:
            loss = train.fit(chosen, *(train.seen(chosen) if ENCODING & {*cfg.tune.search} else seen), out)
        except train.Diverged as error:
            raise optuna.TrialPruned(str(error)) from None
        shutil.rmtree(out)
        return loss

    proposed(optuna.create_study().ask())  # says what is wrong with the search before it begins
    Path("runs").mkdir(exist_ok=True)
    study = optuna.create_study(storage="sqlite:///runs/tune.db", study_name=name(cfg), load_if_exists=True)
    # Another seed after each stop, or the search would draw its first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=cfg.seed + len(study.trials))
    done = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    study.optimize(objective, n_trials=max(0, cfg.tune.trials - len(done)))
    if not study.get_trials(states=[optuna.trial.TrialState.COMPLETE]):
        raise config.BadInput(f"no trial of {len(study.trials)} ended well; give tune.search lower values")
    print(f"best of {len(study.trials)} trials: loss {study.best_value:.4f}")
    print(" ".join(f"{key}={value}" for key, value in study.best_params.items()))


def name(cfg: DictConfig) -> str:
    """Names a study by all that its trials share, so that only like is compared with like."""
    settings = OmegaConf.to_yaml(OmegaConf.masked_copy(cfg, ["data", "model", "seed"]))
    settings += OmegaConf.to_yaml(cfg.tune.search)
    return f"{cfg.data.split}-{cfg.model.name}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"


def suggest(trial: optuna.Trial, search: dict) -> dict[str, float]:
    """A value for each setting of conf's search space: [low, high] or [low, high, log]."""
    found = {}
    for key, bounds in search.items():
        if not key.startswith("model."):
            raise config.BadInput(f"tune.search: {key}: give settings of model")
        ask, number = (trial.suggest_int, int) if key in config.COUNTS else (trial.suggest_float, float)
        try:
            low, high, *log = bounds
            found[key] = ask(key, number(low), number(high), log=bool(log))
        except (ValueError, TypeError):
            raise config.BadInput(f"tune.search: {key}={bounds}: give [low, high], or with log") from None
    return found


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except config.BadInput as error:
        sys.exit(f"error: {error}")
