"""Checks on results: recorded by the pipeline, honest, and consistent across pages."""

import contextlib
import re
from collections.abc import Iterator

from . import prose
from .evidence import Check, Finding, Item, checks, value_at
from .numbers import Number, agrees, equals, numbers
from .repository import LEDGER

METRICS = "reports/metrics.json"
# A number in a line of the article that names one of these is compared with the reports
RESULT = r"\b(auc|accuracy|recall|precision|f1|brier|mae|rmse|error|r2|coverage|cost)\b"
CODE = r"`(?![\d.,+-]+ ?%?`)[^`]{0,500}`"  # code, unless it is a single number

CHECKS: list[Check] = []
check = checks(CHECKS)


@check("documentation", "Metrics written by the pipeline")
def metrics_recorded(item: Item) -> Finding:
    """metrics.json has the hash in dvc.lock, and so have code and settings."""
    remedy = "Run `uv run dvc repro` and commit dvc.lock together with reports/. Do not edit them by hand."
    if not item.metrics:
        return Finding("fail", f"{METRICS} is missing or damaged", [], remedy)
    lock = item.loaded("dvc.lock")
    stages = lock.get("stages") if isinstance(lock, dict) else None
    if not isinstance(stages, dict) or not stages:
        return Finding("fail", f"no dvc.lock with the hash of {METRICS}", [METRICS], remedy)
    for status, problem_in in (("fail", not_vouched), ("stale", outdated)):
        if trouble := problem_in(item, stages):
            return Finding(status, *trouble, remedy)  # type: ignore[arg-type]
    finding = "same hash as in dvc.lock; code and settings unchanged since. A forged dvc.lock cannot be detected"
    return Finding("pass", finding, [METRICS, "dvc.lock"])


def not_vouched(item: Item, stages: dict) -> tuple[str, list[str]] | None:
    """The reason why dvc.lock does not confirm the metrics, and its location; None if it does."""
    outs = {out["path"]: out.get("md5") for out in entries(stages, "outs")}
    if outs.get(METRICS) != item.repository.md5(METRICS):
        row = item.repository.line("dvc.lock", METRICS)
        why = f"{METRICS} differs from the hash in dvc.lock: edited by hand, or committed without dvc.lock"
        return why, [f"dvc.lock:{row}" if row else "dvc.lock"]
    code = [entry["path"] for entry in entries(stages, "deps") if entry["path"].endswith(".py")]
    if not any(item.repository.has(path) for path in code):
        return f"dvc.lock names no code that writes {METRICS}", ["dvc.lock"]
    return None


def outdated(item: Item, stages: dict) -> tuple[str, list[str]] | None:
    """A file or setting that changed after the evaluation, and its location; None if there is none."""
    rest_on = behind(stages)
    deps, outs = entries(rest_on, "deps"), entries(stages, "outs")
    md5_of = {out["path"]: out.get("md5") for out in outs}
    for entry in deps:
        if entry.get("md5") and md5_of.get(entry["path"], entry["md5"]) != entry["md5"]:
            return f"{entry['path']} is newer than the outputs that depend on it", ["dvc.lock"]
    for entry in deps + outs:
        if item.repository.has(entry["path"]) and entry.get("md5") not in (None, item.repository.md5(entry["path"])):
            return f"{entry['path']} changed after the evaluation", [entry["path"]]
    for name, values in params(rest_on):
        for key, value in values.items():
            if normalized(value_at(item.loaded(name), str(key))) != normalized(value):
                return f"{name}: {key} changed after the evaluation", [name]
    return None


def behind(stages: dict) -> dict:
    """The stages that the metrics depend on; a change of the report stage does not make them stale."""
    paths, needed = {METRICS}, {}
    for _ in stages:
        for name, stage in stages.items():
            if name not in needed and paths & {out["path"] for out in entries({name: stage}, "outs")}:
                needed[name] = stage
                paths |= {dep["path"] for dep in entries({name: stage}, "deps")}
    return needed


def entries(stages: dict, kind: str) -> list[dict]:
    """All deps or outs in a dvc.lock."""
    lists = [stage.get(kind) for stage in stages.values() if isinstance(stage, dict)]
    all_entries = [entry for entries in lists if isinstance(entries, list) for entry in entries]
    return [entry for entry in all_entries if isinstance(entry, dict) and isinstance(entry.get("path"), str)]


def params(stages: dict) -> Iterator[tuple[str, dict]]:
    """File and values of all params in a dvc.lock."""
    sets = [stage.get("params") for stage in stages.values() if isinstance(stage, dict)]
    for files in sets:
        for name, values in files.items() if isinstance(files, dict) else ():
            if isinstance(values, dict):
                yield str(name), values


def normalized(value: object) -> object:
    """A value in a form that is the same in YAML 1.1 and 1.2, which parse `Yes` and `1e-5` differently."""
    if isinstance(value, dict):
        return {str(key): normalized(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [normalized(inner) for inner in value]
    text = str(value).lower()
    with contextlib.suppress(ValueError):
        return float(text)
    return {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text, text)


@check("documentation", "Numbers in README and pages match the reports")
def numbers_agree(item: Item) -> Finding:
    """Every number of README and home page; in article and model card, numbers next to the name of a metric."""
    if not item.metrics:
        return Finding(
            "fail", "no reports/metrics.json to compare with", [], "Run the pipeline: it writes reports/metrics.json."
        )
    checked = [number for name in compared(item) for number in on_page(item, name)]
    wrong = [(where, number.text) for where, number, how in checked if how == "wrong"]
    if wrong:
        examples = ", ".join(f"{text} ({place})" for place, text in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        remedy = (
            "Write results as [[ results.network.auc ]] or let `dvc repro report` fill them in; link quoted numbers."
        )
        return Finding("fail", f"not in any report: {examples}{more}", [place for place, _ in wrong[:5]], remedy)
    quoted = sum(how == "quoted" for _, _, how in checked)
    finding = f"{len(checked)} numbers checked" + (f"; {quoted} next to a link count as quoted" if quoted else "")
    unchecked = "number words, pictures and integers below 100 are not checked"
    return Finding("pass", f"{finding}; {unchecked}", compared(item)[:1])


def compared(item: Item) -> list[str]:
    """Pages whose numbers are compared with the reports."""
    pages = dict.fromkeys([item.repository.readme, "docs/index.md", item.article, item.model_card])
    return [name for name in pages if item.repository.has(name)]


def on_page(item: Item, name: str) -> Iterator[tuple[str, Number, str]]:
    """File:line of each number of a page that may be a result, and whether it is measured, quoted or wrong."""
    text = re.sub(rf"{prose.LIVE}|{CODE}|<[^<>]{{0,500}}>", " ", prose.visible(item.repository.text(name)))
    first = dict(item.first_screen) if name == item.repository.readme else {}  # no number counts as quoted there
    written = name in (item.article, item.model_card)  # by the author; the pipeline fills in the other pages
    rounded = item.measured_numbers if written else item.headline
    for row, line in enumerate(text.splitlines(), start=1):
        other = "quoted" if row not in first and re.search(r"\]\(https?://", line) else "wrong"
        line = re.sub(rf"\]{prose.ADDRESS}|https?://\S+", "] ", line)
        for number in numbers(line) if not written or re.search(RESULT, line, re.IGNORECASE) else []:
            measured = agrees(number, rounded) or equals(number, item.measured_numbers)
            yield f"{name}:{row}", number, "measured" if measured else other


@check("documentation", "Results table and the command behind it")
def results_table(item: Item) -> Finding:
    remedy = "Add a table of results with baseline and confidence interval to the README, and its command below."
    rows = [
        (n, line)
        for n, line in enumerate(item.readme.splitlines(), start=1)
        if line.lstrip().startswith("|") and numbers(line)
    ]
    if len(rows) < 2:
        return Finding(
            "fail", "no table with numbers in the README", [item.repository.readme] if item.readme else [], remedy
        )
    near = "\n".join(item.readme.splitlines()[max(0, rows[0][0] - 8) : rows[-1][0] + 14])
    tools = r"\b(?:dvc|make|python|uv|nox|just|snakemake|bash|sh)\b"
    command = re.search(rf"`([^`\n]{{0,200}}{tools}[^`\n]{{0,200}})`", near)
    command = command or re.search(rf"^```\w*\n(?:\$ )?({tools}[^\n]{{0,200}})$", near, re.MULTILINE)
    if not command:
        return Finding("fail", "no command near the table", [f"{item.repository.readme}:{rows[0][0]}"], remedy)
    return Finding("pass", f"{len(rows)} rows, written by `{command[1]}`", [f"{item.repository.readme}:{rows[0][0]}"])


@check("documentation", "Difference from a baseline with a confidence interval")
def baseline_interval(item: Item) -> Finding:
    """`differences` of metrics.json: network minus the baseline named in `baseline_name`, with the interval."""
    remedy = (
        "Evaluate a baseline on the same test set, with the interval of the difference: `uv run dvc repro evaluate`."
    )
    name = item.metrics.get("baseline_name")
    differences = value_at(item.metrics, "differences")
    metrics = differences.get(name) if isinstance(differences, dict) and isinstance(name, str) else None
    intervals = (
        {key: value for key, value in metrics.items() if is_interval(value)} if isinstance(metrics, dict) else {}
    )
    results = value_at(item.metrics, "results")
    if not intervals or not isinstance(results, dict) or not results.get(name):
        return Finding("fail", "no difference from a baseline with a confidence interval", [], remedy)
    key, difference = next(iter(intervals.items()))
    value, low, high = difference["value"], difference["low"], difference["high"]
    if not low <= value <= high:
        return Finding("fail", f"the interval of {key} does not contain its value", [METRICS], remedy)
    significance = "significant" if low > 0 or high < 0 else "not statistically significant"
    row = item.repository.line(METRICS, '"differences"')
    finding = f"{key}, network minus {name}: {value:+.3g} (95% CI {low:+.3g} to {high:+.3g}), {significance}"
    return Finding("pass", finding, [f"{METRICS}:{row}"])


def is_interval(value: object) -> bool:
    """Whether a value is {"value", "low", "high"} with numbers."""
    if not isinstance(value, dict):
        return False
    return all(isinstance(value.get(key), int | float) for key in ("value", "low", "high"))


@check("documentation", "Split by group or time, or a reason for a random split")
def split_kept(item: Item) -> Finding:
    split = item.metrics.get("split") or item.settings.get("split")
    if split in ("grouped", "time"):
        frozen = ", frozen by its hash" if re.fullmatch("[0-9a-f]{64}", str(item.settings.get("split_sha256"))) else ""
        return Finding("pass", f"{split} split{frozen}", [f"conf/data/{item.choice}.yaml"] if item.choice else [])
    page = item.repository.text(item.data_card)
    reason = re.search(
        r"\b(random split|split at random|drawn at random|independent)\b[^.\n]*\bbecause\b[^.\n]*\.",
        page,
        re.IGNORECASE,
    )
    if split == "random" and reason:
        return Finding(
            "shown",
            f"random split with a reason: {reason[0].strip()[:120]}",
            [f"{item.data_card}:{item.repository.line(item.data_card, reason[0].strip()[:40]) or 1}"],
        )
    finding = "random split without a reason" if split == "random" else "no split strategy recorded"
    return Finding(
        "fail",
        finding,
        [],
        "Set data.group or data.time, or give the reason in the data card: a random split, because ...",
    )


@check("documentation", "Test-set evaluations")
def test_evaluations(item: Item) -> Finding:
    """The test-set ledger exists, and no committed line was removed later."""
    evaluations = item.repository.text(LEDGER).splitlines()
    if not evaluations:
        remedy = f"Record each evaluation as a line of {LEDGER}; `dvc repro` does."
        return Finding("fail", "no test-set ledger", [], remedy)
    if lost := item.repository.forgotten:
        remedy = "Restore the removed lines from git."
        return Finding("fail", f"{lost} lines were removed from the test-set ledger", [f"{LEDGER}:1"], remedy)
    return Finding(
        "shown", f"{len(evaluations)} test-set evaluations recorded. Unrecorded ones cannot be detected", [LEDGER]
    )


@check("documentation", "Error analysis: worst errors and slices")
def error_analysis(item: Item) -> Finding:
    slices = item.metrics.get("slices")
    slices = slices if isinstance(slices, dict) else {}
    listed = {
        f"{name}:{section.line}": sum(line.startswith("|") for line in section.text.splitlines()) - 2
        for name in item.repository.find(r"\.md$")
        for section in prose.sections(item.repository.text(name))
        if re.search(r"worst|error", section.title, re.IGNORECASE)
    }
    page = max(listed, key=lambda page: listed[page], default="")
    errors = listed.get(page, 0)
    if len(slices) >= 3 and errors >= 20:
        return Finding("pass", f"{errors} worst errors, {len(slices)} slices", [page, "reports/metrics.json"])
    return Finding(
        "fail",
        f"{max(errors, 0)} worst errors listed (20 required), {len(slices)} slices (3 required)",
        [page] if page else [],
        "Name columns in data.slices and run `uv run dvc repro`; docs/results.md then lists slices and worst errors.",
    )
