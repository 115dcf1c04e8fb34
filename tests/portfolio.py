"""A portfolio item, built step by step by the scorecard's remedies. No training: the reports are synthetic."""

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import bake
from PIL import Image, ImageDraw

from scorecard.judge import Report, Result

FIGURES = ["calibration", "cost", "data", "errors", "hero", "leakage", "slices", "training"]
ADDRESS = "https://ada.example.org/article"
LEDGER = "reports/test_ledger.jsonl"
WORDS = {
    "NN": """pump valve bearing sensor engineer night shift alarm pressure seal repair manager crew pipe reservoir motor
        signal week record invoice visit spare station meter network branch budget threshold curve window sample label
        error baseline forecast split district winter storm voltage filter impeller gasket inspection supplier contract
        harbour village tank level flow leak noise pattern gap decision mistake lesson chart column row history truck
        interval answer question customer operator morning summer season ladder manual logbook database archive fuse""",
    "AA": """old new noisy quiet early late cheap costly rare common broken healthy narrow wide honest rough slow quick
        missing double local remote steady sudden dry wet cold warm small large plain hidden weak strong single final
        open useful tired rusty modern heavy light clear vague""",
    "VV": """shows hides tells carries delays explains costs breaks starts follows misses warns measures drives blocks
        limits confirms contradicts needs replaces reveals survives doubles stops feeds shapes spoils saves matches""",
    "DD": "often rarely usually never always sometimes twice slowly later early already hardly clearly mostly",
}
FORMS = """The AA NN VV the NN of a NN, and the NN VV it DD.
When a NN VV the AA NN, a AA NN DD VV another NN.
We asked the NN about the NN, because every AA NN VV some NN in the NN.
A NN that VV the NN is AA; the NN that VV nothing is AA too.
In the AA NN the NN of the NN DD VV what a NN had written.
Nobody in the NN knew why the AA NN VV the NN before the NN.
It took a AA NN and a NN to see that the NN VV the NN DD.
For the NN this is AA, since one AA NN VV the AA NN of the NN.
Our first NN was too AA: it VV the NN and the NN at once.
Instead of the NN, the AA NN now VV a NN with the NN.""".splitlines()


def prose(words: int, seed: str) -> str:
    """At least `words` words of synthetic sentences, in paragraphs; the same for the same seed."""
    draw, sentences, count = random.Random(seed), [], 0
    while count < words:
        sentences.append(re.sub("NN|AA|VV|DD", lambda match: draw.choice(WORDS[match[0]].split()), draw.choice(FORMS)))
        count += len(sentences[-1].split())
    return "\n\n".join(" ".join(sentences[i : i + 6]) for i in range(0, len(sentences), 6))


def start(folder: Path, **answers: str) -> Path:
    """A fresh project of the caravan starter with the answers of another problem."""
    defaults = {
        "author_name": "Ada",
        "github_username": "ada",
        "project_name": "Pump Watch",
        "industry": "water supply",
    }
    return bake(folder, starter="caravan-insurance", **{**defaults, **answers})


def write(project: Path, name: str, text: str) -> None:
    """Writes a file of the project and creates its folder."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def change(project: Path, name: str, old: str, new: str) -> None:
    """Replaces every occurrence of a text, which must exist."""
    text = (project / name).read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {name}"
    write(project, name, text.replace(old, new))


def keys(project: Path, name: str, values: dict[str, object]) -> None:
    """Sets top-level keys of a YAML file and leaves the other lines unchanged."""
    text = (project / name).read_text(encoding="utf-8")
    for key, value in values.items():
        line = f"{key}: {json.dumps(value)}".replace("\\", r"\\")
        text, count = re.subn(rf"^{key}:.*$", line, text, flags=re.MULTILINE)
        assert count == 1, f"{key} is not in {name}"
    write(project, name, text)


def git(project: Path, *words: str, **environment: str) -> str:
    """Output of a git command in the project."""
    done = subprocess.run(
        ["git", *words], cwd=project, env={**os.environ, **environment}, text=True, capture_output=True, check=True
    )
    return done.stdout


def commit(project: Path, day: int, author: str = "Ada") -> None:
    """Commits everything, on a day of October 2026."""
    when, email = f"2026-10-{day:02}T20:00:00+00:00", f"{author.lower()}@example.org"
    author_and_date = {
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_DATE": when,
    }
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", f"Work of day {day}", **author_and_date)


def own_data(project: Path, seed: int = 0) -> None:
    """The author's data as `python -m PKG.data data=own` records it, code and pages, on five days."""
    [package] = project.glob("src/*/")
    table = "\n".join(f"{seed + row},{row % 7},{row % 3}" for row in range(200))
    write(project, "data/raw/pumps.csv", f"hours_since_repair,vibration_band,failed_within_a_week\n{table}\n")
    sha = hashlib.sha256((project / "data/raw/pumps.csv").read_bytes()).hexdigest()
    source = {"path": "data/raw/pumps.csv", "sha256": sha, "read": "2026-10-01", "target": "failed_within_a_week"}
    keys(project, "conf/data/own.yaml", {**source, "group": "station", "slices": ["band", "age", "site"]})
    change(project, "conf/config.yaml", "- data: starter", "- data: own")
    commit(project, 1)
    write(project, "docs/data-card.md", data_card(sha))
    commit(project, 2)
    write(project, "docs/model-card.md", model_card())
    commit(project, 3)
    lines = [f"def step_{n}(hours: float) -> float:\n    return hours * {n} + {seed}\n" for n in range(40)]
    write(project, f"src/{package.name}/pumps.py", '"""How pumps wear."""\n\n' + "\n\n".join(lines))
    commit(project, 4)
    write(project, "docs/index.md", f"# Pump Watch\n\n{prose(300, 'index')}\n")
    write(project, "docs/decisions.md", f"# Decisions\n\n{prose(500, 'decisions')}\n")
    commit(project, 5)


def data_card(sha: str) -> str:
    """Source, license, labels and split."""
    return f"""# Data card

| Fact | Value |
| --- | --- |
| Source | logbooks of three stations, typed in by hand |
| License | CC BY 4.0 |
| Hash | `{sha}` |

## Labels

A pump that failed within a week, by the logbook. {prose(400, "labels")}

## Split

By station. {prose(400, "split")}
"""


def model_card() -> str:
    """Metadata for Hugging Face, use and limitations."""
    return f"""---
license: mit
pipeline_tag: tabular-classification
datasets: [pump-logbooks]
metrics: [roc_auc]
---

# Model card

## Use

{prose(400, "use")}

## Limitations

{prose(400, "limits")}
"""


def metric(value: float, half: float = 0.02) -> dict[str, float]:
    """A value with its interval."""
    return {"value": round(value, 6), "low": round(value - half, 6), "high": round(value + half, 6)}


def metrics(seed: int) -> dict:
    """Synthetic metrics in the form of reports/metrics.json."""
    network, boosting = 0.812344 + seed / 1000, 0.761238
    slices = {}
    for name in ("band", "age", "site"):
        slices[name] = {"n": 150, "mean": 0.12, "network": metric(network), "boosting": metric(boosting)}
    return {
        "task": "classification",
        "data": f"{seed:012x}",
        "split": "grouped",
        "n_test": 1454,
        "groups_test": 131,
        "threshold": 0.1375,
        "baseline_name": "boosting",
        "results": {
            "network": {"auc": metric(network)},
            "boosting": {"auc": metric(boosting)},
            "constant": {"auc": metric(0.5, 0)},
        },
        "differences": {"boosting": {"auc": metric(network - boosting)}, "constant": {"auc": metric(network - 0.5)}},
        "verdicts": {"boosting": {"auc": "better"}, "constant": {"auc": "better"}},
        "slices": slices,
        "unseen": {},
        "leakage": {"grouped": {"boosting": metric(boosting)}, "random": {"boosting": metric(boosting + 0.05)}},
        "costs": [{"ratio": 5, "network": 467.2, "boosting": 551.4, "constant": 682.1}],
        "calibration": {"predicted": [0.11, 0.52], "observed": [0.14, 0.48], "ece": 0.0314},
    }


def interval_text(interval: dict[str, float]) -> str:
    """A value with its interval, as pages show it."""
    return f"{interval['value']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})"


def run_pipeline(project: Path, seed: int = 0) -> None:
    """Writes the outputs of `dvc repro`: reports, figures, pages, and a lock with the current hashes."""
    report = metrics(seed)
    network, boosting = (report["results"][model]["auc"] for model in ("network", "boosting"))
    cells = [interval_text(interval) for interval in (network, boosting, report["differences"]["boosting"]["auc"])]
    write(project, "reports/metrics.json", json.dumps(report, indent=1) + "\n")
    write(project, "reports/pages.json", json.dumps(page_variables(report, cells), indent=1) + "\n")
    if not (project / LEDGER).exists():
        entry = {"time": "2026-10-06T20:00:00+00:00", "stage": "evaluate", "score": network["value"]}
        write(project, LEDGER, f"{json.dumps({**entry, 'stage': 'leakage'})}\n{json.dumps(entry)}\n")
    for number, name in enumerate(FIGURES):
        draw_figure(project / f"docs/figures/{name}.png", f"{seed} {number}")
    write(project, "docs/results.md", results_page(cells))
    fill_readme(project, cells)
    write(project, "dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": lock(project)}, sort_keys=False))


def page_variables(report: dict, cells: list[str]) -> dict:
    """reports/pages.json: the variables of pages, numbers as text."""
    return {
        "results": {"network": {"auc": cells[0]}, "boosting": {"auc": cells[1]}},
        "point": {"network": {"auc": cells[0].split()[0]}, "boosting": {"auc": cells[1].split()[0]}},
        "difference": {"auc": cells[2]},
        "table": " | ".join(cells),
        "n_test": f"{report['n_test']:,}",
        "data": {"rows": "7,311", "columns": "41"},
        "tradeoff": {"network": [0.973, 0.994], "baseline": [0.911, 1.0]},
        "demo": {"facts": {"schema": {"columns": [{"name": "hours", "low": 0.973}]}}, "megabytes": "0.4"},
    }


def results_page(cells: list[str]) -> str:
    """docs/results.md with its tables."""
    errors = "\n".join(f"| {n} | {n % 9} | failed | 0.0{n:02} |" for n in range(20))
    return f"""# Results

| network | boosting | difference |
| --- | --- | --- |
| {" | ".join(cells)} |

## Leakage check

## Slices

## Cost

## Worst errors

| id | station | label | probability |
| --- | --- | --- | --- |
{errors}
"""


def fill_readme(project: Path, cells: list[str]) -> None:
    """Fills the marked blocks of the README, as `dvc repro report` does."""
    text = (project / "README.md").read_text(encoding="utf-8")
    network, boosting = (cell.split()[0] for cell in cells[:2])
    blocks = {
        "starter": "",
        "headline": f"Predicts a week ahead which water pump fails: AUC {network}; gradient boosting: {boosting}.\n",
        "results": f"| Test set | network | boosting | difference |\n| --- | --- | --- | --- |\n"
        f"| AUC | {' | '.join(cells)} |\n| AUC of a constant | 0.500 | 0.500 | |\n",
    }
    for name, block in blocks.items():
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\g<1>{block}\g<2>", text, flags=re.DOTALL)
    write(project, "README.md", text)


def draw_figure(path: Path, seed: str, size: tuple[int, int] = (1200, 700)) -> None:
    """A picture of random lines."""
    draw, picture = random.Random(seed), Image.new("RGB", size, "white")
    for _ in range(60):
        ends = [(draw.randrange(size[0]), draw.randrange(size[1])) for _ in range(2)]
        ImageDraw.Draw(picture).line(ends, fill=draw.choice(["navy", "orange", "grey"]), width=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def lock(project: Path) -> dict:
    """The stages of dvc.yaml with the current hashes and settings."""
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {name: locked(project, stage) for name, stage in stages.items()}


def locked(project: Path, stage: dict) -> dict:
    """A stage in the form of dvc.lock."""
    outs = [*stage.get("outs", []), *stage.get("metrics", [])]
    params = {}
    for line in stage.get("params", []):
        for name, listed in line.items():
            settings = yaml.safe_load((project / name).read_text(encoding="utf-8"))
            params[name] = {key: settings[key] for key in listed or settings}
    return {
        "cmd": stage["cmd"],
        "deps": [hashed(project, path) for path in stage["deps"]],
        "params": params,
        "outs": [hashed(project, path if isinstance(path, str) else next(iter(path))) for path in outs],
    }


def hashed(project: Path, name: str) -> dict[str, str]:
    """A file with its MD5; for a missing file, the MD5 of its name."""
    path = project / name
    content = path.read_bytes() if path.is_file() else name.encode()
    return {"path": name, "hash": "md5", "md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}


def document(project: Path, seed: int = 0) -> None:
    """The pipeline's outputs, committed."""
    run_pipeline(project, seed)
    commit(project, 6)


def headings(project: Path) -> list[tuple[str, int]]:
    """Title and budget of each section of the template's article."""
    text = git(project, "show", f"{first(project)}:docs/article.md")
    return [(title, int(words)) for title, words in re.findall(r"^## (.*)\n\n<!-- budget: (\d+)", text, re.MULTILINE)]


def first(project: Path) -> str:
    """Hash of the template's commit."""
    return git(project, "rev-list", "--max-parents=0", "HEAD").strip()


def set_article(project: Path, section_text: Callable[[int, str], str]) -> None:
    """Fourteen sections of about their budgets, with page variables and eight figures."""
    text = "# Which pump fails next week?\n"
    for index, (title, words) in enumerate(headings(project)):
        text += f"\n## {title}\n\nThe network has [[ point.network.auc ]]. {section_text(words, title)}\n"
        if index < len(FIGURES):
            text += f"\nSee figure {index + 1}.\n\n![Results](figures/{FIGURES[index]}.png)\n"
    write(project, "docs/article.md", text)


def write_article(project: Path, seed: int = 0) -> None:
    """The article and its public address."""
    set_article(project, lambda words, title: prose(words, f"{seed} {title}"))
    change(project, "portfolio.yaml", "  article:\n", f"  article: {ADDRESS}\n")
    commit(project, 7)


def advertisement(number: int) -> dict[str, str]:
    """A job advertisement that a section of the results page answers."""
    return {
        "employer": f"Water works {number}",
        "link": f"https://jobs.example.org/{number}",
        "date": "2026-10-02",
        "asks": f"{number} years of forecasts",
        "shown_in": "docs/results.md#slices",
    }


def answer_employers(project: Path, seed: int = 0) -> None:
    """Five job advertisements and a cost with its source; then the pipeline, because a setting changed."""
    declare(project, "job_advertisements", [advertisement(number) for number in range(5)])
    source = "source: Annual report of the works, 2025, page 31"
    change(project, "conf/data/own.yaml", "source: assumption", source)
    run_pipeline(project, seed)
    commit(project, 8)


def declare(project: Path, key: str, value: object) -> None:
    """Sets a key of portfolio.yaml."""
    keys(project, "portfolio.yaml", {key: value})


STEPS = {"unique": own_data, "documentation": document, "article": write_article, "relevancy": answer_employers}
MEDAL = {
    "competition": "Pumps of the world",
    "medal": "gold",
    "rank": 3,
    "team_size": 1,
    "profile": "https://www.kaggle.com/ada",
}


def finish(project: Path, seed: int = 0) -> Path:
    """All steps from a fresh project to 5,000 points."""
    for step in STEPS.values():
        step(project, seed)
    return project


def copy(project: Path, folder: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(project, folder / project.name, symlinks=True))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An item of 5,000 points. Tests must not change it; they use a copy."""
    return finish(start(tmp_path_factory.mktemp("finished")))


def check_result(report: Report, check: str) -> Result:
    """Result of a check of the first item."""
    return next(result for result in report.items[0].checks if result.id == check)


def states(report: Report) -> dict[str, str]:
    """State of each factor of the first item."""
    return {factor.name: factor.state for factor in report.items[0].factors}


def totals(report: Report) -> tuple[int, int]:
    """Points evidenced and claimed."""
    return report.evidenced, report.claimed
