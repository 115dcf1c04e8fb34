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
from collections.abc import Iterator

import gradio as gr
from fastapi import Depends, HTTPException, Request
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder, is_in_or_equal

from .errors import InputError

# Gradio's routes that fetch the address a visitor names, or start ffmpeg: not queued, any size
CLOSED = re.compile(r"/(file[=/]https?:|proxy=|process_recording)")


async def guard(request: Request) -> None:
    """404 for CLOSED routes and unknown sessions, 400 for JSON with the address of a file."""
    path = request.scope["path"]
    session, queue = request.query_params.get("session_hash"), request.app.get_blocks()._queue
    # Without this, Gradio starts a stream of such a session and fails within it
    is_unknown = path.endswith("/queue/data") and session not in queue.pending_messages_per_session
    if is_unknown or CLOSED.search(path):
        raise HTTPException(404)
    if not path.endswith("/gradio_api/upload"):  # multipart, to disk: there is no address in it
        try:
            json.loads(await request.body(), object_hook=refuse_address)
        except RecursionError:
            raise HTTPException(400, "Too many levels.") from None
        except ValueError:
            pass  # no JSON: the app refuses it


def refuse_address(value: dict) -> None:
    """400 for an http(s) address where Gradio expects the path of a file.

    Gradio would download that address, from inside the network of the server.
    """
    if re.match(r"\s*https?:", str(value.get("path")), re.IGNORECASE):
        raise HTTPException(400, "Send the file itself, not its address.")


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
        if not is_in_or_equal(payload.path or "", get_upload_folder()):  # Gradio checks some only
            raise gr.Error("Send the photo itself.", title="No photo")
        return payload.path


@contextlib.contextmanager
def input_error(title: str = "Unusable input") -> Iterator[None]:
    """Shows an InputError to the visitor, with the names of files but not their folders."""
    try:
        yield
    except InputError as error:
        raise gr.Error(
            re.sub(r"(?<![\w.:/])/(?:[^\s'\"/]+/)+", "", str(error)), title=title
        ) from None


QUEUE = {"max_size": 32, "default_concurrency_limit": 2, "api_open": False}  # requests
CACHE = (3600, 3600)  # seconds after which uploaded files are deleted
LAUNCH = {
    "max_file_size": "10mb",
    "state_session_capacity": 100,  # visitors whose page state Gradio keeps, 50 kB each
    "app_kwargs": {"dependencies": [Depends(guard)], "max_body_size": 12_000_000},  # bytes
    "theme": gr.themes.Soft(primary_hue="orange"),
}
