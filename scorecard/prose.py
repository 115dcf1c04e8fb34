"""Markdown -> words of prose, sections, links, pictures and numbers; and how much of it the template wrote."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NEAR = 5  # words in a row that two texts must share to be called alike
FAR = 8  # words in a row that must not come twice
OFTEN = 0.14  # share of the ten most frequent words: 0.18 to 0.30 in long prose, less in words drawn at random
# Lengths are bounded, so that a page that never closes what it opens is read in time that grows with its length alone.
LABEL = r"\[([^\[\]]{0,300})\]"  # of a link
ADDRESS = r"\([^()\n]{0,500}\)"
LIVE = r"\[\[([^\[\]\n]{1,200})\]\]"  # a number of reports/pages.json
PICTURE = rf"!{LABEL}\( {{0,9}}<?([^()\s<>]{{1,500}})[^()\n]{{0,300}}\)"
LINK = rf"(!?)\[((?:!{LABEL}{ADDRESS}|[^\[\]]){{0,300}})\]\( {{0,9}}<?([^()\s<>]{{1,500}})[^()\n]{{0,300}}\)"
WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
LATIN = set(
    [
        "lorem",
        "ipsum",
        "dolor",
        "sit",
        "amet",
        "consectetur",
        "adipiscing",
        "elit",
        "sed",
        "eiusmod",
        "tempor",
        "incididunt",
        "ut",
        "labore",
        "et",
        "dolore",
        "magna",
        "aliqua",
        "enim",
        "minim",
        "veniam",
        "quis",
        "nostrud",
        "ullamco",
        "laboris",
        "nisi",
        "aliquip",
        "ex",
        "ea",
        "commodo",
        "consequat",
        "duis",
    ]
)


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
    """The text with matches replaced by their line breaks, so that lines keep their numbers."""
    return re.sub(pattern, lambda match: "\n" * match[0].count("\n"), text, flags=flags)


def cut(text: str, opening: str, closing: str) -> str:
    """The text without all that stands between an opening and the next closing, lines kept."""
    begins, ends = (re.compile(pattern, re.MULTILINE | re.IGNORECASE) for pattern in (opening, closing))
    kept, at = [], 0
    while (begin := begins.search(text, at)) and (end := ends.search(text, begin.end())):
        kept += [text[at : begin.start()], "\n" * text.count("\n", begin.start(), end.end())]
        at = end.end()
    return "".join([*kept, text[at:]])


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
    """Prose alone: also without tables, pictures, addresses, headings, notes and live numbers."""
    text = cut(visible(text), r"<table\b", "</table>")
    text = blank(r"^[ \t]*\|.*$", text, re.MULTILINE)
    text = blank(r"^!!! .*\n(?:[ \t]*\n|    .*\n)*", text, re.MULTILINE)
    text = blank(r"^#{1,6} .*$", text, re.MULTILINE)
    text = blank(rf"!{LABEL}{ADDRESS}(?:\{{[^{{}}]{{0,200}}\}})?", text)
    text = re.sub(LIVE, " ", text)
    text = re.sub(rf"{LABEL}{ADDRESS}(?:\{{[^{{}}]{{0,200}}\}})?", r"\1", text)
    return blank(r"<[^<>]{0,500}>|https?://\S+|`[^`]{0,500}`", text)


def unlinked(text: str) -> str:
    """With the words of links and pictures instead of them."""
    return re.sub(rf"!?{LABEL}{ADDRESS}", r"\1", text)


def unaddressed(text: str) -> str:
    """With the words of links and pictures, in their brackets, without the addresses."""
    return re.sub(rf"\]{ADDRESS}", "]", text)


def words(text: str) -> list[str]:
    """Words in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def sections(text: str) -> list[Section]:
    """What stands under each heading of the second level."""
    found, shown = [], visible(text).splitlines()
    raw = text.splitlines()
    starts = [*(i for i, line in enumerate(shown) if line.startswith("## ")), len(raw)]
    for start, end in itertools.pairwise(starts):
        found.append(Section(shown[start][3:].strip(), start + 1, "\n".join(raw[start + 1 : end])))
    return found


def links(text: str) -> list[Link]:
    """Links and pictures in Markdown and HTML."""
    found = []
    for number, line in enumerate(visible(text).splitlines(), start=1):
        line = re.sub(r"`[^`]{0,500}`", "", line)
        for match in re.finditer(LINK, line):
            found.append(Link(match[2], match[4], number, bool(match[1])))
            found += [Link(inner[1], inner[2], number, True) for inner in re.finditer(PICTURE, match[2])]
        if reference := re.match(r" {0,3}\[[^\[\]^]{1,300}\]:\s+<?([^\s>]+)", line):
            found.append(Link("", reference[1], number, False))
        for tag, quoted in re.findall(r"<(img|a)\b[^<>]{0,500}?(?:src|href)=[\"']([^\"'<>]{1,500})", line):
            found.append(Link("", quoted, number, tag == "img"))
    return found


def shingles(found: list[str], size: int = NEAR) -> set[tuple[str, ...]]:
    """All runs of so many words."""
    return {tuple(found[i : i + size]) for i in range(len(found) - size + 1)}


def known(found: list[str], written: set[tuple[str, ...]]) -> list[bool]:
    """Of each word, whether it stands in a run of words that `written` has too."""
    hit = [False] * len(found)
    for i in range(len(found) - NEAR + 1):
        if tuple(found[i : i + NEAR]) in written:
            hit[i : i + NEAR] = [True] * NEAR
    return hit


def repeated(found: list[str]) -> list[bool]:
    """Of each word, whether it stands in a run of eight that came before."""
    hit, seen = [False] * len(found), {}
    for i in range(len(found) - FAR + 1):
        run = tuple(found[i : i + FAR])
        if seen.setdefault(run, i) != i:
            hit[i : i + FAR] = [True] * FAR
    return hit


def filler(found: list[str]) -> bool:
    """Whether a stretch of words is none that people write: lorem ipsum, or words drawn at random.

    In 100 words of English prose 55 to 85 are different ones; of words drawn from a long list nearly all are, of one
    sentence over and over few. Words drawn from a short list lack the few that every language repeats.
    """
    often = sum(times for _, times in Counter(found).most_common(10))
    if len(found) >= 1_000 and often < OFTEN * len(found):
        return True
    if len(found) < 60:
        return False
    if sum(word in LATIN for word in found) > 0.2 * len(found):
        return True
    parts = [found[i : i + 100] for i in range(0, max(1, len(found) - 99), 100)]
    rich = sum(len(set(part)) / len(part) for part in parts) / len(parts)
    return rich > 0.93 or rich < 0.35


@dataclass
class Count:
    """Words of prose: all, those that count, and why the others do not."""

    all: int = 0
    own: int = 0
    template: int = 0
    repeated: int = 0
    filler: int = 0


def count(parts: list[str]) -> list[Count]:
    """The words of each part of one text; what came in an earlier part counts as repeated."""
    every = [words(plain(part)) for part in parts]
    flat = [word for part in every for word in part]
    template, again, random = known(flat, scaffold()), repeated(flat), filler(flat)
    found, at = [], 0
    for part in every:
        end = at + len(part)
        here = Count(all=len(part))
        if random or filler(part):
            here.filler = len(part)
        else:
            here.template = sum(template[at:end])
            here.repeated = sum(r and not t for t, r in zip(template[at:end], again[at:end], strict=True))
            here.own = len(part) - here.template - here.repeated
        found.append(here)
        at = end
    return found


def share(text: str) -> float:
    """Share of the prose that the template wrote."""
    [found] = count([text])
    return found.template / found.all if found.all else 0.0


@cache
def folder() -> Path:
    """The template's project, beside this package or inside it when installed."""
    inside = Path(__file__).parent / "template"
    return inside if inside.exists() else Path(__file__).parents[1] / "{{cookiecutter.project_slug}}"


@cache
def scaffold() -> set[tuple[str, ...]]:
    """Runs of words in all Markdown of the template."""
    found: set[tuple[str, ...]] = set()
    for path in folder().rglob("*.md"):
        for part in re.split(r"\{\{.*?\}\}|\{%.*?%\}|\[\[.*?\]\]", plain(path.read_text(encoding="utf-8"))):
            found |= shingles(words(part))
    return found


def code_lines(text: str) -> list[str]:
    """Lines of code that say something: no blanks, brackets alone, nor the name of the package."""
    kept = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return [line for line in kept if len(line) > 3]


@cache
def code() -> set[str]:
    """Lines of code in the template."""
    found: set[str] = set()
    for pattern in ("*.py", "*.yaml", "*.toml", "*.yml"):
        for path in folder().rglob(pattern):
            found |= set(code_lines(path.read_text(encoding="utf-8")))
    return found
