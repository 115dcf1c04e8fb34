"""Files in, answers out."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import settings

from {{ cookiecutter.package_name }} import config, dataset, evaluate, export, predict


def test_command_prints_a_line_a_sample(inside, capsys):
    paths = sorted(str(path) for path in Path("docs/examples").iterdir())
    predict.main(paths)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == paths
    if dataset.read()[3]["task"] == "classification":
        threshold = predict.threshold()
        for _, p, said in lines:
            assert 0 <= float(p) <= 1 and said in ("flagged", "not flagged")
            assert float(p) >= threshold - 0.001 if said == "flagged" else float(p) <= threshold + 0.001
    else:
        assert all(low <= middle <= high for low, middle, high in map(forecast, lines))


def forecast(line: list[str]) -> tuple[float, float, float]:
    """Low, middle and high of a printed line."""
    low, high = line[2].split(" to ")
    return float(low), float(line[1]), float(high)


def test_command_without_a_file_or_a_model_gets_one_line(tmp_path):
    for words, told in (([], "nothing given"), (["-h"], "-h"), (["a.csv", "--help"], "a.csv --help")):
        with pytest.raises(config.BadInput, match=f"^{told}; give one or more"):
            predict.main(words)
    with pytest.raises(config.BadInput, match="dvc repro"):
        predict.Model(tmp_path / "none.onnx")
    (tmp_path / "half.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(config.BadInput, match=r"half\.onnx: no model of this project"):
        predict.Model(tmp_path / "half.onnx")
    with pytest.raises(config.BadInput, match="dvc repro"):
        predict.threshold(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"threshold": 0.')
    with pytest.raises(config.BadInput, match=r"half\.json: missing or damaged; make it with"):
        predict.threshold(tmp_path / "half.json")


@pytest.mark.parametrize("name", ["x.npy", "y.npy", "schema.json", "samples.parquet"])
@pytest.mark.parametrize("size", [0, -9])
def test_prepared_data_cut_short_get_one_line(inside, tmp_path, monkeypatch, name, size):
    shutil.copytree("data/prepared", tmp_path / "data/prepared")
    monkeypatch.chdir(tmp_path)
    path = dataset.FOLDER / name
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(config.BadInput, match=r"data/prepared: damaged.*; make it anew with"):
        dataset.read()


def test_a_stage_without_what_came_before_says_so_in_one_line(inside, tmp_path, monkeypatch):
    shutil.copytree("data/prepared", tmp_path / "data/prepared")
    monkeypatch.chdir(tmp_path)
    for stage, name in ((export, "best.ckpt"), (evaluate, "model.onnx")):
        with pytest.raises(SystemExit, match=rf"^error: models/{name}: missing; .*`uv run dvc repro`"):
            stage.main(settings())


@pytest.mark.parametrize(
    ("name", "heavy"),
    [
        *((stage, "torch") for stage in ("prepare", "baseline", "evaluate", "predict")),
        ("export", "pytorch_lightning"),
    ],
)
def test_what_is_slow_to_import_is_not_imported_for_nothing(name, heavy):
    code = f"import {{ cookiecutter.package_name }}.{name}, sys; sys.exit('{heavy}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
