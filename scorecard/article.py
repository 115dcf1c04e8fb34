"""Checks on the article."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from . import prose
from .evidence import Check, Found, Item, at, checks, leftover
from .numbers import agrees, equals, numbers
from .repository import normal

PAGES = "reports/pages.json"  # the numbers that pages show live
FIGURES = 8
WORDS, FEWEST = 5_000, 4_500  # of the article: the target, and what counts
SIMILAR = 0.15  # share of an article that may be the template's
BUDGETS = {
    "Summary": 100,
    "The problem in one picture": 300,
    "How the industry does it today": 300,
    "Data, labels and traps": 550,
    "What counts as good: metric and cost": 350,
    "Iteration 1: the simplest thing": 450,
    "Iteration 2: the network": 650,
    "Iteration 3: what moved the needle": 550,
    "Results, honestly": 500,
    "Where it fails": 400,
    "From score to money": 250,
    "Demo": 250,
    "Limits and next steps": 200,
    "Thanks, use of AI, references": 150,
}


@dataclass
class Part:
    """One of the fourteen sections, as it is in the article: section is None where there is none."""

    number: int
    title: str
    budget: int
    section: prose.Section | None
    count: prose.Count


@lru_cache(maxsize=8)
def matched(item: Item) -> list[Part]:
    """The fourteen sections of the article, by the number or by the words of the heading; none counts twice."""
    left = prose.sections(item.repository.text(item.article))
    counts = {s.line: c for s, c in zip(left, prose.count([s.text for s in left]), strict=True)}
    parts = []
    for number, (title, budget) in enumerate(BUDGETS.items(), start=1):
        wanted = set(prose.words(title)) - {"the", "in", "and", "it", "to", "does", "of", "as"}
        numbered = [s for s in left if re.match(rf"{number}[.:)]?\s", s.title)]
        named = [s for s in left if len(wanted & set(prose.words(s.title))) >= min(2, len(wanted))]
        section = next(iter(numbered + named), None)
        left = [s for s in left if s is not section]
        parts.append(Part(number, title, budget, section, counts[section.line] if section else prose.Count()))
    return parts


def places(item: Item, parts: list[Part]) -> list[str]:
    """Where these sections begin; the article itself for those that are missing."""
    return [f"{item.article}:{part.section.line}" if part.section else item.article for part in parts]


@lru_cache(maxsize=8)
def article_words(item: Item) -> int:
    """Words of own prose in the whole article."""
    text = prose.visible(item.repository.text(item.article))
    head, _, rest = text.partition("\n## ")
    parts = [head, *(section.text for section in prose.sections(f"\n## {rest}"))] if rest else [text]
    return sum(found.own for found in prose.count(parts))


CHECKS: list[Check] = []
check = checks(CHECKS)


@check("article", f"At least {FEWEST:,} words of your own, none of them known as filler")
def article_length(item: Item) -> Found:
    if not item.article:
        return Found("fail", "no article", [], "Write docs/article.md: fourteen sections, 5,000 words.")
    own = article_words(item)
    if own >= FEWEST:
        return Found(
            "pass",
            f"{own:,} words, {own / 238:.0f} minutes to read; whether they are true is for a reader to say",
            [item.article],
        )
    parts = matched(item)
    short = [part for part in parts if part.count.own < 0.9 * part.budget]
    lost = {
        "of the template": sum(part.count.template for part in parts),
        "repeated": sum(part.count.repeated for part in parts),
        "of filler": sum(part.count.filler for part in parts),
    }
    said = "".join(f"; {n:,} words {why} do not count" for why, n in lost.items() if n)
    which = ", ".join(str(part.number) for part in short)
    sections = "" if not short else " in every section" if len(short) == len(BUDGETS) else f" in sections {which}"
    return Found(
        "fail",
        f"{own:,} words, {max(0, FEWEST - own):,} missing{sections}{said}",
        places(item, short)[:3] or [item.article],
        f"Write {WORDS - own:,} words{sections}: docs/article.md has a budget and questions for each.",
    )


@check("article", "Its fourteen sections are there")
def article_sections(item: Item) -> Found:
    thin = [part for part in matched(item) if part.count.own < part.budget / 2]
    if thin:
        few = "; ".join(f"{part.number} {part.title}: {part.count.own} of {part.budget}" for part in thin[:3])
        said = f"{14 - len(thin)} of 14 written; thin: {few}"
        where = places(item, thin)[:3] if item.article else []
        return Found("fail", said, where, "Fill each section to about its budget.")
    return Found("pass", "14 of 14, each at least half its budget", [item.article])


@check("article", f"At least {FIGURES} figures that exist and are referred to")
def article_figures(item: Item) -> Found:
    text = item.repository.text(item.article)
    pictures = {}
    bad = []
    for link in prose.links(text):
        if not link.picture or link.target.startswith(("http:", "https:")):
            continue
        name = normal(str(PurePosixPath(item.article).parent / link.target.split("?")[0])) or link.target
        if why := item.picture(name)[0]:
            bad.append((link.line, f"{name} {why}"))
        elif name not in pictures:
            pictures[name] = link.line
    contents = {item.repository.md5(name) for name in pictures}
    body = "\n".join(line for line in prose.plain(text).splitlines() if not re.match(r"\s*\*Figure", line))
    told = {
        int(n)
        for a, b in re.findall(r"\bfig(?:ure|\.)?s?\s+(\d+)(?:\s*(?:,|and|to)\s*(\d+))?", body, re.IGNORECASE)
        for n in (a, b)
        if n and int(n) <= len(pictures)
    }
    if len(contents) >= FIGURES and len(told) >= FIGURES:
        return Found(
            "pass",
            f"{len(contents)} different files, {len(told)} referred to; what they show is for a reader to say",
            [f"{item.article}:{min(pictures.values())}"],
        )
    said = f"{len(contents)} different figures, {len(told)} referred to by number"
    row = min([*pictures.values(), *(row for row, _ in bad)], default=1)
    return Found(
        "fail",
        said + (f"; {bad[0][1]}" if bad else ""),
        [f"{item.article}:{bad[0][0] if bad else row}"] if item.article else [],
        f"Show {FIGURES} figures and speak of each in the text as figure 1, figure 2 ...",
    )


@check("article", f"Less than {SIMILAR:.0%} of it is the template's text")
def article_similarity(item: Item) -> Found:
    if not item.article:
        return Found("fail", "no article", [], "Write docs/article.md.")
    share = prose.share(item.repository.text(item.article))
    if share < SIMILAR and article_words(item):
        return Found("pass", f"{share:.0%}", [item.article])
    return Found(
        "fail",
        f"{share:.0%} of the words are the template's",
        [item.article],
        "Replace the outline by prose of your own.",
    )


@check("article", "Every section speaks of this project")
def article_anchored(item: Item) -> Found:
    """A cheap guard against text from elsewhere: a section must hold something that only this project has."""
    remedy = "Tie each section to your results: a live number, a figure, a file."
    long = [part for part in matched(item) if part.count.own >= 100 and part.section]
    bare = [part for part in long if not tied(item, part.section.text)]  # type: ignore[union-attr]
    if not long:
        return Found("fail", "no section is written", [item.article] if item.article else [], remedy)
    if bare:
        which = ", ".join(str(part.number) for part in bare)
        said = f"sections {which} hold no number, figure, file or link of the project"
        return Found("fail", said, places(item, bare)[:3], remedy)
    said = "each long section holds a number, figure, file or link of the project; the rest is for a reader to say"
    return Found("pass", said, [item.article])


def tied(item: Item, text: str) -> bool:
    """Whether a section holds something of this project: a live number, result, figure, link, file or setting."""
    text = prose.visible(text)
    if re.search(r"\bfig(?:ure|\.)\s*\d", text, re.IGNORECASE):
        return True
    if any(at(item.loaded(PAGES), name.strip()) for name in re.findall(prose.LIVE, text)):
        return True
    if any(agrees(number, item.headline) or equals(number, item.known) for number in numbers(text)):
        return True
    targets = {link.target for link in prose.links(text) if "://" not in link.target}
    codes = set(re.findall(r"`([^`\n]{1,200})`", text))
    return any(item.opens(target, item.article) for target in targets) or any(map(item.names, codes))


@check("article", "No prompt left in it")
def article_prompts(item: Item) -> Found:
    found = leftover(item, item.article)
    if found or not item.article:
        said = (
            f"{len(found)} left: " + ", ".join(f"{p!r} ({where})" for where, p in found[:3]) if found else "no article"
        )
        return Found(
            "fail",
            said,
            [where for where, _ in found[:3]],
            "Delete the comments and the note when their section is written.",
        )
    return Found("pass", "none", [item.article])


@check("article", "Published at a public address")
def article_address(item: Item) -> Found:
    link = item.declared.links.article
    if not link:
        return Found(
            "fail",
            "no address in portfolio.yaml, links.article",
            [],
            "Publish it and write its address into portfolio.yaml, links.article.",
        )
    return Found("pass", f"{link} is declared; --online looks whether it answers", ["portfolio.yaml"])
