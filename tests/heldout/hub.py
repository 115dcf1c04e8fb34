"""Hugging Face on this machine, as far as publish.py talks to it."""

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Hub:
    """Hugging Face with repositories that can be created and filled."""

    def __init__(self) -> None:
        self.address = ""
        self.created: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.stored: dict[str, bytes] = {}  # large files by hash
        self.refusal = ""

    def respond(self, path: str, body: bytes) -> dict | list:
        resource = path.split("/")[-2]
        if resource == "repos":
            self.created.append(json.loads(body))
            kind = "" if self.created[-1].get("type", "model") == "model" else "spaces/"
            return {"url": f"{self.address}/{kind}ada/inspector"}
        if path.startswith(("/api/spaces/ada/", "/api/models/ada/")) and resource == "ada":
            return {"id": "ada/inspector"}  # it exists
        if resource == "tree":
            return [{"type": "file", "path": n, "size": 1, "oid": "0" * 40} for n in self.files]
        if resource == "preupload":
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".onnx") else "regular" for name in names}
            files = [{"path": n, "uploadMode": modes[n], "shouldIgnore": False} for n in names]
            return {"files": files}
        if resource == "objects":
            objects = []
            for large in json.loads(body)["objects"]:
                link = {"upload": {"href": f"{self.address}/store/{large['oid']}"}}
                objects.append({**large, "actions": link})
            return {"transfer": "basic", "objects": objects}
        if resource == "store":
            self.stored[hashlib.sha256(body).hexdigest()] = body
        if resource == "commit":
            self.commit([json.loads(line) for line in body.splitlines()])
            return {"commitUrl": f"{self.address}/ada/inspector/commit/1", "commitOid": "1" * 40}
        return {}

    def commit(self, lines: list[dict]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self.stored[value["oid"]]
            elif line["key"] == "deletedFile":
                del self.files[value["path"]]


@contextlib.contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """The hub at an address on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = {"error": hub.refusal}
            if not hub.refusal:
                answer = hub.respond(urlsplit(self.path).path, body)
            content = json.dumps(answer).encode()
            self.send_response(402 if hub.refusal else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = respond

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    poll = {"poll_interval": 0.01}
    thread = threading.Thread(target=server.serve_forever, kwargs=poll, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
