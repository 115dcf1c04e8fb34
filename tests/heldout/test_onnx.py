"""The exported file predicts as torch does, and a damaged one gets one line."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402
from heldout import InputError  # noqa: E402
from heldout.onnx import CACHED, OnnxModel, export, load_metrics  # noqa: E402

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


def test_half_of_the_bytes_keep_the_predictions_to_the_third_digit(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64)).eval()
    options = {"output_names": ["y"], "dynamic": {0: "n"}, "metadata": SCHEMA}
    export(network, example(4), tmp_path / "whole.onnx", **options)
    export(network, example(4), tmp_path / "half.onnx", half=True, **options)
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.65 * sizes[1]
    [half], [whole] = (OnnxModel(tmp_path / f"{name}.onnx").run(example(10)) for name in ("half", "whole"))
    np.testing.assert_allclose(half, whole, atol=2e-3)


@pytest.mark.parametrize("shape", [(1, 3), (2, 5), (15, 1)])
def test_every_dynamic_axis_is_free_and_outputs_are_those_of_torch(path, shape):
    x = example(*shape)
    outputs = OnnxModel(path).run(x)
    for output, right in zip(outputs, Toy()(torch.from_numpy(x)), strict=True):
        assert np.allclose(output, right, atol=1e-6)
    assert [output.shape for output in outputs] == [(shape[0],), shape]


def test_batches_change_nothing(path, monkeypatch):
    whole = OnnxModel(path).run(example(10))
    monkeypatch.setattr("heldout.onnx.CACHED", 9)  # three rows at a time
    for one, other in zip(OnnxModel(path).run(example(10)), whole, strict=True):
        assert np.allclose(one, other, atol=1e-6)
    assert CACHED > 9


class Inexact(Toy):
    """Differs from its graph, of which tracing takes the other branch, in the second output."""

    def __init__(self, error: float) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        probability, squares = super().forward(x)
        if torch.compiler.is_compiling():
            return probability, squares
        return probability, squares + self.error * squares.max()


@pytest.mark.parametrize("error", [1e-3, np.nan])
def test_an_export_that_differs_is_refused_and_the_old_file_stays(path, error):
    old = path.read_bytes()
    with pytest.raises(RuntimeError, match="differs from torch"):
        export(Inexact(error), example(4), path, **ARGUMENTS)
    assert path.read_bytes() == old and [file.name for file in path.parent.iterdir()] == ["model.onnx"]


def test_differences_are_relative_to_large_values(tmp_path):
    difference = export(Inexact(1e-5), 1e4 * example(4), tmp_path / "model.onnx", **ARGUMENTS)
    assert 5e-6 < difference < 2e-5


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
