"""A portfolio item, built step by step as the scorecard's remedies say. Nothing is trained: the reports are made up."""

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

FIGURES = ["calibration", "cost", "data", "errors", "hero", "leak", "slices", "training"]
ADDRESS = "https://ada.example.org/article"
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
    """At least so many words of made-up sentences, in paragraphs; the same for the same seed."""
    draw, said, count = random.Random(seed), [], 0
    while count < words:
        said.append(re.sub("NN|AA|VV|DD", lambda match: draw.choice(WORDS[match[0]].split()), draw.choice(FORMS)))
        count += len(said[-1].split())
    return "\n\n".join(" ".join(said[i : i + 6]) for i in range(0, len(said), 6))


def start(folder: Path, **answers: str) -> Path:
    """A fresh bake of the caravan starter, renamed to a problem of one's own."""
    mine = {"author_name": "Ada", "github_username": "ada", "project_name": "Pump Watch", "industry": "water supply"}
    return bake(folder, starter="caravan-insurance", **{**mine, **answers})


def write(project: Path, name: str, text: str) -> None:
    """A file of the project, its folder included."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def change(project: Path, name: str, old: str, new: str) -> None:
    """Replaces a text that must be there, wherever it is."""
    text = (project / name).read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {name}"
    write(project, name, text.replace(old, new))


def keys(project: Path, name: str, values: dict[str, object]) -> None:
    """Sets keys of the first level of a YAML file and leaves the rest as it is."""
    text = (project / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text, found = re.subn(
            rf"^{key}:.*$", lambda _, k=key, v=value: f"{k}: {json.dumps(v)}", text, flags=re.MULTILINE
        )
        assert found == 1, f"{key} is not in {name}"
    write(project, name, text)


def git(project: Path, *words: str, **environment: str) -> str:
    """What a git command of the project prints."""
    done = subprocess.run(
        ["git", *words], cwd=project, env={**os.environ, **environment}, text=True, capture_output=True, check=True
    )
    return done.stdout


def commit(project: Path, day: int, author: str = "Ada") -> None:
    """Commits all there is, on a day of October 2026."""
    when, email = f"2026-10-{day:02}T20:00:00+00:00", f"{author.lower()}@example.org"
    who = {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", f"Work of day {day}", **who)


def own_data(project: Path, seed: int = 0) -> None:
    """Own data as `prepare data=own` records it, own code, and pages of one's own, on five days."""
    [package] = project.glob("src/*/")
    table = "\n".join(f"{seed + row},{row % 7},{row % 3}" for row in range(200))
    write(project, "data/raw/pumps.csv", f"hours_since_repair,vibration_band,failed_within_a_week\n{table}\n")
    sha = hashlib.sha256((project / "data/raw/pumps.csv").read_bytes()).hexdigest()
    told = {"path": "data/raw/pumps.csv", "sha256": sha, "read": "2026-10-01", "target": "failed_within_a_week"}
    keys(project, "conf/data/own.yaml", {**told, "group": "station", "slices": ["band", "age", "site"]})
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
    """Source, licence, labels and split, and what went wrong."""
    return f"""# Data card

| Fact | Value |
| --- | --- |
| Source | logbooks of three stations, typed in by hand |
| Licence | CC BY 4.0 |
| Hash | `{sha}` |

## Labels

A pump that failed within a week, by the logbook. {prose(400, "labels")}

## Split

By station. {prose(400, "split")}
"""


def model_card() -> str:
    """Metadata for Hugging Face, use and limits."""
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
    """Made-up metrics in the form of the pipeline's."""
    ours, theirs = 0.812344 + seed / 1000, 0.761238
    slices = {name: {"n": 150, "network": metric(ours), "baseline": metric(theirs)} for name in ("band", "age", "site")}
    return {
        "task": "classification",
        "split": "grouped",
        "n_test": 1454,
        "groups_test": 131,
        "test": {"auc": metric(ours)},
        "baseline_name": "boosting",
        "baseline": {"auc": metric(theirs)},
        "trivial": {"auc": metric(0.5, 0)},
        "difference": {"auc": metric(ours - theirs)},
        "slices": slices,
    }


def written(found: dict[str, float]) -> str:
    """A value with its interval, as pages show it."""
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def run_pipeline(project: Path, seed: int = 0) -> None:
    """Leaves what `dvc repro` leaves: reports, figures, pages, and a lock with the hashes of today."""
    found = metrics(seed)
    parts = [written(found[name]["auc"]) for name in ("test", "baseline", "difference")]
    point = {"network": {"auc": f"{found['test']['auc']['value']:.3f}"}}
    measured = {"network": {"auc": parts[0]}, "point": point, "table": " | ".join(parts), "n_test": "1,454"}
    ledger = {"time": "2026-10-06T20:00:00+00:00", "stage": "evaluate", "score": found["test"]["auc"]["value"]}
    write(project, "reports/metrics.json", json.dumps(found, indent=1) + "\n")
    write(project, "reports/pages.json", json.dumps({"measured": measured}, indent=1) + "\n")
    if not (project / "reports/test_ledger.jsonl").exists():
        write(
            project, "reports/test_ledger.jsonl", f"{json.dumps({**ledger, 'stage': 'leak'})}\n{json.dumps(ledger)}\n"
        )
    for place, name in enumerate(FIGURES):
        draw_figure(project / f"docs/figures/{name}.png", f"{seed} {place}")
    write(project, "docs/results.md", results(parts))
    fill_readme(project, parts)
    write(project, "dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": lock(project)}, sort_keys=False))


def results(parts: list[str]) -> str:
    """docs/results.md with its tables."""
    errors = "\n".join(f"| {n} | {n % 9} | failed | 0.0{n:02} |" for n in range(20))
    return f"""# Results

| network | boosting | difference |
| --- | --- | --- |
| {" | ".join(parts)} |

## The leak

## Slices

## Cost

## Worst errors

| id | station | label | probability |
| --- | --- | --- | --- |
{errors}
"""


def fill_readme(project: Path, parts: list[str]) -> None:
    """What `dvc repro report` writes between the markers."""
    text = (project / "README.md").read_text(encoding="utf-8")
    ours, theirs = (part.split()[0] for part in parts[:2])
    blocks = {
        "starter": "",
        "headline": f"Tells water suppliers a week ahead which pump fails: AUC {ours}, against {theirs} by boosting.\n",
        "results": f"| Test set | network | boosting | difference |\n| --- | --- | --- | --- |\n"
        f"| AUC | {' | '.join(parts)} |\n| AUC of a guess | 0.500 | 0.500 | |\n",
    }
    for name, block in blocks.items():
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\g<1>{block}\g<2>", text, flags=re.DOTALL)
    write(project, "README.md", text)


def draw_figure(path: Path, seed: str, size: tuple[int, int] = (1200, 700)) -> None:
    """A picture with lines of its own."""
    draw, picture = random.Random(seed), Image.new("RGB", size, "white")
    for _ in range(60):
        ends = [(draw.randrange(size[0]), draw.randrange(size[1])) for _ in range(2)]
        ImageDraw.Draw(picture).line(ends, fill=draw.choice(["navy", "orange", "grey"]), width=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def lock(project: Path) -> dict:
    """The stages of dvc.yaml with the hashes and settings of today."""
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {name: locked(project, stage) for name, stage in stages.items()}


def locked(project: Path, stage: dict) -> dict:
    """A stage as dvc.lock has it."""
    outs = [*stage.get("outs", []), *stage.get("metrics", [])]
    params = {}
    for line in stage.get("params", []):
        for name, wanted in line.items():
            found = yaml.safe_load((project / name).read_text(encoding="utf-8"))
            params[name] = {key: found[key] for key in wanted or found}
    return {
        "cmd": stage["cmd"],
        "deps": [hashed(project, path) for path in stage["deps"]],
        "params": params,
        "outs": [hashed(project, path if isinstance(path, str) else next(iter(path))) for path in outs],
    }


def hashed(project: Path, name: str) -> dict[str, str]:
    """A file with its MD5; of what is not here, one made up of its name."""
    path = project / name
    content = path.read_bytes() if path.is_file() else name.encode()
    return {"path": name, "hash": "md5", "md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}


def document(project: Path, seed: int = 0) -> None:
    """Runs the pipeline."""
    run_pipeline(project, seed)
    commit(project, 6)


def headings(project: Path) -> list[tuple[str, int]]:
    """Title and budget of each section of the template's article."""
    text = git(project, "show", f"{first(project)}:docs/article.md")
    return [(title, int(words)) for title, words in re.findall(r"^## (.*)\n\n<!-- budget: (\d+)", text, re.MULTILINE)]


def first(project: Path) -> str:
    """The commit that the template made."""
    return git(project, "rev-list", "--max-parents=0", "HEAD").strip()


def set_article(project: Path, said: Callable[[int, str], str]) -> None:
    """Fourteen sections of about their budgets, with live numbers and eight figures."""
    text = "# Which pump fails next week?\n"
    for place, (title, words) in enumerate(headings(project)):
        text += f"\n## {title}\n\nThe network has [[ measured.point.network.auc ]]. {said(words, title)}\n"
        if place < len(FIGURES):
            text += f"\nSee figure {place + 1}.\n\n![What was found](figures/{FIGURES[place]}.png)\n"
    write(project, "docs/article.md", text)


def write_article(project: Path, seed: int = 0) -> None:
    """The article, and its public address."""
    set_article(project, lambda words, title: prose(words, f"{seed} {title}"))
    change(project, "portfolio.yaml", "  article:\n", f"  article: {ADDRESS}\n")
    commit(project, 7)


def advertisement(number: int) -> dict[str, str]:
    """A job advertisement that the results answer."""
    return {
        "employer": f"Water works {number}",
        "link": f"https://jobs.example.org/{number}",
        "date": "2026-10-02",
        "asks": f"{number} years of forecasts",
        "shown_in": "docs/results.md#slices",
    }


def answer_employers(project: Path, seed: int = 0) -> None:
    """Five job advertisements, and a cost with its source; then the pipeline again, since a setting changed."""
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
    """All steps from the fresh bake to 5,000 points."""
    for step in STEPS.values():
        step(project, seed)
    return project


def copy(project: Path, folder: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(project, folder / project.name, symlinks=True))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An item of 5,000 points. Not to be changed by tests: they take a copy."""
    return finish(start(tmp_path_factory.mktemp("finished")))


def found(report: Report, check: str) -> Result:
    """What a check of the first item says."""
    return next(result for result in report.items[0].checks if result.id == check)


def states(report: Report) -> dict[str, str]:
    """State of each factor of the first item."""
    return {factor.name: factor.state for factor in report.items[0].factors}


def totals(report: Report) -> tuple[int, int]:
    """Evidenced and claimed."""
    return report.evidenced, report.claimed
