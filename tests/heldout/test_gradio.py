"""Limits of a public demo: sizes, queue, closed routes, no file but the visitor's own."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

gr = pytest.importorskip("gradio")
import heldout.gradio as limits  # noqa: E402
from gradio_client import Client, handle_file  # noqa: E402
from heldout.errors import InputError  # noqa: E402
from PIL import Image  # noqa: E402

WAIT = threading.Event()


def describe(path: str | None) -> str:
    """Stands for the model: size of the photo."""
    if path is None:
        WAIT.wait(30)
        return "none"
    with limits.input_error("Unusable photo"):
        if Path(path).stat().st_size < 50:
            raise InputError(f"{path}: not a photo; give a PNG or JPEG file")
        return " x ".join(map(str, Image.open(path).size))


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "cell.png"
    Image.linear_gradient("L").save(path)
    return path


@pytest.fixture(scope="module")
def demo(photo: Path) -> Iterator[gr.Blocks]:
    with gr.Blocks(delete_cache=limits.CACHE) as blocks:
        field, text = limits.Photo(type="filepath"), gr.Textbox()
        options = {"run_on_click": True, "api_visibility": "private"}
        gr.Examples([str(photo)], field, text, describe, **options)
        gr.Button().click(describe, field, text, api_name="describe")
        gr.Button().click(describe, field, text, api_name="upload")  # not Gradio's own route
    blocks.queue(**limits.QUEUE)
    blocks.launch(prevent_thread_lock=True, quiet=True, **limits.LAUNCH)
    yield blocks
    blocks.close()


@pytest.fixture(scope="module")
def client(demo: gr.Blocks) -> Client:
    return Client(demo.local_url, verbose=False)


def test_a_photo_reaches_the_model_unopened(client, photo, tmp_path):
    assert client.predict(handle_file(photo), api_name="/describe") == "256 x 256"
    path = tmp_path / "notes.png"
    path.write_text("no photo")
    with pytest.raises(Exception, match=r"^notes\.png: not a photo; give a PNG") as error:
        client.predict(handle_file(path), api_name="/describe")
    assert "/" not in str(error.value)


def test_the_field_looks_like_an_image_and_leaves_no_file(demo):
    names = [block.get_block_name() for block in demo.blocks.values()]
    assert "image" in names and "photo" not in names
    assert not Path(limits.__file__).with_suffix(".pyi").exists()


def test_a_file_above_the_limit_is_refused(demo, tmp_path):
    path = tmp_path / "large.csv"
    path.write_bytes(b"0" * (11 << 20))
    with path.open("rb") as file:
        response = httpx.post(f"{demo.local_url}gradio_api/upload", files={"files": file})
    assert response.status_code == 413 and "Traceback" not in response.text


@pytest.mark.parametrize("path", ["call/describe", "queue/join", "upload"])
def test_a_request_above_the_limit_is_refused(demo, path):
    address = f"{demo.local_url}gradio_api/{path}"
    assert httpx.post(address, json={"data": ["x" * 13_000_000]}).status_code in (400, 413)


@pytest.mark.parametrize("address", ["https://example.org/a", "HTTP://10.0.0.1/", " http://a.org"])
@pytest.mark.parametrize("path", ["call/describe", "call/upload", "queue/join"])
def test_an_address_is_not_fetched(demo, monkeypatch, path, address):
    def fetched(*_: object, **__: object) -> None:
        raise AssertionError("Gradio would have fetched it")

    monkeypatch.setattr(gr.processing_utils, "async_ssrf_protected_download", fetched)
    file = {"path": address, "meta": {"_type": "gradio.FileData"}}
    body = {"data": [{"nested": [file]}], "fn_index": 1, "session_hash": "a"}
    response = httpx.post(f"{demo.local_url}gradio_api/{path}", json=body)
    assert response.status_code == 400 and "Send the file itself" in response.text
    escaped = response.request.content.replace(b"http", b"\\u0068ttp")
    response = httpx.post(f"{demo.local_url}gradio_api/{path}", content=escaped)
    assert response.status_code == 400 or b"http" not in escaped


@pytest.mark.parametrize("route", ["file=https://a.org/b", "file/http://a.org/b", "proxy=http://a.org"])
def test_the_demo_does_not_fetch_from_other_machines(demo, route):
    for root in ("", "gradio_api/"):
        assert httpx.get(f"{demo.local_url}{root}{route}").status_code == 404


def test_an_unknown_session_has_no_stream(demo):
    address = f"{demo.local_url}gradio_api/queue/data?session_hash=unknown"
    assert httpx.get(address).status_code == 404


def test_no_recording_is_processed(demo):
    address = f"{demo.local_url}gradio_api/process_recording"
    assert httpx.post(address, files={"file": b"0"}).status_code == 404


@pytest.mark.parametrize("meta", [{}, {"meta": {}}, {"meta": {"_type": "gradio.FileData"}}])
def test_no_other_file_of_the_machine_is_read(demo, photo, meta):
    address = f"{demo.local_url}gradio_api/call/describe"
    response = httpx.post(address, json={"data": [{"path": str(photo), **meta}]})
    if response.status_code == 200:
        event = response.json()["event_id"]
        assert httpx.get(f"{address}/{event}", timeout=60).text.startswith("event: error")


def test_there_is_no_way_past_the_queue(demo):
    address = f"{demo.local_url}gradio_api/run/describe"
    assert httpx.post(address, json={"data": [None]}).status_code == 404


def test_a_full_queue_says_so(client):
    WAIT.clear()
    jobs = [client.submit(None, api_name="/describe") for _ in range(40)]
    until = time.monotonic() + 30
    while sum(job.done() for job in jobs) < 6 and time.monotonic() < until:
        time.sleep(0.05)
    refused = [job for job in jobs if job.done()]
    WAIT.set()
    assert len(refused) == 6  # two run, 32 wait
    assert all("Queue is full" in str(job.exception()) for job in refused)
