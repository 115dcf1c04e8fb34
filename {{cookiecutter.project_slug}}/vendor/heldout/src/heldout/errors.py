"""Errors of a user's file, setting or answer, and writing files whole or not at all."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path


class InputError(ValueError):
    """A file, row, column or setting cannot be used; one line that says what would be right."""


@contextlib.contextmanager
def one_line(what: str) -> Iterator[None]:
    """Turns any error into an InputError that begins with `what`: each client raises its own."""
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        missing = getattr(error.__cause__, "name", error.name)  # fsspec's own text speaks of pip
        raise InputError(f"{what}: a package is missing, `uv add {missing}`") from error
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = "not found, or private"
        if status != 404 and not isinstance(error, FileNotFoundError):
            text = getattr(error, "server_message", None) or str(error).strip()
            reason = (text or type(error).__name__).splitlines()[0]
        raise InputError(f"{what}: {reason}") from error


@contextlib.contextmanager
def prefix_errors(path: Path | str) -> Iterator[None]:
    """Puts `path` in front of an InputError that names only a row or column of this file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


@contextlib.contextmanager
def making(target: Path) -> Iterator[Path]:
    """A path to write to, which becomes `target` if the block succeeds; leftovers are removed."""
    folder = target.with_name(f".new-{target.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder / target.name
        replace(folder / target.name, target)
    except Exception as error:  # here, for the disk is no longer full without the new file
        if disk_is_full():
            raise InputError(f"{target}: the disk is full ({error})") from error
        raise
    finally:
        shutil.rmtree(folder)


def disk_is_full() -> bool:
    """Whether less than a megabyte is left on the disk of the working directory."""
    return shutil.disk_usage(".").free < 1 << 20


def atomic_write(path: Path, text: str) -> None:
    """Writes UTF-8 with the same bytes on every system; no reader sees half a file."""
    with making(path) as new:
        new.write_text(text, encoding="utf-8", newline="\n")


def replace(new: Path, old: Path) -> None:
    """Puts the finished file or folder `new` in the place of `old`."""
    aside = old.with_name(f".old-{old.name}")
    shutil.rmtree(aside, ignore_errors=True)
    if old.is_dir():
        old.rename(aside)
    new.replace(old)
    shutil.rmtree(aside, ignore_errors=True)
