"""`dvc repro` killed at random moments, then run again: the same hashes and metrics, and no temporary file.

Runs in an installed project in which the pipeline has been made small: `uv run python kills.py KILLS [SEED]`.
Prints a JSON line. The pipeline is run once undisturbed, to compare with. Every second kill meets a run over what the
pipeline made with another seed. DVC writes dvc.lock in place: half of one is deleted, as docs/reproduce.md says.
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
import tempfile
import time
from pathlib import Path

KILLS, SEED = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
MADE = ("data/prepared", "models", "reports", "runs", "docs/figures", "docs/examples")
REPRO = [sys.executable, "-m", "dvc", "repro"]
HALVES: list[str] = []  # what DVC said of half a dvc.lock
LEFT = re.compile(r"\.new$|^\.new-|^\.old-|\.tmp$")  # names of what is not finished
WEIGHTS = """
import hashlib, torch
found = torch.load("models/best.ckpt", weights_only=True)["state_dict"]
print(hashlib.sha256(b"".join(value.numpy().tobytes() for value in found.values())).hexdigest())
"""


def clean() -> None:
    """The project before its first run; raw data stay."""
    subprocess.run(["git", "reset", "--quiet", "--hard"], check=True)
    for name in (*MADE, ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(name, ignore_errors=True)
    for name in ("dvc.lock", "docs/results.md", "docs/demo/model.onnx"):
        Path(name).unlink(missing_ok=True)


def made_before(folder: Path) -> None:
    """Runs the pipeline with another seed, and keeps what it made."""
    settings = Path("conf/config.yaml")
    settings.write_text(re.sub(r"(?m)^seed: \d+", "seed: 77", was := settings.read_text()))
    assert settings.read_text() != was
    repro()
    for name in (*MADE, ".dvc/cache"):
        shutil.copytree(name, folder / name)
    shutil.copy("dvc.lock", folder)


def repro() -> tuple[str, float]:
    """What it says, and seconds; ends with what it said if it fails for another reason than half a dvc.lock."""
    begun = time.monotonic()
    done = subprocess.run(REPRO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    if done.returncode and re.match(r"'.*dvc\.lock' ", done.stdout):  # before any stage
        Path("dvc.lock").unlink()
        HALVES.append(done.stdout)
        return repro()
    if done.returncode:
        sys.exit(done.stdout[-3000:])
    return done.stdout, time.monotonic() - begun


def outcome() -> dict[str, str]:
    """The hashes of dvc.lock, the metrics and the weights."""
    return {
        "hashes": hashes(Path("dvc.lock").read_text()),
        "metrics": Path("reports/metrics.json").read_text(),
        "weights": subprocess.run([sys.executable, "-c", WEIGHTS], capture_output=True, text=True, check=True).stdout,
    }


def looks() -> int:
    """Looks at the test set in the ledger: one that was killed counts, and so does its repetition."""
    return len(Path("reports/test_ledger.jsonl").read_text().splitlines())


def hashes(lock: str) -> str:
    """dvc.lock without what says when, how often the test set was seen, or how often the training went on."""
    entries = re.findall(r"- path: (\S+)\n(?:\s+hash: md5\n)?\s+md5: (\S+)", lock)
    assert len(entries) > 20, lock
    return "\n".join(f"{path} {md5}" for path, md5 in entries if path not in VARIES)


VARIES = ("models/best.ckpt", "reports/test_ledger.jsonl", "reports/pages.json")


def left() -> list[str]:
    """Files and folders that are not finished."""
    found = (path for path in Path().rglob("*") if not {".venv", ".git", ".dvc"} & set(path.parts))
    return [str(path) for path in [*filter(unfinished, found), *Path("runs/training").glob("*")]]


def unfinished(path: Path) -> bool:
    return LEFT.search(path.name) is not None


def kill_at(moment: float) -> str | None:
    """Kills `dvc repro` and all that it started after so many seconds; the stage that ran, or None if it had ended."""
    process = subprocess.Popen(
        REPRO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=moment)
        return None
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    return (re.findall(r"Running stage '(\w+)'", said) or ["start"])[-1]


def main() -> None:
    chance = random.Random(SEED)
    clean()
    _, whole = repro()
    wanted, least = outcome(), looks()
    killed, resumed, trouble = collections.Counter(), 0, []
    before = Path(tempfile.mkdtemp())
    clean()
    made_before(before)
    while (number := killed.total()) < KILLS:
        clean()
        if number % 2:
            shutil.copytree(before, Path(), dirs_exist_ok=True)
        if (stage := kill_at(chance.uniform(0.2, whole))) is None:
            continue
        killed[stage] += 1
        said, _ = repro()
        resumed += "goes on from the last epoch" in said
        found = outcome()
        for key in wanted:
            if found[key] != wanted[key]:
                lines = sorted({*found[key].splitlines()} ^ {*wanted[key].splitlines()})
                trouble.append(f"kill {number} in {stage}: other {key}, {lines[:4]}")
        if looks() < least:
            trouble.append(f"kill {number} in {stage}: a look at the test set is not in the ledger")
        trouble += [f"kill {number} in {stage}: {name} is left" for name in left()]
        again, _ = repro()
        if "Running stage" in again:
            trouble.append(f"kill {number} in {stage}: not up to date afterwards")
        print(number, stage, len(trouble), file=sys.stderr, flush=True)
    halves = len(HALVES)
    text = Path("dvc.lock").read_text()
    for end in (len(text) // 2, text.index("    cmd:")):  # DVC may read the first, and refuses the second
        before_cut = len(HALVES)
        Path("dvc.lock").write_text(text[:end])
        repro()
        if outcome() != wanted:
            trouble.append(f"what follows {end} bytes of dvc.lock differs")
    if len(HALVES) == before_cut:
        trouble.append("DVC reads what ends before a command: docs/reproduce.md need not speak of one")
    shutil.rmtree(before)
    found = {"killed in": dict(killed), "trainings resumed": resumed, "halves of dvc.lock": halves}
    print(json.dumps({**found, "trouble": trouble}))


if __name__ == "__main__":
    main()
