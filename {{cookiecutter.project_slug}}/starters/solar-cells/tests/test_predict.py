"""Photos in, answers out; what is not a photo gets one line."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from {{ cookiecutter.package_name }} import config, predict


def png(size=(120, 100), mode="L") -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0]), np.uint8)
    deep = Image.fromarray(noise.astype(np.uint16))
    (deep if mode == "I;16" else Image.fromarray(noise).convert(mode)).save(out, "png")
    return out.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_any_kind_of_picture_is_read_as_grey(tmp_path, mode):
    path = tmp_path / "photo.png"
    path.write_bytes(png(mode=mode))
    photo = predict.read(path)
    assert photo.shape == (100, 120) and photo.dtype == np.uint8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a photo"),
        (b"hello", "not a photo"),
        (png()[:500], "damaged or too large"),
        (png(mode="I;16"), "more than 8 bit"),
        (png((8, 8)), "each side must have 32 to 4096"),
        (png((5000, 40)), "each side must have 32 to 4096"),
    ],
)
def test_bad_files_get_one_line(tmp_path, content, message):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(config.BadInput, match=message) as error:
        predict.read(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_missing_file_folder_and_model(tmp_path):
    for path, message in ((tmp_path / "none.png", "no such file"), (tmp_path, "not a photo")):
        with pytest.raises(config.BadInput, match=message):
            predict.read(path)
    with pytest.raises(config.BadInput, match="dvc repro"):
        predict.Model(tmp_path / "none.onnx")


def test_command_prints_a_line_a_photo(inside, tmp_path, capsys):
    paths = [tmp_path / f"{name}.png" for name in "ab"]
    for path in paths:
        path.write_bytes(png())
    predict.main([str(path) for path in paths])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [str(path) for path in paths]
    assert all(0 <= float(line.split("\t")[1]) <= 1 for line in lines)


def test_command_without_a_photo():
    with pytest.raises(config.BadInput, match="no photo given"):
        predict.main([])


def test_answering_needs_no_torch(inside):
    import subprocess

    code = "import sys; from {{ cookiecutter.package_name }} import predict; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
