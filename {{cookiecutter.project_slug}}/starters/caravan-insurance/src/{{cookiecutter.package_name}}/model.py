"""The network: TabM (Gorishniy et al. 2024), k small networks in one.

Numbers are embedded by their position between quantiles of the training set (Gorishniy et al.
2022): so a network sees steps as easily as trees do.
"""

import warnings

import numpy as np
import torch
from heldout import InputError
from heldout.metrics import QUANTILES
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from tabm import LinearEnsemble, TabM
from torch import nn
from torch.nn import functional as F

MAX_BINS = 48  # of an embedding
MIN_STD = 1e-30  # of a column; 32-bit floats cannot scale one that varies less


class TabularNetwork(nn.Module):
    """Encoded rows (n, columns), NaN for missing -> outputs (n, k, n_outputs)."""

    def __init__(self, cfg: dict, stats: dict) -> None:
        super().__init__()
        self.numbers, self.codes, self.gaps = stats["numbers"], stats["codes"], stats["gaps"]
        self.target_mean, self.target_std = stats["target_mean"], stats["target_std"]
        self.register_buffer("feature_mean", torch.tensor(stats["feature_mean"]))
        self.register_buffer("feature_std", torch.tensor(stats["feature_std"]))
        bins = [torch.tensor(edges) for edges in stats["bins"]]
        # One more code per categorical column for "missing"; two per numeric column that has gaps.
        n_codes = [n_values + 1 for n_values in stats["n_values"]] + [2] * len(self.gaps)
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of two-value columns
            options = {"d_embedding": cfg["embedding"], "activation": False, "version": "B"}
            embeddings = PiecewiseLinearEmbeddings(bins, **options) if bins else None
        self.tabm = TabM.make(
            n_num_features=len(bins),
            cat_cardinalities=n_codes,
            num_embeddings=embeddings,
            d_out=self.n_outputs,
            k=cfg["k"],
            n_blocks=max(1, cfg["blocks"]),
            d_block=cfg["width"],
            dropout=cfg["dropout"],
        )
        if cfg["blocks"] == 0:
            # No layer mixes the columns: a sum of a curve per number and a value per category.
            n_features = cfg["embedding"] * len(bins) + sum(n_codes)
            self.tabm.backbone = nn.Identity()
            self.tabm.output = LinearEnsemble(n_features, self.n_outputs, k=cfg["k"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, or quantiles in standard deviations of the target, (n, k, n_outputs)."""
        missing = torch.isnan(x)  # (n, columns)
        numbers = (x[:, self.numbers] - self.feature_mean) / self.feature_std  # (n, i)
        numbers = torch.where(missing[:, self.numbers], 0.0, numbers)  # 0: the mean
        codes = torch.where(missing, -1.0, x)[:, self.codes].long() + 1  # 0: missing or unknown
        codes = torch.cat([codes, missing[:, self.gaps].long()], dim=1)  # (n, j)
        # TabM's own forward fixes the number of rows in ONNX; these are its steps.
        parts = []
        if numbers.shape[1]:
            parts.append(self.tabm.num_module(numbers).flatten(1))  # (n, i * embedding)
        if codes.shape[1]:
            parts.append(self.tabm.cat_module(codes).float())  # (n, sum of n_codes), one-hot
        x = self.tabm.ensemble_view(torch.cat(parts, dim=1))  # (n, k, features)
        x = self.tabm.backbone(x)  # (n, k, width)
        return self.tabm.output(x)  # (n, k, n_outputs)


class Classifier(TabularNetwork):
    """Two classes: one logit per member, cross-entropy."""

    n_outputs = 1

    def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean over rows and the k networks: each has a loss of its own, or all would be alike."""
        return F.binary_cross_entropy_with_logits(outputs, y[:, None, None].expand_as(outputs))

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Probability of the positive class (n,), from the mean logit of the k networks."""
        return torch.sigmoid(self(x).mean(1).squeeze(1))


class QuantileRegressor(TabularNetwork):
    """Regression: the 10%, 50% and 90% quantile, pinball loss (Koenker and Bassett 1978)."""

    n_outputs = len(QUANTILES)

    def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean over rows, networks and quantiles, in standard deviations of the target."""
        scaled = (y - self.target_mean) / self.target_std  # (n,)
        error = scaled[:, None, None] - outputs  # (n, k, 3)
        level = torch.tensor(QUANTILES, device=outputs.device)
        return torch.maximum(level * error, (level - 1) * error).mean()

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Quantiles (n, 3) in order, in units of the target."""
        return self(x).mean(1).sort(1).values * self.target_std + self.target_mean


NETWORKS = {"classification": Classifier, "regression": QuantileRegressor}


def training_statistics(x: np.ndarray, y: np.ndarray, columns: list[dict]) -> dict:
    """Scales and edges of bins of training rows x (n, columns) and targets y (n,), plain values."""
    mean, std = np.nanmean(x, 0, dtype=float), np.nanstd(x, 0, dtype=float)
    codes = [i for i, column in enumerate(columns) if "values" in column]
    # Constant columns carry no information.
    numbers = [int(i) for i in np.flatnonzero(std > MIN_STD) if i not in codes]
    if not numbers and not codes:
        raise InputError("every column has a single value in the training set; nothing to learn")
    scaled = (x[:, numbers] - mean[numbers]) / std[numbers]
    edges = np.nanquantile(scaled, np.linspace(0, 1, MAX_BINS + 1), axis=0).astype(np.float32)
    return {
        "numbers": numbers,
        "codes": codes,
        "n_values": [len(columns[i]["values"]) for i in codes],
        "gaps": [i for i in numbers if np.isnan(x[:, i]).any()],
        "feature_mean": mean[numbers].tolist(),
        "feature_std": std[numbers].tolist(),
        # Equal quantiles make one edge: a column of few values has few bins.
        "bins": [np.unique(column).tolist() for column in edges.T],
        "target_mean": float(y.mean()),
        "target_std": float(y.std()) or 1.0,
    }
