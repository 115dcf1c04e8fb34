"""Metrics, thresholds and calibration against scikit-learn and numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from heldout import metrics, thresholds
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss, roc_auc_score

Y = np.array([0, 0, 0, 1, 1])
P = np.array([0.1, 0.2, 0.6, 0.5, 0.9])
pairs = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60)


@settings(deadline=None)
@given(pairs)
def test_roc_auc_equals_scikit_learn(samples):
    y, p = np.array(samples).T
    if len({*y}) < 2:
        assert np.isnan(metrics.roc_auc(y, p))
    else:
        assert metrics.roc_auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)


@pytest.mark.parametrize(
    ("of", "share", "recall"),
    [("negatives", 0, 1 / 2), ("negatives", 1 / 3, 1), ("all", 2 / 5, 1 / 2), ("all", 4 / 5, 1)],
)
def test_recall_at_a_share_of_negatives_or_of_all(of, share, recall):
    assert metrics.recall_at(Y, P, share, of) == recall


def test_recall_at_is_expected_among_ties_and_undefined_for_one_class():
    assert metrics.recall_at(Y, np.full(5, 0.3), 0.2) == pytest.approx(0.2)
    assert np.isnan(metrics.recall_at(Y * 0, P, 0.2))


def test_cost_pinball_and_coverage():
    assert metrics.expected_cost(Y, P >= 0.55, 5, 1) == pytest.approx((5 + 1) / 5)
    y, quantiles = np.array([1.0, 2, 3]), np.array([[0, 1, 2], [2.5, 3, 4], [2, 5, 6]])
    losses = [mean_pinball_loss(y, quantiles[:, i], alpha=metrics.QUANTILES[i]) for i in range(3)]
    assert metrics.pinball(y, quantiles) == pytest.approx(np.mean(losses))
    assert metrics.coverage(y, quantiles[:, 0], quantiles[:, 2]) == pytest.approx(2 / 3)


def test_calibration_of_classes_and_quantiles():
    rng = np.random.default_rng(0)
    p = rng.uniform(size=20_000)
    y = rng.uniform(size=20_000) < p
    assert metrics.calibration(y, p)["ece"] < 0.02
    assert metrics.calibration(~y, p)["ece"] > 0.2
    assert metrics.calibration([0, 1, 1], [0.1, 0.8, 0.9])["predicted"] == [0.1, 0.8, 0.9]
    quantiles = np.tile(metrics.QUANTILES, (20_000, 1))
    curve = metrics.quantile_calibration(p, quantiles)
    assert curve["predicted"] == [0.1, 0.5, 0.9] and curve["ece"] < 0.02
    assert metrics.quantile_calibration(p + 1, quantiles)["ece"] == 0.5


def test_gain_and_error_curves():
    curve = metrics.gain_curve([0] * 50 + [1] * 50, range(100))
    assert curve[:2] == [0.02, 0.04] and curve[49:] == [1] * 51
    tied = metrics.gain_curve([0] * 50 + [1] * 50, [0.3] * 100)
    assert tied == [share / 100 for share in range(1, 101)]
    curve = metrics.error_curve([-4.0, 1, 2, 3], [9, 2, 5, 7])
    assert [curve[i] for i in (0, 24, 25, 99)] == [1, 1, 1.5, 2.5]


def test_predictions_become_one_or_three_columns():
    index = [7, 8]
    assert metrics.prediction_columns("net", [0.1, 0.2], index).net.to_dict() == {7: 0.1, 8: 0.2}
    table = metrics.prediction_columns("net", np.arange(6).reshape(2, 3), index)
    assert table.columns.tolist() == ["net_low", "net", "net_high"]


@settings(deadline=None)
@given(pairs, st.sampled_from([1, 3, 20]))
def test_no_threshold_beats_the_optimal_one(samples, miss):
    y, p = np.array(samples).T
    p = p / 20
    candidates = np.linspace(0, 1.05, 400)
    costs = [metrics.expected_cost(y, p >= t, miss, 1) for t in candidates]
    optimal = thresholds.min_cost(y, p, miss, 1)
    assert metrics.expected_cost(y, p >= optimal, miss, 1) == pytest.approx(min(costs))
    accuracies = [np.mean((p >= t) == y) for t in candidates]
    assert np.mean((p >= thresholds.max_accuracy(y, p)) == y) == max(accuracies)


def test_thresholds_move_with_the_cost():
    assert thresholds.min_cost(Y, P, 5, 1) == pytest.approx(0.35)
    assert thresholds.min_cost(Y, P, 1, 5) == pytest.approx(0.75)


def test_thresholds_separate_neighboring_floats_and_can_flag_nothing():
    near = np.nextafter(np.float32(0.3), np.float32(1))
    for p, y in (([0.3, near], [0, 1]), ([1, 0.2, 0.3], [0, 0, 0])):
        p = np.array(p, np.float32)
        flagged = p >= thresholds.min_cost(y, p, 1, 10)
        assert metrics.expected_cost(y, flagged, 1, 10) == 0


def test_the_cost_table_uses_thresholds_of_validation():
    val = pd.DataFrame({"label": Y, "network": P, "constant": 0.4})
    [row] = thresholds.cost_table(val, val.assign(network=1 - P), ["network", "constant"], [5])
    # Validation flags p >= 0.35: of 1 - P that is every negative, one positive missed.
    assert row == {"ratio": 5, "network": 1000 * (3 + 5) / 5, "constant": 1000 * 3 / 5}


@given(st.integers(20, 400), st.floats(0.5, 0.95), st.integers(0, 99))
def test_a_conformal_margin_covers_the_share_of_the_data_it_comes_from(n, level, seed):
    rng = np.random.default_rng(seed)
    y, low = rng.normal(size=n), rng.normal(-1, 0.1, n)
    high = low + rng.uniform(0, 1, n)
    margin = metrics.conformal_margin(y, low, high, level)
    covered = metrics.coverage(y, low - margin - 1e-9, high + margin + 1e-9)
    assert level <= covered <= level + 2 / n or covered == 1


def test_calibrated_intervals_cover_80_percent_of_new_data():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"label": rng.normal(size=40_000), "a_low": -0.1, "a": 0.0, "a_high": 0.1})
    val = np.arange(len(table)) < 20_000
    metrics.calibrate_intervals(table, val, ["a"])
    test = table[~val]
    assert metrics.coverage(test.label, test.a_low, test.a_high) == pytest.approx(0.8, abs=0.01)
    assert test.a_high.iloc[0] == pytest.approx(1.28, abs=0.03)  # the 90% quantile of a standard normal


def test_columns_of_members_average_to_the_prediction():
    members = np.arange(12.0).reshape(2, 2, 3)
    table = metrics.member_columns("network", members, [4, 7])
    assert list(table.columns[:3]) == ["network_low", "network", "network_high"]
    assert table.loc[7, "network/1"] == 10
    np.testing.assert_allclose(table["network"], members.mean(1)[:, 1])
    assert list(metrics.member_columns("p", members[:, :, 0], [0, 1])) == ["p", "p/0", "p/1"]


def test_calibration_never_turns_an_interval_around():
    wide = np.tile([-9.0, 0.0, 9.0], (900, 1))
    quantiles = np.concatenate([wide, np.tile([-0.1, 0.0, 0.1], (100, 1))])
    table = pd.DataFrame(quantiles, columns=["a_low", "a", "a_high"])
    table["label"] = np.random.default_rng(0).normal(size=1000)
    metrics.calibrate_intervals(table, np.full(1000, True), ["a"])
    assert (table.a_low <= table.a).all() and (table.a <= table.a_high).all()
