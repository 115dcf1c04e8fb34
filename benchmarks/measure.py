"""Rows of the result tables, and measurements that alternate so that all meet the same machine."""

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
KIND = Path.cwd().name  # "table", "series" or "image": __main__.py names the project's folder so


def machine() -> str:
    """Processor, cores, memory, system, Python, PyTorch and date."""
    import torch

    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    processor = names[0] if names else platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return (
        f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB{gpu}; "
        f"{platform.system()}, Python {platform.python_version()}, PyTorch {torch.__version__}; {datetime.date.today()}"
    )


def row(what: str, value: str, reference: str = "", ratio: float | None = None, target: str = "") -> None:
    """Prints one row of a table as a JSON line; `target` is a limit of the ratio, such as "<= 1.10"."""
    met = None
    if target and ratio is not None:
        sign, limit = target.split()
        met = bool(ratio <= float(limit) if sign == "<=" else ratio >= float(limit))
    ratio = None if ratio is None else float(ratio)
    cells = {"what": what, "value": value, "reference": reference, "ratio": ratio, "target": target, "met": met}
    print(json.dumps({**cells, "machine": machine()}), flush=True)
    text = "" if ratio is None else f"{ratio:.3g}"
    print(f"  {what}: {value} {reference} {text} {target}", file=sys.stderr, flush=True)


def alternate(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each function over the rounds; the first call of each is a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def milliseconds(times: list[float]) -> str:
    """Median and 95th percentile of times in seconds, as text in milliseconds."""
    import numpy as np

    median, p95 = (f"{float(f'{1000 * np.quantile(times, q):.3g}'):,g}" for q in (0.5, 0.95))
    return f"{median} ms, p95 {p95} ms"


def prepare(*stages: str) -> None:
    """Runs `dvc repro` for these stages (default: all). With --quick, the network trains two epochs only."""
    if QUICK:  # no row shows the quality of this network
        for path in Path("conf/model").glob("*.yaml"):
            path.write_text(re.sub(r"^epochs: \d+", "epochs: 2", path.read_text(), flags=re.MULTILINE))
    subprocess.run([sys.executable, "-m", "dvc", "repro", "--quiet", *stages], check=True, stdout=sys.stderr)
