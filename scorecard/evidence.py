"""What a check is, and what checks share: the pages, settings, metrics and numbers of a repository."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote

import imagesize
import yaml

from . import prose, values
from .declarations import Declarations
from .numbers import leaves, without_intervals
from .repository import LEDGER, Repository, normal

Status = Literal["pass", "fail", "stale", "shown", "declared", "not checked"]
MADE = re.compile(r"^reports/(metrics|pages|reproduction|crossvalidation-[\w-]+)\.json$")
FOLD = 1_500  # characters of the README that are read first
WIDE, HIGH = 600, 200  # pixels of a picture that can be seen
LIGHT, HEAVY = 2_000, 5_000_000  # bytes of a picture that shows something, and of one that still loads
SHOWN = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"<svg", b"<?xml")  # first bytes, by browsers

PROMPTS = [
    "The starter's text: rewrite it",
    "This page still tells of the starter's data",
    "the text is still to be written",
    "Still the starter of cookiecutter-ml-portfolio",
    "<!-- budget:",
    "numbers appear here after `uv run dvc repro`",
    "table appears here after `uv run dvc repro`",
    "Your Name",
    "your-github-name",
    "TODO",
    "FIXME",
]


@dataclass
class Found:
    """What a check says."""

    status: Status
    finding: str
    where: list[str] = field(default_factory=list)  # file or file:line
    remedy: str = ""


@dataclass
class Check:
    id: str
    factor: str
    title: str
    needed: bool  # for the factor to be verified
    look: Callable[["Item"], Found]


def checks(found: list[Check]) -> Callable:
    """A decorator that appends a function to `found` as a check; its name is the check's id."""

    def check(factor: str, title: str, needed: bool = True) -> Callable:
        def register(look: Callable[["Item"], Found]) -> Callable:
            found.append(Check(look.__name__.replace("_", "-"), factor, title, needed, look))
            return look

        return register

    return check


class Item:
    """A repository with its declarations, and what several checks share."""

    def __init__(self, repository: Repository, declared: Declarations) -> None:
        self.repository, self.declared = repository, declared
        self._loaded: dict[str, object] = {}

    @cached_property
    def readme(self) -> str:
        return self.repository.text(self.repository.readme)

    @cached_property
    def metrics(self) -> dict:
        """reports/metrics.json; empty if there is none that can be read."""
        found = self.loaded("reports/metrics.json")
        return found if isinstance(found, dict) else {}

    def loaded(self, name: str) -> object:
        """A JSON or YAML file as values; None if it is missing or broken."""
        if name not in self._loaded:
            text, read = self.repository.text(name), values.from_json if name.endswith(".json") else values.from_yaml
            try:
                self._loaded[name] = read(text)
            except (ValueError, yaml.YAMLError):
                self._loaded[name] = None
        return self._loaded[name]

    @cached_property
    def article(self) -> str:
        """Name of the article; nothing if there is none."""
        found = self.repository.find(r"(^|/)(article|write-?up|blog-?post)\.(md|markdown)$")
        return min(found, key=lambda name: name != "docs/article.md", default="")

    @cached_property
    def data_card(self) -> str:
        return next(iter(self.repository.find(r"(^|/)(data[-_ ]?card|data[-_ ]?sheet|datasheet)\.md$")), "")

    @cached_property
    def model_card(self) -> str:
        return next(iter(self.repository.find(r"(^|/)model[-_ ]?card\.md$")), "")

    @cached_property
    def choice(self) -> str:
        """Which data the project's settings choose: starter or own; nothing if it is not made with the template."""
        settings = self.loaded("conf/config.yaml")
        lines = settings.get("defaults") if isinstance(settings, dict) else None
        found = [line.get("data") for line in lines or [] if isinstance(line, dict)] if isinstance(lines, list) else []
        return next((data for data in found if data in ("starter", "own")), "")

    @cached_property
    def settings(self) -> dict:
        """conf/data of the chosen data."""
        found = self.loaded(f"conf/data/{self.choice}.yaml") if self.choice else {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def known(self) -> list[float]:
        """Every number of reports/ and conf/, as far as dvc.lock or the pipeline's own commands know the file."""
        found: list[float] = []
        lock = self.repository.text("dvc.lock")
        for name in self.repository.find(r"^(reports/.*\.json|conf/.*\.ya?ml)$"):
            if name in lock or MADE.search(name):
                found += leaves(self.loaded(name))
        looks = self.repository.text(LEDGER).splitlines()
        return [*found, float(len(looks))]

    @cached_property
    def headline(self) -> list[float]:
        """The metrics that a page may round: values of the test set, without intervals, slices and curves."""
        parts = [self.metrics.get(name) for name in ("test", "baseline", "trivial", "difference", "unseen")]
        return leaves([without_intervals(part) for part in parts]) or leaves(self.metrics)

    @cached_property
    def first_screen(self) -> list[tuple[int, str]]:
        """Lines of the README, with their numbers, that fit into 1,500 characters as a reader sees them."""
        shown, used = [], 0
        for number, line in enumerate(prose.visible(self.readme).splitlines(), start=1):
            if line.strip():
                shown.append((number, line))
                used += len(prose.unaddressed(line))
            if used > FOLD or len(shown) >= 25:
                break
        return shown

    @cached_property
    def first_links(self) -> list[prose.Link]:
        """Links and pictures of the first screen."""
        last = self.first_screen[-1][0] if self.first_screen else 0
        return [link for link in prose.links(self.readme) if link.line <= last]

    def opens(self, target: str, page: str) -> bool:
        """Whether a link of a page leads somewhere: anywhere outside, or to a file and heading that exist."""
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):
            return True
        path, _, heading = unquote(target).partition("#")
        name = str(PurePosixPath(page).parent / path) if path else page
        name = normal(name)
        if name is None:
            return False
        inside = any(file.startswith(f"{name.rstrip('/')}/") for file in self.repository.files)
        if not self.repository.has(name) and not inside and name != ".":
            return False
        return not heading or not name.endswith(".md") or heading in anchors(self.repository.text(name))

    def names(self, code: str) -> bool:
        """Whether code in a page is a file of the repository, or stands in its settings or in its code."""
        texts = (self.repository.text(name) for name in self.repository.find(r"^(conf|src)/.*\.(ya?ml|py)$"))
        return self.repository.has(code) or (len(code) > 2 and any(code in text for text in texts))

    def picture(self, name: str) -> tuple[str, str]:
        """Why a picture cannot be seen (nothing if it can), and its size in words."""
        if not self.repository.has(name):
            return "does not exist, or is not committed", ""
        path = self.repository.root / name
        try:
            width, height = imagesize.get(path) if self.repository.bytes(name).startswith(SHOWN) else (-1, -1)
        except (OSError, ValueError):
            width, height = -1, -1
        if width < 0:
            return "is no picture that a browser shows", ""
        if width < WIDE or height < HIGH:
            return f"is {width} x {height} pixels, {WIDE} x {HIGH} are needed", ""
        weight = path.stat().st_size
        if not LIGHT <= weight <= HEAVY:
            return f"has {weight:,} bytes; a picture that shows something has {LIGHT:,} to {HEAVY:,}", ""
        return "", f"{width} x {height}"


@cache
def anchors(text: str) -> set[str]:
    """Names of headings, as GitHub and MkDocs make them."""
    found = set(re.findall(r"(?:id|name)=[\"']([^\"'\n]{1,200})", text)) | set(re.findall(r"\{ *#([\w-]+)", text))
    for line in prose.visible(text).splitlines():
        if heading := re.match(r"#{1,6}\s+(\S.*)", line):
            title = prose.unlinked(heading[1].rstrip("# \t"))
            slug = re.sub(r"[^\w\- ]", "", title.lower())
            name = slug.replace(" ", "-")
            again = sum(name == other or re.fullmatch(rf"{re.escape(name)}-\d+", other) is not None for other in found)
            found |= {name, f"{name}-{again}" if again else name, re.sub(r"[-\s]+", "-", slug.strip())}
    return found


def at(value: object, key: str) -> object:
    """The value under a dotted key."""
    if isinstance(value, dict) and key in value:
        return value[key]
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def leftover(item: Item, page: str) -> list[tuple[str, str]]:
    """Where in a page a prompt or placeholder was left, and which."""
    found = []
    for number, line in enumerate(item.repository.text(page).splitlines(), start=1):
        for prompt in PROMPTS:
            if prompt in line:
                found.append((f"{page}:{number}", prompt))
    return found
