"""Identifies the dataset of a repository and compares it with a list of overused ones (overused.yaml)."""

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
MANY = 3_000  # files of a data folder that are hashed
LARGEST = 300_000_000  # bytes; larger files are not hashed
ALL = 1_000_000_000  # bytes hashed in all
BROKEN = (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, LookupError, struct.error, lzma.LZMAError)


@dataclass
class Entry:
    """A dataset of overused.yaml."""

    name: str
    reason: str
    aliases: list[str] = field(default_factory=list)
    columns: list[list[str]] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)  # "rows x columns" as in reports/pages.json
    starter: str = ""

    @cached_property
    def pattern(self) -> re.Pattern:
        """Matches any of its names as whole words; space, - and _ are equivalent."""
        names = (r"[\s_-]*".join(map(re.escape, re.split(r"[\s_-]+", alias))) for alias in self.aliases)
        return re.compile(rf"(?<![a-z0-9])({'|'.join(names)})(?![a-z0-9])", re.IGNORECASE)


@dataclass
class Hit:
    evidence: str
    reason: str
    where: list[str]


@cache
def entries() -> list[Entry]:
    """The entries of overused.yaml."""
    return [
        Entry(**one) for one in yaml.safe_load(Path(__file__).with_name("overused.yaml").read_text(encoding="utf-8"))
    ]


def overused(item: "Item") -> Hit | None:
    """The first match with an overused dataset, by hash, columns, shape or name; None without a match."""
    for look in (by_hash, by_columns, by_shape, by_name):
        if hit := look(item):
            return hit
    return None


def by_hash(item: "Item") -> Hit | None:
    """Match by the hash in the settings, or by that of a file in the repository."""
    entry_of = {sha: entry for entry in entries() for sha in entry.sha256}
    name = f"conf/data/{item.choice}.yaml"
    hashes_here = [(str(item.settings.get("sha256")), name), *((sha, where) for where, sha in hashes(item))]
    for sha, where in hashes_here:
        if entry := entry_of.get(sha):
            return Hit(f"same hash as {entry.name}", entry.reason, [where])
    return None


def by_columns(item: "Item") -> Hit | None:
    """Match by the column names of a table in the repository, the demo's examples included."""
    for where, header in headers(item):
        columns_here = {column.strip().lower() for column in header}
        for entry in entries():
            signatures = [{column.lower() for column in columns} for columns in entry.columns if columns]
            if any(signature <= columns_here for signature in signatures):
                return Hit(f"same columns as {entry.name}", entry.reason, [where])
    return None


def by_shape(item: "Item") -> Hit | None:
    """Match by the number of rows and columns in reports/pages.json."""
    pages = item.loaded("reports/pages.json")
    try:
        size = pages["data"]  # type: ignore[index,call-overload]
        shape = f"{size['rows']} x {size['columns']}"
    except (TypeError, KeyError):
        return None
    for entry in entries():
        if shape in entry.shapes:
            return Hit(f"same shape as {entry.name}, {shape}", entry.reason, ["reports/pages.json"])
    return None


def by_name(item: "Item") -> Hit | None:
    """Match by name in settings, code, notebooks, file names, the data card or the first heading."""
    for where, row, text in named(item):
        for entry in entries():
            if entry.aliases and (match := entry.pattern.search(text)):
                return Hit(f"{match[0]!r} names {entry.name}", entry.reason, [f"{where}:{row}" if row else where])
    return None


def named(item: "Item") -> Iterator[tuple[str, int, str]]:
    """File, line and text of every line that may name the dataset."""
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
    for name in repository.find(r"\.(py|r|jl|ipynb)$", third_party=True):
        if (
            name.startswith("tests/") or name not in repository.changed
        ):  # unchanged starter code may still name the starter's data
            continue
        for number, line in lines(repository.text(name), name):
            if loads.search(line):
                yield name, number, line


def lines(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Lines of code with their line number; in a notebook, with the number of their cell."""
    if not name.endswith(".ipynb"):
        yield from enumerate(text.splitlines(), start=1)
        return
    with suppress(ValueError, AttributeError, TypeError):
        for number, cell in enumerate(values.from_json(text).get("cells", []), start=1):  # type: ignore[attr-defined]
            if isinstance(cell, dict) and cell.get("cell_type") == "code":
                for line in "".join(cell.get("source", [])).splitlines():
                    yield number, line


def local(item: "Item") -> list[Path]:
    """Data files and folders inside the repository: the path in the settings, and data/raw."""
    root, named = item.repository.root, str(item.settings.get("path"))
    try:
        there = [path.resolve() for path in (root / "data/raw", root / named) if path.exists()]
    except (OSError, ValueError):
        return []
    return [root / path.relative_to(root.resolve()) for path in there if root.resolve() in path.parents]


def files(item: "Item") -> Iterator[tuple[str, Path]]:
    """Every data file, tracked or not."""
    root, many = item.repository.root, 0
    for name in item.repository.files:
        if TABLES.search(name) or re.search(r"\.(zip|png|jpe?g|parquet|npz)$", name, re.IGNORECASE):
            yield name, root / name
    for source in local(item):
        for path in [source] if source.is_file() else sorted(source.rglob("*")):
            name = path.relative_to(root).as_posix()
            if item.repository.regular(name) and readable(name) and (many := many + 1) <= MANY:
                yield name, path


def hashes(item: "Item") -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of every data file, and of the content of a gzip file."""
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
    """SHA-256 of a file, of its first LARGEST bytes if it is longer."""
    sha256, left = hashlib.sha256(), LARGEST
    while left > 0 and (part := file.read(1 << 20)):
        sha256.update(part)
        left -= len(part)
    return sha256.hexdigest()


def headers(item: "Item") -> Iterator[tuple[str, list[str]]]:
    """Name and header of every table, including tables in archives."""
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
    """Cells of the first line of a table."""
    text = line.decode("utf-8-sig", "replace").strip()
    mark = max(",;\t|", key=text.count)
    try:
        return next(csv.reader([text], delimiter=mark), [])
    except csv.Error:
        return []
