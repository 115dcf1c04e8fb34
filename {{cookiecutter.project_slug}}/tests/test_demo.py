"""Both demos give the prediction of the evaluated model file."""

import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from small import API, predict_file

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


@pytest.fixture(scope="module")
def browser():
    """A headless Chrome or Chromium that is installed on this machine."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chrome or Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-gpu"]
        instance = playwright.chromium.launch(executable_path=path, args=args)
        yield instance
        instance.close()


@pytest.fixture(scope="module")
def address(site: Path):
    """Address of the built site."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_browser_demo_equals_python(browser, address, inside):
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/demo/")
    page.wait_for_selector("form.demo[data-ready]")
    for example in sorted(Path("docs/examples").iterdir()):
        page.set_input_files("input[type=file]", example)
        page.wait_for_selector("form.demo[data-prediction]:not([aria-busy])")
        shown = page.get_attribute("form.demo", "data-prediction").split()
        expected = np.ravel(predict_file(example))
        np.testing.assert_allclose([float(v) for v in shown], expected, rtol=1e-3, atol=1e-4)
    assert errors == []
    page.close()


@pytest.fixture(scope="module")
def client(app):
    """A visitor of the running Gradio demo."""
    _, address, _ = app.demo.launch(prevent_thread_lock=True, quiet=True, **app.LAUNCH)
    yield Client(address, verbose=False)
    app.demo.close()


def test_gradio_demo_equals_python(client, inside):
    example = sorted(Path("docs/examples").iterdir())[0]
    result = str(client.predict(handle_file(example), api_name=API))
    expected = float(np.ravel(predict_file(example))[-1])
    assert f"{expected:.1%}" in result or f"{expected:,.4g}"[:4] in result.replace(",", "")


def test_gradio_demo_refuses_an_unreadable_file(client, inside, tmp_path):
    broken = tmp_path / f"broken{next(Path('docs/examples').iterdir()).suffix}"
    broken.write_bytes(b"\x89 neither a photo nor a table")
    with pytest.raises(AppError, match=broken.name):
        client.predict(handle_file(broken), api_name=API)
