"""Checks on the results: recorded, honest, and the same on every page."""

import contextlib
import re
from collections.abc import Iterator

from . import prose
from .evidence import Check, Found, Item, at, checks
from .numbers import Number, agrees, equals, numbers
from .repository import LEDGER

METRICS = "reports/metrics.json"
RESULT = r"\b(auc|accuracy|recall|precision|f1|brier|mae|rmse|error|r2|coverage|cost)\b"  # in a line of the article
CODE = r"`(?![\d.,+-]+ ?%?`)[^`]{0,500}`"  # a number alone is none

CHECKS: list[Check] = []
check = checks(CHECKS)


@check("documentation", "The metrics are those of the pipeline")
def metrics_recorded(item: Item) -> Found:
    """metrics.json as DVC recorded it, from the code and settings of today."""
    remedy = "Run `uv run dvc repro` and commit dvc.lock with reports/; never edit them by hand."
    if not item.metrics:
        return Found("fail", f"no {METRICS} that can be read", [], remedy)
    lock = item.loaded("dvc.lock")
    stages = lock.get("stages") if isinstance(lock, dict) else None
    if not isinstance(stages, dict) or not stages:
        return Found("fail", f"no dvc.lock that vouches for {METRICS}", [METRICS], remedy)
    for status, look in (("fail", not_vouched), ("stale", outdated)):
        if trouble := look(item, stages):
            return Found(status, *trouble, remedy)  # type: ignore[arg-type]
    said = "code and settings are the same since; a lock forged as well would not be seen"
    return Found("pass", f"dvc.lock vouches for them, and {said}", [METRICS, "dvc.lock"])


def not_vouched(item: Item, stages: dict) -> tuple[str, list[str]] | None:
    """Why dvc.lock does not vouch for the metrics, and where."""
    outs = {out["path"]: out.get("md5") for out in entries(stages, "outs")}
    if outs.get(METRICS) != item.repository.md5(METRICS):
        row = item.repository.line("dvc.lock", METRICS)
        why = f"{METRICS} is not the file that dvc.lock records: edited by hand, or not committed with it"
        return why, [f"dvc.lock:{row}" if row else "dvc.lock"]
    code = [entry["path"] for entry in entries(stages, "deps") if entry["path"].endswith(".py")]
    if not any(item.repository.has(path) for path in code):
        return f"dvc.lock names no code that made {METRICS}", ["dvc.lock"]
    return None


def outdated(item: Item, stages: dict) -> tuple[str, list[str]] | None:
    """What has changed since the metrics were made, and where."""
    rest_on = behind(stages)
    deps, outs = entries(rest_on, "deps"), entries(stages, "outs")
    made = {out["path"]: out.get("md5") for out in outs}
    for entry in deps:
        if entry.get("md5") and made.get(entry["path"], entry["md5"]) != entry["md5"]:
            return f"{entry['path']} is newer than what was made from it", ["dvc.lock"]
    for entry in deps + outs:
        if item.repository.has(entry["path"]) and entry.get("md5") not in (None, item.repository.md5(entry["path"])):
            return f"{entry['path']} has changed since the metrics were made", [entry["path"]]
    for name, wanted in params(rest_on):
        for key, value in wanted.items():
            if same(at(item.loaded(name), str(key))) != same(value):
                return f"{name}: {key} has changed since the metrics were made", [name]
    return None


def behind(stages: dict) -> dict:
    """The stages that the metrics rest on; pages are made from the metrics and may be written again."""
    wanted, found = {METRICS}, {}
    for _ in stages:
        for name, stage in stages.items():
            if name not in found and wanted & {out["path"] for out in entries({name: stage}, "outs")}:
                found[name] = stage
                wanted |= {dep["path"] for dep in entries({name: stage}, "deps")}
    return found


def entries(stages: dict, kind: str) -> list[dict]:
    """All deps or outs of a dvc.lock."""
    lists = [stage.get(kind) for stage in stages.values() if isinstance(stage, dict)]
    found = [entry for entries in lists if isinstance(entries, list) for entry in entries]
    return [entry for entry in found if isinstance(entry, dict) and isinstance(entry.get("path"), str)]


def params(stages: dict) -> Iterator[tuple[str, dict]]:
    """File and values of each set of params in a dvc.lock."""
    sets = [stage.get("params") for stage in stages.values() if isinstance(stage, dict)]
    for name, values in [pair for found in sets if isinstance(found, dict) for pair in found.items()]:
        if isinstance(values, dict):
            yield str(name), values


def same(value: object) -> object:
    """A value as it compares across YAML 1.1 and 1.2, which read `Yes` and `1e-5` differently."""
    if isinstance(value, dict):
        return {str(key): same(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [same(inner) for inner in value]
    text = str(value).lower()
    with contextlib.suppress(ValueError):
        return float(text)
    return {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text, text)


@check("documentation", "Numbers in README and pages equal the metrics")
def numbers_agree(item: Item) -> Found:
    """Every number of README and home page; in article and model card those beside the name of a metric."""
    if not item.metrics:
        return Found(
            "fail", "no reports/metrics.json to compare with", [], "Let the pipeline write reports/metrics.json."
        )
    every = [number for name in compared(item) for number in on_page(item, name)]
    wrong = [(place, number.text) for place, number, how in every if how == "wrong"]
    if wrong:
        few = ", ".join(f"{text} ({where})" for where, text in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        remedy = "Write results as [[ measured.... ]], or let `dvc repro report` write them; link foreign numbers."
        return Found("fail", f"in no report: {few}{more}", [where for where, _ in wrong[:5]], remedy)
    quoted = sum(how == "quoted" for _, _, how in every)
    said = f"{len(every)} numbers compared" + (f"; {quoted} beside a link taken as quoted" if quoted else "")
    unseen = "words, pictures and whole numbers below 100 are not read, and one that happens to equal another passes"
    return Found("pass", f"{said}; {unseen}", compared(item)[:1])


def compared(item: Item) -> list[str]:
    """The pages whose numbers are compared with the reports."""
    pages = dict.fromkeys([item.repository.readme, "docs/index.md", item.article, item.model_card])
    return [name for name in pages if item.repository.has(name)]


def on_page(item: Item, name: str) -> Iterator[tuple[str, Number, str]]:
    """Place of each number of a page that may be a result, and whether it is measured, quoted or wrong."""
    text = re.sub(rf"{prose.LIVE}|{CODE}|<[^<>]{{0,500}}>", " ", prose.visible(item.repository.text(name)))
    first = dict(item.first_screen) if name == item.repository.readme else {}  # nothing is quoted there
    written = name in (item.article, item.model_card)  # by the author; the pipeline writes the other pages
    rounded = item.known if written else item.headline
    for row, line in enumerate(text.splitlines(), start=1):
        other = "quoted" if row not in first and re.search(r"\]\(https?://", line) else "wrong"
        line = re.sub(rf"\]{prose.ADDRESS}|https?://\S+", "] ", line)
        for number in numbers(line) if not written or re.search(RESULT, line, re.IGNORECASE) else []:
            measured = agrees(number, rounded) or equals(number, item.known)
            yield f"{name}:{row}", number, "measured" if measured else other


@check("documentation", "Results table, and the command that makes it")
def results_table(item: Item) -> Found:
    remedy = "Show the result table in the README, with baseline and interval, and name the command below it."
    rows = [
        (n, line)
        for n, line in enumerate(item.readme.splitlines(), start=1)
        if line.lstrip().startswith("|") and numbers(line)
    ]
    if len(rows) < 2:
        return Found(
            "fail", "no table with numbers in the README", [item.repository.readme] if item.readme else [], remedy
        )
    near = "\n".join(item.readme.splitlines()[max(0, rows[0][0] - 8) : rows[-1][0] + 14])
    tools = r"\b(?:dvc|make|python|uv|nox|just|snakemake|bash|sh)\b"
    command = re.search(rf"`([^`\n]{{0,200}}{tools}[^`\n]{{0,200}})`", near)
    command = command or re.search(rf"^```\w*\n(?:\$ )?({tools}[^\n]{{0,200}})$", near, re.MULTILINE)
    if not command:
        return Found("fail", "no command beside the table", [f"{item.repository.readme}:{rows[0][0]}"], remedy)
    return Found("pass", f"{len(rows)} rows, made by `{command[1]}`", [f"{item.repository.readme}:{rows[0][0]}"])


@check("documentation", "A baseline, compared with an interval")
def baseline_interval(item: Item) -> Found:
    remedy = (
        "Measure a baseline on the same test set, and the difference with its interval: `uv run dvc repro evaluate`."
    )
    difference = item.metrics.get("difference")
    pairs = (
        {k: v for k, v in (difference or {}).items() if isinstance(v, dict) and {"value", "low", "high"} <= v.keys()}
        if isinstance(difference, dict)
        else {}
    )
    if not pairs or not item.metrics.get("baseline"):
        return Found("fail", "no difference to a baseline with an interval", [], remedy)
    key, first = next(iter(pairs.items()))
    if (
        not all(isinstance(first[k], int | float) for k in ("value", "low", "high"))
        or not first["low"] <= first["value"] <= first["high"]
    ):
        return Found("fail", f"the interval of {key} does not hold its value", ["reports/metrics.json"], remedy)
    said = "excludes zero" if first["low"] > 0 or first["high"] < 0 else "holds zero: cannot be told apart"
    row = item.repository.line("reports/metrics.json", '"difference"')
    return Found(
        "pass",
        f"{key} {first['value']:+.3g} ({first['low']:+.3g} to {first['high']:+.3g}), {said}",
        [f"reports/metrics.json:{row}"],
    )


@check("documentation", "Split by group or time, or a reason")
def split_kept(item: Item) -> Found:
    split = item.metrics.get("split") or item.settings.get("split")
    if split in ("grouped", "time"):
        frozen = (
            "; its hash is recorded" if re.fullmatch("[0-9a-f]{64}", str(item.settings.get("split_sha256"))) else ""
        )
        return Found("pass", f"{split} split{frozen}", [f"conf/data/{item.choice}.yaml"] if item.choice else [])
    page = item.repository.text(item.data_card)
    reason = re.search(
        r"\b(random split|split at random|drawn at random|independent)\b[^.\n]*\bbecause\b[^.\n]*\.",
        page,
        re.IGNORECASE,
    )
    if split == "random" and reason:
        return Found(
            "shown",
            f"random split, with a reason: {reason[0].strip()[:120]}",
            [f"{item.data_card}:{item.repository.line(item.data_card, reason[0].strip()[:40]) or 1}"],
        )
    said = "random split without a reason" if split == "random" else "no split named"
    return Found(
        "fail",
        said,
        [],
        "Name data.group or data.time; if nothing belongs together, say in the data card: a random split, because ...",
    )


@check("documentation", "Looks at the test set")
def looks_at_test(item: Item) -> Found:
    """The ledger is there, and no line that was ever committed is missing from it."""
    looks = item.repository.text(LEDGER).splitlines()
    if not looks:
        remedy = f"Append a line to {LEDGER} with each evaluation; the pipeline does."
        return Found("fail", "no ledger of looks at the test set", [], remedy)
    if lost := item.repository.forgotten:
        remedy = "Never shorten the ledger: restore its lines from git."
        return Found("fail", f"{lost} lines were taken out of the ledger", [f"{LEDGER}:1"], remedy)
    return Found("shown", f"{len(looks)} looks recorded; looks that were not recorded cannot be seen", [LEDGER])


@check("documentation", "Error analysis: worst errors and slices")
def error_analysis(item: Item) -> Found:
    slices = item.metrics.get("slices")
    slices = slices if isinstance(slices, dict) else {}
    listed = {
        f"{name}:{section.line}": sum(line.startswith("|") for line in section.text.splitlines()) - 2
        for name in item.repository.find(r"\.md$")
        for section in prose.sections(item.repository.text(name))
        if re.search(r"worst|error", section.title, re.IGNORECASE)
    }
    page = max(listed, key=lambda place: listed[place], default="")
    errors = listed.get(page, 0)
    if len(slices) >= 3 and errors >= 20:
        return Found("pass", f"{errors} worst errors, {len(slices)} slices", [page, "reports/metrics.json"])
    return Found(
        "fail",
        f"{max(errors, 0)} worst errors listed (20 are asked for), {len(slices)} slices (3)",
        [page] if page else [],
        "Name columns in data.slices and run `uv run dvc repro`; docs/results.md then lists slices and worst errors.",
    )
