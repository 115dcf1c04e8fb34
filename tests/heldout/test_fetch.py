"""Data from paths, archives, the web, S3, Hugging Face and Kaggle: real clients, local servers."""

import hashlib
import io
import os
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
    data = {"path": path, "kaggle": None, "sha256": None, **data}
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


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
        ({}, "set data.path=FILE or data.kaggle=OWNER/NAME"),
        ({"path": ""}, "set data.path=FILE or data.kaggle=OWNER/NAME"),
        (
            {"path": "a.csv", "kaggle": "b/c"},
            "data.path=a.csv and data.kaggle=b/c: set one of them to null",
        ),
        ({"kaggle": "b c"}, "data.kaggle=b c: give OWNER/NAME, or NAME of a competition"),
        ({"path": "package:pytest"}, "package:pytest: missing; reinstall with `uv sync`"),
        ({"path": "package:pytest/no.csv"}, "package:pytest/no.csv: missing; reinstall with"),
        ({"path": "package:no-such-one/a"}, "package:no-such-one/a: missing; reinstall with"),
        ({"path": "pigeon://a.csv"}, "pigeon://a.csv cannot be fetched: Protocol not known"),
        ({"path": "s3://"}, "s3://: names no file or folder"),
        ({"path": "https://example.org/a/.."}, "https://example.org/a/..: names no file"),
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
    leftover = RAW / ".new-my sales.csv/my sales.csv"  # of a process that was killed
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(TABLE[:5])
    for _ in range(2):
        assert locate(f"{web.address}/my%20sales.csv?year=2024") == RAW / "my sales.csv"
    assert (RAW / "my sales.csv").read_bytes() == TABLE
    assert len(web.asked) == 1
    assert names(RAW) == [".my sales.csv.origin", "my sales.csv"]
    assert not any(b"2024" in content for content in contents(RAW).values())


SECRETS = ["https://ada:word@data.invalid/a.csv", "https://ghp_word@data.invalid/a.csv"]
SECRETS += ["simplecache::https://ada:word@data.invalid/a.csv"]
for parameter in ("token", "api_key", "X-Amz-Signature", "a=1&sig"):
    SECRETS.append(f"https://data.invalid/a.csv?{parameter}=word")


@pytest.mark.parametrize("address", SECRETS)
def test_address_with_a_secret_is_refused(address):
    line = refusal(address)
    assert line.startswith("data.path: remove password or token") and "=word" not in line
    assert "ada" not in line and "ghp_" not in line


def test_two_addresses_with_one_name(web):
    web.files["/2023/sales.csv"] = web.files["/2024/sales.csv"] = Answer(TABLE)
    locate(f"{web.address}/2023/sales.csv")
    line = "data/raw/sales.csv: came from another address or archive; rename or delete it"
    assert refusal(f"{web.address}/2024/sales.csv") == line


def test_file_saved_by_hand_is_used(web):
    RAW.mkdir(parents=True)
    (RAW / "sales.csv").write_bytes(TABLE)
    assert locate(f"{web.address}/sales.csv") == RAW / "sales.csv"
    assert web.asked == []


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
    assert locate((folder / "photos").as_uri()) == RAW / "photos"
    assert contents(RAW / "photos") == {"inner/1.png": b"one"}


def test_s3(s3):
    s3("tables", {"2024/sales.csv": TABLE})
    assert locate("s3://tables/2024/sales.csv").read_bytes() == TABLE
    s3("everything", PHOTOS)
    assert contents(locate("s3://everything/photos/")) == INNER


@pytest.mark.parametrize("end", ["", "/"])
def test_s3_folder(s3, end):
    s3(f"cells{len(end)}", {**PHOTOS, "photos/": b"", "photos-of-others/3.png": b"three"})
    assert locate(f"s3://cells{len(end)}/photos{end}") == RAW / "photos"
    assert contents(RAW / "photos") == INNER


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
    assert locate_elsewhere(path, **keys, FSSPEC_S3_ANON="true") == ["data/raw/sales.csv"]


def test_hugging_face():
    hub = Hub({"sales.csv": TABLE, **PHOTOS})
    files = ("cells/sales.csv", "cells/photos", "cells/no.csv", "none/a.csv")
    paths = [f"hf://datasets/ada/{name}" for name in files]
    settings = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with serve(hub.answer) as address:
        lines = locate_elsewhere(*paths, HF_ENDPOINT=address, **settings)
    missing = [f"{path} cannot be fetched: not found, or private" for path in paths[2:]]
    assert lines == ["data/raw/sales.csv", "data/raw/photos", *missing]
    assert (RAW / "sales.csv").read_bytes() == TABLE
    assert contents(RAW / "photos") == INNER


# Kaggle


def test_kaggle_dataset(kaggle):
    kaggle.archives["ada/cells"] = Answer(zipped({"labels.csv": TABLE, **PHOTOS}))
    assert locate(kaggle="ada/cells") == RAW / "cells"
    assert contents(RAW / "cells") == {"labels.csv": TABLE, **PHOTOS}
    n_requests = len(kaggle.asked)
    assert locate(kaggle="ada/cells") == RAW / "cells"
    assert len(kaggle.asked) == n_requests
    assert names(RAW) == [".cells.origin", "cells"]
    assert "came from another address" in refusal(kaggle="ada/cells/3")  # another version


def test_kaggle_competition(kaggle):
    kaggle.archives["cells"] = Answer(zipped({"train.csv": TABLE, "test.csv": TABLE}))
    assert contents(locate(kaggle="cells")) == {"train.csv": TABLE, "test.csv": TABLE}


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
        assert locate(f"{web.address}/photos.zip?download=1") == RAW / "photos/photos"
        assert contents(RAW / "photos/photos") == INNER
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    ("name", "content", "path"),
    [
        ("a.zip", zipped({"labels.csv": TABLE, **PHOTOS}), "a"),
        ("a.ZIP", zipped({"labels.csv": TABLE, **PHOTOS}), "a"),
        ("a.zip", zipped({}), "a"),
        ("a.tar", tarred({"deep/down/sales.csv": TABLE}, "w"), "a/deep/down/sales.csv"),
        ("a.tgz", tarred({"deep/down/sales.csv": TABLE}), "a/deep/down/sales.csv"),
        ("a.TAR.GZ", tarred({"deep/down/sales.csv": TABLE}), "a/deep/down/sales.csv"),
        ("a.tar.xz", tarred({"deep/down/sales.csv": TABLE}, "w:xz"), "a/deep/down/sales.csv"),
    ],
)
def test_archive(folder, name, content, path):
    (folder / name).write_bytes(content)
    assert locate(name) == RAW / path


def test_another_archive_of_the_same_name(folder):
    line = "data/raw/a: came from another address or archive"
    (RAW / "a").mkdir(parents=True)  # a folder of the user's
    (folder / "a.zip").write_bytes(zipped({"sales.csv": TABLE}))
    assert refusal("a.zip").startswith(line)
    (RAW / "a").rmdir()
    locate("a.zip")
    (folder / "a.zip").write_bytes(zipped({"sales.csv": TABLE + TABLE}))
    assert refusal("a.zip").startswith(line)


OUTSIDE = ["../evil.csv", "a/../../evil.csv", "/evil.csv", "C:\\evil.csv", "..\\evil.csv"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_archive_cannot_write_outside(folder, name):
    (folder / "a.zip").write_bytes(zipped({"sales.csv": TABLE, name: b"evil"}))
    line = "a.zip cannot be unpacked, delete or replace it"
    assert refusal("a.zip") == f"{line}: {name.replace(chr(92), '/')} reaches outside"
    (folder / "b.tar.gz").write_bytes(tarred({"sales.csv": TABLE, name: b"evil"}))
    assert "b.tar.gz cannot be unpacked" in refusal("b.tar.gz")


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
    # conf/data/own.yaml has the hash of sales.csv, which does not hold for another file.
    (folder / "conf/data").mkdir(parents=True)
    (folder / "conf/data/own.yaml").write_text(f"path: sales.csv\nkaggle: null\nsha256: '{wrong}'\n")
    override(monkeypatch, "data=own", "data.path=more.csv")
    assert locate("more.csv", sha256=wrong) == Path("more.csv")
    for path in ("sales.csv", str(folder / "sales.csv")):
        override(monkeypatch, "data=own", f"data.path={path}")
        assert "expects" in refusal(path, sha256=wrong)
    override(monkeypatch, "data=own", "data.path=more.csv", f"data.sha256={wrong}")
    assert "expects" in refusal("more.csv", sha256=wrong)


def test_path_without_own_data(folder, monkeypatch):
    override(monkeypatch, "data.path=a.csv")
    data = OmegaConf.create({"starter": True, "path": "a.csv", "kaggle": None})
    with pytest.raises(InputError, match="add data=own to use your own"):
        fetch.source(data)
