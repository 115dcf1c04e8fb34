"""The demo answers, and a bad upload gets a sentence."""

from pathlib import Path

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


def test_no_photo_gets_a_sentence(app):
    with pytest.raises(AppError, match="Give a photo first"):
        app.predict(None, api_name="/inspect")
