"""A real browser at the page of the demo, served as plain files."""

import contextlib
import functools
import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

FOUND = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
BROWSERS = [*({"executable_path": path} for path in FOUND), {"channel": "chrome"}, {"channel": "msedge"}, {}]
FLAGS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
PATIENCE = 30_000  # ms for an answer on a busy machine


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """A browser of this machine."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as play:
        for where in BROWSERS:
            with contextlib.suppress(api.Error):
                browser = play.chromium.launch(args=FLAGS, **where)
                break
        else:
            pytest.skip("no Chromium, Chrome or Edge on this machine")
        yield browser
        browser.close()


def build(project: Path) -> Path:
    """The site of a project, built without a warning."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return project / "site"


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}  # noqa: RUF012

    def log_message(self, *words: object) -> None:
        pass


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of a server of plain files, as GitHub Pages is one."""
    handler = functools.partial(Handler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The address of the served site."""
    with served(site) as found:
        yield found


@pytest.fixture
def page(chromium, address: str) -> Iterator:
    """The demo in a fresh browser. Nothing may go wrong in it, and no request may leave the site."""
    page = chromium.new_page()
    wrong, asked = [], []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/demo/")
    yield page
    page.context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith((address, "blob:", "data:"))] == []


def answered(page) -> list[float]:
    """What the page answers, once it does; nothing if it refuses."""
    form = page.locator("form.demo:not([aria-busy])")
    form.wait_for(timeout=PATIENCE)
    return [float(value) for value in (form.get_attribute("data-answer") or "").split()]


def give(page, file: Path) -> list[float]:
    """What the page answers to a file."""
    page.set_input_files("[type=file]", file)
    return answered(page)


def pick(page, name: str) -> list[float]:
    """What the page answers to an example."""
    page.locator(f"[name=example][value='{name}']").check(force=True)
    return answered(page)


def said(page) -> str:
    """What a screen reader hears."""
    return page.get_by_role("status").inner_text()
