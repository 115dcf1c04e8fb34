"""The test-set ledger: one JSON line for each evaluation on test data.

The best of many test results is too good. Their number belongs in the report.
"""

import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from .errors import InputError


def record(path: str | Path, *, stage: str, model: Path, data: str | None, score: float) -> None:
    """Appends an evaluation: its stage, the hashes of its model file and data, its score."""
    commit = None
    if shutil.which("git"):
        head = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(head, capture_output=True, text=True).stdout.strip() or None
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "data": data,
        "stage": stage,
        "model": hashlib.sha256(Path(model).read_bytes()).hexdigest()[:12],
        "score": score,
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("a", encoding="utf-8", newline="\n") as ledger:
        ledger.write(json.dumps(line) + "\n")


def count(path: str | Path, data: str | None) -> int:
    """Number of evaluations on the data with this hash; InputError if the ledger is damaged."""
    if not Path(path).exists():
        return 0
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["data"] for line in lines].count(data)
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: damaged; restore it with `git restore {path}`") from None
