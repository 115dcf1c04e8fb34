"""Network and predictions: shapes, loss at the start, missing values, export; a regression."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import copy_pages, run_stages, settings
from heldout import tables
from test_data import OWN, own_table, prepare_own

from {{ cookiecutter.package_name }} import train
from {{ cookiecutter.package_name }}.data import load_prepared
from {{ cookiecutter.package_name }}.model import NETWORKS, training_statistics
from {{ cookiecutter.package_name }}.predict import Predictor

COLUMNS = [{"name": "age"}, {"name": "cost"}, {"name": "plan", "values": ["basic", "full"]}]
X = torch.from_numpy(tables.encode(own_table(), COLUMNS))  # (120, 3), with missing values
Y = torch.arange(120) % 2.0


def make_network(task: str, *overrides: str) -> torch.nn.Module:
    torch.manual_seed(0)
    stats = training_statistics(X.numpy(), Y.numpy(), COLUMNS)
    return NETWORKS[task](settings(*overrides).model, stats).eval()


@pytest.mark.parametrize("model", ["network", "frozen"])
def test_shapes(model):
    assert make_network("classification", f"model={model}").predict(X).shape == (120,)
    quantiles = make_network("regression", f"model={model}").predict(X)
    assert quantiles.shape == (120, 3) and (quantiles.diff(dim=1) >= 0).all()


def test_initial_loss_is_ln2():
    network = make_network("classification", "model.k=32")
    loss = torch.nn.functional.binary_cross_entropy(network.predict(X), Y)
    assert abs(loss.item() - np.log(2)) < 0.1


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_batch_can_be_memorized(task):
    network = make_network(task, "model.dropout=0")
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        loss = network.loss(network(X[:16]), Y[:16])
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_missing_is_not_the_mean_and_an_unknown_category_is_missing():
    network = make_network("classification")
    age, cost = network.feature_mean.tolist()
    plans = ["full", "full", None, "new"]
    table = pd.DataFrame({"age": [age, None, age, age], "cost": cost, "plan": plans})
    x = torch.from_numpy(tables.encode(table, COLUMNS))
    full, no_age, no_plan, unknown = network.predict(x).tolist()
    assert full != no_age and full != no_plan and no_plan == unknown


def test_onnx_gives_the_prediction_of_the_checkpoint(inside):
    x = np.array(load_prepared()[0])
    x[::3, ::3], x[1::3, 5] = np.nan, 1e6  # missing, or far from all training rows
    with torch.inference_mode():
        members = train.load_members(Path("models/best.ckpt"))
        expected = [member.predict(torch.from_numpy(x)).numpy() for member in members]
    np.testing.assert_allclose(Predictor().model.run(x)[1].T, expected, atol=1e-5)
    np.testing.assert_allclose(Predictor()(x), np.mean(expected, axis=0), atol=1e-5)


def test_a_regression_goes_through_every_stage(tmp_path):
    copy_pages(tmp_path)
    own = ["data.target=cost", "data.group=customer", "data.drop=[day]"]
    assert prepare_own(own_table(), *own)[2]["task"] == "regression"
    run_stages(settings(*OWN, *own))
    report = Path("reports/metrics.json").read_text()
    assert '"mae"' in report and '"threshold": null' in report
