"""Checks on the article."""

import re
from pathlib import PurePosixPath

from . import prose
from .evidence import Check, Found, Item, agrees, checks, leftover, normal, numbers

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


def matched(item: Item) -> list[tuple[str, int, prose.Section | None, prose.Count]]:
    """Title, budget, section and words of each of the fourteen sections of the article."""
    found = prose.sections(item.repository.text(item.article))
    counts = prose.count([section.text for section in found])
    rows = []
    for place, (title, budget) in enumerate(BUDGETS.items()):
        best = next((i for i, s in enumerate(found) if re.match(rf"{place + 1}[.:)]?\s", s.title)), None)
        if best is None:
            wanted = set(prose.words(title)) - {"the", "in", "and", "it", "to", "does", "of", "as"}
            best = next(
                (i for i, s in enumerate(found) if len(wanted & set(prose.words(s.title))) >= min(2, len(wanted))), None
            )
        rows.append(
            (
                title,
                budget,
                found[best] if best is not None else None,
                counts[best] if best is not None else prose.Count(),
            )
        )
    return rows


def article_words(item: Item) -> int:
    """Words of own prose in the whole article."""
    text = prose.visible(item.repository.text(item.article))
    head, _, rest = text.partition("\n## ")
    parts = [head, *(section.text for section in prose.sections(f"\n## {rest}"))] if rest else [text]
    return sum(found.own for found in prose.count(parts))


CHECKS: list[Check] = []
check = checks(CHECKS)


@check("article", f"At least {FEWEST:,} words of your own, none of them filler")
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
    rows = matched(item)
    short = [str(i) for i, (_, budget, _, c) in enumerate(rows, start=1) if c.own < 0.9 * budget]
    counts = [row[3] for row in rows]
    lost = {
        "of the template": sum(c.template for c in counts),
        "repeated": sum(c.repeated for c in counts),
        "of filler": sum(c.filler for c in counts),
    }
    said = "".join(f"; {n:,} words {why} do not count" for why, n in lost.items() if n)
    sections = f" in sections {', '.join(short)}" if short else ""
    return Found(
        "fail",
        f"{own:,} words, {max(0, FEWEST - own):,} missing{sections}{said}",
        [item.article],
        f"Write {WORDS - own:,} words{sections}: docs/article.md has a budget and questions for each.",
    )


@check("article", "Its fourteen sections are there")
def article_sections(item: Item) -> Found:
    rows = matched(item)
    thin = [
        f"{i} {title}: {c.own} of {budget}"
        for i, (title, budget, s, c) in enumerate(rows, start=1)
        if s is None or c.own < budget / 2
    ]
    if thin:
        return Found(
            "fail",
            f"{14 - len(thin)} of 14 written; thin: {'; '.join(thin[:3])}",
            [item.article] if item.article else [],
            "Fill each section to about its budget.",
        )
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
            bad.append(f"{name} {why}")
        elif name not in pictures:
            pictures[name] = link.line
    contents = {item.repository.md5(name) for name in pictures}
    body = "\n".join(line for line in prose.plain(text).splitlines() if not re.match(r"\s*\*Figure", line))
    told = {
        int(n)
        for a, b in re.findall(r"\bfig(?:ure|\.)?s?\s+(\d+)(?:\s*(?:,|and|to)\s*(\d+))?", body, re.IGNORECASE)
        for n in (a, b)
        if n
    }
    if len(contents) >= FIGURES and len(told) >= FIGURES:
        return Found(
            "pass", f"{len(contents)} figures, {len(told)} referred to", [f"{item.article}:{min(pictures.values())}"]
        )
    said = f"{len(contents)} different figures, {len(told)} referred to by number"
    return Found(
        "fail",
        said + (f"; {bad[0]}" if bad else ""),
        [item.article] if item.article else [],
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
    bare = []
    for place, (_, _, section, c) in enumerate(matched(item), start=1):
        if section is None or c.own < 100:
            continue
        text = prose.visible(section.text)
        live = re.search(r"\[\[.+?\]\]|`[^`]+`|\]\((?!https?:)[^)]+\)|\bfig(ure|\.)\s*\d", text, re.IGNORECASE)
        if not live and not any(agrees(number, item.known) for number in numbers(text)):
            bare.append(str(place))
    if bare or not item.article:
        said = (
            f"sections {', '.join(bare)} hold no number, figure, file or link of the project" if bare else "no article"
        )
        return Found(
            "fail",
            said,
            [item.article] if item.article else [],
            "Tie each section to your results: a live number, a figure, a file.",
        )
    return Found("pass", "each long section holds a number, figure, file or link of the project", [item.article])


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
