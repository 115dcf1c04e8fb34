"""The exported file predicts as torch does, and a damaged one gets one line."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
from heldout import InputError  # noqa: E402
from heldout.onnx import CACHED, OnnxModel, check_parity, export, load_metrics  # noqa: E402

SCHEMA = {"task": "classification", "names": {"positive": "défaut"}, "data": "0123"}


class Toy(torch.nn.Module):
    """Raw x (n, k) -> probability (n,), squares (n, k)."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.float()
        return x.mean(1).sigmoid(), x.square()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "deep/model.onnx"
    difference = export(Toy(), example(4), path, **ARGUMENTS)
    assert difference <= 1e-6
    return path


ARGUMENTS = {
    "output_names": ["probability", "squares"],
    "dynamic": {0: "n", 1: "k"},
    "metadata": SCHEMA,
}


def example(n: int, k: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, k)).astype(np.float32)


def test_it_is_one_file_that_a_checker_accepts_with_the_schema_inside(path):
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert [output.name for output in model.graph.output] == ["probability", "squares"]
    assert OnnxModel(path).schema == SCHEMA
    assert [file.name for file in path.parent.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("shape", [(1, 3), (2, 5), (15, 1)])
def test_every_dynamic_axis_is_free_and_outputs_are_those_of_torch(path, shape):
    x = example(*shape)
    outputs = [output.numpy() for output in Toy()(torch.from_numpy(x))]
    assert check_parity(path, x, outputs) <= 1e-6
    assert [output.shape for output in OnnxModel(path).run(x)] == [(shape[0],), shape]


def test_batches_change_nothing(path, monkeypatch):
    whole = OnnxModel(path).run(example(10))
    monkeypatch.setattr("heldout.onnx.CACHED", 9)  # three rows at a time
    for one, other in zip(OnnxModel(path).run(example(10)), whole, strict=True):
        assert np.allclose(one, other, atol=1e-6)
    assert CACHED > 9


def test_an_export_that_differs_is_refused_and_the_old_file_stays(path):
    old = path.read_bytes()
    for wrong in (np.zeros(4, np.float32), [np.full(4, np.nan)]):
        with pytest.raises(RuntimeError, match="differs from torch"):
            export(Toy(), example(4), path, **ARGUMENTS, expected=wrong)
    right = [output.numpy() for output in Toy()(torch.from_numpy(example(4)))]
    with pytest.raises(RuntimeError, match="differs from torch"):
        check_parity(path, example(4), [right[0], right[1] + 0.01])  # any output counts
    assert path.read_bytes() == old and [file.name for file in path.parent.iterdir()] == ["model.onnx"]


def test_differences_are_relative_to_large_values(path):
    x = 1e4 * example(4)
    squares = np.square(x)
    assert check_parity(path, x, [OnnxModel(path).run(x)[0], squares + 1e-5 * squares.max()]) < 2e-5


def test_input_far_from_the_training_data_gets_one_line(path):
    x = example(2)
    x[1, 1] = np.nan
    with pytest.raises(InputError, match=r"^no prediction: an input value is far outside"):
        OnnxModel(path).run(x)
    with pytest.raises(InputError, match=r"^no rows to predict"):
        OnnxModel(path).run(x[:0])


def test_a_missing_or_damaged_model_gets_one_line(path, tmp_path):
    with pytest.raises(InputError, match=r"model\.onnx: missing; run `uv run dvc repro`$"):
        OnnxModel(tmp_path / "model.onnx")
    damaged = tmp_path / "damaged.onnx"
    other = onnx.load(path)
    del other.metadata_props[:]
    for content in (b"", path.read_bytes()[:200], other.SerializeToString()):
        damaged.write_bytes(content)
        with pytest.raises(InputError, match=r"damaged\.onnx: not a model of this project; run"):
            OnnxModel(damaged)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"auc": 1}'])
def test_missing_or_damaged_metrics_get_one_line(tmp_path, content):
    path = tmp_path / "metrics.json"
    if content:
        path.write_text(content)
    with pytest.raises(InputError, match=r"metrics\.json: missing or damaged; delete it and run"):
        load_metrics(path)
    path.write_text(json.dumps({"threshold": None}))  # of a regression
    assert load_metrics(path) == {"threshold": None}
