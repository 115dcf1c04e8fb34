"""Checks on the article."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from . import prose
from .evidence import PAGES, Check, Finding, Item, checks, leftover, value_at
from .numbers import agrees, equals, numbers
from .repository import normal

MIN_FIGURES = 8
FIGURE_NUMBERS = r"\bfig(?:ure|\.)?s?\s+(\d+)(?:\s*(?:,|and|to)\s*(\d+))?"  # figure 1, figures 2 to 4
TARGET_WORDS, MIN_WORDS = 5_000, 4_500  # of the article: the target, and the minimum that passes
MAX_TEMPLATE_SHARE = 0.15  # share of words that may come from the template
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
class ArticleSection:
    """One of the fourteen sections; `section` is None if the article does not have it."""

    number: int
    title: str
    budget: int
    section: prose.Section | None
    count: prose.Count


@lru_cache(maxsize=8)
def matched_sections(item: Item) -> list[ArticleSection]:
    """The fourteen sections, matched by number or by the words of the heading; no section is matched twice."""
    left = prose.sections(item.repository.text(item.article))
    counts = {s.line: c for s, c in zip(left, prose.count([s.text for s in left]), strict=True)}
    parts = []
    for number, (title, budget) in enumerate(BUDGETS.items(), start=1):
        title_words = set(prose.words(title)) - {"the", "in", "and", "it", "to", "does", "of", "as"}
        numbered = [s for s in left if re.match(rf"{number}[.:)]?\s", s.title)]
        named = [s for s in left if len(title_words & set(prose.words(s.title))) >= min(2, len(title_words))]
        section = next(iter(numbered + named), None)
        left = [s for s in left if s is not section]
        parts.append(ArticleSection(number, title, budget, section, counts[section.line] if section else prose.Count()))
    return parts


def section_lines(item: Item, parts: list[ArticleSection]) -> list[str]:
    """File and line where each section begins; the file alone for a missing section."""
    return [f"{item.article}:{part.section.line}" if part.section else item.article for part in parts]


@lru_cache(maxsize=8)
def article_words(item: Item) -> int:
    """Number of words in the article that are the author's own prose."""
    text = prose.visible(item.repository.text(item.article))
    head, _, rest = text.partition("\n## ")
    parts = [head, *(section.text for section in prose.sections(f"\n## {rest}"))] if rest else [text]
    return sum(count.own for count in prose.count(parts))


CHECKS: list[Check] = []
check = checks(CHECKS)


@check("article", f"At least {MIN_WORDS:,} words of original prose, no filler text")
def article_length(item: Item) -> Finding:
    if not item.article:
        return Finding("fail", "no article", [], "Write docs/article.md: fourteen sections, 5,000 words.")
    own = article_words(item)
    if own >= MIN_WORDS:
        return Finding(
            "pass",
            f"{own:,} words, {own / 238:.0f} minutes to read. Truth and quality are not checked",
            [item.article],
        )
    parts = matched_sections(item)
    short = [part for part in parts if part.count.own < 0.9 * part.budget]
    ignored_words = {
        "from the template": sum(part.count.template for part in parts),
        "repeated": sum(part.count.repeated for part in parts),
        "of filler text": sum(part.count.filler for part in parts),
    }
    ignored = "".join(f"; {n:,} words {why} are not counted" for why, n in ignored_words.items() if n)
    sections = ""
    if len(short) == len(BUDGETS):
        sections = " in every section"
    elif short:
        sections = f" in sections {', '.join(str(part.number) for part in short)}"
    return Finding(
        "fail",
        f"{own:,} words, {max(0, MIN_WORDS - own):,} too few{sections}{ignored}",
        section_lines(item, short)[:3] or [item.article],
        f"Write {TARGET_WORDS - own:,} words{sections}: docs/article.md lists a budget and questions for each.",
    )


@check("article", "All fourteen sections written")
def article_sections(item: Item) -> Finding:
    thin = [part for part in matched_sections(item) if part.count.own < part.budget / 2]
    if thin:
        examples = "; ".join(f"{part.number} {part.title}: {part.count.own} of {part.budget}" for part in thin[:3])
        finding = f"{14 - len(thin)} of 14 sections written; too short: {examples}"
        where = section_lines(item, thin)[:3] if item.article else []
        return Finding("fail", finding, where, "Write each section to about its word budget.")
    return Finding("pass", "14 of 14 sections, each with at least half its budget", [item.article])


@check("article", f"At least {MIN_FIGURES} figures, each referenced in the text")
def article_figures(item: Item) -> Finding:
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
    lines = [line for line in prose.plain(text).splitlines() if not re.match(r"\s*\*Figure", line)]  # no captions
    references = re.findall(FIGURE_NUMBERS, "\n".join(lines), re.IGNORECASE)
    referenced = {int(n) for a, b in references for n in (a, b) if n and int(n) <= len(pictures)}
    if len(contents) >= MIN_FIGURES and len(referenced) >= MIN_FIGURES:
        return Finding(
            "pass",
            f"{len(contents)} different figures, {len(referenced)} referenced. Their content is not checked",
            [f"{item.article}:{min(pictures.values())}"],
        )
    finding = f"{len(contents)} different figures, {len(referenced)} referenced by number"
    line_number = min([*pictures.values(), *(line_number for line_number, _ in bad)], default=1)
    return Finding(
        "fail",
        finding + (f"; {bad[0][1]}" if bad else ""),
        [f"{item.article}:{bad[0][0] if bad else line_number}"] if item.article else [],
        f"Show {MIN_FIGURES} figures and reference each in the text as figure 1, figure 2 ...",
    )


@check("article", f"Less than {MAX_TEMPLATE_SHARE:.0%} of the words come from the template")
def article_similarity(item: Item) -> Finding:
    if not item.article:
        return Finding("fail", "no article", [], "Write docs/article.md.")
    share = prose.share(item.repository.text(item.article))
    if share < MAX_TEMPLATE_SHARE and article_words(item):
        return Finding("pass", f"{share:.0%}", [item.article])
    return Finding(
        "fail",
        f"{share:.0%} of the words come from the template",
        [item.article],
        "Replace the outline with your own prose.",
    )


@check("article", "Every section refers to this project")
def article_anchored(item: Item) -> Finding:
    """Detects text copied from elsewhere: a section must contain a number, file or link of this project."""
    remedy = "Refer in each section to your results: a page variable, a figure, a file."
    long = [part for part in matched_sections(item) if part.count.own >= 100 and part.section]
    bare = [part for part in long if not refers_to_project(item, part.section.text)]  # type: ignore[union-attr]
    if not long:
        return Finding("fail", "no section has 100 words", [item.article] if item.article else [], remedy)
    if bare:
        which = ", ".join(str(part.number) for part in bare)
        finding = f"sections {which} contain no number, figure, file or link of the project"
        return Finding("fail", finding, section_lines(item, bare)[:3], remedy)
    finding = "each section of 100 words contains a number, figure, file or link of the project"
    return Finding("pass", finding, [item.article])


def refers_to_project(item: Item, text: str) -> bool:
    """Whether a section contains a page variable, result, figure, link, file or setting of this project."""
    text = prose.visible(text)
    if re.search(r"\bfig(?:ure|\.)\s*\d", text, re.IGNORECASE):
        return True
    if any(value_at(item.loaded(PAGES), name.strip()) for name in re.findall(prose.LIVE, text)):
        return True
    if any(agrees(number, item.headline) or equals(number, item.measured_numbers) for number in numbers(text)):
        return True
    targets = {link.target for link in prose.links(text) if "://" not in link.target}
    codes = set(re.findall(r"`([^`\n]{1,200})`", text))
    return any(item.opens(target, item.article) for target in targets) or any(map(item.names, codes))


@check("article", "No template prompt left")
def article_prompts(item: Item) -> Finding:
    prompts = leftover(item, item.article)
    if prompts or not item.article:
        examples = ", ".join(f"{prompt!r} ({where})" for where, prompt in prompts[:3])
        finding = f"{len(prompts)} left: {examples}" if prompts else "no article"
        return Finding(
            "fail",
            finding,
            [where for where, _ in prompts[:3]],
            "Delete the comments and the note once their section is written.",
        )
    return Finding("pass", "none", [item.article])


@check("article", "Published at a public address")
def article_address(item: Item) -> Finding:
    link = item.declared.links.article
    if not link:
        return Finding(
            "fail",
            "portfolio.yaml names no address in links.article",
            [],
            "Publish the article and add its address to portfolio.yaml, links.article.",
        )
    return Finding("pass", f"{link} declared; --online requests it", ["portfolio.yaml"])
