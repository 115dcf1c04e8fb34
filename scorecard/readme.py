"""Checks on the first screen of the README."""

import re

from . import prose
from .evidence import Check, Found, Item, checks
from .numbers import numbers
from .repository import normal

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
    where, why = [item.repository.readme] if item.readme else [], "no local picture on the first screen"
    for link in item.first_links:
        if not link.picture or link.target.startswith(("http:", "https:")):
            continue
        name = normal(link.target.split("?")[0]) or link.target
        where, (why, size) = [f"{item.repository.readme}:{link.line}"], item.picture(name)
        if not why:
            return Found("pass", f"{name}, {size}; what it shows is for a reader to say", where)
        why = f"{name} {why}"
    return Found("fail", why if item.readme else "no README", where, remedy)


def paragraphs(item: Item) -> list[tuple[int, str]]:
    """Paragraphs of prose on the first screen, wrapped lines joined, with the line where each begins."""
    found: list[tuple[int, str]] = []
    last = 0
    for number, line in item.first_screen:
        if re.match(r"\s*(#|>|!\[|\[!\[|\||<|\*[^*]|_|```|[-=]{3,}|\[[^\[\]]*\]\([^()]*\)\s*$)", line):
            continue
        if found and number == last + 1:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
        else:
            found.append((number, line))
        last = number
    return found


def first_sentence(item: Item) -> tuple[int, str]:
    """Line and text of the first sentence of prose in the README; 0 and nothing if there is none."""
    for number, line in paragraphs(item):
        text = prose.unlinked(line).replace("*", "").strip()
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
    above = sum(len(prose.words(prose.unaddressed(line))) for _, line in item.first_screen)
    if len(re.findall(TOOLS, sentence, re.IGNORECASE)) > (1 if numbers(sentence) else 0):
        return Found("fail", f"the first sentence speaks of tools: {sentence!r}", where, remedy)
    if long > SENTENCE:
        return Found("fail", f"the first sentence has {long} words", where, remedy)
    return Found("pass", f"{long} words; {above} words on the first screen", where)


@check("documentation", "First screen: a number against a baseline")
def number_against_baseline(item: Item) -> Found:
    remedy = "Say the headline metric and the baseline's in one sentence; `uv run dvc repro report` writes it."
    for row, line in paragraphs(item):
        if len(numbers(line)) >= 2 and re.search(BASELINE, line, re.IGNORECASE):
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
