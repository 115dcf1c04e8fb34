"""Prose, sections, links and pictures of Markdown, and the share of it that comes from the template."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NEAR = 5  # consecutive words that count as copied from the template
FAR = 8  # consecutive words that count as repeated
OFTEN = 0.14  # share of the ten most frequent words: 0.18 to 0.30 in long prose, less in random words
# Lengths are bounded, so that unclosed brackets and tags cannot make matching take quadratic time.
LABEL = r"\[([^\[\]]{0,300})\]"  # of a link
ADDRESS = r"\([^()\n]{0,500}\)"
LIVE = r"\[\[([^\[\]\n]{1,200})\]\]"  # a variable of reports/pages.json
PICTURE = rf"!{LABEL}\( {{0,9}}<?([^()\s<>]{{1,500}})[^()\n]{{0,300}}\)"
LINK = rf"(!?)\[((?:!{LABEL}{ADDRESS}|[^\[\]]){{0,300}})\]\( {{0,9}}<?([^()\s<>]{{1,500}})[^()\n]{{0,300}}\)"
TAG = r"<(img|a)\b[^<>]{0,500}?(?:src|href)=[\"']([^\"'<>]{1,500})[\"'][^<>]{0,500}>([^<>]{0,200})"
WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
LATIN = """lorem ipsum dolor sit amet consectetur adipiscing elit sed eiusmod tempor incididunt ut labore et dolore
magna aliqua enim minim veniam quis nostrud ullamco laboris nisi aliquip ex ea commodo consequat duis"""


@dataclass
class Section:
    title: str
    line: int
    text: str


@dataclass
class Link:
    text: str
    target: str
    line: int
    picture: bool


def blank(pattern: str, text: str, flags: int = 0) -> str:
    """The text with matches replaced by their line breaks; lines keep their numbers."""
    return re.sub(pattern, lambda match: "\n" * match[0].count("\n"), text, flags=flags)


def cut(text: str, opening: str, closing: str) -> str:
    """The text without everything from an opening to the next closing; lines keep their numbers."""
    begins, ends = (re.compile(pattern, re.MULTILINE | re.IGNORECASE) for pattern in (opening, closing))
    parts, position = [], 0
    while (begin := begins.search(text, position)) and (end := ends.search(text, begin.end())):
        parts += [text[position : begin.start()], "\n" * text.count("\n", begin.start(), end.end())]
        position = end.end()
    return "".join([*parts, text[position:]])


def visible(text: str) -> str:
    """Without front matter, comments and code blocks; lines keep their numbers."""
    text = blank(r"\A---\n.*?\n---\n", text, re.DOTALL)
    text = cut(text, "<!--", "-->")
    for mark in ("```", "~~~"):
        text = cut(text, rf"^ {{0,3}}{mark}", rf"^ {{0,3}}{mark}[`~]*[ \t]*$")
    for tag in ("pre", "code", "style", "script"):
        text = cut(text, rf"<{tag}\b", rf"</{tag}>")
    return text


def plain(text: str) -> str:
    """Prose alone: also without tables, pictures, addresses, headings, admonitions and page variables."""
    text = cut(visible(text), r"<table\b", "</table>")
    text = blank(r"^[ \t]*\|.*$", text, re.MULTILINE)
    text = blank(r"^!!! .*\n(?:[ \t]*\n|    .*\n)*", text, re.MULTILINE)
    text = blank(r"^#{1,6} .*$", text, re.MULTILINE)
    text = blank(rf"!{LABEL}{ADDRESS}(?:\{{[^{{}}]{{0,200}}\}})?", text)
    text = re.sub(LIVE, " ", text)
    text = re.sub(rf"{LABEL}{ADDRESS}(?:\{{[^{{}}]{{0,200}}\}})?", r"\1", text)
    return blank(r"<[^<>]{0,500}>|https?://\S+|`[^`]{0,500}`", text)


def unlinked(text: str) -> str:
    """Links and pictures replaced by their text."""
    return re.sub(rf"!?{LABEL}{ADDRESS}", r"\1", text)


def unaddressed(text: str) -> str:
    """Links and pictures without their addresses, in brackets."""
    return re.sub(rf"\]{ADDRESS}", "]", text)


def words(text: str) -> list[str]:
    """Words in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def sections(text: str) -> list[Section]:
    """The sections under headings of the second level."""
    result, visible_lines = [], visible(text).splitlines()
    raw = text.splitlines()
    starts = [*(i for i, line in enumerate(visible_lines) if line.startswith("## ")), len(raw)]
    for start, end in itertools.pairwise(starts):
        result.append(Section(visible_lines[start][3:].strip(), start + 1, "\n".join(raw[start + 1 : end])))
    return result


def links(text: str) -> list[Link]:
    """Links and pictures in Markdown and HTML."""
    result = []
    for number, line in enumerate(visible(text).splitlines(), start=1):
        line = re.sub(r"`[^`]{0,500}`", "", line)
        for match in re.finditer(LINK, line):
            result.append(Link(match[2], match[4], number, bool(match[1])))
            result += [Link(inner[1], inner[2], number, True) for inner in re.finditer(PICTURE, match[2])]
        if reference := re.match(r" {0,3}\[[^\[\]^]{1,300}\]:\s+<?([^\s>]+)", line):
            result.append(Link("", reference[1], number, False))
        for tag, quoted, rest in re.findall(TAG, line):
            result.append(Link(rest if tag == "a" else "", quoted, number, tag == "img"))
    return result


def shingles(text: list[str], size: int = NEAR) -> set[tuple[str, ...]]:
    """All runs of so many words."""
    return {tuple(text[i : i + size]) for i in range(len(text) - size + 1)}


def template_mask(text: list[str], written: set[tuple[str, ...]]) -> list[bool]:
    """Of each word, whether it stands in a run of words that `written` has too."""
    hit = [False] * len(text)
    for i in range(len(text) - NEAR + 1):
        if tuple(text[i : i + NEAR]) in written:
            hit[i : i + NEAR] = [True] * NEAR
    return hit


def repeated(text: list[str]) -> list[bool]:
    """Of each word, whether it stands in a run of eight that came before."""
    hit, first_position = [False] * len(text), {}
    for i in range(len(text) - FAR + 1):
        run = tuple(text[i : i + FAR])
        if first_position.setdefault(run, i) != i:
            hit[i : i + FAR] = [True] * FAR
    return hit


def filler(text: list[str]) -> bool:
    """Whether a stretch of words is none that people write: lorem ipsum, or words drawn at random.

    In 100 words of English prose 55 to 85 are different ones; of words drawn from a long list nearly all are, of one
    sentence over and over few. Words drawn from a short list lack the few that every language repeats.
    """
    often = sum(times for _, times in Counter(text).most_common(10))
    if len(text) >= 1_000 and often < OFTEN * len(text):
        return True
    if len(text) < 60:
        return False
    latin = set(LATIN.split())
    if sum(word in latin for word in text) > 0.2 * len(text):
        return True
    parts = [text[i : i + 100] for i in range(0, max(1, len(text) - 99), 100)]
    rich = sum(len(set(part)) / len(part) for part in parts) / len(parts)
    return rich > 0.93 or rich < 0.35


@dataclass
class Count:
    """Words of prose: all, the author's own, and those not counted."""

    all: int = 0
    own: int = 0
    template: int = 0
    repeated: int = 0
    filler: int = 0


def count(parts: list[str]) -> list[Count]:
    """Counts for each part of one text; runs of words from an earlier part count as repeated."""
    words_of_parts = [words(plain(part)) for part in parts]
    flat = [word for part in words_of_parts for word in part]
    template, again, random = template_mask(flat, scaffold()), repeated(flat), filler(flat)
    counts, start = [], 0
    for part in words_of_parts:
        end = start + len(part)
        here = Count(all=len(part))
        if random or filler(part):
            here.filler = len(part)
        else:
            here.template = sum(template[start:end])
            here.repeated = sum(r and not t for t, r in zip(template[start:end], again[start:end], strict=True))
            here.own = len(part) - here.template - here.repeated
        counts.append(here)
        start = end
    return counts


def share(text: str) -> float:
    """Share of the prose that comes from the template."""
    [total] = count([text])
    return total.template / total.all if total.all else 0.0


@cache
def folder() -> Path:
    """The template's project folder: inside this package when installed, next to it otherwise."""
    inside = Path(__file__).parent / "template"
    return inside if inside.exists() else Path(__file__).parents[1] / "{{cookiecutter.project_slug}}"


@cache
def scaffold() -> set[tuple[str, ...]]:
    """Runs of NEAR words in all Markdown pages and page templates of the template."""
    runs: set[tuple[str, ...]] = set()
    for path in [*folder().rglob("*.md"), *folder().rglob("*.md.j2")]:
        text = re.sub(r"\[%.*?%\]|\[#.*?#\]", "\n", path.read_text(encoding="utf-8"), flags=re.DOTALL)  # Jinja of pages
        for part in re.split(r"\{\{.*?\}\}|\{%.*?%\}|\[\[.*?\]\]", plain(text)):
            runs |= shingles(words(part))
    return runs


def code_lines(text: str) -> list[str]:
    """Lines of code without whitespace and without very short ones such as brackets."""
    stripped = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return [line for line in stripped if len(line) > 3]


@cache
def code() -> set[str]:
    """Lines of code in the template, vendor/ included."""
    lines: set[str] = set()
    for pattern in ("*.py", "*.yaml", "*.toml", "*.yml"):
        for path in folder().rglob(pattern):
            lines |= set(code_lines(path.read_text(encoding="utf-8")))
    return lines
