"""Which data a repository uses, and whether everybody has a project on it (overused.yaml)."""

import csv
import gzip
import hashlib
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import yaml

from . import prose, values
from .repository import readable

if TYPE_CHECKING:
    from .evidence import Item

TABLES = re.compile(r"\.(csv|tsv|data|txt)(\.gz)?$", re.IGNORECASE)
MANY = 3_000  # files of a folder of data that are hashed
LARGEST = 300_000_000  # bytes of a file that is hashed
ALL = 1_000_000_000  # bytes of all files together
BROKEN = (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, LookupError, struct.error, lzma.LZMAError)


@dataclass
class Entry:
    """A data set of overused.yaml."""

    name: str
    reason: str
    aliases: list[str] = field(default_factory=list)
    columns: list[list[str]] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)  # rows and columns as reports/pages.json writes them
    starter: str = ""

    @cached_property
    def pattern(self) -> re.Pattern:
        """Any of its names, as whole words; space, - and _ are alike."""
        names = (r"[\s_-]*".join(map(re.escape, re.split(r"[\s_-]+", alias))) for alias in self.aliases)
        return re.compile(rf"(?<![a-z0-9])({'|'.join(names)})(?![a-z0-9])", re.IGNORECASE)


@dataclass
class Hit:
    said: str
    reason: str
    where: list[str]


@cache
def entries() -> list[Entry]:
    """All of overused.yaml."""
    return [
        Entry(**one) for one in yaml.safe_load(Path(__file__).with_name("overused.yaml").read_text(encoding="utf-8"))
    ]


def overused(item: "Item") -> Hit | None:
    """The first sign of an overused data set: by hash, by columns, by size, by name."""
    for look in (by_hash, by_columns, by_shape, by_name):
        if hit := look(item):
            return hit
    return None


def by_hash(item: "Item") -> Hit | None:
    """The hash that the settings record, or of a file that is here."""
    known = {sha: entry for entry in entries() for sha in entry.sha256}
    name = f"conf/data/{item.choice}.yaml"
    found = [(str(item.settings.get("sha256")), name), *((sha, where) for where, sha in hashes(item))]
    for sha, where in found:
        if entry := known.get(sha):
            return Hit(f"it is {entry.name}, by its hash", entry.reason, [where])
    return None


def by_columns(item: "Item") -> Hit | None:
    """The header of a table that is here, or of the examples of the demo."""
    for where, header in headers(item):
        low = {column.strip().lower() for column in header}
        for entry in entries():
            if any(wanted and {column.lower() for column in wanted} <= low for wanted in entry.columns):
                return Hit(f"it has the columns of {entry.name}", entry.reason, [where])
    return None


def by_shape(item: "Item") -> Hit | None:
    """As many rows and columns as a starter's data has."""
    pages = item.loaded("reports/pages.json")
    try:
        found = pages["measured"]["data"]  # type: ignore[index,call-overload]
        shape = f"{found['rows']} x {found['columns']}"
    except (TypeError, KeyError):
        return None
    for entry in entries():
        if shape in entry.shapes:
            return Hit(f"it has the {shape} of {entry.name}", entry.reason, ["reports/pages.json"])
    return None


def by_name(item: "Item") -> Hit | None:
    """Its name where data is named or loaded: settings, code, notebooks, file names, data card, first heading."""
    for where, row, text in named(item):
        for entry in entries():
            if entry.aliases and (match := entry.pattern.search(text)):
                return Hit(f"{match[0]!r} is {entry.name}", entry.reason, [f"{where}:{row}" if row else where])
    return None


def named(item: "Item") -> Iterator[tuple[str, int, str]]:
    """File, line and text of every place that says which data is used."""
    repository = item.repository
    yield repository.readme, 1, "\n".join(line for line in item.readme.splitlines()[:40] if line.startswith("# "))
    for key in ("path", "kaggle"):
        yield f"conf/data/{item.choice}.yaml", 0, str(item.settings.get(key) or "")
    card = prose.visible(repository.text(item.data_card))
    for number, line in enumerate(card.splitlines(), start=1):
        if re.match(r"\|?\s*\**(source|title|name|data ?set)\b|# ", line, re.IGNORECASE):
            yield item.data_card, number, line
    for name in repository.files:
        if re.search(r"\.(csv|tsv|data|zip|parquet|json|npz|arff|xlsx|gz)$", name, re.IGNORECASE):
            yield name, 0, name
    loads = re.compile(r"load|fetch|read_|open\(|path|download|dataset|kaggle|url|http|import", re.IGNORECASE)
    for name in repository.find(r"\.(py|r|jl|ipynb)$"):
        if name.startswith("tests/") or name not in repository.changed:  # the starter's code stays when its data goes
            continue
        for number, line in lines(repository.text(name), name):
            if loads.search(line):
                yield name, number, line


def lines(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Lines of code with their numbers; of a notebook, those of its cells of code."""
    if not name.endswith(".ipynb"):
        yield from enumerate(text.splitlines(), start=1)
        return
    with suppress(ValueError, AttributeError, TypeError):
        for place, cell in enumerate(values.from_json(text).get("cells", []), start=1):  # type: ignore[attr-defined]
            if isinstance(cell, dict) and cell.get("cell_type") == "code":
                for line in "".join(cell.get("source", [])).splitlines():
                    yield place, line


def local(item: "Item") -> list[Path]:
    """Files and folders of data in this folder: what the settings name, and data/raw. Nothing outside is read."""
    root, named = item.repository.root, str(item.settings.get("path"))
    try:
        there = [path.resolve() for path in (root / "data/raw", root / named) if path.exists()]
    except (OSError, ValueError):
        return []
    return [root / path.relative_to(root.resolve()) for path in there if root.resolve() in path.parents]


def files(item: "Item") -> Iterator[tuple[str, Path]]:
    """Every file of data: tracked ones, and those that lie beside them untracked."""
    root, many = item.repository.root, 0
    for name in item.repository.files:
        if TABLES.search(name) or re.search(r"\.(zip|png|jpe?g|parquet|npz)$", name, re.IGNORECASE):
            yield name, root / name
    for place in local(item):
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            name = path.relative_to(root).as_posix()
            if item.repository.regular(name) and readable(name) and (many := many + 1) <= MANY:
                yield name, path


def hashes(item: "Item") -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of every file of data, and of what a gzip holds."""
    left = ALL
    for name, path in files(item):
        with suppress(OSError, EOFError, zlib.error):
            size = path.stat().st_size
            if size > min(LARGEST, left):
                continue
            left -= size
            with path.open("rb") as file:
                yield name, digest(file)
            if name.endswith(".gz"):
                with gzip.open(path) as file:
                    yield name, digest(file)


def digest(file: BinaryIO) -> str:
    """SHA-256 of what is read from a file, of its first part if it is huge."""
    found, left = hashlib.sha256(), LARGEST
    while left > 0 and (part := file.read(1 << 20)):
        found.update(part)
        left -= len(part)
    return found.hexdigest()


def headers(item: "Item") -> Iterator[tuple[str, list[str]]]:
    """Name and first row of every table that is here, and of those in archives."""
    for name, path in files(item):
        with suppress(OSError, EOFError, zlib.error, *BROKEN):
            if TABLES.search(name):
                with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
                    yield name, cells(file.readline(100_000))
            elif name.lower().endswith(".zip"):
                with zipfile.ZipFile(path) as archive:
                    for inner in [one for one in archive.namelist() if TABLES.search(one)][:20]:
                        with archive.open(inner) as file:
                            yield f"{name}/{inner}", cells(file.readline(100_000))


def cells(line: bytes) -> list[str]:
    """The columns that a first line names."""
    text = line.decode("utf-8-sig", "replace").strip()
    mark = max(",;\t|", key=text.count)
    try:
        return next(csv.reader([text], delimiter=mark), [])
    except csv.Error:
        return []
