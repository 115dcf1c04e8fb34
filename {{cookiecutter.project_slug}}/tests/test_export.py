"""The exported file answers like the checkpoint."""

import numpy as np
import onnx
import pytest

from {{ cookiecutter.package_name }} import batches, export, learner, predict


def test_same_answers_as_the_checkpoint(inside):
    x, _, _ = batches.read()
    network = learner.load("models/best.ckpt").network.eval()
    assert export.parity(network, np.array(x[:16]), export.MODEL) <= export.TOLERANCE


def test_same_answers_for_other_sizes(inside):
    rng = np.random.default_rng(0)
    network = learner.load("models/best.ckpt").network.eval()
    for shape in ((1, 64, 90), (2, 500, 700)):
        x = rng.integers(0, 256, shape, np.uint8)
        assert export.parity(network, x, export.MODEL) <= export.TOLERANCE


def test_a_wrong_export_is_noticed(inside):
    x, _, _ = batches.read()
    network = learner.load("models/best.ckpt").network.eval()
    network.head.bias.data += 1
    with pytest.raises(RuntimeError, match="differs from the checkpoint"):
        export.parity(network, np.array(x[:2]), export.MODEL)


def test_one_file_that_a_checker_accepts(inside):
    model = onnx.load(export.MODEL, load_external_data=False)
    onnx.checker.check_model(model)
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_answers_do_not_depend_on_the_batch(inside):
    x, _, _ = batches.read()
    model = predict.Model()
    together = model(x[:5])[0]
    alone = np.concatenate([model(x[i : i + 1])[0] for i in range(5)])
    assert together == pytest.approx(alone, abs=1e-5)
