"""Data of one's own goes through every stage, and the project remembers it."""

import json
import re
import shutil
from pathlib import Path

import hydra
import kind
import pytest
import torch
from browser import build, pick, served
from conftest import ROOT, copy_pages, refused, run_stages, settings
from hydra.core.hydra_config import HydraConfig
from matplotlib.image import imread
from omegaconf import OmegaConf

from {{ cookiecutter.package_name }} import (
    charts,
    config,
    dataset,
    evaluate,
    export,
    inputs,
    predict,
    prepare,
    train,
)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A folder in which data of one's own is prepared, and how `prepare` was told."""
    folder = tmp_path_factory.mktemp("own")
    told = kind.own(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        prepare.main(config.compose(*told))
    return folder, told


@pytest.fixture(scope="module")
def measured(own):
    """The folder after all other stages."""
    folder, told = own
    copy_pages(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stages(*told)
    return folder


@pytest.fixture
def inside(own, monkeypatch):
    monkeypatch.chdir(own[0])


@pytest.fixture
def there(measured, monkeypatch):
    monkeypatch.chdir(measured)


def test_a_network_learns_from_it(own, inside):
    train.main(settings("model=frozen", *own[1]))
    x = dataset.read()[0]
    with torch.inference_mode():
        answers = export.load("models/best.ckpt").answer(torch.from_numpy(x[:5]))[0]
    assert len(answers) == 5 and answers.isfinite().all()


@pytest.mark.slow
def test_it_is_measured_and_drawn(there):
    metrics = json.loads(evaluate.METRICS.read_text(encoding="utf-8"))
    assert metrics["n_test"] == (dataset.read()[2][metrics["split"]] == "test").sum() > 0
    for name in (*charts.CHARTS, "hero", "data", "errors"):
        assert imread(charts.FIGURES / f"{name}.png").std() > 0.05


def test_nothing_of_it_is_in_two_parts(own, inside):
    split, samples = config.compose(*own[1]).data.split, dataset.read()[2]
    parts = samples.groupby(split)
    if split == "time":
        assert parts.end.max()["train"] < parts.start.min()["val"]
        assert parts.end.max()["val"] < parts.start.min()["test"]
    else:
        assert samples.groupby("group")[split].nunique().max() == 1


@pytest.mark.slow
def test_its_examples_get_answers(there, capsys):
    paths = sorted(str(path) for path in Path("docs/examples").iterdir())
    predict.main(paths)
    assert len(capsys.readouterr().out.splitlines()) == len(paths) > 0


@pytest.mark.slow
def test_its_examples_get_the_same_answers_in_a_browser(there, chromium):
    model = predict.Model()
    with served(build(Path.cwd())) as address:
        page = chromium.new_page()
        page.goto(f"{address}/demo/")
        for path in sorted(Path("docs/examples").iterdir()):
            expected = model(inputs.read(path, model.schema)).ravel()
            assert pick(page, path.name) == pytest.approx(expected, abs=1e-3)
        page.context.close()


@pytest.mark.slow
def test_pages_say_nothing_false_about_it(there):
    for page in ("README.md", "docs/index.md"):
        assert not re.search("Still the starter|no such element", Path(page).read_text(encoding="utf-8"))
    text = (ROOT / "docs/index.md").read_text(encoding="utf-8").split("## For non-specialists")[1]
    for line in re.findall("^\\w.*", text, re.MULTILINE):
        assert line not in Path("docs/index.md").read_text(encoding="utf-8")
    for page in ("index", "article", "data-card", "model-card"):
        text = Path(f"docs/{page}.md").read_text(encoding="utf-8")
        assert text.count("This page still tells of the starter's data") == 1


@pytest.mark.parametrize(
    ("word", "message"),
    [("data.path=x.csv", "add data=own"), ("data.slices=a", "data.slices=a: write a list")],
)
def test_what_is_forgotten_gets_one_line(own, inside, monkeypatch, word, message):
    told = [*own[1], word] if "slices" in word else ["data=starter", word]
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base=None):
        cfg = hydra.compose("config", told, return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", cfg)
    refused(message, *told)


@pytest.mark.parametrize(
    ("was", "value", "becomes"),
    [
        ("target: null  # what", '"2024"', 'target: "2024"  # what'),
        ('target: "a \\" # b"', '"c"', 'target: "c"'),
        ("target: []  # what", '["a", "b"]', 'target: ["a", "b"]  # what'),
        ("target:\n  - a", '["b"]', None),
        ("goal: null", '"b"', None),
    ],
)
def test_settings_are_filled_in_or_left_alone(tmp_path, was, value, becomes):
    path = tmp_path / "own.yaml"
    path.write_text(f"{was}\nid: null\n")
    if becomes is None:
        with pytest.raises(config.BadInput, match="write the value of target on its line"):
            prepare.fill(path, {"target": value})
    else:
        prepare.fill(path, {"target": value})
    assert path.read_text() == f"{becomes or was}\nid: null\n"


@pytest.mark.parametrize("word", ["data.target=2024", "data.path=2024", "data.target=a (b)"])
def test_a_name_that_looks_like_a_number_is_a_name(word):
    key, _, name = word.partition("=")
    assert config.quoted(word) == f"{key}='{name}'"
    assert config.quoted("data.drop=[kWh (total), a]") == "data.drop=['kWh (total)','a']"
    assert config.quoted("data.target=load") == "data.target=load" and config.quoted("seed=1") == "seed=1"


def test_prepare_remembers_what_it_was_told(tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    told = kind.own(tmp_path)
    monkeypatch.chdir(tmp_path)
    with hydra.initialize_config_dir(str(ROOT / "conf"), version_base=None):
        cfg = hydra.compose("config", told, return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", cfg)
    prepare.main(config.compose(*told))

    paths = (ROOT / "conf/data/own.yaml", "conf/data/own.yaml")
    before, after = (OmegaConf.to_container(OmegaConf.load(path)) for path in paths)
    known = {word.split("=")[0].removeprefix("data.") for word in told[1:]}
    for key in before.keys() - {"sha256", "read"}:
        assert after[key] == (cfg.data[key] if key in known else before[key])
    assert re.fullmatch("[0-9a-f]{64}", after["sha256"]) and re.match(r"20\d\d-\d\d-\d\d$", after["read"])
    assert OmegaConf.load("conf/config.yaml").defaults[0] == {"data": "own"}
    # Another file may have another hash, the same one may not, and what is kept from before is told.
    [path] = [word for word in told if word.startswith("data.path=")]
    for words, expected in (
        ([], "recorded"),
        ([path], "recorded"),
        (["data.path=other"], None),
        (["data.path=other", "data.sha256=recorded"], "recorded"),
    ):
        monkeypatch.setattr(prepare, "said", lambda words=words: words)
        cfg = config.compose("data=own", path, "data.sha256=recorded", *words)
        assert prepare.expected(cfg.data) == expected
    monkeypatch.setattr(prepare, "said", lambda: [path])
    assert "kept from" not in capsys.readouterr().out
    cfg = config.compose(*told, "data.read=before")
    prepare.main(cfg)
    kept = [f"{key}={cfg.data[key]}" for key in prepare.KEPT if cfg.data.get(key) and key != "path"]
    told = f"kept from conf/data/own.yaml: {', '.join(kept)}\n"
    assert told.replace("'", "") in capsys.readouterr().out
    for name in ("conf/data/own.yaml", "conf/config.yaml"):
        before, after = (folder / name for folder in (ROOT, Path()))
        assert after.read_text(encoding="utf-8").count("#") == before.read_text(encoding="utf-8").count("#")
