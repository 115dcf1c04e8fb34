"""Files, history and authors of a repository, or of any folder. Read-only.

The repository is untrusted: git runs without its hooks, filters, external tools and network access, links are not
followed out of the folder, and large files are not read as text.
"""

import hashlib
import os
import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

LARGEST = 3_000_000  # bytes; larger files are not read as text
MOST = 400  # files that git blame reads
SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", "site", ".dvc", ".ipynb_checkpoints"}
WRITTEN = re.compile(r"\.(py|md|ipynb|yaml|yml|toml|html|css|js|ts|tex|typ|bib|cff|sh|r|jl|rst|txt)$", re.IGNORECASE)
# Written by the pipeline: nobody's own lines
GENERATED_FILES = re.compile(r"(^|/)(reports|figures|examples)/|\.lock$|(^|/)docs/(results|reproduction)\.md$")
# Libraries kept as source, such as vendor/heldout: neither the author's work nor the template's text to rewrite
THIRD_PARTY = re.compile(r"(^|/)(vendor|third_party|node_modules)/")
SAFE = [
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
    *("-c", "safe.directory=*"),
    *("-c", "blame.ignoreRevsFile="),  # the repository must not hide authors
]
PLAIN = ["--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-color", "--text"]
LEDGER = "reports/test_ledger.jsonl"
GENERATED = "Generate the project"  # subject of the commit made by the template's hook


@dataclass
class Commit:
    hash: str
    name: str
    email: str
    day: str
    subject: str


class Repository:
    """Files of a folder; in a git repository, the tracked ones."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *words: str) -> str | None:
        """Output of a git command in this folder; None if it fails."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_NO_REPLACE_OBJECTS": "1"}
        offline = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
        command, env = ["git", *SAFE, "-C", str(self.root), *words], {**inherited, **quiet, **alone, **offline}
        try:
            done = subprocess.run(command, capture_output=True, env=env, stdin=subprocess.DEVNULL, timeout=60)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

    @cached_property
    def files(self) -> list[str]:
        """Paths of all files, relative to the root, with forward slashes."""
        tracked = self.git("ls-files", "-z")
        names = tracked.split("\0") if tracked else self.walk()
        return sorted(name for name in names if name and self.regular(name))

    def walk(self) -> list[str]:
        """Files of a folder without git; names that are not valid text are left out."""
        names_here = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED)
            names_here += [(Path(folder) / name).relative_to(self.root).as_posix() for name in names]
            if len(names_here) > 20_000:
                break
        return [name for name in names_here if readable(name)]

    def regular(self, name: str) -> bool:
        """Whether this is a file inside the folder and not a link."""
        path = self.root / name
        try:
            return path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(self.root.resolve())
        except (OSError, ValueError):
            return False

    def has(self, name: str) -> bool:
        return name in self._names

    @cached_property
    def _names(self) -> set[str]:
        return set(self.files)

    def find(self, pattern: str, third_party: bool = False) -> list[str]:
        """Files whose path matches a regular expression, ignoring case; without third-party code by default."""
        names = self.files if third_party else self.own_files
        return [name for name in names if re.search(pattern, name, re.IGNORECASE)]

    @cached_property
    def own_files(self) -> list[str]:
        """Paths of all files but third-party code."""
        return [name for name in self.files if not THIRD_PARTY.search(name)]

    def text(self, name: str) -> str:
        """The text of a file; empty if it is missing, binary or larger than 3 MB."""
        if name not in self._texts:
            self._texts[name] = self._text(name)
        return self._texts[name]

    def _text(self, name: str) -> str:
        if not self.has(name) or (self.root / name).stat().st_size > LARGEST:
            return ""
        content = self.bytes(name)
        return "" if b"\0" in content[:4096] else content.decode("utf-8", "replace").replace("\r\n", "\n")

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {}

    def bytes(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes() if self.has(name) else b""
        except OSError:
            return b""

    def md5(self, name: str) -> str:
        """MD5 of a file, as in dvc.lock."""
        return hashlib.md5(self.bytes(name), usedforsecurity=False).hexdigest()

    def line(self, name: str, needle: str) -> int | None:
        """Number of the first line that contains a text."""
        for number, line in enumerate(self.text(name).splitlines(), start=1):
            if needle in line:
                return number
        return None

    @cached_property
    def readme(self) -> str:
        """Name of the README in the root; empty if there is none."""
        candidates = self.find(r"^readme(\.(md|markdown|rst|txt))?$")
        return min(candidates, key=lambda name: not name.lower().endswith("md"), default="")

    @cached_property
    def commits(self) -> list[Commit]:
        """All commits without merges, the newest first."""
        form = "--format=%H%x00%an%x00%ae%x00%as%x00%s%x00"  # names as recorded: a .mailmap cannot change them
        log = self.git("log", "--no-merges", form, *PLAIN, "--", ".") or ""
        parts = [part.strip("\n") for part in log.split("\0")]
        return [Commit(*parts[i : i + 5]) for i in range(0, len(parts) - 4, 5)]

    @cached_property
    def forgotten(self) -> int:
        """Number of lines that the history removed from the test-set ledger and that are missing today."""
        diffs = ["--diff-merges=first-parent", "--no-renames", "--unified=0", "--patch"]
        log = self.git("log", "--format=", *diffs, *PLAIN, "--", LEDGER) or ""
        lost = {line[1:].strip() for line in log.split("\n") if line.startswith("-") and not line.startswith("---")}
        return len(lost - {line.strip() for line in self.text(LEDGER).split("\n")} - {""})

    @cached_property
    def generated(self) -> Commit | None:
        """The template's commit, if the history starts with it."""
        first = self.commits[-1] if self.commits else None
        return first if first and first.subject == GENERATED else None

    @cached_property
    def changed(self) -> set[str]:
        """Files changed since the template's commit; all files if the history does not start with it."""
        if not self.generated:
            return set(self.files)
        names = self.git("diff", "--name-only", "-z", "--no-ext-diff", "--relative", self.generated.hash, "HEAD")
        return set((names or "").split("\0"))

    @cached_property
    def written(self) -> list[str]:
        """Text files changed since the template's commit, the largest first; no generated or third-party files."""
        names = [name for name in self.own_files if WRITTEN.search(name) and not GENERATED_FILES.search(name)]
        names = [name for name in names if name in self.changed] if self.commits else []
        return sorted(names, key=lambda name: -(self.root / name).stat().st_size)

    @cached_property
    def lines(self) -> Counter[str]:
        """Number of today's lines by commit, without the template's commit."""
        lines_of: Counter[str] = Counter()
        with ThreadPoolExecutor(8) as pool:
            for lines in pool.map(self.blame, self.written[:MOST]):
                lines_of.update(lines)
        lines_of.pop(self.generated.hash if self.generated else "", None)
        return lines_of

    def blame(self, name: str) -> Counter[str]:
        """Number of non-blank lines of a file by commit."""
        lines: Counter[str] = Counter()
        commit = ""
        for line in (self.git("blame", "--porcelain", "--no-textconv", "HEAD", "--", name) or "").split("\n"):
            if not line.startswith("\t"):
                commit = head[1] if (head := re.match(r"([0-9a-f]{40,64}) ", line)) else commit
            elif line.strip():
                lines[commit] += 1
        return lines


def normal(name: str) -> str | None:
    """A relative path without `..`; None if it leads out of the repository."""
    parts: list[str] = []
    for part in PurePosixPath(name).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in (".", "/"):
            parts.append(part)
    return "/".join(parts) or "."


def readable(name: str) -> bool:
    """Whether a file name is valid Unicode."""
    return name.encode("utf-8", "replace").decode("utf-8", "replace") == name
