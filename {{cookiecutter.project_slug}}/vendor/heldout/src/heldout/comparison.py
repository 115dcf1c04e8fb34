"""Metrics of several models on the same rows, with confidence intervals over whole groups."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .errors import InputError

N_CENTERING = 100  # resamples by which draws of fewer members are centered
MIN_GROUPS = 5  # with fewer groups to resample, a 95% interval is unreliable
Metrics = Callable[[pd.DataFrame, str], Mapping[str, float]]
Intervals = dict[str, dict[str, float]]  # {metric: {"value", "low", "high"}}


class Comparison:
    """Bootstrap over whole groups, as rows of one group (a patient, a site, a week) are alike.

    All models are measured on the same resamples, so differences are paired. Intervals reach from
    the 2.5th to the 97.5th percentile. A metric that is undefined on `rows` is left out of results.

    Args:
        rows: one row for each sample, with the columns that `metrics` and `slices` use. Columns
            such as `network/0` and `network/1` are single trainings, whose mean is `network`: they
            are resampled as well, so that intervals hold for other groups and another training.
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
        self.rows = rows.reset_index(drop=True).astype(dict.fromkeys(texts, "category"))
        self.models, self.metrics = list(models), metrics
        self.groups, self.bootstrap = groups, {"n_boot": n_boot, "seed": seed}
        self.members = {}  # {model: {column: its columns of single trainings}}
        for model in self.models:
            columns = defaultdict(list)
            for name in map(str, rows):
                if re.fullmatch(rf"{re.escape(model)}(_low|_high)?/\d+", name):
                    columns[name.rpartition("/")[0]].append(name)
            if columns:
                self.members[model] = columns
        rows_of_group = list(self.rows.groupby(groups, observed=True).indices.values())
        self.n_groups = len(rows_of_group)
        self.metric_names = list(metrics(self.rows, self.models[0]))
        self.estimates = self._measure(self.rows)  # (models, metrics)
        self.draws = np.empty((n_boot, *self.estimates.shape))
        unchanged = []  # metrics with all members on the first resamples
        rng = np.random.default_rng(seed)
        for i in range(n_boot):
            drawn = rng.integers(self.n_groups, size=self.n_groups)
            resample = self.rows.take(np.concatenate([rows_of_group[group] for group in drawn]))
            if self.members and i < N_CENTERING:
                unchanged.append(self._measure(resample))
            self.draws[i] = self._measure(self._redraw_members(resample, rng))
        if unchanged:  # fewer members add variance, and must not add their lower mean
            change = self.draws[: len(unchanged)] - np.array(unchanged)
            self.draws -= np.nan_to_num(change).mean(axis=0)

    def _measure(self, rows: pd.DataFrame) -> np.ndarray:
        return np.array([[*self.metrics(rows, model).values()] for model in self.models], float)

    def _redraw_members(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """The rows with the mean of random members in place of the mean of all M members.

        M - 1 are drawn with replacement: so the variance of their mean is an unbiased estimate of
        that of the mean of M trainings (Rao and Wu 1988).
        """
        for model, columns in self.members.items():
            n_members = len(columns[model])
            if n_members > 1:
                drawn = rng.integers(n_members, size=n_members - 1)
                for column, names in columns.items():
                    rows[column] = sum(rows[names[i]] for i in drawn) / len(drawn)
        return rows

    def spread(self, model: str, metric: str) -> list[float]:
        """The metric of each single training of `model`."""
        values, columns = [], self.members.get(model, {})
        for names in zip(*columns.values(), strict=True):
            single = dict(zip(columns, names, strict=True))
            rows = self.rows.assign(**{column: self.rows[name] for column, name in single.items()})
            values.append(round(float(self.metrics(rows, model)[metric]), 6))
        return values

    def _intervals(self, values: np.ndarray, draws: np.ndarray) -> Intervals:
        """Of values (metrics,) and draws (n_boot, metrics)."""
        low, high = pd.DataFrame(draws).quantile([0.025, 0.975]).to_numpy()
        table = pd.DataFrame({"value": values, "low": low, "high": high}, self.metric_names)
        return table[np.isfinite(values)].round(6).to_dict("index")

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
        if metric not in self.metric_names:
            raise ValueError(f"metric={metric!r}: choose of {self.metric_names}")
        if self.n_groups < MIN_GROUPS:
            return "too few groups"
        gap = self.difference(model, reference).get(metric, {"low": 0, "high": 0})
        if gap["low"] <= 0 <= gap["high"]:
            return "not significant"
        return "better" if (gap["low"] > 0) == (better == "higher") else "worse"

    def versus(self, model: str, metrics: Mapping[str, Any]) -> dict[str, dict]:
        """Differences and verdicts of `model` and every other model.

        `metrics` maps names to objects with `better` (pages.Metric); one with a target, such as a
        coverage near 80%, gets no verdict. Returns {"differences": {other: {metric: interval}},
        "verdicts": {other: {metric: text}}}.
        """
        signed = {k: m.better for k, m in metrics.items() if m.better in ("higher", "lower")}
        differences, verdicts = {}, {}
        for other in self.models:
            if other != model:
                differences[other] = self.difference(model, other)
                verdicts[other] = {k: self.verdict(model, other, k, signed[k]) for k in signed}
        return {"differences": differences, "verdicts": verdicts}

    def point_estimates(self, rows: pd.DataFrame) -> dict:
        """{"n": rows, model: {metric: value}} on other rows; {} if there are none."""
        if rows.empty:
            return {}
        results: dict = {"n": len(rows)}
        for model in self.models:
            values = pd.Series(self.metrics(rows, model), dtype=float)
            results[model] = values.dropna().round(6).to_dict()
        return results

    def slices(self, columns: Sequence[str], metric: str, models: Sequence[str] = ()) -> dict:
        """A metric for each value of each column; without columns, on "all" rows.

        Returns {value: {"n": rows, "mean": mean label, model: {"value", "low", "high"}, ...}}, with
        the key "column value" if two columns share a value. Slices in which the metric is
        undefined, as a ROC AUC of a single class, are left out. Without `models`: all.
        """
        parts = [(c, *part) for c in columns for part in self.rows.groupby(c, observed=True)]
        results: dict = {}
        for column, value, rows in parts or [("", "all", self.rows)]:
            table = self.on(rows, models).table()
            if all(metric in intervals for intervals in table.values()):
                name = f"{column} {value}" if str(value) in results else str(value)
                results[name] = {"n": len(rows), "mean": round(float(rows.label.mean()), 4)}
                results[name] |= {model: table[model][metric] for model in table}
        return results

    def leakage(
        self, samples: pd.DataFrame, fitted: pd.DataFrame, model: str, strategies: Sequence[str]
    ) -> dict[str, dict[str, dict[str, float]]]:
        """The first metric of a baseline on the test rows of several split strategies.

        Args:
            samples: all samples, with a column of "train", "val", "test" per strategy; those that
                are "unseen" in the first one are left out
            fitted: predictions for `samples`, in columns such as `random/MODEL`, after a fit on the
                training rows of that strategy
        Returns:
            {strategy: {model: {"value", "low", "high"}}}
        """
        results = {}
        for strategy in dict.fromkeys(strategies):
            is_test = (samples[strategy] == "test") & (samples[strategies[0]] != "unseen")
            own = fitted.filter(regex=f"^{strategy}/").rename(
                columns=lambda name: name.split("/")[1]
            )
            rows = samples[is_test].drop(columns=own.columns, errors="ignore").join(own)
            table = self.on(rows, [model]).table()
            results[strategy] = {model: table[model][self.metric_names[0]]}
        return results

    def on(self, rows: pd.DataFrame, models: Sequence[str] = ()) -> "Comparison":
        """The same comparison on other rows, of all models or some."""
        models = list(models) or self.models
        return Comparison(rows, models, self.metrics, self.groups, **self.bootstrap)
