"""`dvc repro` killed at random moments, then run again: the same hashes and metrics, and no temporary file.

Runs in an installed project in which the pipeline has been made small: `uv run python kills.py KILLS [SEED]`.
Prints a JSON line. The pipeline is run once undisturbed, to compare with.
"""

import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

KILLS, SEED = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
MADE = ("data/prepared", "models", "reports", "runs", "docs/figures", "docs/examples")
REPRO = [sys.executable, "-m", "dvc", "repro"]
LEFT = re.compile(r"\.new$|\.new-|^\.old-|\.tmp$|\.unpack")  # names of what is not finished


def clean() -> None:
    """The project before its first run; raw data stay."""
    for name in (*MADE, ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(name, ignore_errors=True)
    Path("dvc.lock").unlink(missing_ok=True)
    subprocess.run(["git", "checkout", "--quiet", "."], check=True)
    subprocess.run(["git", "clean", "--quiet", "-d", "--force", "docs", "reports"], check=True)


def repro() -> tuple[str, float]:
    """What it says, and seconds; it has to end well."""
    begun = time.monotonic()
    done = subprocess.run(REPRO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout, time.monotonic() - begun


def outcome() -> dict[str, str]:
    """The lock without times and sizes of folders, and the metrics."""
    ledger = len(Path("reports/test_ledger.jsonl").read_text().splitlines())
    return {
        "lock": hashes(Path("dvc.lock").read_text()),
        "metrics": Path("reports/metrics.json").read_text(),
        "looks at the test set": str(ledger),
    }


def hashes(lock: str) -> str:
    """dvc.lock up to what differs from run to run: the times in the ledger and in the training's log."""
    entries = re.findall(r"- path: (\S+)\n(?:\s+hash: md5\n)?\s+md5: (\S+)", lock)
    return "\n".join(f"{path} {md5}" for path, md5 in entries if path not in VARIES)


VARIES = ("models/history", "reports/test_ledger.jsonl", "docs/results.md", "reports/pages.json")


def left() -> list[str]:
    """Files and folders that are not finished."""
    found = [path for path in Path().rglob("*") if ".venv" not in path.parts and LEFT.search(path.name)]
    return [str(path) for path in found if ".git" not in path.parts]


def kill_at(moment: float) -> str:
    """Kills `dvc repro` and all that it started after so many seconds; the stage that was running, or "done"."""
    process = subprocess.Popen(
        REPRO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=moment)
        return "done"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    return (re.findall(r"Running stage '(\w+)'", said) or ["start"])[-1]


def main() -> None:
    chance = random.Random(SEED)
    clean()
    _, whole = repro()
    wanted = outcome()
    killed, resumed, trouble = collections.Counter(), 0, []
    for number in range(KILLS):
        clean()
        stage = kill_at(chance.uniform(0.2, whole))
        killed[stage] += 1
        said, _ = repro()
        resumed += "goes on from the last epoch" in said
        found = outcome()
        trouble += [f"kill {number} in {stage}: other {key}" for key in wanted if found[key] != wanted[key]]
        trouble += [f"kill {number} in {stage}: {name} is left" for name in left()]
        again, _ = repro()
        if "Running stage" in again:
            trouble.append(f"kill {number} in {stage}: not up to date afterwards")
        print(number, stage, len(trouble), file=sys.stderr, flush=True)
    print(json.dumps({"kills": KILLS, "in": dict(killed), "trainings resumed": resumed, "trouble": trouble}))


if __name__ == "__main__":
    main()
