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
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

from omegaconf import DictConfig, OmegaConf

from .config import OWN, overridden
from .errors import InputError, making, one_line

RAW = Path("data/raw")
# Parameters of an address that contain a password
SECRETS = re.compile(r"(token|secret|sig|signature|password|credential|key)=", re.I)
ARCHIVES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar", ".tgz", ".zip")


def source(data: DictConfig) -> tuple[Path, str]:
    """The local file or folder of data.path or data.kaggle, and its SHA-256.

    path    a local file or folder; package:DISTRIBUTION/path for one of an installed package; or an
            address that fsspec reads (https://, s3://, gs://, hf://datasets/...)
    kaggle  OWNER/NAME of a dataset, or NAME of a competition

    An archive stands for the folder of its contents, or for the only file or folder in it.
    InputError unless exactly one is set and exists, and its hash is data.sha256 (null: any).
    """
    is_new = not {"data.path", "data.kaggle"}.isdisjoint(overridden())
    if data.get("starter") and is_new:
        raise InputError("this is the starter's data; add data=own to use your own")
    for key in ("path", "kaggle"):
        if data.get(key) is not None:
            data[key] = str(data[key])
    path = locate(data.get("path"), data.get("kaggle"))
    sha256 = digest(path)
    expected = data.get("sha256")
    if is_new and "data.sha256" not in overridden() and is_other(data, OmegaConf.load(OWN)):
        expected = None  # that of the recorded path
    if expected not in (None, sha256):
        remedy = "set data.sha256=null to accept it"
        raise InputError(f"{path}: SHA-256 {sha256}, conf/data expects {expected}; {remedy}")
    return path, sha256


def is_other(data: DictConfig, recorded: DictConfig) -> bool:
    """Whether the settings name another path or Kaggle name than those recorded."""
    pairs = [(str(data.get(key)), str(recorded.get(key))) for key in ("path", "kaggle")]
    return any(Path(name).resolve() != Path(old).resolve() for name, old in pairs)


def locate(path: str | None, name: str | None) -> Path:
    """The local file or folder of a path, address or Kaggle name; see `source`."""
    if path and name:
        raise InputError(f"data.path={path} and data.kaggle={name}: set one of them to null")
    if not path and not name:
        raise InputError("set data.path=FILE or data.kaggle=OWNER/NAME")
    if name:
        if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*){0,3}", name):
            raise InputError(f"data.kaggle={name}: give OWNER/NAME, or NAME of a competition")
        slug = name.split("/")[:2][-1]  # a version may follow
        return only(once(slug, f"kaggle:{name}", lambda new: download_kaggle(name, new)))
    if path.startswith("package:"):
        local = installed(path)
    elif "://" in path:
        url = urlsplit(path.split("::")[0])
        if any(map(secret, path.split("::"))):
            reason = "it would be published"
            raise InputError(f"data.path: remove password or token, {url.hostname}; {reason}")
        file = PurePosixPath(url.netloc + unquote(url.path)).name
        local = once(file, path, lambda new: download(path, new))
    else:
        local = Path(path).expanduser()
        if not local.exists():
            raise InputError(f"{local.absolute()}: no such file or folder")
    ending = next((e for e in ARCHIVES if local.name.lower().endswith(e)), None)
    if ending is None or local.is_dir():
        return local
    with one_line(f"{local} cannot be unpacked, delete or replace it"):
        stem = local.name[: -len(ending)]
        return only(once(stem, digest(local), lambda new: unpack(local, new), by_hand=False))


def secret(address: str) -> bool:
    """Whether an address contains a password or token."""
    url = urlsplit(address)
    is_user = url.username is not None and url.scheme in ("http", "https")  # as GitHub's tokens
    return is_user or url.password is not None or SECRETS.search(url.query) is not None


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


def once(name: str, origin: str, make: Callable[[Path], None], by_hand: bool = True) -> Path:
    """data/raw/name, made by make(new path) if missing; InputError if it has another origin."""
    target, note = RAW / name, RAW / f".{name}.origin"
    if name in ("", ".."):
        raise InputError(f"{origin}: names no file or folder")
    mark = hashlib.sha256(origin.encode()).hexdigest()  # an address may hold a password
    if target.exists():
        if note.read_text() != mark if note.exists() else not by_hand:
            raise InputError(f"{target}: came from another address or archive; rename or delete it")
        return target
    with making(target) as new:
        make(new)
        note.write_text(mark)
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
        from fsspec.callbacks import TqdmCallback

        options, web = {}, address.startswith(("http://", "https://"))
        if web:  # behind a proxy too, and for as long as data arrives, not five minutes in all
            from aiohttp import ClientTimeout

            timeout = ClientTimeout(total=None, sock_connect=30, sock_read=60)
            options = {"client_kwargs": {"trust_env": True, "timeout": timeout}}
        filesystem, path = fsspec.url_to_fs(address, **options)
        with TqdmCallback({"desc": new.name, "unit_scale": True, "disable": None}) as bar:
            if not web and filesystem.info(path)["type"] == "directory":
                filesystem.get(path, str(new), recursive=True, callback=bar)
            else:
                filesystem.get_file(path, str(new), callback=bar)


def download_kaggle(name: str, new: Path) -> None:
    """Unpacks the data set owner/name or the competition name to the folder `new`."""
    is_dataset = "/" in name
    page = f"datasets/{name}" if is_dataset else f"competitions/{name} (accept its rules first)"
    with one_line(f"https://www.kaggle.com/{page} cannot be fetched"):
        client = kaggle()
        if is_dataset:
            client.dataset_download_files(name, path=str(new.parent), quiet=False)
        else:
            client.competition_download_files(name, path=str(new.parent), quiet=False)
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
    """Unpacks an archive to the folder `new`, never outside of it."""
    new.mkdir()
    if archive.name.lower().endswith(".zip"):
        with zipfile.ZipFile(archive) as zipped:
            check_inside(zipped.namelist())
            zipped.extractall(new)
    else:
        with tarfile.open(archive) as file:
            check_inside(file.getnames())
            file.extractall(new, filter="data")  # no links or devices to outside
    shutil.rmtree(new / "__MACOSX", ignore_errors=True)  # added by macOS


def check_inside(names: list[str]) -> None:
    """ValueError if a file of an archive would lie outside of its folder."""
    for name in map(PureWindowsPath, names):  # the stricter kind of path
        if name.anchor or ".." in name.parts:
            raise ValueError(f"{name.as_posix()} reaches outside")
