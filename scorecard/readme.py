"""Checks on the first screen of the README."""

import re

from . import prose
from .evidence import Check, Finding, Item, checks
from .numbers import numbers
from .repository import normal

SENTENCE = 25  # words
TOOLS = r"\b(pytorch|tensorflow|keras|resnet|scikit|lightning|hydra|docker|notebook|jupyter|template|repository)\b"
BASELINE = (
    r"\b(baseline|against|than|vs\.?|versus|compared|instead of|persistence|boosting|regression|trivial|majority)\b"
)

CHECKS: list[Check] = []
check = checks(CHECKS)


@check("documentation", "First screen: picture of the result")
def first_picture(item: Item) -> Finding:
    remedy = "Show the result at the top of the README: docs/figures/hero.png, at least 600 pixels wide."
    where, why = [item.repository.readme] if item.readme else [], "no local picture on the first screen"
    for link in item.first_links:
        if not link.picture or link.target.startswith(("http:", "https:")):
            continue
        name = normal(link.target.split("?")[0]) or link.target
        where, (why, size) = [f"{item.repository.readme}:{link.line}"], item.picture(name)
        if not why:
            return Finding("pass", f"{name}, {size}. Its content is not checked", where)
        why = f"{name} {why}"
    return Finding("fail", why if item.readme else "no README", where, remedy)


def paragraphs(item: Item) -> list[tuple[int, str]]:
    """First line number and text of each paragraph of prose on the first screen, wrapped lines joined."""
    result: list[tuple[int, str]] = []
    last = 0
    for number, line in item.first_screen:
        if re.match(r"\s*(#|>|!\[|\[!\[|\||<|\*[^*]|_|```|[-=]{3,}|\[[^\[\]]*\]\([^()]*\)\s*$)", line):
            continue
        if result and number == last + 1:
            result[-1] = (result[-1][0], f"{result[-1][1]} {line.strip()}")
        else:
            result.append((number, line))
        last = number
    return result


def first_sentence(item: Item) -> tuple[int, str]:
    """Line number and text of the README's first sentence; 0 and an empty text if there is none."""
    for number, line in paragraphs(item):
        text = prose.unlinked(line).replace("*", "").strip()
        if len(prose.words(text)) < 4:
            continue
        return number, re.split(r"(?<=[.!?])\s+(?=[A-Z*_\"(])", text)[0]
    return 0, ""


@check("documentation", f"First screen: value in one sentence of at most {SENTENCE} words")
def value_sentence(item: Item) -> Finding:
    remedy = f"Start with one sentence of at most {SENTENCE} words: the task, its user and the result."
    row, sentence = first_sentence(item)
    if not sentence:
        where = [item.repository.readme] if item.readme else []
        return Finding("fail", "no sentence on the first screen", where, remedy)
    where, long = [f"{item.repository.readme}:{row}"], len(sentence.split())
    above = sum(len(prose.words(prose.unaddressed(line))) for _, line in item.first_screen)
    if len(re.findall(TOOLS, sentence, re.IGNORECASE)) > (1 if numbers(sentence) else 0):
        return Finding("fail", f"the first sentence is about tools: {sentence!r}", where, remedy)
    if long > SENTENCE:
        return Finding("fail", f"the first sentence has {long} words", where, remedy)
    return Finding("pass", f"{long} words; {above} words on the first screen", where)


@check("documentation", "First screen: result compared with a baseline")
def number_against_baseline(item: Item) -> Finding:
    remedy = "State the headline metric of network and baseline in one sentence; `uv run dvc repro report` writes it."
    for row, line in paragraphs(item):
        if len(numbers(line)) >= 2 and re.search(BASELINE, line, re.IGNORECASE):
            return Finding(
                "pass", f"{numbers(line)[0].text} and {numbers(line)[1].text}", [f"{item.repository.readme}:{row}"]
            )
    return Finding(
        "fail",
        "no sentence with the results of model and baseline",
        [item.repository.readme] if item.readme else [],
        remedy,
    )


@check("documentation", "First screen: links to demo and article")
def demo_and_article(item: Item) -> Finding:
    patterns = {"demo": r"\b(demo|try it|app|space)\b", "article": r"\b(article|write-?up|blog|post|story|report)\b"}
    linked, where = [], []
    for name, pattern in patterns.items():
        for link in item.first_links:
            if (
                not link.picture
                and re.search(pattern, link.text, re.IGNORECASE)
                and item.opens(link.target, item.repository.readme)
            ):
                linked.append(name)
                where.append(f"{item.repository.readme}:{link.line}")
                break
    missing = [name for name in patterns if name not in linked]
    if missing:
        return Finding(
            "fail",
            f"no link to {' and '.join(missing)}",
            where,
            "Link demo and article in one line below the headline.",
        )
    return Finding("pass", "both linked", sorted(set(where)))
