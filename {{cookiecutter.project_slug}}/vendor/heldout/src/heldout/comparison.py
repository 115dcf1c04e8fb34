"""Metrics of several models on the same rows, with confidence intervals over whole groups."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .errors import InputError

MIN_GROUPS = 5  # with fewer groups to resample, a 95% interval is unreliable
Metrics = Callable[[pd.DataFrame, str], Mapping[str, float]]
Intervals = dict[str, dict[str, float]]  # {metric: {"value", "low", "high"}}


class Comparison:
    """Bootstrap over whole groups, as rows of one group (a patient, a site, a week) are alike.

    All models are measured on the same resamples, so differences are paired. Intervals reach from
    the 2.5th to the 97.5th percentile. A metric that is undefined on `rows` is left out of results.

    Args:
        rows: one row for each sample, with the columns that `metrics` and `slices` use
        models: names that `metrics(rows, model) -> {metric: number}` is called with
        groups: the column whose values are resampled; InputError if it is missing or has gaps
        n_boot: number of resamples
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        models: Sequence[str],
        metrics: Metrics,
        groups: str,
        *,
        n_boot: int = 1000,
        seed: int = 0,
    ):
        if rows.empty or groups not in rows or rows[groups].isna().any():
            raise InputError(f"groups={groups}: give rows, with a group in each row of that column")
        # Every resample copies the rows, and categories are copied much faster than texts.
        texts = [name for name in rows if pd.api.types.is_string_dtype(rows[name])]
        rows = rows.reset_index(drop=True).astype(dict.fromkeys(texts, "category"))
        self.rows, self.models, self.metrics = rows, list(models), metrics
        self.groups, self.bootstrap = groups, {"n_boot": n_boot, "seed": seed}
        members = list(self.rows.groupby(groups, observed=True).indices.values())
        self.n_groups = len(members)
        self.metric_names = list(metrics(self.rows, self.models[0]))
        self.estimates = self._measure(self.rows)  # (models, metrics)
        self.draws = np.empty((n_boot, *self.estimates.shape))
        rng = np.random.default_rng(seed)
        for i in range(n_boot):
            drawn = rng.integers(self.n_groups, size=self.n_groups)
            resample = np.concatenate([members[group] for group in drawn])
            self.draws[i] = self._measure(self.rows.take(resample))

    def _measure(self, rows: pd.DataFrame) -> np.ndarray:
        results = [self.metrics(rows, model) for model in self.models]
        return np.array([[result[name] for name in self.metric_names] for result in results], float)

    def _intervals(self, values: np.ndarray, draws: np.ndarray) -> Intervals:
        """Of values (metrics,) and draws (n_boot, metrics)."""
        results = {}
        for name, value, drawn in zip(self.metric_names, values, draws.T, strict=True):
            if np.isfinite(value):
                low, high = np.nanpercentile(drawn, [2.5, 97.5])
                ends = {"value": value, "low": low, "high": high}
                results[name] = {key: round(float(end), 6) for key, end in ends.items()}
        return results

    def table(self) -> dict[str, Intervals]:
        """{model: {metric: {"value", "low", "high"}}}"""
        results = zip(self.models, self.estimates, self.draws.swapaxes(0, 1), strict=True)
        return {model: self._intervals(values, draws) for model, values, draws in results}

    def difference(self, model: str, reference: str) -> Intervals:
        """{metric: {"value", "low", "high"}} of `model` minus `reference`."""
        i, j = self.models.index(model), self.models.index(reference)
        return self._intervals(
            self.estimates[i] - self.estimates[j], self.draws[:, i] - self.draws[:, j]
        )

    def verdict(self, model: str, reference: str, metric: str, better: str = "higher") -> str:
        """How `model` differs in a metric of which `better` values are "higher" or "lower".

        Returns "better", "worse", "not significant" (the interval of the difference includes 0), or
        "too few groups" (fewer than MIN_GROUPS).
        """
        if metric not in self.metric_names or better not in ("higher", "lower"):
            raise ValueError(f"metric={metric!r}, better={better!r}: choose of {self.metric_names}")
        if self.n_groups < MIN_GROUPS:
            return "too few groups"
        gap = self.difference(model, reference).get(metric, {"low": 0, "high": 0})
        if gap["low"] <= 0 <= gap["high"]:
            return "not significant"
        return "better" if (gap["low"] > 0) == (better == "higher") else "worse"

    def versus(self, model: str, metrics: Mapping[str, Any]) -> dict[str, dict]:
        """Differences and verdicts of `model` and every other model.

        `metrics` maps names to objects with `better` (pages.Metric). Returns {"differences": {other:
        {metric: interval}}, "verdicts": {other: {metric: text}}}, without verdicts for metrics that
        have a target, such as a coverage near 80%.
        """
        differences, verdicts = {}, {}
        for other in self.models:
            if other != model:
                differences[other] = self.difference(model, other)
                verdicts[other] = {}
                for name, metric in metrics.items():
                    if metric.better in ("higher", "lower"):
                        verdicts[other][name] = self.verdict(model, other, name, metric.better)
        return {"differences": differences, "verdicts": verdicts}

    def point_estimates(self, rows: pd.DataFrame) -> dict:
        """{"n": rows, model: {metric: value}} on other rows; {} if there are none."""
        if rows.empty:
            return {}
        results: dict = {"n": len(rows)}
        for model in self.models:
            values = self.metrics(rows, model)
            results[model] = {k: round(float(v), 6) for k, v in values.items() if np.isfinite(v)}
        return results

    def slices(self, columns: Sequence[str], metric: str, models: Sequence[str] = ()) -> dict:
        """A metric for each value of each column; without columns, on "all" rows.

        Returns {value: {"n": rows, "mean": mean label, model: {"value", "low", "high"}, ...}}, with
        the key "column value" if two columns share a value. Slices in which the metric is undefined
        are left out and, of labels 0 and 1, those with a single class. Without `models`: all.
        """
        models = list(models) if len(models) else self.models
        parts = [(c, *part) for c in columns for part in self.rows.groupby(c, observed=True)]
        is_binary = self.rows.label.isin([0, 1]).all()
        results: dict = {}
        for column, value, rows in parts or [("", "all", self.rows)]:
            if is_binary and rows.label.nunique() < 2:
                continue
            table = self.on(rows, models).table()
            if all(metric in table[model] for model in models):
                name = f"{column} {value}" if str(value) in results else str(value)
                results[name] = {"n": len(rows), "mean": round(float(rows.label.mean()), 4)}
                results[name] |= {model: table[model][metric] for model in models}
        return results

    def on(self, rows: pd.DataFrame, models: Sequence[str] = ()) -> "Comparison":
        """The same comparison on other rows, of all models or some."""
        models = models if len(models) else self.models
        return Comparison(rows, models, self.metrics, self.groups, **self.bootstrap)

    def to_frame(self) -> pd.DataFrame:
        """A row for each model, a column for each metric: "0.902 (0.830 to 0.954)"."""
        table = pd.DataFrame.from_dict(self.table(), orient="index")
        text = "{0[value]:.3f} ({0[low]:.3f} to {0[high]:.3f})"
        return table.map(text.format, na_action="ignore").fillna("")
