"""Data from everywhere, with the real clients against local servers; nothing leaves this machine."""

import hashlib
import importlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import PACKAGE
from omegaconf import OmegaConf
from servers import Answer, Hub, hide_credentials, serve

RAW = Path("data/raw")
TABLE = b"wind,power\n5,100\n9,800\n"
PHOTOS = {"photos/broken/1.png": b"one", "photos/sound/2.png": b"two"}
CLOSED = "http://127.0.0.1:1"  # nobody listens on port 1


# The module under test, imported from the baked project


@pytest.fixture(scope="module", autouse=True)
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        hide_credentials(patch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture(scope="module")
def module(baked: Path):
    def forget() -> None:
        for name in [n for n in sys.modules if n.split(".")[0] == PACKAGE]:
            del sys.modules[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(baked / "src"))
        forget()
        yield importlib.import_module(f"{PACKAGE}.fetch")
        forget()


@pytest.fixture
def fetch(module) -> Callable[..., Path]:
    """fetch(path) or fetch(kaggle=name)."""
    return lambda path=None, **data: module.fetch(OmegaConf.create({"path": path, "kaggle": None, **data}))


@pytest.fixture
def refused(module, fetch) -> Callable[..., str]:
    """The one line that fetch(...) ends with; it leaves nothing behind."""

    def line(*words: str, **data: str) -> str:
        before = contents(Path())
        with pytest.raises(module.config.BadInput) as raised:
            fetch(*words, **data)
        assert "\n" not in str(raised.value)
        assert contents(Path()) == before
        return str(raised.value)

    return line


def contents(folder: Path) -> dict[str, bytes]:
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def zipped(files: dict[str, bytes]) -> bytes:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()


# What is asked for


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "set data.path=FILE or data.kaggle=OWNER/NAME"),
        ({"path": ""}, "set data.path=FILE or data.kaggle=OWNER/NAME"),
        ({"path": "a.csv", "kaggle": "b/c"}, "data.path=a.csv and data.kaggle=b/c: set one of them to null"),
        ({"kaggle": "b c"}, "data.kaggle=b c: give OWNER/NAME of a data set, or NAME of a competition"),
    ],
)
def test_one_source_has_to_be_set(refused, data, message):
    assert refused(**data) == message


def test_a_local_path_is_itself(fetch, folder, monkeypatch):
    (folder / "sales.csv").write_bytes(TABLE)
    (folder / "photos.zip" / "photos").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    assert fetch("sales.csv") == Path("sales.csv")
    assert fetch(str(folder / "sales.csv")) == folder / "sales.csv"
    assert fetch("~/sales.csv") == folder / "sales.csv"
    assert fetch("photos.zip") == Path("photos.zip")
    assert not RAW.exists()


def test_a_missing_local_path(refused, folder):
    assert refused("sales.csv") == f"{folder / 'sales.csv'}: no such file or folder"


def test_a_file_or_folder_of_a_package(fetch):
    assert fetch("package:pytest/pytest/py.typed").is_file()
    assert (fetch("package:pytest/pytest") / "__init__.py").exists()


@pytest.mark.parametrize("path", ["no-such-package/a.csv", "pytest/pytest/no.csv", "pytest", "pytest/"])
def test_a_missing_package(refused, path):
    assert refused(f"package:{path}") == f"package:{path}: missing; reinstall with `uv sync`"


def test_a_backend_that_is_not_installed(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    assert refused("gs://bucket/a.csv").endswith("what reads it is missing, `uv add gcsfs`")


def test_an_unknown_kind_of_address(refused):
    assert refused("carrier-pigeon://a.csv").endswith("cannot be fetched: Protocol not known: carrier-pigeon")


@pytest.mark.parametrize("address", ["s3://", "https://example.org/a/..", "file:///"])
def test_an_address_without_a_name(refused, address):
    assert refused(address).endswith("names no file or folder")


# The web


def test_a_file_is_downloaded_once(fetch, web):
    web.files["/a/sales.csv"] = Answer(TABLE)
    assert fetch(f"{web.address}/a/sales.csv") == RAW / "sales.csv"
    assert (RAW / "sales.csv").read_bytes() == TABLE
    assert fetch(f"{web.address}/a/sales.csv") == RAW / "sales.csv"
    assert web.asked == ["/a/sales.csv"]
    assert sorted(f.name for f in RAW.iterdir()) == [".sales.csv.origin", "sales.csv"]


def test_a_name_loses_query_and_quotes(fetch, web):
    web.files["/my%20sales.csv"] = Answer(TABLE)
    assert fetch(f"{web.address}/my%20sales.csv?year=2024") == RAW / "my sales.csv"
    assert not any(b"2024" in content for content in contents(RAW).values())


SECRETS = ["https://ada:word@data.invalid/a.csv", "https://ghp_word@data.invalid/a.csv"]
SECRETS += [f"https://data.invalid/a.csv?{name}=word" for name in ("token", "api_key", "X-Amz-Signature", "a=1&sig")]
SECRETS += ["simplecache::https://ada:word@data.invalid/a.csv"]


@pytest.mark.parametrize("address", SECRETS)
def test_an_address_with_a_secret_is_not_taken(refused, address):
    said = refused(address)
    assert said.startswith("data.path: no password or token in an address") and "word" not in said.split(", ")[1]


def test_what_a_killed_download_left_is_cleared_away(fetch, web):
    left = RAW / ".new-sales.csv/sales.csv"
    left.parent.mkdir(parents=True)
    left.write_bytes(TABLE[:5])
    web.files["/sales.csv"] = Answer(TABLE)
    assert fetch(f"{web.address}/sales.csv").read_bytes() == TABLE
    assert sorted(f.name for f in RAW.iterdir()) == [".sales.csv.origin", "sales.csv"]


def test_two_addresses_with_one_name_do_not_stand_for_each_other(fetch, refused, web):
    web.files["/2023/sales.csv"] = web.files["/2024/sales.csv"] = Answer(TABLE)
    fetch(f"{web.address}/2023/sales.csv")
    line = "data/raw/sales.csv: came from another address or archive; rename or delete it"
    assert refused(f"{web.address}/2024/sales.csv") == line


def test_a_file_put_in_place_by_hand_is_taken(fetch, web):
    RAW.mkdir(parents=True)
    (RAW / "sales.csv").write_bytes(TABLE)
    assert fetch(f"{web.address}/sales.csv") == RAW / "sales.csv"
    assert web.asked == []


def test_a_page_that_is_not_there(refused, web):
    address = f"{web.address}/sales.csv"
    assert refused(address) == f"{address} cannot be fetched: not found, or private"


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_page_that_refuses(refused, web, status):
    web.files["/sales.csv"] = Answer(status=status)
    assert f"/sales.csv cannot be fetched: {status}" in refused(f"{web.address}/sales.csv")


def test_a_connection_that_breaks_leaves_nothing_and_can_be_repeated(fetch, refused, web):
    web.files["/sales.csv"] = Answer(TABLE, missing=1000)
    assert "/sales.csv cannot be fetched: " in refused(f"{web.address}/sales.csv")
    web.files["/sales.csv"] = Answer(TABLE)
    assert fetch(f"{web.address}/sales.csv").read_bytes() == TABLE


def test_no_network(refused):
    assert f"{CLOSED}/sales.csv cannot be fetched: Cannot connect" in refused(f"{CLOSED}/sales.csv")


def test_a_proxy_is_used(fetch, web, monkeypatch):
    monkeypatch.setenv("http_proxy", web.address)
    web.files["/sales.csv"] = Answer(TABLE)
    assert fetch("http://data.invalid/sales.csv").read_bytes() == TABLE
    assert web.asked == ["http://data.invalid/sales.csv"]


# Files, S3, Hugging Face


def test_a_file_address(fetch, folder):
    (folder / "photos" / "inner").mkdir(parents=True)
    (folder / "photos" / "inner" / "1.png").write_bytes(b"one")
    assert fetch((folder / "photos").as_uri()) == RAW / "photos"
    assert contents(RAW / "photos") == {"inner/1.png": b"one"}


def test_a_file_from_s3(fetch, s3):
    s3("tables", {"2024/sales.csv": TABLE})
    assert fetch("s3://tables/2024/sales.csv").read_bytes() == TABLE


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_from_s3(fetch, s3, end):
    s3(f"cells{len(end)}", {**PHOTOS, "photos/": b"", "photos-of-others/3.png": b"three"})
    assert fetch(f"s3://cells{len(end)}/photos{end}") == RAW / "photos"
    assert contents(RAW / "photos") == {"broken/1.png": b"one", "sound/2.png": b"two"}


def test_a_whole_bucket(fetch, s3):
    s3("everything", PHOTOS)
    assert contents(fetch("s3://everything")) == PHOTOS


@pytest.mark.parametrize("path", ["no-such-bucket/a.csv", "no-such-bucket", "bucket/no.csv", "bucket/no/folder/"])
def test_what_s3_does_not_have(refused, s3, path):
    s3("bucket", {"a.csv": TABLE})
    assert refused(f"s3://{path}") == f"s3://{path} cannot be fetched: not found, or private"


def test_s3_keys_stay_in_the_folder(refused, s3):
    s3("evil", {"photos/1.png": b"one", "photos/../../../evil.png": b"evil"})
    assert "cannot be fetched" in refused("s3://evil/photos")


def apart(baked: Path, *paths: str, **environment: str) -> list[str]:
    """What fetching these paths gives in a process of its own, for clients that read the environment once."""
    code = f"""
import sys; sys.path.insert(0, {str(baked / "src")!r})
from {PACKAGE} import config, fetch
assert not {{"fsspec", "aiohttp", "huggingface_hub", "kaggle", "s3fs"}} & set(sys.modules)
for path in sys.argv[1:]:
    try: print(fetch.fetch({{"path": path}}).as_posix())
    except config.BadInput as error: print(error)
"""
    line = [sys.executable, "-c", code, *paths]
    done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_s3_without_credentials(baked, s3):
    s3("open", {"sales.csv": TABLE})
    path = "s3://open/sales.csv"
    keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert apart(baked, path, **keys) == [f"{path} cannot be fetched: Unable to locate credentials"]
    assert apart(baked, path, **keys, FSSPEC_S3_ANON="true") == ["data/raw/sales.csv"]


def test_hugging_face(baked):
    hub = Hub({"sales.csv": TABLE, **PHOTOS})
    paths = [f"hf://datasets/ada/{name}" for name in ("cells/sales.csv", "cells/photos", "cells/no.csv", "none/a.csv")]
    with serve(hub.answer) as address:
        lines = apart(baked, *paths, HF_ENDPOINT=address, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1")
    missing = [f"{path} cannot be fetched: not found, or private" for path in paths[2:]]
    assert lines == ["data/raw/sales.csv", "data/raw/photos", *missing]
    assert (RAW / "sales.csv").read_bytes() == TABLE
    assert contents(RAW / "photos") == {"broken/1.png": b"one", "sound/2.png": b"two"}


# Kaggle


def test_a_kaggle_data_set(fetch, kaggle):
    kaggle.archives["ada/cells"] = Answer(zipped({"labels.csv": TABLE, **PHOTOS}))
    assert fetch(kaggle="ada/cells") == RAW / "cells"
    assert contents(RAW / "cells") == {"labels.csv": TABLE, **PHOTOS}
    asked = len(kaggle.asked)
    assert fetch(kaggle="ada/cells") == RAW / "cells"
    assert len(kaggle.asked) == asked
    assert sorted(f.name for f in RAW.iterdir()) == [".cells.origin", "cells"]


def test_a_version_of_a_kaggle_data_set(fetch, refused, kaggle):
    kaggle.archives["ada/cells"] = Answer(zipped({"sales.csv": TABLE}))
    assert fetch(kaggle="ada/cells/3") == RAW / "cells" / "sales.csv"
    assert "came from another address" in refused(kaggle="ada/cells")


def test_a_kaggle_competition(fetch, kaggle):
    kaggle.archives["cells"] = Answer(zipped({"train.csv": TABLE, "test.csv": TABLE}))
    assert fetch(kaggle="cells") == RAW / "cells"
    assert contents(RAW / "cells") == {"train.csv": TABLE, "test.csv": TABLE}


def test_kaggle_rules_that_were_not_accepted(refused, kaggle):
    kaggle.closed.add("cells")
    assert refused(kaggle="cells") == (
        "https://www.kaggle.com/competitions/cells (accept its rules there first) cannot be fetched: "
        "You must accept this competition's rules"
    )


def test_what_kaggle_does_not_have(refused, kaggle):
    line = "https://www.kaggle.com/datasets/ada/none cannot be fetched: not found, or private"
    assert refused(kaggle="ada/none") == line


@pytest.mark.parametrize("token", [None, "expired"])
def test_no_kaggle_token(refused, kaggle, monkeypatch, capfd, token):
    monkeypatch.delenv("KAGGLE_USERNAME")
    if token:
        monkeypatch.setenv("KAGGLE_API_TOKEN", token)
    line = refused(kaggle="ada/cells")
    assert line.startswith("no valid Kaggle token: make one at https://www.kaggle.com/settings")
    assert capfd.readouterr().out == ""


def test_a_kaggle_token(fetch, kaggle, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.setenv("KAGGLE_API_TOKEN", kaggle.token)
    kaggle.archives["ada/cells"] = Answer(zipped({"sales.csv": TABLE}))
    assert fetch(kaggle="ada/cells").read_bytes() == TABLE


def test_no_kaggle_client(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaggle", None)
    assert refused(kaggle="ada/cells") == "Kaggle's client is missing: `uv add kaggle six`"


@pytest.mark.parametrize("archive", [Answer(b"no archive"), Answer(zipped(PHOTOS), missing=1000)])
def test_damage_on_the_way_from_kaggle(refused, kaggle, monkeypatch, archive):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the client's own attempts
    kaggle.archives["ada/cells"] = archive
    assert "/datasets/ada/cells cannot be fetched: " in refused(kaggle="ada/cells")


def test_no_network_to_kaggle(refused, kaggle, monkeypatch):
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, CLOSED)
    assert "/competitions/cells" in refused(kaggle="cells")


def test_a_submission_reaches_kaggle(module, kaggle, folder):
    (folder / "submission.csv").write_bytes(TABLE)
    done = module.kaggle().competition_submit("submission.csv", "first", "cells", quiet=True)
    assert done.message == "Successfully submitted to cells"
    expected = {"competition": "cells", "message": "first", "file": "submission.csv", "content": TABLE}
    assert kaggle.submissions == [expected]


# Archives


def test_a_downloaded_archive_is_unpacked_once(fetch, web):
    web.files["/photos.zip"] = Answer(zipped({**PHOTOS, "__MACOSX/photos/._1.png": b"", ".DS_Store": b""}))
    for _ in range(2):
        assert fetch(f"{web.address}/photos.zip?download=1") == RAW / "photos" / "photos"
        assert contents(RAW / "photos" / "photos") == {"broken/1.png": b"one", "sound/2.png": b"two"}
    assert len(web.asked) == 1


@pytest.mark.parametrize("name", ["cells.zip", "cells.ZIP"])
def test_an_archive_without_a_top_folder(fetch, folder, name):
    (folder / name).write_bytes(zipped({"labels.csv": TABLE, **PHOTOS}))
    assert fetch(name) == RAW / "cells"
    assert contents(RAW / "cells") == {"labels.csv": TABLE, **PHOTOS}


@pytest.mark.parametrize("name, mode", [("a.tar", "w"), ("a.tgz", "w:gz"), ("a.TAR.GZ", "w:gz"), ("a.tar.xz", "w:xz")])
def test_a_tar_of_one_file(fetch, folder, name, mode):
    (folder / name).write_bytes(tarred({"deep/down/sales.csv": TABLE}, mode))
    assert fetch(name) == RAW / "a/deep/down/sales.csv"


def test_a_folder_that_has_the_name_of_an_archive_does_not_pass_for_it(fetch, refused, folder):
    (RAW / "a").mkdir(parents=True)
    (RAW / "a/mine.csv").write_bytes(TABLE)
    (folder / "a.zip").write_bytes(zipped({"sales.csv": TABLE}))
    assert refused("a.zip").startswith("data/raw/a: came from another address or archive")
    assert (RAW / "a/mine.csv").read_bytes() == TABLE


def test_a_compressed_table_is_no_archive(fetch, folder):
    (folder / "sales.csv.gz").write_bytes(b"")
    assert fetch("sales.csv.gz") == Path("sales.csv.gz")


def test_an_archive_that_changed_does_not_pass_for_the_old_one(fetch, refused, folder):
    (folder / "a.zip").write_bytes(zipped({"sales.csv": TABLE}))
    fetch("a.zip")
    (folder / "a.zip").write_bytes(zipped({"sales.csv": TABLE + TABLE}))
    assert refused("a.zip").startswith("data/raw/a: came from another address or archive")


@pytest.mark.parametrize("name", ["../evil.csv", "a/../../evil.csv", "/evil.csv", "C:\\evil.csv", "..\\evil.csv"])
def test_a_zip_cannot_write_outside(refused, folder, name):
    (folder / "a.zip").write_bytes(zipped({"sales.csv": TABLE, name: b"evil"}))
    line = f"a.zip cannot be unpacked, delete or replace it: {name.replace(chr(92), '/')} reaches outside"
    assert refused("a.zip") == line


@pytest.mark.parametrize("name", ["../evil.csv", "a/../../evil.csv"])
@pytest.mark.parametrize("filters", [True, False])
def test_a_tar_cannot_write_outside(refused, folder, name, filters, monkeypatch):
    if not filters:  # as before Python 3.11.4
        monkeypatch.delattr("tarfile.data_filter", raising=False)
    (folder / "a.tar.gz").write_bytes(tarred({"sales.csv": TABLE, name: b"evil"}))
    assert "a.tar.gz cannot be unpacked" in refused("a.tar.gz")


def test_a_link_in_a_tar_stays_out_where_python_has_no_filter(fetch, folder, monkeypatch):
    monkeypatch.delattr("tarfile.data_filter", raising=False)
    with tarfile.open(folder / "a.tar", "w") as archive:
        for name, kind in (("way", tarfile.SYMTYPE), ("sales.csv", tarfile.REGTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/"
            archive.addfile(entry)
    assert fetch("a.tar") == RAW / "a/sales.csv"
    assert not (RAW / "a/way").is_symlink()


@pytest.mark.parametrize(
    "name, content",
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
def test_a_damaged_archive(refused, folder, name, content):
    (folder / name).write_bytes(content)
    assert refused(name).startswith(f"{name} cannot be unpacked, delete or replace it: ")


def test_an_empty_archive_is_an_empty_folder(fetch, folder):
    (folder / "a.zip").write_bytes(zipped({}))
    assert list(fetch("a.zip").iterdir()) == []


# Hashes


def test_digest_is_what_sha256sum_says(module, folder):
    """Of a folder: `find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum | sha256sum`."""
    lines = ""
    for name in ("B", "a", "b.csv", "b/c", "b/d", "ä"):
        lines += f"{hashlib.sha256(name.encode()).hexdigest()}  {name}\n"
    for name in ("ä", "b/d", "a", "b/c", "B", "b.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(name.encode())
    assert module.digest(folder) == hashlib.sha256(lines.encode()).hexdigest()
    assert module.digest(folder / "a") == hashlib.sha256(b"a").hexdigest()


def test_digest_notices_names_and_contents(module, folder):
    (folder / "a").mkdir()
    (folder / "a" / "1").write_bytes(b"one")
    seen = {module.digest(folder / "a")}
    (folder / "a" / "1").rename(folder / "a" / "2")
    seen.add(module.digest(folder / "a"))
    (folder / "a" / "2").write_bytes(b"two")
    seen.add(module.digest(folder / "a"))
    assert len(seen) == 3


def test_check(module, folder):
    (folder / "sales.csv").write_bytes(TABLE)
    right = hashlib.sha256(TABLE).hexdigest()
    assert module.check(Path("sales.csv"), None, "conf/data/own.yaml") == right
    assert module.check(Path("sales.csv"), right, "conf/data/own.yaml") == right
    with pytest.raises(module.config.BadInput) as raised:
        module.check(Path("sales.csv"), "0" * 64, "conf/data/own.yaml")
    assert str(raised.value) == (
        f"sales.csv: SHA-256 {right}, conf/data/own.yaml expects {'0' * 64}; set data.sha256=null to accept it"
    )


def test_digest_passes_over_what_systems_add(module, folder):
    (folder / "a").mkdir()
    (folder / "a/1.png").write_bytes(b"one")
    before = module.digest(folder)
    (folder / "a/.DS_Store").write_bytes(b"seen")
    assert module.digest(folder) == before
