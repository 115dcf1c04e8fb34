"""`heldout tune`: searches settings of the model with Optuna; resumes from runs/tune.db.

Only validation data are used, and models/ and reports/ stay as they are.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import optuna
from omegaconf import DictConfig, OmegaConf

from .cli import project_function
from .crossvalidate import compose, load_samples
from .errors import InputError
from .torch import DivergedError, fingerprint


def main(words: Sequence[str]) -> None:
    """Runs the study until it has cfg.tune.trials finished trials, and prints the best settings."""
    cfg, fit = compose(words), project_function("fit")
    samples, _ = load_samples()
    split = samples[cfg.data.split].to_numpy()
    split = np.where(np.isin(split, ["train", "val"]), split, "-")  # hides the test set

    def propose(trial: optuna.Trial) -> DictConfig:
        settings = suggest(trial, cfg.tune.search, cfg)
        return compose([*words, *(f"{key}={value}" for key, value in settings.items())])

    def objective(trial: optuna.Trial) -> float:
        out = Path("runs/tune", str(trial.number))
        try:
            loss = fit(propose(trial), split, out)
        except DivergedError as error:
            raise optuna.TrialPruned(str(error)) from None
        shutil.rmtree(out, ignore_errors=True)
        return loss

    propose(optuna.create_study().ask())  # a wrong search space is refused before it begins
    # All trials of a study share these settings, so that only like is compared with like.
    name = fingerprint(cfg.data, cfg.model, cfg.seed, cfg.tune.search)
    Path("runs").mkdir(exist_ok=True)
    storage, name = "sqlite:///runs/tune.db", f"{cfg.data.split}-{cfg.model.name}-{name}"
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    # Another seed after each interruption, or the first trials would be drawn again
    study.sampler = optuna.samplers.TPESampler(seed=cfg.seed + len(study.trials))
    complete = [optuna.trial.TrialState.COMPLETE]
    n_left = cfg.tune.trials - len(study.get_trials(states=complete))
    study.optimize(objective, n_trials=max(0, n_left))
    n_trials = len(study.trials)
    if not study.get_trials(states=complete):
        raise InputError(f"all {n_trials} trials diverged; lower the ranges of tune.search")
    print(f"best of {n_trials} trials: validation loss {study.best_value:.4f}")
    print(*(f"{key}={value}" for key, value in study.best_params.items()))


def suggest(trial: optuna.Trial, search: Mapping, cfg: DictConfig) -> dict[str, float]:
    """{setting: value} for {setting: [low, high] or [low, high, "log"]}; whole where cfg's is."""
    settings = {}
    for key, bounds in search.items():
        if not key.startswith("model.") or OmegaConf.select(cfg, key) is None:
            raise InputError(f"tune.search: {key}: write settings of the model, as in model.lr")
        number, ask = float, trial.suggest_float
        if type(OmegaConf.select(cfg, key)) is int:
            number, ask = int, trial.suggest_int
        try:
            low, high, *log = bounds
            settings[key] = ask(key, number(low), number(high), log=bool(log))
        except (ValueError, TypeError):
            remedy = "write [low, high] or [low, high, log]"
            raise InputError(f"tune.search: {key}={bounds}: {remedy}") from None
    return settings
