"""The arithmetic behind every number."""

import json

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from {{ cookiecutter.package_name }} import evaluate

COST = OmegaConf.create({"miss": 5, "false_alarm": 1})
LABEL = pd.Series([0, 0, 0, 1, 1])
P = pd.Series([0.1, 0.2, 0.6, 0.5, 0.9])


def test_scores_of_a_case_worked_by_hand():
    found = evaluate.score(LABEL, P, {"cost": 0.55, "accuracy": 0.45}, COST)
    assert found["auc"] == pytest.approx(5 / 6)  # one of six pairs is in the wrong order
    assert found["accuracy"] == pytest.approx(4 / 5)
    assert found["recall"] == 1 / 2
    assert found["false_alarm_rate"] == pytest.approx(1 / 3)
    assert found["cost_per_1000"] == pytest.approx(1000 * (5 + 1) / 5)
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.36 + 0.25 + 0.01) / 5)


def test_threshold_is_the_cheapest_and_moves_with_the_cost():
    assert evaluate.thresholds(LABEL, P, COST)["cost"] == pytest.approx(0.35)
    dear = OmegaConf.create({"miss": 1, "false_alarm": 5})
    assert evaluate.thresholds(LABEL, P, dear)["cost"] == pytest.approx(0.75)


def test_the_trivial_answer_costs_the_cheaper_of_all_and_none():
    constant = pd.Series([0.4] * 5)
    at = evaluate.thresholds(LABEL, constant, COST)
    assert evaluate.score(LABEL, constant, at, COST)["cost_per_1000"] == 1000 * 3 / 5


def test_whole_groups_are_drawn():
    rows = pd.DataFrame({"group": [0, 0, 1, 1], "value": [0, 0, 1, 1]})
    drawn = []

    def scores(some):
        drawn.append(sorted(some.value))
        return {"all": {"mean": some.value.mean()}}

    found = evaluate.bootstrap(scores, rows, draws=50, seed=0)["all"]["mean"]
    assert all(len(values) == 4 and values.count(1) % 2 == 0 for values in drawn)
    assert (found["value"], found["low"], found["high"]) == (0.5, 0, 1)


def test_a_calibrated_model_has_no_gap():
    rng = np.random.default_rng(0)
    p = pd.Series(rng.uniform(size=20_000))
    label = pd.Series((rng.uniform(size=20_000) < p).astype(int))
    assert evaluate.calibration(label, p, 10)["ece"] < 0.02
    assert evaluate.calibration(1 - label, p, 10)["ece"] > 0.2


def test_metrics_hold_what_readers_are_promised(inside):
    metrics = json.loads(evaluate.METRICS.read_text())
    for name in ("test", "baseline", "trivial", "difference"):
        for metric in metrics[name].values():
            assert metric["low"] <= metric["high"]
            assert set(metric) == {"value", "low", "high"}
    for key, metric in metrics["difference"].items():
        gap = metrics["test"][key]["value"] - metrics["baseline"][key]["value"]
        assert metric["value"] == pytest.approx(gap, abs=2e-6)


def test_thresholds_do_not_depend_on_test_labels(inside, monkeypatch):
    from conftest import settings

    from {{ cookiecutter.package_name }} import batches

    def flipped():
        x, y, samples = batches_read()
        test = samples[settings().data.split] == "test"
        samples.loc[test, "label"] = 1 - samples.loc[test, "label"]
        return x, y, samples

    before = evaluate.METRICS.read_text()
    ledger = evaluate.LEDGER.read_text()
    batches_read = batches.read
    monkeypatch.setattr(batches, "read", flipped)
    evaluate.main(settings())
    after = evaluate.METRICS.read_text()
    evaluate.METRICS.write_text(before)
    evaluate.LEDGER.write_text(ledger)
    assert json.loads(after)["threshold"] == json.loads(before)["threshold"]
    assert json.loads(after)["test"] != json.loads(before)["test"]


def test_each_look_at_the_test_set_is_written_down(inside):
    before = evaluate.LEDGER.read_text().splitlines()
    evaluate.look("a test", "models/model.onnx", 0.5)
    after = evaluate.LEDGER.read_text().splitlines()
    assert after[:-1] == before
    assert json.loads(after[-1])["stage"] == "a test"
    evaluate.LEDGER.write_text("\n".join(before) + "\n")
