"""What a public demo lets in: its limits, and what of Gradio is shut. Used by app.py."""

import re
from collections.abc import Awaitable, Callable

import gradio as gr
from fastapi.middleware import Middleware
from fastapi.responses import PlainTextResponse
from gradio import processing_utils

# Gradio's own ways to fetch what a visitor names, and to start ffmpeg: outside the queue, of any size.
SHUT = re.compile(r"/(file[=/]https?:|proxy=|process_recording)")


class Shut:
    """Answers 404 where SHUT matches."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        closed = scope["type"] == "http" and SHUT.search(scope["path"])
        await (PlainTextResponse("Not found", 404) if closed else self.app)(scope, receive, send)


async def not_fetched(url: str, cache_dir: str) -> str:
    """In place of Gradio's own, which fetches an address that stands where a file is wanted."""
    raise gr.Error("Send the file itself, not its address.", title="No file")


processing_utils.async_ssrf_protected_download = not_fetched

QUEUE = {"max_size": 32, "default_concurrency_limit": 2, "api_open": False}  # who waits, answers at a time
CACHE = (3600, 3600)  # seconds after which what visitors give is deleted
START = {
    "max_file_size": "10mb",
    "state_session_capacity": 100,  # visitors whose page Gradio keeps a copy of, 50 kB each
    "app_kwargs": {"middleware": [Middleware(Shut)], "max_body_size": 12_000_000},  # bytes of any request
    "theme": gr.themes.Soft(primary_hue="orange"),
}
