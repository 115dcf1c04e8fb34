"""The network: a small transformer over patches of a window (Nie et al. 2023), three quantiles out.

It forecasts the change from now on, so that zero is the forecast of persistence.
"""

import torch
from heldout import InputError
from torch import nn
from torch.nn import functional as F

HEADS = 4  # of attention


class QuantileForecaster(nn.Module):
    """Windows (n, history, channels) in raw units -> quantiles (n, 3) in units of the target."""

    def __init__(self, cfg: dict, stats: dict) -> None:
        super().__init__()
        self.predict_change = cfg["predict_change"]
        # Statistics of the training windows, inside the network: raw values go in.
        self.register_buffer("feature_mean", torch.tensor(stats["feature_mean"]))
        self.register_buffer("feature_std", torch.tensor(stats["feature_std"]))
        self.target_mean, self.target_std = stats["target_mean"], stats["target_std"]
        channels, history = len(stats["feature_mean"]), stats["history"]
        if cfg["layers"] == 0:
            self.backbone = nn.Sequential(nn.Flatten(), nn.Linear(channels * history, 3))
        else:
            self.backbone = PatchTransformer(channels, history, cfg)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        x = (windows - self.feature_mean) / self.feature_std  # (n, history, channels)
        quantiles = self.backbone(x)  # (n, 3)
        if not self.training:
            quantiles = quantiles.sort(dim=1).values  # sorted, they never cross
        origin = self.target_mean
        if self.predict_change:
            origin = windows[:, -1, :1]  # (n, 1): the target now, as it is the first channel
        return origin + quantiles * self.target_std


class PatchTransformer(nn.Module):
    """Windows (n, history, channels) -> (n, 3): patches of steps attend to each other."""

    def __init__(self, channels: int, history: int, cfg: dict) -> None:
        super().__init__()
        patch, width, dropout = cfg["patch"], cfg["width"], cfg["dropout"]
        if patch < 1 or width < 1 or width % HEADS:
            right = f"give 1 or more, and a multiple of {HEADS}"
            raise InputError(f"model.patch={patch} model.width={width}: {right}")
        self.padding = -history % patch  # steps in front of the first whole patch
        n_patches = (history + self.padding) // patch
        self.embed = nn.Conv1d(channels, width, kernel_size=patch, stride=patch)
        self.pos_embed = nn.Parameter(torch.zeros(n_patches, width))
        self.blocks = nn.Sequential(*[Block(width, dropout) for _ in range(cfg["layers"])])
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_patches * width, cfg["hidden"]),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(cfg["hidden"], 3),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.pad(x.transpose(1, 2), (self.padding, 0))  # (n, channels, padding + history)
        x = self.embed(x).transpose(1, 2)  # (n, patches, width)
        x = self.blocks(x + self.pos_embed)  # (n, patches, width)
        return self.head(x)  # (n, 3)


class Block(nn.Module):
    """Pre-norm attention and MLP, added to their inputs; (n, patches, width) -> the same shape."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        hidden = 2 * width
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.dropout(self.mlp(self.norm2(x)))

    def attention(self, x: torch.Tensor) -> torch.Tensor:
        """Every patch attends to all patches: none of them is in the future of the forecast."""
        qkv = self.qkv(x).unflatten(2, (3, HEADS, -1))  # (n, patches, 3, heads, width / heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (n, heads, patches, width / heads)
        x = F.scaled_dot_product_attention(query, key, value)
        return self.proj(x.transpose(1, 2).flatten(2))  # (n, patches, width)
