"""A paper's protocol on this project's data and network -> docs/reproduction.md.

`python -m ... reproduce` runs the project's stages in runs/reproduce/ with the overrides that
`published` in conf/data lists. The record in data/, models/ and reports/ stays as it is.
"""

import contextlib
import json
import shutil
import time
from pathlib import Path

from heldout import InputError, config, ledger, pages, stage
from heldout.errors import atomic_write
from omegaconf import DictConfig, OmegaConf

from . import baseline, data, evaluate, export, train

STAGES = (data, baseline, train, export, evaluate)
FOLDER = Path("runs/reproduce")
REPORT = Path("reports/reproduction.json")


@stage
def main(cfg: DictConfig) -> None:
    """Writes reports/reproduction.json and docs/reproduction.md, and prints the comparison."""
    published = cfg.data.get("published")
    if not published:
        raise InputError("conf/data: no `published` paper; write one in the form of starter.yaml")
    if published.metric not in evaluate.TABLE:
        names = ", ".join(evaluate.TABLE)
        raise InputError(f"published.metric={published.metric}: choose from {names}")
    start = time.monotonic()
    metrics = run_protocol(cfg, list(published.overrides))
    measured = metrics["results"]["network"][published.metric]
    if published.get("against"):  # the paper compares with a baseline: use the paired difference
        measured = metrics["differences"][published.against][published.metric]
    verdicts = {}
    for name, value in published.rows.items():
        verdicts[name] = compare(value, measured, published.better)
    report = {
        **OmegaConf.to_container(published, resolve=True),
        **evaluate.TABLE[published.metric]._asdict(),
        "better": published.better,
        "network": measured,
        "verdicts": verdicts,
        "n_test": metrics["n_test"],
        "groups_test": metrics["groups_test"],
        "n_boot": cfg.bootstrap,
        "names": OmegaConf.to_container(cfg.data.names),
        "command": " ".join(
            [f"uv run python -m {__package__}.reproduce", *config.overrides_given()]
        ),
        "minutes": round((time.monotonic() - start) / 60, 1),
    }
    # The scores come from test samples, so this counts as an evaluation of the test set.
    name = f"reproduce, {metrics['split']} split"
    model, score = FOLDER / "models/model.onnx", measured["value"]
    ledger.record(evaluate.LEDGER, stage=name, model=model, data=cfg.data.sha256, score=score)
    atomic_write(REPORT, json.dumps(report, indent=1) + "\n")
    blocks = pages.render("docs/reproduction.md.j2", "docs/reproduction.md", report)
    print(blocks["comparison"])


def run_protocol(cfg: DictConfig, overrides: list[str]) -> dict:
    """Runs every stage with the paper's overrides in FOLDER; returns the metrics."""
    protocol = config.compose(*config.overrides_given(), "logger=[csv]", *overrides)
    if cfg.data.path and Path(cfg.data.path).exists():
        protocol.data.path = str(Path(cfg.data.path).resolve())
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with contextlib.chdir(FOLDER):
        for module in STAGES:
            module.main(protocol)
        return json.loads(evaluate.METRICS.read_text(encoding="utf-8"))


def compare(published: float, measured: dict[str, float], better: str) -> str:
    """Whether the whole interval is better than the published value, worse, or neither."""
    if measured["low"] <= published <= measured["high"]:
        return "not significantly different"
    is_better = (measured["low"] > published) == (better == "higher")
    return "better" if is_better else "worse"


if __name__ == "__main__":
    main()
