"""The arithmetic behind every number."""

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from sklearn.metrics import roc_auc_score

from {{ cookiecutter.package_name }} import scores

DATA = OmegaConf.create(
    {"cost": {"miss": 5, "false_alarm": 1, "error": 2}, "limit": {"of": "negatives", "share": 0}}
)
LABEL = pd.Series([0, 0, 0, 1, 1])
P = pd.Series([0.1, 0.2, 0.6, 0.5, 0.9])
ROWS = pd.DataFrame({"label": LABEL, "model": P})


def test_a_classification_worked_by_hand():
    found = scores.score(ROWS, "model", DATA, {"cost": 0.55, "accuracy": 0.45})
    assert list(found) == list(scores.METRICS["classification"])
    assert found["auc"] == pytest.approx(5 / 6)  # one of six pairs is in the wrong order
    assert found["accuracy"] == pytest.approx(4 / 5)
    assert found["recall"] == 1 / 2
    assert found["false_alarm_rate"] == pytest.approx(1 / 3)
    assert found["recall_at_limit"] == 1 / 2  # without a false alarm
    assert found["cost"] == pytest.approx(1000 * (5 + 1) / 5)
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.36 + 0.25 + 0.01) / 5)


@pytest.mark.parametrize("values", [2, 30, 10_000])  # many ties, some, none
def test_auc_is_that_of_scikit_learn(values):
    rng = np.random.default_rng(values)
    y, p = rng.uniform(size=500) < 0.1, rng.integers(0, values, 500) / values
    assert scores.auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert np.isnan(scores.auc(np.zeros(5, bool), p[:5])) and np.isnan(scores.auc(np.ones(5, bool), p[:5]))


def test_tradeoff_counts_what_the_most_suspect_hold():
    rows = pd.DataFrame({"label": [0] * 50 + [1] * 50, "network": range(100), "baseline": [0.3] * 100})
    found = scores.tradeoff(rows, "classification")
    assert found["network"][:2] == [0.02, 0.04] and found["network"][49:] == [1] * 51
    assert found["baseline"] == [share / 100 for share in range(1, 101)]  # ties: as many as chance finds


def test_tradeoff_of_a_regression_begins_with_the_narrowest_interval():
    rows = pd.DataFrame({"label": np.zeros(4), "network": [4.0, 1, 2, 3], "baseline": np.ones(4)})
    rows = rows.assign(network_low=0, network_high=[9, 2, 5, 7])
    found = scores.tradeoff(rows, "regression")
    assert [found["network"][i] for i in (0, 24, 25, 99)] == [1, 1, 1.5, 2.5]
    assert set(found["baseline"]) == {1}


def test_a_regression_worked_by_hand():
    rows = pd.DataFrame({"label": [1, 2, 3], "model": [1, 3, 5]})
    rows = rows.assign(model_low=[0, 2.5, 2], model_high=[2, 4, 6])
    found = scores.score(rows, "model", DATA, None)
    assert list(found) == list(scores.METRICS["regression"])
    assert found["mae"] == pytest.approx(1)
    assert found["rmse"] == pytest.approx((5 / 3) ** 0.5)
    assert found["pinball"] == pytest.approx(((0.1 + 0.45 + 0.1) + (0 + 0.5 + 1) + (0.1 + 0.2 + 0.3)) / 9)
    assert found["coverage"] == pytest.approx(2 / 3)
    assert found["width"] == pytest.approx(2.5)
    assert found["cost"] == pytest.approx(2)


@pytest.mark.parametrize(
    ("of", "share", "found"), [("negatives", 1 / 3, 1), ("all", 2 / 5, 1 / 2), ("all", 4 / 5, 1)]
)
def test_a_limit_counts_false_alarms_or_all_that_is_flagged(of, share, found):
    limit = OmegaConf.create({"of": of, "share": share})
    assert scores.recall_at(LABEL.to_numpy() > 0, P.to_numpy(), limit) == found


def test_threshold_is_the_cheapest_and_moves_with_the_cost():
    assert scores.thresholds(LABEL, P, 5, 1)["cost"] == pytest.approx(0.35)
    assert scores.thresholds(LABEL, P, 1, 5)["cost"] == pytest.approx(0.75)


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_chosen_ones(seed):
    rng = np.random.default_rng(seed)
    p = rng.integers(0, 20, 60) / 20  # with ties
    y = rng.uniform(size=60) < p
    at = scores.thresholds(pd.Series(y.astype(int)), pd.Series(p), 3, 1)
    tried = [p >= t for t in np.linspace(0, 1.01, 500)]
    assert scores.mean_cost(y, p >= at["cost"], 3, 1) == min(scores.mean_cost(y, t, 3, 1) for t in tried)
    assert np.mean((p >= at["accuracy"]) == y) == max(np.mean(t == y) for t in tried)


def test_a_threshold_holds_for_neighbours_in_32_bit_and_for_certainty():
    near = np.nextafter(np.float32(0.3), np.float32(1))
    for p, y in (([0.3, near], [0, 1]), ([1, 0.2, 0.3], [0, 0, 0])):
        p, y = np.array(p, np.float32), np.array(y)
        at = scores.thresholds(pd.Series(y), pd.Series(p), 1, 10)
        assert scores.mean_cost(y > 0, p >= at["cost"], 1, 10) == 0


def test_the_trivial_answer_costs_the_cheaper_of_all_and_none():
    constant = ROWS.assign(model=0.4)
    at = scores.thresholds(LABEL, constant.model, 5, 1)
    assert scores.score(constant, "model", DATA, at)["cost"] == 1000 * 3 / 5


def test_whole_groups_are_drawn():
    rows = pd.DataFrame({"group": [0, 0, 1, 1], "value": [0, 0, 1, 1]})
    drawn = []

    def mean(some):
        drawn.append(sorted(some.value))
        return {"all": {"mean": some.value.mean()}}

    found = scores.bootstrap(mean, rows, draws=50, seed=0)["all"]["mean"]
    assert all(len(values) == 4 and values.count(1) % 2 == 0 for values in drawn)
    assert (found["value"], found["low"], found["high"]) == (0.5, 0, 1)


def test_there_are_no_empty_bins():
    rows = pd.DataFrame({"label": [0, 1, 1], "p": [0.1, 0.8, 0.9]})
    assert scores.calibration(rows, "p", "classification", 10)["promised"] == [0.1, 0.8, 0.9]


def test_a_calibrated_classification_has_no_gap():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20_000)
    rows = pd.DataFrame({"label": (rng.uniform(size=20_000) < p).astype(int), "model": p})
    assert scores.calibration(rows, "model", "classification", 10)["gap"] < 0.02
    wrong = rows.assign(label=1 - rows.label)
    assert scores.calibration(wrong, "model", "classification", 10)["gap"] > 0.2


def test_a_calibrated_regression_has_no_gap():
    label = np.random.default_rng(0).uniform(size=20_000)
    rows = pd.DataFrame({"label": label, "model_low": 0.1, "model": 0.5, "model_high": 0.9})
    assert scores.calibration(rows, "model", "regression", 10)["gap"] < 0.02
    assert scores.calibration(rows.assign(label=label + 1), "model", "regression", 10)["gap"] > 0.2
