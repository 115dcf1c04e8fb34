"""The check class, and the pages, settings, metrics and numbers of a repository that checks share."""

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
# Reports of the pipeline and of the library's commands, whether dvc.lock lists them or not
REPORTS = re.compile(r"^reports/(metrics|pages|leakage|reproduction|crossvalidation-[\w-]+)\.json$")
PAGES = "reports/pages.json"  # values of the variables [[ ... ]] in pages
NOT_RESULTS = ("demo", "report", "tradeoff")  # keys of PAGES: inputs of the demo, curves, and a copy of metrics.json
FOLD = 1_500  # characters on the first screen of a README
WIDE, HIGH = 600, 200  # pixels: the smallest picture that counts
LIGHT, HEAVY = 2_000, 5_000_000  # bytes: smaller ones are blank, larger ones load slowly
# First bytes of formats that browsers show
SHOWN = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"<svg", b"<?xml")

STARTER = "<!-- The starter's text:"  # first words of the comment in every page of a starter
PROMPTS = [
    STARTER,
    "This page still describes the starter's data",
    "the text is still to be written",
    "Unmodified starter on a public dataset",
    "<!-- budget:",
    "numbers appear here after `uv run dvc repro`",
    "table appears here after `uv run dvc repro`",
    "Your Name",
    "your-github-name",
    "TODO",
    "FIXME",
]


@dataclass
class Finding:
    """Result of a check."""

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
    run: Callable[["Item"], Finding]


def checks(registry: list[Check]) -> Callable:
    """A decorator that registers a function as a check; the function's name is the check's id."""

    def check(factor: str, title: str, needed: bool = True) -> Callable:
        def register(run: Callable[["Item"], Finding]) -> Callable:
            registry.append(Check(run.__name__.replace("_", "-"), factor, title, needed, run))
            return run

        return register

    return check


class Item:
    """A repository, its declarations, and values that several checks use."""

    def __init__(self, repository: Repository, declared: Declarations) -> None:
        self.repository, self.declared = repository, declared
        self._loaded: dict[str, object] = {}

    @cached_property
    def readme(self) -> str:
        return self.repository.text(self.repository.readme)

    @cached_property
    def metrics(self) -> dict:
        """reports/metrics.json; empty if missing or damaged."""
        report = self.loaded("reports/metrics.json")
        return report if isinstance(report, dict) else {}

    def loaded(self, name: str) -> object:
        """Content of a JSON or YAML file; None if missing or damaged."""
        if name not in self._loaded:
            text, read = self.repository.text(name), values.from_json if name.endswith(".json") else values.from_yaml
            try:
                self._loaded[name] = read(text)
            except (ValueError, yaml.YAMLError):
                self._loaded[name] = None
        return self._loaded[name]

    @cached_property
    def article(self) -> str:
        """Path of the article; empty if there is none."""
        candidates = self.repository.find(r"(^|/)(article|write-?up|blog-?post)\.(md|markdown)$")
        return min(candidates, key=lambda name: name != "docs/article.md", default="")

    @cached_property
    def data_card(self) -> str:
        return next(iter(self.repository.find(r"(^|/)(data[-_ ]?card|data[-_ ]?sheet|datasheet)\.md$")), "")

    @cached_property
    def model_card(self) -> str:
        return next(iter(self.repository.find(r"(^|/)model[-_ ]?card\.md$")), "")

    @cached_property
    def choice(self) -> str:
        """Data chosen in conf/config.yaml: "starter" or "own"; empty if the project was not made with the template."""
        settings = self.loaded("conf/config.yaml")
        lines = settings.get("defaults") if isinstance(settings, dict) else None
        for line in lines if isinstance(lines, list) else []:
            if isinstance(line, dict) and line.get("data") in ("starter", "own"):
                return line["data"]
        return ""

    @cached_property
    def settings(self) -> dict:
        """Content of conf/data/<choice>.yaml."""
        content = self.loaded(f"conf/data/{self.choice}.yaml") if self.choice else {}
        return content if isinstance(content, dict) else {}

    @cached_property
    def measured_numbers(self) -> list[float]:
        """Every number in the files of reports/ and conf/ that the pipeline reads or writes."""
        values: list[float] = []
        lock = self.repository.text("dvc.lock")
        for name in self.repository.find(r"^(reports/.*\.json|conf/.*\.ya?ml)$"):
            if name in lock or REPORTS.search(name):
                content = self.loaded(name)
                if name == PAGES and isinstance(content, dict):
                    content = {key: value for key, value in content.items() if key not in NOT_RESULTS}
                values += leaves(content)
        entries = self.repository.text(LEDGER).splitlines()
        return [*values, float(len(entries))]

    @cached_property
    def headline(self) -> list[float]:
        """Metrics that a page may round: test-set values and differences, without intervals, slices and curves."""
        parts = [self.metrics.get(name) for name in ("results", "differences", "unseen")]
        return leaves([without_intervals(part) for part in parts]) or leaves(self.metrics)

    @cached_property
    def first_screen(self) -> list[tuple[int, str]]:
        """Number and text of the README's first 25 lines or 1,500 rendered characters."""
        lines, used = [], 0
        for number, line in enumerate(prose.visible(self.readme).splitlines(), start=1):
            if line.strip():
                lines.append((number, line))
                used += len(prose.unaddressed(line))
            if used > FOLD or len(lines) >= 25:
                break
        return lines

    @cached_property
    def first_links(self) -> list[prose.Link]:
        """Links and pictures on the first screen."""
        last = self.first_screen[-1][0] if self.first_screen else 0
        return [link for link in prose.links(self.readme) if link.line <= last]

    def opens(self, target: str, page: str) -> bool:
        """Whether the target of a link exists: any external address, or an existing file and heading."""
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
        """Whether code in a page is a file name, or occurs in the settings or code of the repository."""
        texts = (self.repository.text(name) for name in self.repository.find(r"^(conf|src)/.*\.(ya?ml|py)$"))
        return self.repository.has(code) or (len(code) > 2 and any(code in text for text in texts))

    def picture(self, name: str) -> tuple[str, str]:
        """The problem with a picture (empty if there is none), and its size as text."""
        if not self.repository.has(name):
            return "does not exist, or is not committed", ""
        path = self.repository.root / name
        try:
            width, height = imagesize.get(path) if self.repository.bytes(name).startswith(SHOWN) else (-1, -1)
        except (OSError, ValueError):
            width, height = -1, -1
        if width < 0:
            return "is not a picture that browsers show", ""
        if width < WIDE or height < HIGH:
            return f"is {width} x {height} pixels; {WIDE} x {HIGH} required", ""
        weight = path.stat().st_size
        if not LIGHT <= weight <= HEAVY:
            return f"has {weight:,} bytes; {LIGHT:,} to {HEAVY:,} required", ""
        return "", f"{width} x {height}"


@cache
def anchors(text: str) -> set[str]:
    """Anchors of headings, as GitHub and MkDocs derive them."""
    names = set(re.findall(r"(?:id|name)=[\"']([^\"'\n]{1,200})", text)) | set(re.findall(r"\{ *#([\w-]+)", text))
    for line in prose.visible(text).splitlines():
        if heading := re.match(r"#{1,6}\s+(\S.*)", line):
            title = prose.unlinked(heading[1].rstrip("# \t"))
            slug = re.sub(r"[^\w\- ]", "", title.lower())
            name = slug.replace(" ", "-")
            again = sum(name == other or re.fullmatch(rf"{re.escape(name)}-\d+", other) is not None for other in names)
            names |= {name, f"{name}-{again}" if again else name, re.sub(r"[-\s]+", "-", slug.strip())}
    return names


def value_at(value: object, key: str) -> object:
    """The value under a dotted key; None if missing."""
    if isinstance(value, dict) and key in value:
        return value[key]
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def leftover(item: Item, page: str) -> list[tuple[str, str]]:
    """File:line and text of every prompt or placeholder in a page."""
    prompts = []
    for number, line in enumerate(item.repository.text(page).splitlines(), start=1):
        for prompt in PROMPTS:
            if prompt in line:
                prompts.append((f"{page}:{number}", prompt))
    return prompts
