"""The demo answers, and a bad upload gets a sentence."""

from pathlib import Path

import httpx
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image


def test_an_example_gets_probability_explanation_and_sentence(app, module, inside):
    example = sorted(Path("docs/examples").glob("*.png"))[0]
    scores, overlay, sentence = app.predict(handle_file(str(example)), api_name="/inspect")
    found = {entry["label"]: entry["confidence"] for entry in scores["confidences"]}
    assert sum(found.values()) == pytest.approx(1)
    assert Path(overlay).stat().st_size > 1000
    assert module.STORY.flag in sentence and sentence.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_bad_upload_gets_a_sentence(app, tmp_path, content):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(AppError) as error:
        app.predict(handle_file(str(path)), api_name="/inspect")
    assert "photo" in str(error.value) and "Traceback" not in str(error.value)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_picture_of_very_many_pixels_is_not_opened(app, tmp_path, side):
    path = tmp_path / "photo.png"
    Image.new("1", (side, side)).save(path)
    assert path.stat().st_size < 1e6
    with pytest.raises(AppError, match=r"photo\.png: .*(each side must have|decompression bomb)"):
        app.predict(handle_file(str(path)), api_name="/inspect")


def test_who_clicked_an_example_gets_a_sentence_for_a_bad_photo_too(app, module):
    """Gradio makes the field anew for a visitor who clicks an example."""
    api = f"{app.src.rstrip('/')}/gradio_api"
    number = {fn.name: index for index, fn in module.demo.fns.items()}

    def ask(name: str, given: object) -> str:
        told = {"data": [given], "fn_index": number[name], "session_hash": "visitor"}
        assert httpx.post(f"{api}/queue/join", json=told).status_code == 200
        return httpx.get(f"{api}/queue/data?session_hash=visitor", timeout=60).text

    assert '"success":true' in ask("load_example", 0)
    [path] = httpx.post(f"{api}/upload", files={"files": ("photo.png", b"%!PS-Adobe-3.0 EPSF-3.0")}).json()
    assert "not a photo" in ask("inspect", {"path": path, "meta": {"_type": "gradio.FileData"}})


def test_no_photo_gets_a_sentence(app):
    with pytest.raises(AppError, match="Give a photo first"):
        app.predict(None, api_name="/inspect")
