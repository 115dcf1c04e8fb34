"""The network: a small transformer over patches of a window (Nie et al. 2023), for the change against now.

The output is three quantiles, so that a forecast comes with its uncertainty.
"""

import numpy as np
import torch
from omegaconf import DictConfig
from torch import nn
from torch.nn.functional import pad, scaled_dot_product_attention

from .config import BadInput

HEADS = 4


class Network(nn.Module):
    """Windows (n, history, channels) of raw values -> quantiles (n, 1 member, 3) in units of the target."""

    views = 1
    outputs = ("answer",)
    dynamic = {0: "n"}  # noqa: RUF012  axes of the input that may vary

    def __init__(self, cfg: DictConfig, facts: dict) -> None:
        super().__init__()
        self.spread, self.persist = facts["spread"], bool(cfg.persistence)
        self.centre = 0.0 if self.persist else facts["centre"]
        self.register_buffer("mean", torch.tensor(facts["mean"]))
        self.register_buffer("deviation", torch.tensor(facts["deviation"]))
        channels, history = len(facts["mean"]), facts["history"]
        if cfg.layers == 0:
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(channels * history, 3))
        else:
            self.body = Transformer(channels, history, cfg)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Quantiles (n, 1, 3) for windows x (n, history, channels); the target is the first channel."""
        found = self.body((x - self.mean) / self.deviation) * self.spread + self.centre
        return (found + x[:, -1, :1] if self.persist else found).unsqueeze(1)

    def answer(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        """Quantiles (n, 3) in order for windows x (n, history, channels)."""
        return (self(x).squeeze(1).sort(1).values,)


class Transformer(nn.Module):
    """Windows (n, history, channels) -> (n, 3): patches of steps look at each other, then all are read."""

    def __init__(self, channels: int, history: int, cfg: DictConfig) -> None:
        super().__init__()
        self.missing = -history % cfg.patch  # steps in front of the first whole patch
        patches = (history + self.missing) // cfg.patch
        self.embed = nn.Conv1d(channels, cfg.width, cfg.patch, stride=cfg.patch)
        self.place = nn.Parameter(torch.zeros(patches, cfg.width))
        self.layers = nn.Sequential(*[Layer(cfg.width, cfg.dropout) for _ in range(cfg.layers)])
        self.read = nn.Sequential(
            nn.Flatten(),
            nn.Linear(patches * cfg.width, cfg.hidden),
            nn.ReLU(),
            nn.Dropout(cfg.dropout),
            nn.Linear(cfg.hidden, 3),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.embed(pad(x.transpose(1, 2), (self.missing, 0))).transpose(1, 2)
        return self.read(self.layers(patches + self.place))


class Layer(nn.Module):
    """Attention, then a small network, each added to its input; (n, patches, width) -> the same."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            part.unflatten(2, (HEADS, -1)).transpose(1, 2)
            for part in self.project(self.before(x)).chunk(3, dim=2)
        )
        found = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = x + self.drop(self.merge(found))
        return x + self.drop(self.network(self.after(x)))


def facts(x: np.ndarray, y: np.ndarray, schema: dict) -> dict:
    """Of training windows: mean and deviation of each channel, and of the target."""
    flat = x[:: max(1, len(x) // 20_000)].reshape(-1, x.shape[2]).astype(float)
    deviation = flat.std(0)
    return {
        "mean": flat.mean(0).tolist(),
        "deviation": np.where(deviation > 0, deviation, 1).tolist(),
        "centre": float(y.mean()),
        "history": int(x.shape[1]),
    }


def build(cfg: DictConfig, facts: dict) -> Network:
    """The network that conf/model describes."""
    if cfg.patch < 1 or cfg.width % HEADS:
        raise BadInput(
            f"model.patch={cfg.patch} model.width={cfg.width}: give 1 or more, and a multiple of {HEADS}"
        )
    return Network(cfg, facts)
