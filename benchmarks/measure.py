"""Rows of the tables, and sides that take turns, so that both meet the same machine."""

import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

QUICK = "--quick" in sys.argv


def machine() -> str:
    """Processor, cores, memory, system, Python, PyTorch and day."""
    import torch

    info = Path("/proc/cpuinfo")
    names = (
        [line.split(": ")[1] for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, {memory:.0f} GiB{gpu}; "
        f"{platform.system()}, Python {platform.python_version()}, PyTorch {torch.__version__}; {datetime.date.today()}"
    )


def row(what: str, ours: str, beside: str = "", ratio: float | None = None, aim: str = "") -> None:
    """Prints one line of the table. `aim`: such as "<= 1.10"."""
    met = None
    if aim and ratio is not None:
        sign, limit = aim.split()
        met = bool(ratio <= float(limit) if sign == "<=" else ratio >= float(limit))
    told = {"what": what, "ours": ours, "beside": beside, "ratio": None if ratio is None else float(ratio), "aim": aim}
    print(json.dumps({**told, "met": met, "machine": machine()}), flush=True)
    print(f"  {what}: {ours} {beside} {'' if ratio is None else f'{ratio:.3g}'} {aim}", file=sys.stderr, flush=True)


def alternate(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side over the rounds, after one of each that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            begun = time.perf_counter()
            side()
            if turn:
                taken[name].append(time.perf_counter() - begun)
    return {name: statistics.median(found) for name, found in taken.items()}


def operations(cfg, facts: dict, z) -> float:
    """Floating-point operations of a training step for each sample: three times those of the forward pass.

    PyTorch counts the forward pass; its count of the backward pass takes grouped convolutions for whole ones.
    """
    import torch
    from project import learner
    from torch.utils.flop_counter import FlopCounterMode

    made = learner.Learner(dict(cfg.model), facts, cfg.seed).eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        made.network(z[:4, 0].float())
    return 3 * counter.get_total_flops() / 4


def prepared(*stages: str) -> None:
    """Brings these stages of the pipeline up to date; with --quick from fewer epochs, whose quality no row shows."""
    for settings in Path("conf/model").glob("*.yaml") if QUICK else ():
        settings.write_text(re.sub(r"^epochs: \d+", "epochs: 2", settings.read_text(), flags=re.MULTILINE))
    subprocess.run([sys.executable, "-m", "dvc", "repro", "--quiet", *stages], check=True, stdout=sys.stderr)
