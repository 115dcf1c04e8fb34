"""Paired intervals over whole groups, and the example of the README."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import heldout
import numpy as np
import pandas as pd
import pytest
from heldout import Comparison, InputError, metrics

README = Path(heldout.__file__).parents[2] / "README.md"


def make_rows(n_groups: int = 12, seed: int = 0) -> pd.DataFrame:
    """Ten rows of each group; the network's errors are smaller than the baseline's."""
    rng = np.random.default_rng(seed)
    n = 10 * n_groups
    label = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "label": label,
            "site": np.repeat([f"site {i}" for i in range(n_groups)], 10),
            "color": np.where(np.arange(n) % 2, "red", "blue"),
            "network": label + rng.normal(size=n),
            "baseline": label + 2 * rng.normal(size=n),
        }
    )


def measure(rows: pd.DataFrame, model: str) -> dict[str, float]:
    return {
        "mae": (rows.label - rows[model]).abs().mean(),
        "auc": metrics.roc_auc(rows.label, rows[model]),
    }


def test_intervals_equal_an_independent_computation():
    rows = make_rows()
    comparison = Comparison(rows, ["network", "baseline"], measure, "site", n_boot=200, seed=3)
    # Means over groups of equal size are weighted by how often each group is drawn.
    error = (rows[["network", "baseline"]].sub(rows.label, axis=0)).abs().groupby(rows.site).mean()
    error = error.sort_index().to_numpy()
    rng = np.random.default_rng(3)
    draws = np.array([error[rng.integers(12, size=12)].mean(axis=0) for _ in range(200)])
    gap = comparison.difference("network", "baseline")["mae"]
    low, high = np.percentile(draws[:, 0] - draws[:, 1], [2.5, 97.5])
    assert gap["value"] == pytest.approx(np.subtract(*error.mean(axis=0)), abs=1e-6)
    assert (gap["low"], gap["high"]) == pytest.approx((low, high), abs=1e-6)
    low, high = np.percentile(draws[:, 1], [2.5, 97.5])
    baseline = comparison.table()["baseline"]["mae"]
    assert (baseline["low"], baseline["high"]) == pytest.approx((low, high), abs=1e-6)


def test_whole_groups_are_resampled_and_all_models_on_the_same_rows():
    rows, drawn = pd.DataFrame({"g": [0, 0, 1, 1], "value": [0, 0, 1, 1]}), []

    def record(rows, model):
        drawn.append(sorted(rows.value))
        return {"mean": rows.value.mean()}

    comparison = Comparison(rows, ["a", "b"], record, "g", n_boot=50)
    assert all(len(values) == 4 and values.count(1) % 2 == 0 for values in drawn)
    assert comparison.table()["a"]["mean"] == {"value": 0.5, "low": 0, "high": 1}
    assert comparison.difference("a", "b")["mean"] == {"value": 0, "low": 0, "high": 0}


def test_intervals_over_groups_are_wider_than_over_rows_of_alike_groups():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"label": 0, "site": np.repeat(range(20), 50), "row": range(1000)})
    rows["network"] = rng.normal(size=20)[rows.site]

    def width(groups):
        comparison = Comparison(rows, ["network"], measure, groups, n_boot=200)
        interval = comparison.table()["network"]["mae"]
        return interval["high"] - interval["low"]

    assert width("site") > 4 * width("row")


def test_verdicts():
    comparison = Comparison(make_rows(30), ["network", "baseline"], measure, "site", n_boot=200)
    assert comparison.verdict("network", "baseline", "mae", "lower") == "better"
    assert comparison.verdict("baseline", "network", "mae", "lower") == "worse"
    assert comparison.verdict("network", "baseline", "auc") == "better"
    assert comparison.verdict("network", "network", "auc") == "not significant"
    small = comparison.on(make_rows(4))
    assert (small.n_groups, small.verdict("network", "baseline", "auc")) == (4, "too few groups")
    with pytest.raises(ValueError, match="choose of"):
        comparison.verdict("network", "baseline", "f1")


def test_slices_leave_out_what_is_undefined():
    rows = make_rows().assign(size=lambda t: np.where(t.label == 1, "red", "S"))
    comparison = Comparison(rows, ["network", "baseline"], measure, "site", n_boot=20)
    results = comparison.slices(["color", "size"], "auc", ["network"])
    assert list(results) == ["blue", "red"]  # of a size, all labels are equal
    assert set(results["red"]) == {"n", "mean", "network"}
    red = rows[rows.color == "red"]
    assert results["red"]["n"] == len(red) and results["red"]["mean"] == round(red.label.mean(), 4)
    assert results["red"]["network"] == comparison.on(red).table()["network"]["auc"]
    assert set(comparison.slices([], "mae")) == {"all"}
    alike = comparison.on(rows.assign(size=rows.color)).slices(["color", "size"], "auc")
    assert list(alike) == ["blue", "red", "size blue", "size red"]


def test_an_undefined_metric_is_left_out():
    comparison = Comparison(make_rows().assign(label=0), ["network"], measure, "site", n_boot=5)
    assert list(comparison.table()["network"]) == ["mae"]
    assert comparison.verdict("network", "network", "auc") == "not significant"


@pytest.mark.parametrize("rows", [make_rows()[:0], make_rows().drop(columns="site")])
def test_rows_without_groups_are_refused(rows):
    with pytest.raises(InputError, match=r"^groups=site: give rows"):
        Comparison(rows, ["network"], measure, "site")


def test_the_readme_prints_what_it_says():
    text = README.read_text(encoding="utf-8")
    [expected] = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec("".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), {})
    number = r"-?\d+\.\d+"
    # Another version of scikit-learn may change the third digit, not the statement.
    assert re.sub(number, "#", output.getvalue()) == re.sub(number, "#", expected)
    numbers = [[*map(float, re.findall(number, t))] for t in (output.getvalue(), expected)]
    assert numbers[0] == pytest.approx(numbers[1], abs=0.05)


def test_import_loads_nothing_else():
    code = "import sys, heldout; print(sorted({'numpy', 'torch', 'sklearn'} & {*sys.modules}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert heldout.splits.random and heldout.Comparison
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        heldout.missing  # noqa: B018


def test_intervals_include_the_variation_between_trainings():
    """Members whose errors share nothing: the interval of one training is too narrow for another."""
    rng, rows = np.random.default_rng(0), make_rows(n_groups=200)
    shift = [-0.5, 0.0, 0.5]  # the trainings differ by more than the groups
    for i in range(3):
        rows[f"network/{i}"] = rows.label + shift[i] + 0.1 * rng.normal(size=len(rows))
    rows["network"] = rows[["network/0", "network/1", "network/2"]].mean(axis=1)

    def bias(rows: pd.DataFrame, model: str) -> dict[str, float]:
        return {"bias": (rows[model] - rows.label).mean()}

    comparison = Comparison(rows, ["network", "baseline"], bias, "site", n_boot=2000)
    single = rows.drop(columns=[f"network/{i}" for i in range(3)])
    alone = Comparison(single, ["network", "baseline"], bias, "site", n_boot=2000)
    draws = comparison.draws[:, 0, 0]
    # The variance of the mean of three trainings: that of one, estimated without bias, over three.
    assert draws.var() == pytest.approx(np.var(shift, ddof=1) / 3, rel=0.1)
    assert alone.draws[:, 0, 0].std() < 0.02
    assert comparison.estimates[0, 0] == pytest.approx(alone.estimates[0, 0])
    np.testing.assert_allclose(comparison.spread("network", "bias"), shift, atol=0.02)


def test_members_of_quantiles_are_drawn_together():
    rows = make_rows()
    for i in range(3):
        rows[f"network/{i}"], rows[f"network_low/{i}"] = float(i), float(i) - 1
    rows["network"], rows["network_low"] = 1.0, 0.0

    def width(rows: pd.DataFrame, model: str) -> dict[str, float]:
        return {"width": (rows[model] - rows[f"{model}_low"]).mean()}

    comparison = Comparison(rows, ["network"], width, "site", n_boot=50)
    np.testing.assert_allclose(comparison.draws, 1)
    assert comparison.spread("network", "width") == [1, 1, 1]


def test_leakage_measures_a_baseline_on_the_test_rows_of_each_split():
    rows = make_rows()
    rows["grouped"] = np.where(rows.site.isin(["site 0", "site 1"]), "unseen", "test")
    rows["random"] = np.where(np.arange(len(rows)) % 2, "test", "train")
    fitted = pd.DataFrame({"grouped/baseline": rows.label + 2.0, "random/baseline": rows.label + 1.0})
    comparison = Comparison(rows, ["network", "baseline"], measure, "site", n_boot=20)
    results = comparison.leakage(rows, fitted, "baseline", ["grouped", "random"])
    assert results["grouped"]["baseline"]["value"] == 2
    assert results["random"]["baseline"]["value"] == 1


def test_ensembles_of_different_size_are_drawn_apart():
    rows = make_rows()
    for model, n_members in (("network", 3), ("network_low_cost", 5)):
        for i in range(n_members):
            rows[f"{model}/{i}"] = rows.label + float(i)
        rows[model] = rows.label + (n_members - 1) / 2
    comparison = Comparison(rows, ["network", "network_low_cost", "baseline"], measure, "site", n_boot=20)
    assert comparison.spread("network", "mae") == [0, 1, 2]
    assert comparison.spread("network_low_cost", "mae") == [0, 1, 2, 3, 4]
    assert comparison.spread("baseline", "mae") == []
    assert np.isfinite(comparison.draws).all()
