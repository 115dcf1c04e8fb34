"""A paper's protocol runs on few samples, and the page says what the interval allows."""

import json
from pathlib import Path

import pytest
from omegaconf import DictConfig

from {{ cookiecutter.package_name }} import baseline, config, evaluate, reproduce

ROOT = Path(__file__).parents[1]
SMALL = ["data=starter", "model=frozen", "model.epochs=1", "model.batch=16", "trainer=cpu", "bootstrap=20"]
FEW = 200  # samples
FOUND = {
    "paper": "Someone (2000)",
    "link": "https://example.org",
    "protocol": "Drawn at random.",
    "better": "higher",
    "rows": {"simple": 0.5, "best": 0.8},
    "overrides": ["data.split=random"],
    "caveat": "Other samples.",
    "name": "Accuracy",
    "form": ".1%",
    "network": {"value": 0.75, "low": 0.7, "high": 0.81},
    "verdicts": {"simple": "reached", "best": "cannot be told apart"},
    "samples": {"train": 60, "val": 15, "test": 25},
    "minutes": 0.1,
    "given": ["seed=1"],
}


@pytest.fixture
def cfg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DictConfig:
    """The starter with few samples and short training, in a folder of its own."""
    read = reproduce.prepare.read

    def few(data):
        x, y, samples, schema, digest = read(data)
        step = len(y) // FEW
        return x[::step].copy(), y[::step], samples[::step].reset_index(drop=True), schema, digest

    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    monkeypatch.setattr(reproduce.prepare, "read", few)
    return config.compose(*SMALL)


def protocol(cfg: DictConfig) -> DictConfig:
    """What reproduce.protocol composes, kept small."""
    return config.compose(*SMALL, *cfg.data.published.overrides)


def test_it_measures_and_leaves_the_record_alone(cfg, monkeypatch):
    monkeypatch.setattr(reproduce, "protocol", protocol)
    reproduce.main(cfg)
    found = json.loads(reproduce.REPORT.read_text(encoding="utf-8"))
    assert found["network"]["low"] <= found["network"]["value"] <= found["network"]["high"]
    assert found["rows"] == dict(cfg.data.published.rows) and found["verdicts"].keys() == found["rows"].keys()
    assert all(found["samples"].values())
    assert reproduce.PAGE.read_text(encoding="utf-8") == reproduce.page(found, protocol(cfg))
    ledger = [json.loads(line) for line in evaluate.LEDGER.read_text(encoding="utf-8").splitlines()]
    assert [line["score"] for line in ledger] == [found["network"]["value"]]
    assert not any(Path(name).exists() for name in ("data/prepared", "models", evaluate.METRICS))


def test_a_metric_can_be_told_against_a_baseline(cfg):
    paper = cfg.data.published
    task = "regression" if paper.metric in reproduce.scores.METRICS["regression"] else "classification"
    cfg.data.published = {
        **paper,
        "metric": "mae" if task == "regression" else "brier",
        "against": baseline.names(cfg, task)[0],
    }
    found = reproduce.measure(cfg)
    assert found["network"]["value"] < 1
    assert found["name"].endswith(f"saved against {cfg.data.published.against}")


@pytest.mark.parametrize(
    ("published", "better", "expected"),
    [
        (0.69, "higher", "reached"),
        (0.70, "higher", "cannot be told apart"),
        (0.81, "higher", "cannot be told apart"),
        (0.82, "higher", "not reached"),
        (0.69, "lower", "not reached"),
        (0.82, "lower", "reached"),
    ],
)
def test_the_outcome_follows_the_interval(published, better, expected):
    assert reproduce.outcome(published, FOUND["network"], better) == expected


@pytest.mark.parametrize("verdict", reproduce.WORDS)
def test_the_page_says_so(verdict):
    found = {**FOUND, "verdicts": {"simple": "reached", "best": verdict}}
    text = reproduce.page(found, config.compose("data=starter"))
    assert f"The figure to reach, 80.0% (best), {reproduce.WORDS[verdict]} 75.0% (70.0% to 81.0%)." in text
    assert f"| best | 80.0% | {verdict} |" in text
    for part in ("Someone (2000)", "example.org", "Drawn at", "Other samples", ".reproduce seed=1`"):
        assert part in text


def test_the_smaller_figure_is_the_one_to_reach_if_lower_is_better():
    assert "(simple)" in reproduce.verdict({**FOUND, "better": "lower"})


def test_without_a_paper_it_says_what_is_missing():
    with pytest.raises(SystemExit, match=r"^error: conf/data has no `published`"):
        reproduce.main(config.compose("data=own", "data.path=a.csv"))


def test_an_unknown_metric_is_named(cfg):
    cfg.data.published.metric = "charm"
    with pytest.raises(config.BadInput, match=r"published\.metric: charm; choose of"):
        reproduce.measure(cfg)


def test_the_page_of_this_repository_shows_its_last_run():
    if not (ROOT / reproduce.REPORT).exists():
        pytest.skip("no run yet: `uv run python -m {{ cookiecutter.package_name }}.reproduce`")
    found = json.loads((ROOT / reproduce.REPORT).read_text(encoding="utf-8"))
    cfg = config.compose(*found["given"], *found["overrides"])
    assert (ROOT / reproduce.PAGE).read_text(encoding="utf-8") == reproduce.page(found, cfg)
