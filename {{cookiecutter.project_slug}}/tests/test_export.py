"""The exported file answers like the checkpoint."""

import json

import kind
import numpy as np
import onnx
import pytest

from {{ cookiecutter.package_name }} import dataset, export, predict


@pytest.fixture
def network(inside):
    """The network of the checkpoint."""
    return export.load("models/best.ckpt")


def test_same_answers_as_the_checkpoint(network):
    x = np.array(dataset.read()[0][:16])
    assert export.parity(network, x, export.MODEL) <= export.TOLERANCE


@pytest.mark.parametrize("count", [1, 2, 15])
def test_same_answers_for_inputs_unlike_the_data(network, count):
    assert export.parity(network, kind.inputs(count), export.MODEL) <= export.TOLERANCE


def test_a_wrong_export_is_noticed(network):
    x = np.array(dataset.read()[0][:2])
    list(network.parameters())[-1].data += 1
    with pytest.raises(RuntimeError, match="differs from the checkpoint"):
        export.parity(network, x, export.MODEL)


def test_one_file_that_a_checker_accepts(inside):
    model = onnx.load(export.MODEL, load_external_data=False)
    onnx.checker.check_model(model)
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_it_says_what_an_input_looks_like(inside):
    assert predict.Model().schema == json.loads((dataset.FOLDER / "schema.json").read_text())


def test_answers_do_not_depend_on_the_batch(inside):
    x = dataset.read()[0]
    model = predict.Model()
    together = model.run(x[:5])
    alone = [model.run(x[i : i + 1]) for i in range(5)]
    for whole, parts in zip(together, zip(*alone, strict=True), strict=True):
        assert whole == pytest.approx(np.concatenate(parts), abs=1e-5 * max(1, float(np.abs(whole).max())))
