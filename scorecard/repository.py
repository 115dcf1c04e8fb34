"""A repository as evidence: its files, its history and who wrote what. Reads only; works on any folder.

Repositories of strangers are read, so git runs without their hooks, filters and external tools, links are not
followed out of the folder, and large files are not read as text.
"""

import hashlib
import os
import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

LARGEST = 3_000_000  # bytes of a file read as text
MOST = 400  # files whose authors are looked up
SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", "site", ".dvc", ".ipynb_checkpoints"}
WRITTEN = re.compile(r"\.(py|md|ipynb|yaml|yml|toml|html|css|js|ts|tex|typ|bib|cff|sh|r|jl|rst|txt)$", re.IGNORECASE)
MADE = re.compile(r"(^|/)(reports|figures|examples)/|\.lock$|(^|/)docs/(results|reproduction)\.md$")
SAFE = [
    "git",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.quotePath=false",
    "-c",
    "safe.directory=*",
]
GENERATED = "Generate the project"  # subject of the commit that the template's hook makes


@dataclass
class Commit:
    hash: str
    name: str
    email: str
    day: str
    subject: str
    added: int = 0
    lost: dict[str, int] = field(default_factory=dict)  # lines removed, by file


class Repository:
    """What lies in a folder; of a git repository, what is tracked."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *words: str) -> str | None:
        """Output of a git command in this folder; None if it fails."""
        quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        try:
            done = subprocess.run([*SAFE, "-C", str(self.root), *words], capture_output=True, env=quiet, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
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
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED)
            found += [(Path(folder) / name).relative_to(self.root).as_posix() for name in names]
            if len(found) > 20_000:
                break
        return found

    def regular(self, name: str) -> bool:
        """Whether it is a file inside the folder, and no link."""
        path = self.root / name
        return path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(self.root.resolve())

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
        content = (self.root / name).read_bytes()
        return "" if b"\0" in content[:4096] else content.decode("utf-8", "replace").replace("\r\n", "\n")

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {}

    def bytes(self, name: str) -> bytes:
        return (self.root / name).read_bytes() if self.has(name) else b""

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
        log = self.git(
            "log", "--no-merges", "--no-ext-diff", "--no-textconv", "--numstat", "--use-mailmap",
            "--format=%x01%H%x02%aN%x02%aE%x02%as%x02%s", "--", ".",
        )  # fmt: skip
        found = []
        for entry in (log or "").split("\x01")[1:]:
            head, *changes = entry.strip().splitlines()
            commit = Commit(*head.split("\x02"))
            for change in changes:
                added, removed, name = [*change.split("\t"), "", ""][:3]
                if added.isdigit() and WRITTEN.search(name) and not MADE.search(name):
                    commit.added += int(added)
                if removed.isdigit() and int(removed):
                    commit.lost[name] = commit.lost.get(name, 0) + int(removed)
            found.append(commit)
        return found

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
    def authors(self) -> Counter[tuple[str, str]]:
        """Lines of text as they are now, by name and e-mail of who wrote them; without the template's and machines'."""
        names = [name for name in self.files if WRITTEN.search(name) and not MADE.search(name)]
        names = [name for name in names if name in self.changed]
        found: Counter[tuple[str, str]] = Counter()
        with ThreadPoolExecutor(8) as pool:
            for lines in pool.map(self.blame, names[:MOST]):
                found.update(lines)
        return found

    def blame(self, name: str) -> Counter[tuple[str, str]]:
        """Lines of a file by author, without those of the template's commit."""
        lines: Counter[tuple[str, str]] = Counter()
        who: dict[str, list[str]] = {}
        commit = ""
        for line in (self.git("blame", "--porcelain", "--no-textconv", "HEAD", "--", name) or "").split("\n"):
            if line.startswith("\t"):
                if line.strip() and not (self.generated and commit == self.generated.hash):
                    lines[tuple(who[commit])] += 1  # type: ignore[index]
            elif re.match(r"[0-9a-f]{40} ", line):
                commit = line[:40]
                who.setdefault(commit, ["", ""])
            elif line.startswith("author "):
                who[commit][0] = line[7:]
            elif line.startswith("author-mail "):
                who[commit][1] = line[12:].strip("<>").lower()
        return lines
