"""Markdown -> words of prose, sections, links, pictures and numbers; and how much of it the template wrote."""

import itertools
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

NEAR = 5  # words in a row that two texts must share to be called alike
FAR = 8  # words in a row that must not come twice
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


def visible(text: str) -> str:
    """Without front matter, comments and code blocks; lines keep their numbers."""
    text = blank(r"\A---\n.*?\n---\n", text, re.DOTALL)
    text = blank(r"<!--.*?-->", text, re.DOTALL)
    return blank(r"^ {0,3}(```|~~~).*?^ {0,3}\1[`~]*\s*$", text, re.DOTALL | re.MULTILINE)


def plain(text: str) -> str:
    """Prose alone: also without tables, pictures, addresses, headings, notes and live numbers."""
    text = visible(text)
    text = blank(r"^\s*\|.*$", text, re.MULTILINE)
    text = blank(r"^!!! .*\n(?:\s*\n|    .*\n)*", text, re.MULTILINE)
    text = blank(r"^#{1,6} .*$", text, re.MULTILINE)
    text = blank(r"!\[[^\]]*\]\([^)]*\)(?:\{[^}]*\})?", text)
    text = re.sub(r"\[\[.*?\]\]", " ", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)(?:\{[^}]*\})?", r"\1", text)
    return blank(r"<[^>]*>|https?://\S+|`[^`]*`", text)


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
        line = re.sub(r"`[^`]*`", "", line)
        for match in re.finditer(r"(!?)\[((?:!\[[^\]]*\]\([^)]*\)|[^\]])*)\]\(\s*<?([^)\s>]+)>?[^)]*\)", line):
            found.append(Link(match[2], match[3], number, bool(match[1])))
            for inner in re.finditer(r"!\[([^\]]*)\]\(\s*<?([^)\s>]+)>?[^)]*\)", match[2]):
                found.append(Link(inner[1], inner[2], number, True))
        for tag, quoted in re.findall(r"<(img|a)\b[^>]*?(?:src|href)=[\"']([^\"']+)", line):
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

    In 100 words of English prose 55 to 85 are different ones; of words drawn from a list nearly all are, of one
    sentence over and over few.
    """
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
    template, again = known(flat, scaffold()), repeated(flat)
    found, at = [], 0
    for part in every:
        end = at + len(part)
        here = Count(all=len(part))
        if filler(part):
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
