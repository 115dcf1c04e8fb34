"""Local servers that the real clients of fetch.py talk to: web, S3, Hugging Face, Kaggle."""

import contextlib
import io
import json
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import boto3
import pytest
from moto.server import ThreadedMotoServer


@dataclass
class Request:
    method: str
    path: str
    body: bytes

    @property
    def json(self) -> dict:
        return json.loads(self.body or b"{}")


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0  # bytes that are announced and never sent


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP archive of these files."""
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return buffer.getvalue()


def as_json(content: object, status: int = 200, **headers: str) -> Answer:
    return Answer(json.dumps(content).encode(), status, {"Content-Type": "application/json", **headers})


@contextlib.contextmanager
def serve(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """The address of a server that gives these answers."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            given = answer(Request(self.command, self.path, body))
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body) + given.missing))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else given.body)

        do_GET = do_HEAD = do_POST = do_PUT = do

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Web:
    """A web server: what it has by path, and the paths it was asked for."""

    address: str = ""
    files: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        self.asked.append(request.path)
        return self.files.get(urlsplit(request.path).path, Answer(b"no such page", 404))


@pytest.fixture
def web() -> Iterator[Web]:
    site = Web()
    with serve(site.answer) as site.address:
        yield site


@pytest.fixture(scope="module")
def s3() -> Iterator[Callable[..., None]]:
    """put(bucket, {key: content}) on a local S3 server that AWS_ENDPOINT_URL names."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        patch.setenv("AWS_ACCESS_KEY_ID", "ada")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")

        def put(bucket: str, files: dict[str, bytes]) -> None:
            client.create_bucket(Bucket=bucket)
            for key, content in files.items():
                client.put_object(Bucket=bucket, Key=key, Body=content, ACL="public-read")

        yield put
    server.stop()


@dataclass
class Hub:
    """A Hugging Face hub with one public data set, ada/cells."""

    files: dict[str, bytes]

    def answer(self, request: Request) -> Answer:
        path = urlsplit(request.path).path
        if path == "/api/datasets/ada/cells":
            return as_json({"id": "ada/cells", "sha": "1" * 40})
        if match := re.fullmatch("/api/datasets/ada/cells/tree/main/?(.*)", path):
            return self.tree(match[1], deep="recursive=true" in request.path.lower())
        if match := re.fullmatch("/datasets/ada/cells/resolve/main/(.+)", path):
            return Answer(self.files[match[1]], headers={"ETag": '"1"', "X-Repo-Commit": "1" * 40})
        return as_json({"error": "Repository not found"}, 401, **{"X-Error-Code": "RepoNotFound"})

    def tree(self, folder: str, deep: bool) -> Answer:
        prefix = f"{folder}/" if folder else ""
        inside = [PurePosixPath(name) for name in self.files if name.startswith(prefix)]
        folders = {parent for name in inside for parent in name.parents[:-1] if f"{parent}".startswith(prefix)}
        found = [{"type": "directory", "path": str(name), "size": 0, "oid": "2" * 40} for name in sorted(folders)]
        for name in inside:
            size = len(self.files[str(name)])
            found.append({"type": "file", "path": str(name), "size": size, "oid": "3" * 40})
        if not deep:
            found = [entry for entry in found if "/" not in entry["path"].removeprefix(prefix)]
        if not found:
            return as_json({"error": "Entry not found"}, 404, **{"X-Error-Code": "EntryNotFound"})
        return as_json(found)


@dataclass
class Kaggle:
    """Kaggle: archives by owner/name or competition, and the submissions it received."""

    address: str = ""
    archives: dict[str, Answer] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)  # competitions whose rules were not accepted
    token: str = "good"
    asked: list[str] = field(default_factory=list)
    uploads: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    submissions: list[dict] = field(default_factory=list)  # competition, message, file, content

    def answer(self, request: Request) -> Answer:
        path = urlsplit(request.path).path
        last = path.split("/")[-1]
        self.asked.append(last)
        if request.method == "GET":  # /bundle/NAME/archive.zip
            return self.archives[path.removeprefix("/bundle/").removesuffix("/archive.zip")]
        if request.method == "PUT":  # /upload/TOKEN
            self.uploads[last] = (self.uploads[last][0], request.body)
            return Answer()
        return getattr(self, last)(request.json)

    def IntrospectToken(self, asked: dict) -> Answer:
        return as_json({"active": asked["token"] == self.token, "username": "ada"})

    def DownloadDataset(self, asked: dict) -> Answer:
        return self.bundle(f"{asked['ownerSlug']}/{asked['datasetSlug']}")

    def DownloadDataFiles(self, asked: dict) -> Answer:
        return self.bundle(asked["competitionName"])

    def bundle(self, name: str) -> Answer:
        if name in self.closed:
            return as_json({"code": 403, "message": "You must accept this competition's rules"}, 403)
        if name not in self.archives:
            return as_json({"code": 404, "message": "Not found"}, 404)
        return Answer(status=302, headers={"Location": f"{self.address}/bundle/{name}/archive.zip?signed=1"})

    def StartSubmissionUpload(self, asked: dict) -> Answer:
        if asked["competitionName"] in self.closed:
            return as_json({"code": 403, "message": "You must accept this competition's rules"}, 403)
        token = f"token-{len(self.uploads)}"
        self.uploads[token] = (asked["fileName"], b"")
        return as_json({"token": token, "createUrl": f"{self.address}/upload/{token}"})

    def CreateSubmission(self, asked: dict) -> Answer:
        name, content = self.uploads[asked["blobFileTokens"]]
        message = asked.get("submissionDescription")
        self.submissions.append(
            {"competition": asked["competitionName"], "message": message, "file": name, "content": content}
        )
        return as_json({"message": f"Successfully submitted to {asked['competitionName']}", "ref": 1})


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kaggle]:
    """A local Kaggle that the real client talks to, signed in."""
    from kagglesdk import kaggle_env

    hide_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("KAGGLE_USERNAME", "ada")
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    site = Kaggle()
    with serve(site.answer) as site.address:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, site.address)
        yield site


def hide_credentials(patch: pytest.MonkeyPatch, home: Path) -> None:
    """No credentials, proxies or settings of whoever runs the tests."""
    for name in os.environ:
        if name.startswith(("KAGGLE_", "AWS_", "HF_", "FSSPEC_")) or name.lower().endswith("_proxy"):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("USERPROFILE", str(home))
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
