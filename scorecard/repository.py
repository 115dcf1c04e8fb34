"""A repository as evidence: its files, its history and who wrote what. Reads only; works on any folder.

Repositories of strangers are read, so git runs without their hooks, filters, external tools and network, links are
not followed out of the folder, and large files are not read as text.
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

LARGEST = 3_000_000  # bytes of a file read as text
MOST = 400  # files whose authors are looked up
SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", "site", ".dvc", ".ipynb_checkpoints"}
WRITTEN = re.compile(r"\.(py|md|ipynb|yaml|yml|toml|html|css|js|ts|tex|typ|bib|cff|sh|r|jl|rst|txt)$", re.IGNORECASE)
MADE = re.compile(r"(^|/)(reports|figures|examples)/|\.lock$|(^|/)docs/(results|reproduction)\.md$")
SAFE = [
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
    *("-c", "safe.directory=*"),
    *("-c", "blame.ignoreRevsFile="),  # whose lines they are is not for the repository to hide
]
PLAIN = ["--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-color", "--text"]
LEDGER = "reports/test_ledger.jsonl"
GENERATED = "Generate the project"  # subject of the commit that the template's hook makes


@dataclass
class Commit:
    hash: str
    name: str
    email: str
    day: str
    subject: str


class Repository:
    """What lies in a folder; of a git repository, what is tracked."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *words: str) -> str | None:
        """Output of a git command in this folder; None if it fails."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_NO_REPLACE_OBJECTS": "1"}
        offline = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
        command, env = ["git", *SAFE, "-C", str(self.root), *words], {**kept, **quiet, **alone, **offline}
        try:
            done = subprocess.run(command, capture_output=True, env=env, stdin=subprocess.DEVNULL, timeout=60)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

    @cached_property
    def files(self) -> list[str]:
        """Paths of all files that count, relative to the root, with forward slashes."""
        tracked = self.git("ls-files", "-z")
        names = tracked.split("\0") if tracked else self.walk()
        return sorted(name for name in names if name and self.regular(name))

    @cached_property
    def tracked(self) -> bool:
        """Whether git has at least one file of this folder."""
        return bool(self.git("ls-files", "-z"))

    def walk(self) -> list[str]:
        """Files of a folder without git; those whose names are no text are left out."""
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED)
            found += [(Path(folder) / name).relative_to(self.root).as_posix() for name in names]
            if len(found) > 20_000:
                break
        return [name for name in found if readable(name)]

    def regular(self, name: str) -> bool:
        """Whether it is a file inside the folder, and no link."""
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

    def find(self, pattern: str) -> list[str]:
        """Files whose path matches a regular expression, in any case."""
        return [name for name in self.files if re.search(pattern, name, re.IGNORECASE)]

    def text(self, name: str) -> str:
        """The text of a file; nothing if it is missing, binary or larger than 3 MB."""
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
        """As DVC records it."""
        return hashlib.md5(self.bytes(name), usedforsecurity=False).hexdigest()

    def line(self, name: str, needle: str) -> int | None:
        """The first line of a file that holds the needle."""
        for number, line in enumerate(self.text(name).splitlines(), start=1):
            if needle in line:
                return number
        return None

    @cached_property
    def readme(self) -> str:
        """Name of the README in the root; nothing if there is none."""
        found = self.find(r"^readme(\.(md|markdown|rst|txt))?$")
        return min(found, key=lambda name: not name.lower().endswith("md"), default="")

    @cached_property
    def commits(self) -> list[Commit]:
        """All commits without merges, the newest first."""
        form = "--format=%H%x00%an%x00%ae%x00%as%x00%s%x00"  # as recorded: a .mailmap cannot change them
        log = self.git("log", "--no-merges", form, *PLAIN, "--", ".") or ""
        parts = [part.strip("\n") for part in log.split("\0")]
        return [Commit(*parts[i : i + 5]) for i in range(0, len(parts) - 4, 5)]

    @cached_property
    def forgotten(self) -> int:
        """Lines of the ledger of looks at test data that were taken out in history and are not in it today."""
        diffs = ["--diff-merges=first-parent", "--no-renames", "--unified=0", "--patch"]
        log = self.git("log", "--format=", *diffs, *PLAIN, "--", LEDGER) or ""
        lost = {line[1:].strip() for line in log.split("\n") if line.startswith("-") and not line.startswith("---")}
        return len(lost - {line.strip() for line in self.text(LEDGER).split("\n")} - {""})

    @cached_property
    def generated(self) -> Commit | None:
        """The commit that the template made, if the history begins with it."""
        first = self.commits[-1] if self.commits else None
        return first if first and first.subject == GENERATED else None

    @cached_property
    def changed(self) -> set[str]:
        """Files that are not as the template made them; all, if the history does not begin with it."""
        if not self.generated:
            return set(self.files)
        names = self.git("diff", "--name-only", "-z", "--no-ext-diff", "--relative", self.generated.hash, "HEAD")
        return set((names or "").split("\0"))

    @cached_property
    def lines(self) -> Counter[str]:
        """Lines of text as they are now, by the commit that wrote them; without the template's and machines'."""
        written = [name for name in self.files if WRITTEN.search(name) and not MADE.search(name)]
        names = [name for name in written if name in self.changed] if self.commits else []
        found: Counter[str] = Counter()
        with ThreadPoolExecutor(8) as pool:
            for lines in pool.map(self.blame, names[:MOST]):
                found.update(lines)
        found.pop(self.generated.hash if self.generated else "", None)
        return found

    def blame(self, name: str) -> Counter[str]:
        """Lines of a file by commit."""
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
    """Whether a file name is text."""
    return name.encode("utf-8", "replace").decode("utf-8", "replace") == name
