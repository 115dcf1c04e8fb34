"""Kills `dvc repro` at random moments and runs it again: the same hashes, metrics and weights, no temporary files.

Runs in an installed project with small settings: `uv run python fault_injection.py KILLS [SEED]`. Prints a JSON line.
An undisturbed run gives the expected outcome. Every second kill interrupts a run over the outputs of another seed. DVC
writes dvc.lock in place: if a kill leaves half of it, it is deleted, as docs/reproduce.md says.
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

N_KILLS, SEED = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
OUTPUTS = ("data/prepared", "models", "reports", "runs", "docs/figures", "docs/examples")
REPRO = [sys.executable, "-m", "dvc", "repro"]
# They hold the number of starts or of test evaluations, or a time.
VARYING = ("models/best.ckpt", "reports/test_ledger.jsonl", "reports/pages.json", "docs/results.md")
RESUMED = "resuming an interrupted training"  # printed by heldout.torch.TrainingRun
TEMPORARY = re.compile(r"\.new$|^\.new-|^\.old-|\.tmp$")  # names of unfinished files
WEIGHTS = """
import hashlib, torch
weights = torch.load("models/best.ckpt", weights_only=True)["state_dict"]
print(hashlib.sha256(b"".join(value.numpy().tobytes() for value in weights.values())).hexdigest())
"""

lock_errors: list[str] = []  # DVC's messages about half a dvc.lock


def clean() -> None:
    """Removes all outputs; raw data stay."""
    subprocess.run(["git", "reset", "--quiet", "--hard"], check=True)
    for name in (*OUTPUTS, ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(name, ignore_errors=True)
    for name in ("dvc.lock", "docs/results.md", "docs/demo/model.onnx"):
        Path(name).unlink(missing_ok=True)


def run_other_seed(folder: Path) -> None:
    """Runs the pipeline with another seed, and copies its outputs to a folder."""
    settings = Path("conf/config.yaml")
    original = settings.read_text()
    settings.write_text(re.sub(r"(?m)^seed: \d+", "seed: 77", original))
    assert settings.read_text() != original
    repro()
    for name in (*OUTPUTS, ".dvc/cache"):
        if Path(name).exists():
            shutil.copytree(name, folder / name)
    shutil.copy("dvc.lock", folder)


def repro() -> tuple[str, float]:
    """Output and seconds of `dvc repro`; deletes half a dvc.lock, and exits for any other error."""
    start = time.monotonic()
    done = subprocess.run(REPRO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    if done.returncode and re.match(r"'.*dvc\.lock' ", done.stdout):  # reported ahead of all stages
        Path("dvc.lock").unlink()
        lock_errors.append(done.stdout)
        return repro()
    if done.returncode:
        sys.exit(done.stdout[-3000:])
    return done.stdout, time.monotonic() - start


def outcome() -> dict[str, str]:
    """The hashes of dvc.lock, the metrics and a digest of the weights."""
    digest = subprocess.run([sys.executable, "-c", WEIGHTS], capture_output=True, text=True, check=True)
    return {
        "hashes": lock_hashes(Path("dvc.lock").read_text()),
        "metrics": Path("reports/metrics.json").read_text(),
        "weights": digest.stdout,
    }


def count_evaluations() -> int:
    """Lines of the test-set ledger: an evaluation that was killed counts, and so does its repetition."""
    return len(Path("reports/test_ledger.jsonl").read_text().splitlines())


def lock_hashes(lock: str) -> str:
    """Path and MD5 of the entries of dvc.lock, without the VARYING files."""
    entries = re.findall(r"- path: (\S+)\n(?:\s+hash: md5\n)?\s+md5: (\S+)", lock)
    assert len(entries) > 20, lock
    return "\n".join(f"{path} {md5}" for path, md5 in entries if path not in VARYING)


def leftovers() -> list[str]:
    """Unfinished files and folders of the project, and unfinished trainings."""
    paths = [str(path) for path in Path("runs/training").glob("*")]
    for path in Path().rglob("*"):
        ignored = {".venv", ".git", ".dvc"} & set(path.parts)
        if not ignored and TEMPORARY.search(path.name):
            paths.append(str(path))
    return paths


def kill_after(seconds: float) -> str | None:
    """Kills `dvc repro` and its child processes; returns the stage that was running, None if all had ended."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(REPRO, start_new_session=True, **options)
    try:
        process.communicate(timeout=seconds)
        return None
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return (re.findall(r"Running stage '(\w+)'", output) or ["start"])[-1]


def check_recovery(name: str, expected: dict[str, str], n_evaluations: int) -> tuple[list[str], bool]:
    """Problems of the run that follows a kill, each with the `name` of the kill, and whether a training resumed."""
    output, _ = repro()
    actual, problems = outcome(), []
    for key, value in expected.items():
        if actual[key] != value:
            lines = sorted({*actual[key].splitlines()} ^ {*value.splitlines()})
            problems.append(f"{name}: other {key}, {lines[:4]}")
    if count_evaluations() < n_evaluations:
        problems.append(f"{name}: a test evaluation is missing in the ledger")
    problems += [f"{name}: {path} is left" for path in leftovers()]
    if "Running stage" in repro()[0]:
        problems.append(f"{name}: not up to date afterwards")
    return problems, RESUMED in output


def check_truncated_locks(expected: dict[str, str]) -> list[str]:
    """Problems after dvc.lock is cut: DVC may read the first cut, and refuses the second."""
    text, problems = Path("dvc.lock").read_text(), []
    for end in (len(text) // 2, text.index("    cmd:")):
        n_errors = len(lock_errors)
        Path("dvc.lock").write_text(text[:end])
        repro()
        if outcome() != expected:
            problems.append(f"another outcome after {end} bytes of dvc.lock")
    if len(lock_errors) == n_errors:
        problems.append("DVC reads a lock that ends before a command: docs/reproduce.md need not mention it")
    return problems


def main() -> None:
    rng = random.Random(SEED)
    clean()
    _, duration = repro()
    expected, n_evaluations = outcome(), count_evaluations()
    killed, n_resumed, problems = collections.Counter(), 0, []
    other_seed = Path(tempfile.mkdtemp())
    clean()
    run_other_seed(other_seed)
    while (number := killed.total()) < N_KILLS:
        clean()
        if number % 2:
            shutil.copytree(other_seed, Path(), dirs_exist_ok=True)
        stage = kill_after(rng.uniform(0.2, duration))
        if stage is None:
            continue
        killed[stage] += 1
        new_problems, resumed = check_recovery(f"kill {number} in {stage}", expected, n_evaluations)
        problems += new_problems
        n_resumed += resumed
        print(number, stage, len(problems), file=sys.stderr, flush=True)
    n_lock_errors = len(lock_errors)
    problems += check_truncated_locks(expected)
    shutil.rmtree(other_seed)
    results = {"killed in": dict(killed), "trainings resumed": n_resumed, "halves of dvc.lock": n_lock_errors}
    print(json.dumps({**results, "problems": problems}))


if __name__ == "__main__":
    main()
