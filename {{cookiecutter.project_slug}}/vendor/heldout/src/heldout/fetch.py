"""Brings data to this machine: `source(cfg.data)` is the local file or folder, and its hash.

Downloads and unpacked archives are in data/raw/ and made once; delete one to get it again.
"""

import contextlib
import hashlib
import importlib.metadata
import io
import re
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from omegaconf import DictConfig

from .config import overridden
from .errors import InputError, making, one_line

RAW = Path("data/raw")
ARCHIVES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".zip")
# A user of https (a token of GitHub), a password, or a parameter that is one
CREDENTIALS = (
    r"(https?://|://[^/?]*:)[^/?]*@|\?.*(token|secret|sig|signature|password|credential|key)="
)


def source(data: DictConfig) -> tuple[Path, str]:
    """The local file or folder of data.path or data.kaggle, and its SHA-256.

    path    a local file or folder; package:DISTRIBUTION/path for one of an installed package; or an
            address that fsspec reads (https://, s3://, gs://, hf://datasets/...)
    kaggle  OWNER/NAME of a dataset, or NAME of a competition

    An archive stands for the folder of its contents, or for the only file or folder in it.
    InputError unless one of the two is set and exists, and its hash is data.sha256 (null: any). A
    path on the command line is new: the recorded hash is that of another one.
    """
    is_new = not {"data.path", "data.kaggle"}.isdisjoint(overridden())
    if data.starter and is_new:
        raise InputError("this is the starter's data; add data=own to use your own")
    path = locate(data.path, data.kaggle)
    sha256 = digest(path)
    is_pinned = data.sha256 is not None and (not is_new or "data.sha256" in overridden())
    if is_pinned and data.sha256 != sha256:
        remedy = "set data.sha256=null to accept it"
        raise InputError(f"{path}: SHA-256 {sha256}, conf/data expects {data.sha256}; {remedy}")
    return path, sha256


def locate(path: str | None, name: str | None) -> Path:
    """The local file or folder of a path, address or Kaggle name; see `source`."""
    if bool(path) == bool(name):
        raise InputError(
            f"data.path={path}, data.kaggle={name}: set one of them, the other to null"
        )
    if name:
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*){0,3}", name):
            raise InputError(f"data.kaggle={name}: give OWNER/NAME, or NAME of a competition")
        return only(once(RAW / name.replace("/", "-"), download_kaggle, name))
    if path.startswith("package:"):
        local = installed(path)
    elif "://" in path:
        if re.search(CREDENTIALS, path, re.IGNORECASE):
            raise InputError("data.path: remove password or token; conf/ would publish it")
        url = urlsplit(path.split("::")[0])
        file = PurePosixPath(unquote(url.path)).name or url.netloc
        # Files of one name from two addresses have a folder each.
        local = once(RAW / hashlib.sha256(path.encode()).hexdigest()[:8] / file, download, path)
    else:
        local = Path(path).expanduser()
        if not local.exists():
            raise InputError(f"{local.absolute()}: no such file or folder")
    if local.is_dir() or not local.name.lower().endswith(ARCHIVES):
        return local
    with one_line(f"{local} cannot be unpacked, delete or replace it"):
        return only(once(RAW / digest(local)[:8] / local.stem, unpack, local))


def digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's sorted lines `SHA-256  name`, as `sha256sum` prints them.

    Hidden files do not count: systems add them to folders that are only looked at.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = [file for file in path.rglob("*") if file.is_file() and file.name[0] != "."]
    names = sorted(file.relative_to(path).as_posix() for file in files)
    lines = [f"{digest(path / name)}  {name}\n" for name in names]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def once(target: Path, make: Callable[[Any, Path], None], origin: Path | str) -> Path:
    """The target, made by make(origin, new path) if it is missing."""
    if not target.exists():
        with making(target) as new:
            make(origin, new)
    return target


def only(folder: Path) -> Path:
    """The only file or folder in a folder, repeatedly; hidden ones do not count."""
    while folder.is_dir() and len(inside := [f for f in folder.iterdir() if f.name[0] != "."]) == 1:
        folder = inside[0]
    return folder


def installed(path: str) -> Path:
    """The file or folder at package:DISTRIBUTION/path."""
    name, _, file = path.removeprefix("package:").partition("/")
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        local = Path(str(importlib.metadata.distribution(name).locate_file(file)))
        if file and local.exists():
            return local
    raise InputError(f"{path}: missing; reinstall with `uv sync`")


def download(address: str, new: Path) -> None:
    """Copies the file or folder at an fsspec address to `new`."""
    with one_line(f"{address} cannot be fetched"):
        import fsspec
        from aiohttp import ClientTimeout
        from fsspec.callbacks import TqdmCallback

        # Behind a proxy too, and for as long as data arrives, not five minutes in all
        timeout = ClientTimeout(total=None, sock_connect=30, sock_read=60)
        options = {"client_kwargs": {"trust_env": True, "timeout": timeout}}
        fsspec.config.conf.setdefault("https", options)
        filesystem, path = fsspec.url_to_fs(address)
        with TqdmCallback({"desc": new.name, "unit_scale": True, "disable": None}) as bar:
            is_web = address.startswith(("http://", "https://"))
            if not is_web and filesystem.info(path)["type"] == "directory":
                filesystem.get(path, str(new), recursive=True, callback=bar)
            else:
                filesystem.get_file(path, str(new), callback=bar)


def download_kaggle(name: str, new: Path) -> None:
    """Unpacks the data set owner/name or the competition name to the folder `new`."""
    is_dataset = "/" in name
    page = f"datasets/{name}" if is_dataset else f"competitions/{name} (accept its rules first)"
    with one_line(f"https://www.kaggle.com/{page} cannot be fetched"):
        client = kaggle()
        fetch = client.dataset_download_files if is_dataset else client.competition_download_files
        fetch(name, path=str(new.parent), quiet=False)
        unpack(next(new.parent.glob("*.*")), new)


def kaggle() -> Any:
    """Kaggle's client, signed in; InputError if it or a token is missing."""
    try:
        # Without a token, the client prints a page of text and exits.
        with contextlib.redirect_stdout(io.StringIO()):
            from kaggle import api

            api.authenticate()
    except ImportError as error:
        raise InputError("Kaggle's client is missing: `uv add kaggle six`") from error
    except SystemExit as error:
        raise InputError(
            "no valid Kaggle token: make one at https://www.kaggle.com/settings/api and set "
            "KAGGLE_API_TOKEN, or save it as ~/.kaggle/access_token"
        ) from error
    return api


def unpack(archive: Path, new: Path) -> None:
    """Unpacks an archive to the folder `new`; Python keeps names such as ../a in it, or refuses."""
    new.mkdir()
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as file:
            file.extractall(new)
    else:
        with tarfile.open(archive) as file:
            file.extractall(new, filter="data")
    shutil.rmtree(new / "__MACOSX", ignore_errors=True)  # added by macOS
