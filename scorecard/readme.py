"""Checks on the README: its first screen, and whether its numbers are the measured ones."""

import contextlib
import re
from collections.abc import Iterator

from . import prose
from .evidence import Check, Found, Item, agrees, checks, normal, numbers

SENTENCE = 25  # words
TOOLS = r"\b(pytorch|tensorflow|keras|resnet|scikit|lightning|hydra|docker|notebook|jupyter|template|repository)\b"
BASELINE = (
    r"\b(baseline|against|than|vs\.?|versus|compared|instead of|persistence|boosting|regression|trivial|majority)\b"
)

CHECKS: list[Check] = []
check = checks(CHECKS)


@check("documentation", "First screen: a picture")
def first_picture(item: Item) -> Found:
    remedy = "Put one picture of the result on top of the README: docs/figures/hero.png, 600 pixels wide or more."
    pictures = [link for link in item.first_links if link.picture and not link.target.startswith(("http:", "https:"))]
    why = "no local picture on the first screen"
    for link in pictures:
        name = normal(link.target.split("?")[0]) or link.target
        why, size = item.picture(name)
        where = [f"{item.repository.readme}:{link.line}"]
        if not why:
            return Found("pass", f"{name}, {size}", where)
        why = f"{name} {why}"
    return Found("fail", why if item.readme else "no README", [item.repository.readme] if item.readme else [], remedy)


def first_sentence(item: Item) -> tuple[int, str]:
    """Line and text of the first sentence of prose in the README; 0 and nothing if there is none."""
    for number, line in item.first_screen:
        if re.match(r"\s*(#|>|!\[|\[!\[|\||<|\*[^*]|_|```|[-=]{3,}|\[[^\]]*\]\([^)]*\)\s*$)", line):
            continue
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line).replace("*", "").strip()
        if len(prose.words(text)) < 4:
            continue
        return number, re.split(r"(?<=[.!?])\s+(?=[A-Z*_\"(])", text)[0]
    return 0, ""


@check("documentation", f"First screen: the value in one sentence of at most {SENTENCE} words")
def value_sentence(item: Item) -> Found:
    remedy = f"Begin with one sentence of at most {SENTENCE} words: what it does for whom, and the number."
    row, sentence = first_sentence(item)
    if not sentence:
        return Found("fail", "no sentence on the first screen", [item.repository.readme] if item.readme else [], remedy)
    where, long = [f"{item.repository.readme}:{row}"], len(sentence.split())
    above = sum(len(prose.words(re.sub(r"\]\([^)]*\)", "]", line))) for _, line in item.first_screen)
    if re.search(TOOLS, sentence, re.IGNORECASE) and not numbers(sentence):
        return Found("fail", f"the first sentence speaks of tools: {sentence!r}", where, remedy)
    if long > SENTENCE:
        return Found("fail", f"the first sentence has {long} words", where, remedy)
    return Found("pass", f"{long} words; {above} words on the first screen", where)


@check("documentation", "First screen: a number against a baseline")
def number_against_baseline(item: Item) -> Found:
    remedy = "Say the headline metric and the baseline's in one sentence; `uv run dvc repro report` writes it."
    for row, line in item.first_screen:
        if len(numbers(line)) >= 2 and re.search(BASELINE, line, re.IGNORECASE) and not line.lstrip().startswith("|"):
            return Found(
                "pass", f"{numbers(line)[0].text} beside {numbers(line)[1].text}", [f"{item.repository.readme}:{row}"]
            )
    return Found(
        "fail", "no line with a number and its baseline", [item.repository.readme] if item.readme else [], remedy
    )


@check("documentation", "First screen: links to demo and article")
def demo_and_article(item: Item) -> Found:
    wanted = {"demo": r"\b(demo|try it|app|space)\b", "article": r"\b(article|write-?up|blog|post|story|report)\b"}
    found, where = [], []
    for name, pattern in wanted.items():
        for link in item.first_links:
            if (
                not link.picture
                and re.search(pattern, link.text, re.IGNORECASE)
                and item.opens(link.target, item.repository.readme)
            ):
                found.append(name)
                where.append(f"{item.repository.readme}:{link.line}")
                break
    missing = [name for name in wanted if name not in found]
    if missing:
        return Found(
            "fail",
            f"no link to {' and '.join(missing)}",
            where,
            "Link demo and article in one line under the headline.",
        )
    return Found("pass", "both linked", sorted(set(where)))


@check("documentation", "The metrics are those of the pipeline")
def metrics_recorded(item: Item) -> Found:
    """metrics.json as DVC recorded it, from the code and settings of today."""
    name, remedy = (
        "reports/metrics.json",
        "Run `uv run dvc repro` and commit dvc.lock with reports/; never edit them by hand.",
    )
    if not item.metrics:
        return Found("fail", f"no {name} that can be read", [], remedy)
    lock = item.loaded("dvc.lock")
    stages = lock.get("stages") if isinstance(lock, dict) else None
    if not isinstance(stages, dict) or not stages:
        return Found("fail", f"no dvc.lock that vouches for {name}", [name], remedy)
    outs = {out["path"]: out.get("md5") for out in entries(stages, "outs")}
    if outs.get(name) != item.repository.md5(name):
        row = item.repository.line("dvc.lock", name)
        return Found(
            "fail",
            f"{name} is not the file that dvc.lock records: edited by hand, or not committed with it",
            [f"dvc.lock:{row}" if row else "dvc.lock"],
            remedy,
        )
    for entry in entries(stages, "deps"):
        made = outs.get(entry["path"])
        if made and entry.get("md5") and made != entry["md5"]:
            return Found("stale", f"{entry['path']} is newer than what was made from it", ["dvc.lock"], remedy)
    for entry in [*entries(stages, "deps"), *entries(stages, "outs")]:
        if item.repository.has(entry["path"]) and entry.get("md5") not in (None, item.repository.md5(entry["path"])):
            return Found("stale", f"{entry['path']} has changed since the metrics were made", [entry["path"]], remedy)
    for name, values in params(stages):
        now = item.loaded(name)
        for key, value in values.items():
            there = at(now, key)
            if same(there) != same(value):
                return Found("stale", f"{name}: {key} has changed since the metrics were made", [name], remedy)
    return Found(
        "pass",
        "dvc.lock vouches for them, and code and settings are the same since; a lock forged as well would not be seen",
        [name, "dvc.lock"],
    )


def entries(stages: dict, kind: str) -> list[dict]:
    """All deps or outs of a dvc.lock."""
    found = [entry for stage in stages.values() if isinstance(stage, dict) for entry in stage.get(kind) or []]
    return [entry for entry in found if isinstance(entry, dict) and isinstance(entry.get("path"), str)]


def params(stages: dict) -> Iterator[tuple[str, dict]]:
    """File and values of each set of params in a dvc.lock."""
    for stage in stages.values():
        for name, values in (stage.get("params") or {}).items() if isinstance(stage, dict) else []:
            if isinstance(values, dict):
                yield name, values


def at(value: object, key: str) -> object:
    """The value under a dotted key."""
    if isinstance(value, dict) and key in value:
        return value[key]
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


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
    """Every number of README and home page, and in the article those beside the name of a metric."""
    if not item.metrics:
        return Found(
            "fail", "no reports/metrics.json to compare with", [], "Let the pipeline write reports/metrics.json."
        )
    wrong, seen, quoted = [], 0, 0
    for name in {item.repository.readme, "docs/index.md", item.article} - {""}:
        text = re.sub(r"\[\[.*?\]\]|`[^`]*`", " ", prose.visible(item.repository.text(name)))
        strict = name != item.article
        for row, line in enumerate(text.splitlines(), start=1):
            outside = re.search(r"\]\(https?://", line)
            line = re.sub(r"\]\([^)]*\)|https?://\S+", "] ", line)
            if not strict and not re.search(
                r"\b(auc|accuracy|recall|precision|f1|brier|mae|rmse|error|r2|coverage|cost)\b", line, re.IGNORECASE
            ):
                continue
            for number in numbers(line):
                seen += 1
                if agrees(number, item.known):
                    continue
                if outside:
                    quoted += 1
                else:
                    wrong.append((f"{name}:{row}", number.text))
    if wrong:
        few = ", ".join(f"{text} ({where})" for where, text in wrong[:5])
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return Found(
            "fail",
            f"in no report: {few}{more}",
            [where for where, _ in wrong[:5]],
            "Write results as [[ measured.... ]], or let `dvc repro report` write them; link foreign numbers.",
        )
    said = f"{seen} numbers compared" + (f"; {quoted} beside a link taken as quoted" if quoted else "")
    return Found(
        "pass",
        f"{said}; one that happens to equal another number of reports/ or conf/ passes",
        [item.repository.readme],
    )


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
    near = "\n".join(item.readme.splitlines()[rows[0][0] - 8 : rows[-1][0] + 14])
    command = re.search(r"`([^`\n]*\b(dvc|make|python|uv|nox|just|snakemake|bash|sh)\b[^`\n]*)`", near)
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
        frozen = " and frozen by its hash" if item.settings.get("split_sha256") else ""
        return Found("pass", f"{split} split{frozen}", [f"conf/data/{item.choice}.yaml"] if item.choice else [])
    page = item.repository.text(item.data_card)
    reason = re.search(
        r"[^.\n]*\b(random split|split at random|drawn at random|independent)\b[^.\n]*\bbecause\b[^.\n]*\.",
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


@check("documentation", "Looks at the test set", needed=False)
def looks_at_test(item: Item) -> Found:
    name = "reports/test_ledger.jsonl"
    looks = item.repository.text(name).splitlines()
    if not looks:
        return Found(
            "fail",
            "no ledger of looks at the test set",
            [],
            "Append a line to reports/test_ledger.jsonl with each evaluation; the pipeline does.",
        )
    lost = sum(commit.lost.get(name, 0) for commit in item.repository.commits)
    if lost:
        return Found(
            "fail",
            f"{lost} lines were taken out of the ledger",
            [name],
            "Never shorten the ledger: restore it from git.",
        )
    return Found("shown", f"{len(looks)} looks recorded; looks that were not recorded cannot be seen", [name])


@check("documentation", "Error analysis: worst errors and slices")
def error_analysis(item: Item) -> Found:
    slices = item.metrics.get("slices")
    slices = slices if isinstance(slices, dict) else {}
    page = next(
        (
            name
            for name in item.repository.find(r"\.md$")
            if re.search(r"^#+ .*(worst|error)", item.repository.text(name), re.IGNORECASE | re.MULTILINE)
        ),
        "",
    )
    errors = 0
    for section in prose.sections(item.repository.text(page)):
        if re.search(r"worst|error", section.title, re.IGNORECASE):
            errors = max(errors, sum(line.startswith("|") for line in section.text.splitlines()) - 2)
    if len(slices) >= 3 and errors >= 20:
        return Found("pass", f"{errors} worst errors, {len(slices)} slices", [page, "reports/metrics.json"])
    return Found(
        "fail",
        f"{max(errors, 0)} worst errors listed (20 are asked for), {len(slices)} slices (3)",
        [page] if page else [],
        "Name columns in data.slices and run `uv run dvc repro`; docs/results.md then lists slices and worst errors.",
    )
