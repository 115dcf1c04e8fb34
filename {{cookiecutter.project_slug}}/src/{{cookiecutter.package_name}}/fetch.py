"""Brings the data to this machine: `fetch(cfg.data)` is the local file or folder.

Downloads and unpacked archives lie in data/raw/ and are made once; delete one to get it again.
"""

import contextlib
import hashlib
import importlib.metadata
import io
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

from omegaconf import DictConfig

from . import config

RAW = Path("data/raw")
SECRETS = re.compile(r"(token|secret|sig|signature|password|credential|key)=", re.I)  # in what follows a ?
ARCHIVES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".zip")


def fetch(data: DictConfig) -> Path:
    """The file or folder of `data.path` or `data.kaggle`; BadInput unless exactly one is set and there.

    path    a local file or folder, or package:DISTRIBUTION/path for one of an installed package, or any
            address that fsspec reads (https://, s3://, gs://, hf://datasets/...), file or folder
    kaggle  owner/name for a data set, name for a competition

    An archive stands for the folder of its contents, or for the only file or folder in it: photos.zip
    for its folder photos/, sales.csv.zip for sales.csv. Kaggle data comes as an archive. Any other
    folder stands for itself.
    """
    path, name = data.get("path"), data.get("kaggle")
    if path and name:
        raise config.BadInput(f"data.path={path} and data.kaggle={name}: set one of them to null")
    if not path and not name:
        raise config.BadInput("set data.path=FILE or data.kaggle=OWNER/NAME")
    if name:
        name = str(name)
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*){0,3}", name):
            raise config.BadInput(
                f"data.kaggle={name}: give OWNER/NAME of a data set, or NAME of a competition"
            )
        slug = name.split("/")[:2][-1]  # a version may follow
        return only(once(slug, f"kaggle:{name}", lambda new: download_kaggle(name, new)))
    if path.startswith("package:"):
        found = installed(path)
    elif "://" in path:
        url = urlsplit(path.split("::")[0])
        if any(map(secret, path.split("::"))):
            raise config.BadInput(
                f"data.path: no password or token in an address, {url.hostname}; it would be published"
            )
        file = PurePosixPath(url.netloc + unquote(url.path)).name
        found = once(file, path, lambda new: download(path, new))
    elif not (found := Path(path).expanduser()).exists():
        raise config.BadInput(f"{found.absolute()}: no such file or folder")
    ending = next((e for e in ARCHIVES if found.name.lower().endswith(e)), None)
    if ending is None or found.is_dir():
        return found
    with one_line(f"{found} cannot be unpacked, delete or replace it"):
        name = found.name[: -len(ending)]
        return only(once(name, digest(found), lambda new: unpack(found, new), by_hand=False))


def secret(address: str) -> bool:
    """Whether an address lets in whoever knows it."""
    url = urlsplit(address)
    user = url.username if url.scheme in ("http", "https") else None  # GitHub's tokens are user names
    return bool(user or url.password or SECRETS.search(url.query))


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's sorted lines `SHA-256  name`, as `sha256sum` prints them.

    Hidden files do not count: systems add them to folders that are only looked at.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    names = sorted(
        f.relative_to(path).as_posix() for f in path.rglob("*") if f.is_file() and f.name[0] != "."
    )
    return hashlib.sha256("".join(f"{digest(path / n)}  {n}\n" for n in names).encode()).hexdigest()


def check(path: Path, sha256: str | None, where: str) -> str:
    """The digest; BadInput if the file `where` expects another one (None: any)."""
    if (found := digest(path)) != sha256 and sha256 is not None:
        raise config.BadInput(
            f"{path}: SHA-256 {found}, {where} expects {sha256}; set data.sha256=null to accept it"
        )
    return found


def once(name: str, origin: str, make: Callable[[Path], None], by_hand: bool = True) -> Path:
    """data/raw/name, by make(new path) if missing; BadInput if it has another origin, or wrongly none."""
    target, note = RAW / name, RAW / f".{name}.origin"
    if name in ("", ".."):
        raise config.BadInput(f"{origin}: names no file or folder")
    mark = hashlib.sha256(origin.encode()).hexdigest()  # an address may hold a password
    if target.exists():
        if note.read_text() != mark if note.exists() else not by_hand:
            raise config.BadInput(f"{target}: came from another address or archive; rename or delete it")
        return target
    with config.making(target) as new:
        make(new)
        note.write_text(mark)
    return target


def only(folder: Path) -> Path:
    """The only file or folder in a folder, and so on inward; hidden ones do not count."""
    while folder.is_dir() and len(inside := [f for f in folder.iterdir() if f.name[0] != "."]) == 1:
        folder = inside[0]
    return folder


def installed(path: str) -> Path:
    """The file or folder at package:DISTRIBUTION/path."""
    name, _, file = path.removeprefix("package:").partition("/")
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = Path(str(importlib.metadata.distribution(name).locate_file(file)))
        if file and found.exists():
            return found
    raise config.BadInput(f"{path}: missing; reinstall with `uv sync`")


def download(address: str, new: Path) -> None:
    """Copies the file or folder at an fsspec address to `new`."""
    with one_line(f"{address} cannot be fetched"):
        import fsspec
        from fsspec.callbacks import TqdmCallback

        options, web = {}, address.startswith(("http://", "https://"))
        if web:  # behind a proxy too, and for as long as data arrives, not five minutes in all
            from aiohttp import ClientTimeout

            timeout = ClientTimeout(total=None, sock_connect=30, sock_read=60)
            options["client_kwargs"] = {"trust_env": True, "timeout": timeout}
        source, path = fsspec.url_to_fs(address, **options)
        with TqdmCallback({"desc": new.name, "unit_scale": True, "disable": None}) as bar:
            if not web and source.info(path)["type"] == "directory":
                source.get(path, str(new), recursive=True, callback=bar)
            else:
                source.get_file(path, str(new), callback=bar)


def download_kaggle(name: str, new: Path) -> None:
    """Unpacks the data set owner/name or the competition name to the folder `new`."""
    where = f"datasets/{name}" if "/" in name else f"competitions/{name} (accept its rules there first)"
    with one_line(f"https://www.kaggle.com/{where} cannot be fetched"):
        client = kaggle()
        get = client.dataset_download_files if "/" in name else client.competition_download_files
        get(name, path=str(new.parent), quiet=False)
        unpack(next(new.parent.glob("*.*")), new)


def kaggle() -> Any:
    """Kaggle's client, signed in; BadInput if it or a token is missing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # without a token it prints a page and exits
            from kaggle import api

            api.authenticate()
    except ImportError as error:
        raise config.BadInput("Kaggle's client is missing: `uv add kaggle six`") from error
    except SystemExit as error:
        raise config.BadInput(
            "no valid Kaggle token: make one at https://www.kaggle.com/settings/api and set "
            "KAGGLE_API_TOKEN, or save it as ~/.kaggle/access_token"
        ) from error
    return api


def unpack(archive: Path, new: Path) -> None:
    """Unpacks an archive to the folder `new`, never outside of it."""
    new.mkdir()
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as zipped:
            stay_inside(zipped.namelist())
            zipped.extractall(new)
    else:
        with tarfile.open(archive) as file:
            stay_inside(file.getnames())
            if hasattr(tarfile, "data_filter"):
                file.extractall(new, filter="data")
            else:  # Python before 3.11.4
                file.extractall(new, [member for member in file if member.isfile() or member.isdir()])
    shutil.rmtree(new / "__MACOSX", ignore_errors=True)  # what a Mac adds


def stay_inside(names: list[str]) -> None:
    """ValueError if a file of an archive would lie outside of its folder."""
    for name in map(PureWindowsPath, names):  # the stricter kind of path
        if name.anchor or ".." in name.parts:
            raise ValueError(f"{name.as_posix()} reaches outside")


@contextlib.contextmanager
def one_line(what: str) -> Iterator[None]:
    """Turns any error into BadInput, since each client raises its own."""
    try:
        yield
    except config.BadInput:
        raise
    except ImportError as error:
        missing = getattr(error.__cause__, "name", error.name)  # fsspec's error only says what to do with pip
        raise config.BadInput(f"{what}: what reads it is missing, `uv add {missing}`") from error
    except Exception as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        gone = isinstance(error, FileNotFoundError) or status == 404
        told = getattr(error, "server_message", None) or str(error).strip()  # Hugging Face says why
        reason = "not found, or private" if gone else told or type(error).__name__
        raise config.BadInput(f"{what}: {reason.splitlines()[0]}") from error
