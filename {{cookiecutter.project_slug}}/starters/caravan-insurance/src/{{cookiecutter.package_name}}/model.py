"""The network: TabM (Gorishniy et al. 2024), many small networks in one, on piecewise-linear embeddings.

Each number is embedded by its place between quantiles of the training part (Gorishniy et al. 2022),
so that a network sees steps as easily as trees do.
"""

import warnings

import numpy as np
import torch
from omegaconf import DictConfig
from rtdl_num_embeddings import PiecewiseLinearEmbeddings
from tabm import TabM
from torch import nn

from .config import BadInput

BINS = 48  # of an embedding, at most


class Network(nn.Module):
    """Rows (n, columns) of raw numbers and codes, NaN for missing -> (n, members, 1 logit or 3 quantiles)."""

    views = 1
    outputs = ("answer",)
    dynamic = {0: "n"}  # noqa: RUF012  axes of the input that may vary

    def __init__(self, cfg: DictConfig, facts: dict) -> None:
        super().__init__()
        self.numbers, self.codes, self.gaps = facts["numbers"], facts["codes"], facts["gaps"]
        self.centre, self.spread = facts["centre"], facts["spread"]
        for name in ("mean", "deviation"):  # of the columns of numbers
            self.register_buffer(name, torch.tensor(facts[name]))
        bins = [torch.tensor(edges) for edges in facts["bins"]]
        self.classifies = facts["task"] == "classification"
        outputs = 1 if self.classifies else 3
        levels = [*(count + 1 for count in facts["levels"]), *([2] * len(self.gaps))]
        if cfg.blocks == 0:
            self.network = Additive(bins, levels, outputs)
            return
        embedding = embed(bins, cfg.embedding) if bins and cfg.embedding else None
        self.network = Members(
            n_num_features=len(bins),
            cat_cardinalities=levels,
            num_embeddings=embedding,
            d_out=outputs,
            k=cfg.members,
            n_blocks=cfg.blocks,
            d_block=cfg.width,
            dropout=cfg.dropout,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logit, or quantiles in units of the target, (n, members, outputs) of rows x (n, columns)."""
        unknown = torch.isnan(x)
        number = (x[:, self.numbers] - self.mean) / self.deviation
        number = torch.where(unknown[:, self.numbers], 0.0, number)
        code = torch.where(unknown, -1.0, x)[:, self.codes].long() + 1  # 0: missing or never seen
        code = torch.cat([code, unknown[:, self.gaps].long()], dim=1)
        found = self.network(number if self.numbers else None, code if code.shape[1] else None)
        return found if self.classifies else found * self.spread + self.centre

    def answer(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        """Probability (n,), or quantiles (n, 3) in order, of rows x (n, columns)."""
        found = self(x).mean(1)
        return (found.squeeze(1).sigmoid() if self.classifies else found.sort(1).values,)


class Members(nn.Module):
    """TabM in operations that ONNX has: its own forward fixes the number of rows."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self.tabm = TabM.make(**settings)

    def forward(self, number: torch.Tensor | None, code: torch.Tensor | None) -> torch.Tensor:
        """(n, members, outputs) of number (n, i) and code (n, j)."""
        parts = []
        if number is not None:
            parts.append(self.tabm.num_module(number).flatten(1) if self.tabm.num_module else number)
        if code is not None:
            parts.append(self.tabm.cat_module(code).float())
        return self.tabm.output(self.tabm.backbone(self.tabm.ensemble_view(torch.cat(parts, 1))))


class Additive(nn.Module):
    """A sum of one curve for each number and one value for each code: the quick network."""

    def __init__(self, bins: list[torch.Tensor], levels: list[int], outputs: int) -> None:
        super().__init__()
        self.curves = embed(bins, outputs) if bins else None
        self.values = nn.ModuleList(nn.Embedding(count, outputs) for count in levels)
        self.bias = nn.Parameter(torch.zeros(outputs))
        for weight in self.parameters():
            nn.init.zeros_(weight)

    def forward(self, number: torch.Tensor | None, code: torch.Tensor | None) -> torch.Tensor:
        """(n, 1 member, outputs) of number (n, i) and code (n, j)."""
        found = self.bias if number is None else self.bias + self.curves(number).sum(1)
        for place, value in enumerate(self.values):
            found = found + value(code[:, place])
        return found.unsqueeze(1)


def embed(bins: list[torch.Tensor], width: int) -> PiecewiseLinearEmbeddings:
    """Embeddings with these edges of bins, without the warning about columns of two values."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*just two bin edges")
        return PiecewiseLinearEmbeddings(bins, width, activation=False, version="B")


def facts(x: np.ndarray, y: np.ndarray, schema: dict) -> dict:
    """Of training rows x (n, columns): which columns are numbers, their mean, deviation and quantiles."""
    texts = ["values" in column for column in schema["columns"]]
    numbers = [i for i, text in enumerate(texts) if not text and np.nanmax(x[:, i]) > np.nanmin(x[:, i])]
    codes = [i for i, text in enumerate(texts) if text]
    if not numbers and not codes:
        raise BadInput("every column has a single value in the training part; nothing to learn from")
    with np.errstate(over="ignore"):  # said below
        mean, deviation = np.nanmean(x[:, numbers], axis=0), np.nanstd(x[:, numbers], axis=0)
    for i in np.flatnonzero(~((deviation > 0) & np.isfinite(deviation))):
        name = schema["columns"][numbers[i]]["name"]
        raise BadInput(f"column {name}: too small or large for 32 bit; give another unit")
    scaled = (x[:, numbers] - mean) / deviation
    edges = np.linspace(0, 1, BINS + 1)
    return {
        "numbers": numbers,
        "codes": codes,
        "levels": [len(schema["columns"][i]["values"]) for i in codes],
        "gaps": [i for i in numbers if np.isnan(x[:, i]).any()],
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "bins": [np.unique(np.nanquantile(column, edges).astype(np.float32)).tolist() for column in scaled.T],
        "centre": float(y.mean()),
    }


def build(cfg: DictConfig, facts: dict) -> Network:
    """The network that conf/model describes."""
    return Network(cfg, facts)
