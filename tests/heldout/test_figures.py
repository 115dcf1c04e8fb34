"""Figures: readable on a phone, the same bytes for the same data, the numbers they claim."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import toysite
from heldout import InputError, figures, metrics
from PIL import Image

MODELS = ["network", "logistic"]
DRAW = {
    "calibration": lambda report, test, path: figures.calibration(report, path),
    "roc": lambda report, test, path: figures.roc(test, MODELS, path),
    "slices": lambda report, test, path: figures.intervals(report["slices"], MODELS, "ROC AUC", path),
    "cost": lambda report, test, path: figures.cost_curve(report, [*MODELS, "constant"], path),
    "error": lambda report, test, path: figures.error_concentration(test, MODELS, path),
    "leakage": lambda report, test, path: figures.intervals(report["leakage"], ["logistic"], "ROC AUC", path, "split"),
}


@pytest.fixture(scope="module")
def measured() -> tuple[dict, pd.DataFrame]:
    test = toysite.samples()
    return toysite.report(test), test


@pytest.mark.parametrize("name", DRAW)
def test_figures_are_large_and_the_same_data_gives_the_same_file(name, measured, tmp_path):
    first, second = tmp_path / "new/first.png", tmp_path / "second.png"
    for path in (first, second):
        DRAW[name](*measured, path)
    picture = np.asarray(Image.open(first).convert("L")) / 255
    assert 1000 <= picture.shape[1] <= 1200
    assert picture.std() > 0.05
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in first.parent.iterdir()] == ["first.png"]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[plt.Figure]:
    """The figures that are saved."""
    saved: list[plt.Figure] = []
    monkeypatch.setattr(figures, "save", lambda figure, *_, **__: saved.append(figure))
    return saved


@pytest.mark.parametrize("digits", [1, 6])
def test_the_area_under_the_roc_curve_is_the_auc(digits, measured, drawn, tmp_path):
    test = measured[1].round(digits)  # one digit: many samples tie
    figures.roc(test, MODELS, tmp_path / "roc.png")
    *curves, _ = drawn[0].axes[0].lines
    for model, curve in zip(MODELS, curves, strict=True):
        x, y = curve.get_data()
        assert curve.get_label() == model
        assert np.trapezoid(y, x) == pytest.approx(metrics.roc_auc(test.label, test[model]))


def test_the_lorenz_curve_ends_at_the_whole_error(measured, drawn, tmp_path):
    perfect = measured[1].assign(network=measured[1].label)
    figures.error_concentration(perfect, MODELS, tmp_path / "cost.png")
    network, logistic = (line.get_ydata() for line in drawn[0].axes[0].lines)
    assert not network.any()
    assert logistic[0] == 0 and logistic[-1] == pytest.approx(1)
    assert (np.diff(logistic, 2) <= 1e-12).all()  # the worst first


def test_the_training_curve_has_one_point_per_epoch(drawn, tmp_path):
    history = tmp_path / "metrics.csv"
    with pytest.raises(InputError, match=r"metrics\.csv: missing; train with csv among the loggers"):
        figures.training(history, tmp_path / "training.png")
    history.write_text("epoch,train/loss,val/loss\n0,3,\n0,,2\n1,2,1\n")
    figures.training(history, tmp_path / "training.png")
    train, val = drawn[0].axes[0].lines
    assert list(train.get_ydata()) == [3, 2] and list(val.get_ydata()) == [2, 1]
    assert list(val.get_xdata()) == [1, 2]


def test_every_model_has_its_own_color():
    shades = figures.colors(["network", "boosting", "logistic", "persistence", "constant"])
    assert len(set(shades.values())) == 5
    assert (shades["network"], shades["boosting"]) == (
        figures.COLORS["network"],
        figures.COLORS["baseline"],
    )


@pytest.mark.parametrize("title", ["Cell inspector", "太陽電池", ""])
def test_the_social_card_has_the_size_that_other_sites_show(title, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toysite.write(tmp_path)
    Path("README.md").write_text(f"# {title}\n", encoding="utf-8")
    figures.social_card(toysite.context(), "Detects 70.7% of $defects$. " * 30, "social.png")
    assert Image.open("social.png").size == (1200, 630)


@pytest.mark.parametrize(("probability", "action"), [(0.2, "look again"), (0.1, "use it")])
def test_the_decision_follows_the_threshold(probability, action):
    names = {"positive": "defective", "flag": "look again", "pass": "use it"}
    axes = plt.figure().add_subplot()
    figures.decision(axes, probability, 0.2, names)
    texts = [text.get_text() for text in axes.texts]
    assert texts[-1].endswith(action) and f"{probability:.0%}" in texts
    figures.forecast(axes, 80.0, 123.04, 1234.5, "power, kW")
    assert axes.texts[-1].get_text() == "80% interval\n80.0 to 1,234.5"
    plt.close("all")
