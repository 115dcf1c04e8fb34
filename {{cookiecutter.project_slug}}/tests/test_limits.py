"""What the demo bears: large files and many visitors."""

import shutil
import threading
import time
from pathlib import Path

import httpx
import kind
import pytest
from gradio_client.exceptions import AppError


@pytest.fixture
def upload(app) -> str:
    """Where the page sends files."""
    return f"{app.src.rstrip('/')}/gradio_api/upload"


def test_a_file_above_the_limit_is_not_taken(upload, tmp_path):
    path = tmp_path / "large.csv"
    path.write_bytes(b"0" * (11 << 20))
    with path.open("rb") as file:
        answer = httpx.post(upload, files={"files": file})
    assert answer.status_code == 413
    assert "maximum allowed size" in answer.text and "Traceback" not in answer.text


def test_a_request_above_the_limit_is_not_taken(app):
    address = f"{app.src.rstrip('/')}/gradio_api/call/{kind.API}"
    assert httpx.post(address, json={"data": ["x" * 13_000_000]}).status_code == 413


def test_an_address_is_not_fetched(app):
    given = {"path": "https://example.org/a", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match="Send the file itself"):
        app.predict(given, api_name=f"/{kind.API}")


@pytest.mark.parametrize("address", ["file=https://a.org/b", "file/http://a.org/b", "proxy=http://a.org/b"])
def test_the_demo_is_no_way_to_other_machines(app, address):
    for root in ("", "gradio_api/"):
        answer = httpx.get(f"{app.src.rstrip('/')}/{root}{address}")
        assert (answer.status_code, answer.text) == (404, "Not found")


def test_no_recording_is_cut(app):
    address = f"{app.src.rstrip('/')}/gradio_api/process_recording"
    assert httpx.post(address, files={"file": b"0"}).status_code == 404


def test_who_comes_when_many_wait_is_told(app, module, monkeypatch):
    free = threading.Event()
    [function] = [found for found in module.demo.fns.values() if found.api_name == kind.API]
    monkeypatch.setattr(function, "fn", lambda path: free.wait(30))
    jobs = [app.submit(None, api_name=f"/{kind.API}") for _ in range(40)]
    until = time.monotonic() + 30
    while sum(job.done() for job in jobs) < 6 and time.monotonic() < until:
        time.sleep(0.05)
    refused = [job for job in jobs if job.done()]
    free.set()
    assert len(refused) == 6  # two are answered, 32 wait
    assert all("Queue is full" in str(job.exception()) for job in refused)
    assert not any("Queue is full" in str(job.exception()) for job in jobs if job not in refused)


@pytest.mark.parametrize("meta", [{}, {"meta": {}}, {"meta": {"_type": "gradio.FileData"}}])
def test_no_other_file_of_the_machine_is_read(app, tmp_path, meta):
    path = shutil.copy(sorted(Path("docs/examples").iterdir())[0], tmp_path)
    address = f"{app.src.rstrip('/')}/gradio_api/call/{kind.API}"
    given = httpx.post(address, json={"data": [{"path": str(path), **meta}]})
    if given.status_code == 200:
        event = given.json()["event_id"]
        assert httpx.get(f"{address}/{event}", timeout=60).text.startswith("event: error")


def test_there_is_no_way_past_the_queue(app):
    address = f"{app.src.rstrip('/')}/gradio_api/run/{kind.API}"
    assert httpx.post(address, json={"data": [None]}).status_code == 404
