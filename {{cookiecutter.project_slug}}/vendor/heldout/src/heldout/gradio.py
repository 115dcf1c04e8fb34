"""Limits of a public Gradio demo: file sizes, queue, routes that fetch addresses.

In app.py:

    with gr.Blocks(delete_cache=CACHE) as demo: ...
    demo.queue(**QUEUE)
    demo.launch(**LAUNCH)
"""

import contextlib
import json
import re
from abc import ABCMeta
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import gradio as gr
from fastapi.middleware import Middleware
from fastapi.responses import JSONResponse
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder

from .errors import InputError

MAX_BODY = 12_000_000  # bytes of any request
# Gradio's routes that fetch the address a visitor names, or start ffmpeg: not queued, any size
CLOSED = re.compile(r"/(file[=/]https?:|proxy=|process_recording)")


class Guard:
    """ASGI middleware: 404 for CLOSED routes, 400 for a request with an address for a file.

    Gradio would download that address, from inside the network of the server.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if CLOSED.search(scope["path"]):
            return await JSONResponse({"detail": "Not found"}, 404)(scope, receive, send)
        # Uploads are multipart and go to disk: there is no address in them
        if scope["method"] in ("GET", "HEAD") or scope["path"].endswith("/upload"):
            return await self.app(scope, receive, send)
        body, more = b"", True
        while more and len(body) <= MAX_BODY:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            return await JSONResponse({"detail": "Request too large"}, 413)(scope, receive, send)
        if names_address(body):
            text = {"detail": "Send the file itself, not its address."}
            return await JSONResponse(text, 400)(scope, receive, send)
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> dict:
            return messages.pop() if messages else await receive()

        return await self.app(scope, replay, send)


def names_address(body: bytes) -> bool:
    """Whether a JSON body has an http(s) address where Gradio expects the path of a file."""
    try:
        values = [json.loads(body)]
    except (ValueError, RecursionError):
        return False  # no JSON: the app refuses it
    while values:
        value = values.pop()
        if isinstance(value, dict):
            if re.match(r"\s*https?:", str(value.get("path")), re.IGNORECASE):
                return True
            values += value.values()
        elif isinstance(value, list):
            values += value
    return False


class PhotoMeta(type(gr.Image)):
    """Makes a component without the .pyi file that Gradio's metaclass writes beside the module."""

    def __new__(cls, name: str, bases: tuple, namespace: dict) -> type:
        return ABCMeta.__new__(cls, name, bases, namespace)


class Photo(gr.Image, metaclass=PhotoMeta):
    """An image field that passes on the path of the uploaded file, unopened.

    The project's own reader opens it, with its own limits and messages.
    """

    is_template = True  # the browser shows it as gr.Image

    def preprocess(self, payload: ImageData | None) -> str | None:
        if payload is None:
            return None
        path = Path(payload.path or "").resolve()
        if not path.is_relative_to(Path(get_upload_folder()).resolve()):
            raise gr.Error("Send the photo itself.", title="No photo")
        return str(path)


@contextlib.contextmanager
def input_error(title: str = "Unusable input") -> Iterator[None]:
    """Shows an InputError to the visitor, with the names of files but not their folders."""
    try:
        yield
    except InputError as error:
        folder = rf"{re.escape(str(Path(get_upload_folder()).resolve()))}/(?:[^/\s]+/)*"
        raise gr.Error(re.sub(folder, "", str(error)), title=title) from None


QUEUE = {"max_size": 32, "default_concurrency_limit": 2, "api_open": False}  # requests
CACHE = (3600, 3600)  # seconds after which uploaded files are deleted
LAUNCH = {
    "max_file_size": "10mb",
    "state_session_capacity": 100,  # visitors whose page state Gradio keeps, 50 kB each
    "app_kwargs": {"middleware": [Middleware(Guard)], "max_body_size": MAX_BODY},
    "theme": gr.themes.Soft(primary_hue="orange"),
}
