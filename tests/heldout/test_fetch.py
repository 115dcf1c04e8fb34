"""Data from paths, archives, the web, S3, Hugging Face and Kaggle: real clients, local servers."""

import contextlib
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from heldout import InputError, config, fetch
from omegaconf import OmegaConf
from servers import Answer, Hub, hide_credentials, serve, zipped

RAW = Path("data/raw")
TABLE = b"wind,power\n5,100\n9,800\n"
PHOTOS = {"photos/broken/1.png": b"one", "photos/sound/2.png": b"two"}
INNER = {"broken/1.png": b"one", "sound/2.png": b"two"}
CLOSED = "http://127.0.0.1:1"  # nobody listens on port 1


@pytest.fixture(scope="module", autouse=True)
def no_credentials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        hide_credentials(patch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def locate(path: str | None = None, **data: str | None) -> Path:
    """The local file or folder of a path, or kaggle=NAME."""
    data = {"starter": False, "path": path, "kaggle": None, "sha256": None, **data}
    return fetch.source(OmegaConf.create(data))[0]


def refusal(path: str | None = None, **data: str | None) -> str:
    """The line with which `locate` fails; it leaves nothing behind."""
    files = contents(Path())
    with pytest.raises(InputError) as raised:
        locate(path, **data)
    assert "\n" not in str(raised.value)
    assert contents(Path()) == files
    return str(raised.value)


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def in_raw(path: Path) -> str:
    """The part of a path in data/raw after the folder that an address or archive has for itself."""
    return path.relative_to(next(folder for folder in path.parents if folder.parent == RAW)).as_posix()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()


# Paths


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "data.path=None, data.kaggle=None: set one of them, the other to null"),
        ({"path": "a.csv", "kaggle": "b/c"}, "data.path=a.csv, data.kaggle=b/c: set one of them"),
        ({"kaggle": "b c"}, "data.kaggle=b c: give OWNER/NAME, or NAME of a competition"),
        ({"path": "package:pytest"}, "package:pytest: missing; reinstall with `uv sync`"),
        ({"path": "package:pytest/no.csv"}, "package:pytest/no.csv: missing; reinstall with"),
        ({"path": "package:no-such-one/a"}, "package:no-such-one/a: missing; reinstall with"),
        ({"path": "pigeon://a.csv"}, "pigeon://a.csv cannot be fetched: Protocol not known"),
        ({"path": f"{CLOSED}/a.csv"}, f"{CLOSED}/a.csv cannot be fetched: Cannot connect"),
    ],
)
def test_wrong_source(data, message):
    assert refusal(**data).startswith(message)


def test_local_path(folder, monkeypatch):
    (folder / "sales.csv").write_bytes(TABLE)
    (folder / "sales.csv.gz").write_bytes(b"")
    (folder / "photos.zip" / "photos").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    for name in ("sales.csv", "sales.csv.gz", "photos.zip"):  # no archives
        assert locate(name) == Path(name)
    assert locate("~/sales.csv") == folder / "sales.csv"
    assert locate("package:pytest/pytest/py.typed").is_file()
    assert refusal("none.csv") == f"{folder / 'none.csv'}: no such file or folder"
    assert not RAW.exists()


def test_client_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    assert refusal("gs://bucket/a.csv").endswith("a package is missing, `uv add gcsfs`")
    monkeypatch.setitem(sys.modules, "kaggle", None)
    assert refusal(kaggle="ada/cells") == "Kaggle's client is missing: `uv add kaggle six`"


# The web


def test_download_happens_once(web):
    web.files["/my%20sales.csv"] = Answer(TABLE)
    address = f"{web.address}/my%20sales.csv?year=2024"
    path = locate(address)
    assert in_raw(path) == "my sales.csv" and contents(path.parent) == {"my sales.csv": TABLE}
    assert locate(address) == path and len(web.asked) == 1
    path.unlink()
    leftover = path.parent / ".new-my sales.csv/my sales.csv"  # of a process that was killed
    leftover.parent.mkdir()
    leftover.write_bytes(TABLE[:5])
    assert locate(address) == path and contents(path.parent) == {"my sales.csv": TABLE}


SECRETS = ["https://ada:word@data.invalid/a.csv", "https://ghp_word@data.invalid/a.csv"]
SECRETS += ["simplecache::https://ada:word@data.invalid/a.csv"]
for parameter in ("token", "api_key", "X-Amz-Signature", "a=1&sig"):
    SECRETS.append(f"https://data.invalid/a.csv?{parameter}=word")


@pytest.mark.parametrize("address", SECRETS)
def test_address_with_a_secret_is_refused(address):
    line = refusal(address)
    assert line == "data.path: remove password or token; conf/ would publish it"


def test_address_with_an_at_sign_and_no_secret():
    for address in ("hf://datasets/ada/cells@v1/a.csv", "abfs://cells@ada/key=1/a.csv", "s3://b/a:b@c"):
        assert not re.search(fetch.CREDENTIALS, address)


def test_two_addresses_with_one_name(web):
    for year in (b"2023", b"2024"):
        web.files[f"/{year.decode()}/sales.csv"] = Answer(year)
    for year in (b"2023", b"2024"):
        assert locate(f"{web.address}/{year.decode()}/sales.csv").read_bytes() == year


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_page_that_fails(web, status):
    web.files["/sales.csv"] = Answer(status=status)
    reason = "not found, or private" if status == 404 else str(status)
    assert f"/sales.csv cannot be fetched: {reason}" in refusal(f"{web.address}/sales.csv")


def test_broken_connection_can_be_repeated(web):
    web.files["/sales.csv"] = Answer(TABLE, missing=1000)
    assert "/sales.csv cannot be fetched: " in refusal(f"{web.address}/sales.csv")
    web.files["/sales.csv"] = Answer(TABLE)
    assert locate(f"{web.address}/sales.csv").read_bytes() == TABLE


def test_proxy(web, monkeypatch):
    monkeypatch.setenv("http_proxy", web.address)
    web.files["/sales.csv"] = Answer(TABLE)
    assert locate("http://data.invalid/sales.csv").read_bytes() == TABLE
    assert web.asked == ["http://data.invalid/sales.csv"]


# Files, S3, Hugging Face


def test_file_address(folder):
    (folder / "photos/inner").mkdir(parents=True)
    (folder / "photos/inner/1.png").write_bytes(b"one")
    path = locate((folder / "photos").as_uri())
    assert in_raw(path) == "photos" and contents(path) == {"inner/1.png": b"one"}


def test_s3(s3):
    s3("tables", {"2024/sales.csv": TABLE})
    assert locate("s3://tables/2024/sales.csv").read_bytes() == TABLE
    s3("everything", PHOTOS)
    assert contents(locate("s3://everything/photos/")) == INNER


@pytest.mark.parametrize("end", ["", "/"])
def test_s3_folder(s3, end):
    s3(f"cells{len(end)}", {**PHOTOS, "photos/": b"", "photos-of-others/3.png": b"three"})
    path = locate(f"s3://cells{len(end)}/photos{end}")
    assert in_raw(path) == "photos" and contents(path) == INNER


@pytest.mark.parametrize("path", ["none/a.csv", "none", "bucket/no.csv", "bucket/no/folder/"])
def test_s3_without_the_file(s3, path):
    s3("bucket", {"a.csv": TABLE})
    assert refusal(f"s3://{path}") == f"s3://{path} cannot be fetched: not found, or private"


def test_s3_key_outside_of_the_folder(s3):
    s3("evil", {"photos/1.png": b"one", "photos/../../../evil.png": b"evil"})
    assert "cannot be fetched" in refusal("s3://evil/photos")


def locate_elsewhere(*paths: str, **environment: str) -> list[str]:
    """Results of another process, for clients that read the environment only once."""
    code = """
import sys
from heldout import InputError, fetch
clients = {"fsspec", "aiohttp", "huggingface_hub", "kaggle", "s3fs"}
assert not clients & set(sys.modules)  # imported when used
for path in sys.argv[1:]:
    try:
        print(fetch.locate(path, None).as_posix())
    except InputError as error:
        print(error)
"""
    line = [sys.executable, "-c", code, *paths]
    done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_s3_without_credentials(s3):
    s3("open", {"sales.csv": TABLE})
    path = "s3://open/sales.csv"
    keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    message = f"{path} cannot be fetched: Unable to locate credentials"
    assert locate_elsewhere(path, **keys) == [message]
    [line] = locate_elsewhere(path, **keys, FSSPEC_S3_ANON="true")
    assert in_raw(Path(line)) == "sales.csv"


def test_hugging_face():
    hub = Hub({"sales.csv": TABLE, **PHOTOS})
    files = ("cells/sales.csv", "cells/photos", "cells/no.csv", "none/a.csv")
    paths = [f"hf://datasets/ada/{name}" for name in files]
    settings = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with serve(hub.answer) as address:
        lines = locate_elsewhere(*paths, HF_ENDPOINT=address, **settings)
    missing = [f"{path} cannot be fetched: not found, or private" for path in paths[2:]]
    assert lines[2:] == missing
    assert Path(lines[0]).read_bytes() == TABLE and contents(Path(lines[1])) == INNER


# Kaggle


def test_kaggle_dataset(kaggle):
    kaggle.archives["ada/cells"] = Answer(zipped({"labels.csv": TABLE, **PHOTOS}))
    assert locate(kaggle="ada/cells") == RAW / "ada-cells"
    files = {f"ada-cells/{name}": content for name, content in {"labels.csv": TABLE, **PHOTOS}.items()}
    assert contents(RAW) == files
    n_requests = len(kaggle.asked)
    assert locate(kaggle="ada/cells") == RAW / "ada-cells"
    assert len(kaggle.asked) == n_requests
    assert locate(kaggle="ada/cells/3") == RAW / "ada-cells-3"  # another version


def test_kaggle_competition(kaggle):
    kaggle.archives["cells"] = Answer(zipped({"train.csv": TABLE, "test.csv": TABLE}))
    assert locate(kaggle="cells") == RAW / "cells"  # as kaggle.py expects
    assert contents(RAW / "cells") == {"train.csv": TABLE, "test.csv": TABLE}


def test_kaggle_refusals(kaggle):
    kaggle.closed.add("cells")
    page = "https://www.kaggle.com/competitions/cells (accept its rules first)"
    line = f"{page} cannot be fetched: You must accept this competition's rules"
    assert refusal(kaggle="cells") == line
    page = "https://www.kaggle.com/datasets/ada/none"
    assert refusal(kaggle="ada/none") == f"{page} cannot be fetched: not found, or private"


@pytest.mark.parametrize("token", [None, "expired", "valid"])
def test_kaggle_token(kaggle, monkeypatch, capfd, token):
    monkeypatch.delenv("KAGGLE_USERNAME")
    if token:
        text = kaggle.token if token == "valid" else token
        monkeypatch.setenv("KAGGLE_API_TOKEN", text)
    kaggle.archives["ada/cells"] = Answer(zipped({"sales.csv": TABLE}))
    if token == "valid":
        assert locate(kaggle="ada/cells").read_bytes() == TABLE
    else:
        assert refusal(kaggle="ada/cells").startswith("no valid Kaggle token: make one at https://")
        assert capfd.readouterr().out == ""


@pytest.mark.parametrize("archive", [Answer(b"no archive"), Answer(zipped(PHOTOS), missing=1000)])
def test_damaged_download_from_kaggle(kaggle, monkeypatch, archive):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the client's own attempts
    kaggle.archives["ada/cells"] = archive
    assert "/datasets/ada/cells cannot be fetched: " in refusal(kaggle="ada/cells")


def test_no_network_to_kaggle(kaggle, monkeypatch):
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, CLOSED)
    assert "/competitions/cells" in refusal(kaggle="cells")


def test_submission_reaches_kaggle(kaggle, folder):
    (folder / "submission.csv").write_bytes(TABLE)
    done = fetch.kaggle().competition_submit("submission.csv", "first", "cells", quiet=True)
    assert done.message == "Successfully submitted to cells"
    [submission] = kaggle.submissions
    assert submission["file"] == "submission.csv" and submission["content"] == TABLE


# Archives


def test_downloaded_archive_is_unpacked_once(web):
    hidden = {"__MACOSX/photos/._1.png": b"", ".DS_Store": b""}
    web.files["/photos.zip"] = Answer(zipped({**PHOTOS, **hidden}))
    for _ in range(2):
        path = locate(f"{web.address}/photos.zip?download=1")
        assert in_raw(path) == "photos/photos" and contents(path) == INNER
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("name", "content", "path"),
    [
        ("a.zip", zipped({"labels.csv": TABLE, **PHOTOS}), "a"),
        ("a.ZIP", zipped({"labels.csv": TABLE, **PHOTOS}), "a"),
        ("a.zip", zipped({}), "a"),
        ("a.tar", tarred({"deep/down/sales.csv": TABLE}, "w"), "a/deep/down/sales.csv"),
        ("a.tgz", tarred({"deep/down/sales.csv": TABLE}), "a/deep/down/sales.csv"),
        ("a.TAR.GZ", tarred({"deep/down/sales.csv": TABLE}), "a.TAR/deep/down/sales.csv"),
        ("a.tar.xz", tarred({"deep/down/sales.csv": TABLE}, "w:xz"), "a.tar/deep/down/sales.csv"),
    ],
)
def test_archive(folder, name, content, path):
    (folder / name).write_bytes(content)
    assert in_raw(locate(name)) == path


def test_another_archive_of_the_same_name(folder):
    for content in (TABLE, TABLE + TABLE):
        (folder / "a.zip").write_bytes(zipped({"sales.csv": content}))
        assert locate("a.zip").read_bytes() == content


OUTSIDE = ["../evil.csv", "a/../../evil.csv", "/evil.csv", "C:\\evil.csv", "..\\evil.csv"]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize(("archive", "pack"), [("a.zip", zipped), ("b.tar.gz", tarred)])
def test_archive_cannot_write_outside(folder, name, archive, pack):
    (folder / archive).write_bytes(pack({"sales.csv": TABLE, name: b"evil"}))
    with contextlib.suppress(InputError):  # Python renames the file, or refuses the archive
        locate(archive)
    for path in folder.parent.rglob("*evil.csv"):
        assert RAW.resolve() in path.parents


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_link_or_device_in_an_archive(folder, kind):
    with tarfile.open(folder / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("way")
        entry.type, entry.linkname = kind, "/etc/hostname"
        archive.addfile(entry)
    assert refusal("a.tar").startswith("a.tar cannot be unpacked, delete or replace it: ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", b"<html>Please sign in</html>"),
        ("a.zip", zipped({"sales.csv": TABLE * 99})[:-30]),
        ("a.zip", zipped({"sales.csv": TABLE}).replace(TABLE[:4], b"gale")),
        ("a.zip", b""),
        ("a.tar.gz", tarred({"sales.csv": bytes(range(256)) * 999})[:-200]),
        ("a.tar.gz", zipped({"sales.csv": TABLE})),
        ("a.tar", b"x" * 600),
    ],
)
def test_damaged_archive(folder, name, content):
    (folder / name).write_bytes(content)
    assert refusal(name).startswith(f"{name} cannot be unpacked, delete or replace it: ")


# Hashes


def test_digest_equals_sha256sum(folder):
    """Of a folder: `find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum`."""
    lines = ""
    for name in ("B", "a", "b.csv", "b/c", "b/d", "ä"):
        lines += f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n"
    for name in ("ä", "b/d", "a", "b/c", "B", "b.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "b/.DS_Store").write_bytes(b"added by the system")
    assert fetch.digest(folder) == hashlib.sha256(lines.encode()).hexdigest()
    assert fetch.digest(folder / "a") == hashlib.sha256(b"a").hexdigest()
    (folder / "a").rename(folder / "c")
    assert fetch.digest(folder) != hashlib.sha256(lines.encode()).hexdigest()


def override(patch: pytest.MonkeyPatch, *words: str) -> None:
    patch.setattr(config, "overrides_given", lambda: list(words))


def test_hash_is_checked_unless_the_path_is_new(folder, monkeypatch):
    for name in ("sales.csv", "more.csv"):
        (folder / name).write_bytes(TABLE)
    right, wrong = hashlib.sha256(TABLE).hexdigest(), "0" * 64
    assert locate("sales.csv", sha256=right) == Path("sales.csv")
    message = f"sales.csv: SHA-256 {right}, conf/data expects {wrong}; set data.sha256=null"
    assert refusal("sales.csv", sha256=wrong).startswith(message)
    # The hash in conf/data/own.yaml does not hold for a path that the command line names.
    override(monkeypatch, "data=own", "data.path=more.csv")
    assert locate("more.csv", sha256=wrong) == Path("more.csv")
    override(monkeypatch, "data=own", "data.path=more.csv", f"data.sha256={wrong}")
    assert "expects" in refusal("more.csv", sha256=wrong)


def test_path_without_own_data(folder, monkeypatch):
    override(monkeypatch, "data.path=a.csv")
    data = OmegaConf.create({"starter": True, "path": "a.csv", "kaggle": None})
    with pytest.raises(InputError, match="add data=own to use your own"):
        fetch.source(data)
