"""Hugging Face on this machine, as far as publish.py talks to it."""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


def mode(name: str) -> str:
    """How a file is sent."""
    return "lfs" if name.endswith(".onnx") else "regular"


class Hub:
    """Hugging Face with repositories that can be made and filled, and a list of what was asked."""

    def __init__(self) -> None:
        self.address = ""
        self.made: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.stored: dict[str, bytes] = {}  # large files by hash
        self.refuses = ""

    def answer(self, path: str, body: bytes) -> dict | list:
        what = path.split("/")[-2]
        if what == "repos":
            self.made.append(json.loads(body))
            kind = "" if self.made[-1].get("type", "model") == "model" else "spaces/"
            return {"url": f"{self.address}/{kind}ada/inspector"}
        if path.startswith(("/api/spaces/ada/inspector", "/api/models/ada/inspector")) and what == "ada":
            return {"id": "ada/inspector"}  # it is there already
        if what == "tree":
            return [{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in self.files]
        if what == "preupload":
            names = [file["path"] for file in json.loads(body)["files"]]
            return {"files": [{"path": n, "uploadMode": mode(n), "shouldIgnore": False} for n in names]}
        if what == "objects":
            asked = json.loads(body)["objects"]
            links = [{"upload": {"href": f"{self.address}/store/{large['oid']}"}} for large in asked]
            objects = [{**large, "actions": link} for large, link in zip(asked, links, strict=True)]
            return {"transfer": "basic", "objects": objects}
        if what == "store":
            self.stored[hashlib.sha256(body).hexdigest()] = body
        if what == "commit":
            self.commit([json.loads(line) for line in body.splitlines()])
            return {"commitUrl": f"{self.address}/ada/inspector/commit/1", "commitOid": "1" * 40}
        return {}

    def commit(self, lines: list[dict]) -> None:
        for key, value in ((line["key"], line["value"]) for line in lines):
            if key == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                self.files[value["path"]] = self.stored[value["oid"]]
            elif key == "deletedFile":
                del self.files[value["path"]]


@contextlib.contextmanager
def serve(here: Hub) -> Iterator[Hub]:
    """The hub at an address on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told = {"error": here.refuses} if here.refuses else here.answer(urlsplit(self.path).path, body)
            content = json.dumps(told).encode()
            self.send_response(402 if here.refuses else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    here.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
