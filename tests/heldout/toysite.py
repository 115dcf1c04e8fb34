"""A project of a few files for the tests of pages, figures and publishing."""

import functools
import json
from pathlib import Path

import jinja2
import numpy as np
import onnx
import pandas as pd
from heldout import Comparison, ledger, metrics, pages, thresholds
from heldout.pages import Metric
from omegaconf import DictConfig, OmegaConf
from PIL import Image

PROJECT = Path(__file__).parents[2] / "{{cookiecutter.project_slug}}"
COOKIECUTTER = {
    "project_name": "Cell inspector",
    "project_slug": "inspector",
    "industry": "energy",
    "author_name": "Ada",
    "github_username": "ada",
    "target_role": "ml-engineer",
    "__year": 2026,
}
SITE = "https://ada.github.io/inspector/"
CLASSIFICATION = {
    "auc": Metric("ROC AUC", ".3f", "higher"),
    "cost": Metric("Cost per 1,000", ",.0f", "lower"),
}
REGRESSION = {"mae": Metric("MAE", "", "lower"), "coverage": Metric("Coverage", ".1%", "near 80%")}
BLOCKS = """[% extends "results.md.j2" %]
[% block claim %]
[[ labels[primary] ]] of the network: [[ point.network[primary] ]].
[% endblock %]
[% block caveats %]
[% if starter %]**One factory.**[% endif %]
[% endblock %]
[% block attribution %]
Data: a toy.
[% endblock %]
"""
README = """# Cell inspector

<!-- starter -->
<!-- /starter -->
<!-- headline -->
<!-- /headline -->
<!-- links -->
<!-- /links -->
<!-- results -->
<!-- /results -->
"""
CARD = "---\nlicense: mit\npipeline_tag: tabular-classification\ntags: [cells]\n---\n\n# Card\n\n"
DEMO = """# Demo

<form class="demo" data-kind="tables"></form>
<script type="application/json" id="facts">[[ demo.facts | tojson ]]</script>
<script type="module" src="app.js"></script>
"""
PYPROJECT = '[dependency-groups]\napp = ["gradio", "numpy"]\n'
APP = """import gradio as gr
from heldout import InputError
from heldout.gradio import LAUNCH, QUEUE

from toy.predict import MODEL

demo = gr.Blocks()
"""


def samples(task: str = "classification", n: int = 240, n_groups: int = 12) -> pd.DataFrame:
    """Test rows: a network that is right more often than logistic, and a constant."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n) if task == "classification" else rng.normal(50, 20, n)
    table = pd.DataFrame({"id": [f"cell{i}" for i in range(n)], "group": np.arange(n) % n_groups})
    table["label"], table["kind"] = label, np.where(np.arange(n) % 2, "mono", "poly")
    if task == "classification":
        table["network"] = 1 / (1 + np.exp(-rng.normal(2.0 * (label - 0.5), 0.7)))
        table["logistic"] = 1 / (1 + np.exp(-rng.normal(1.0 * (label - 0.5), 1.0)))
        table["constant"] = 0.5
        return table
    for model, size in (("network", 3.0), ("logistic", 9.0), ("constant", 0.0)):
        table[model] = rng.normal(label, size) if size else 50.0
        table[f"{model}_low"] = table[model] - 5
        table[f"{model}_high"] = table[model] + 5 + table.index / 100
    return table


def report(test: pd.DataFrame, task: str = "classification") -> dict:
    """reports/metrics.json, measured on these rows."""

    def scores(rows: pd.DataFrame, model: str) -> dict[str, float]:
        if task == "classification":
            cost = metrics.expected_cost(rows.label, rows[model] >= 0.5, 5, 1)
            return {"auc": metrics.roc_auc(rows.label, rows[model]), "cost": 1000 * cost}
        covered = metrics.coverage(rows.label, rows[f"{model}_low"], rows[f"{model}_high"])
        return {"mae": float((rows.label - rows[model]).abs().mean()), "coverage": covered}

    models = ["network", "logistic", "constant"]
    comparison = Comparison(test, models, scores, "group", n_boot=50)
    table = CLASSIFICATION if task == "classification" else REGRESSION
    first, result = next(iter(table)), comparison.table()
    content = {
        "task": task,
        "data": "0a1b2c",
        "split": "grouped",
        "n_test": len(test),
        "groups_test": test.group.nunique(),
        "threshold": 0.5 if task == "classification" else None,
        "baseline_name": "logistic",
        "results": result,
        **comparison.versus("network", table),
        "slices": comparison.slices(["kind"], first),
        "unseen": {},
        "leakage": {name: {"logistic": result["logistic"][first]} for name in ("grouped", "random")},
        "costs": [],
    }
    if task == "classification":
        content["calibration"] = metrics.calibration(test.label, test.network)
        content["costs"] = thresholds.cost_table(test, test, models, [2, 5, 10])
    else:
        columns = test[["network_low", "network", "network_high"]]
        content["calibration"] = metrics.quantile_calibration(test.label, columns.to_numpy())
    return content


@functools.cache
def report_json(task: str) -> str:
    """The same as a file; the bootstrap runs once."""
    return json.dumps(report(samples(task), task))


def schema(task: str = "classification") -> dict:
    """data/prepared/schema.json."""
    columns = [{"name": name, "typical": 0.5, "low": 0.0, "high": 1.0} for name in "abcdefghij"]
    names = {"unit": "cell", "block": "module", "target": "power, kW"}
    names |= {"positive": "defective", "negative": "sound", "flag": "look again", "pass": "use it"}
    shown = {"show": ["c", "a"], "column_names": {"c": "a current"}}
    return {"task": task, "names": names, "columns": columns, "data": "0a1b2c", **shown}


def settings(**data: object) -> DictConfig:
    """The configuration, as far as pages read it."""
    defaults = {
        "starter": True,
        "path": "package:toy",
        "kaggle": None,
        "sha256": "f00",
        "read": None,
    }
    cost = {"miss": 5, "false_positive": 1, "error": 2.5, "source": "an assumption"}
    data = {**defaults, "cost": cost, **data}
    return OmegaConf.create({"bootstrap": 50, "seed": 0, "data": data})


def write(folder: Path, task: str = "classification") -> None:
    """Writes the project, without its results."""
    test, names = samples(task), schema(task)
    for name in (
        "docs/demo",
        "docs/figures",
        "docs/examples",
        "models",
        "reports",
        "conf",
        "src/toy",
    ):
        (folder / name).mkdir(parents=True)
    (folder / "vendor").mkdir()
    (folder / "vendor/heldout").symlink_to(PROJECT / "vendor/heldout")
    OmegaConf.save(settings(), folder / "conf/config.yaml")
    mkdocs = jinja2.Template((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    home = "# Cell inspector\n\n<!-- headline -->\n<!-- /headline -->\n"
    page = {"README.md": README, "docs/index.md": home, "docs/blocks.md.j2": BLOCKS}
    page |= {"docs/results.md.j2": (PROJECT / "docs/results.md.j2").read_text(encoding="utf-8")}
    page |= {
        "docs/model-card.md": CARD + "Tested on [[ n_test ]] cells.\n",
        "docs/data-card.md": CARD,
    }
    page |= {"docs/demo/index.md": DEMO, "docs/article.md": "# Article\n\n[[ headline ]]\n"}
    page |= {"docs/reproduce.md": "# Reproduce\n", "docs/decisions.md": "# Decisions\n"}
    page |= {
        "mkdocs.yml": mkdocs.render(cookiecutter=COOKIECUTTER),
        "docs/examples/one.csv": "a\n1\n",
    }
    page |= {"app.py": APP, "src/toy/__init__.py": "", "src/toy/train.py": "import torch\n"}
    page |= {"pyproject.toml": PYPROJECT, "portfolio.yaml": "links:\n"}
    page["src/toy/predict.py"] = "from heldout.onnx import OnnxModel\n\nMODEL = OnnxModel()\n"
    page["reports/metrics.json"] = report_json(task)
    for name, text in page.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("hero", "training", "slices", "leakage", "roc", "calibration", "cost", "errors"):
        Image.linear_gradient("L").save(folder / f"docs/figures/{name}.png")
    test.to_parquet(folder / "models/predictions.parquet")
    onnx.save(model(names), folder / "models/model.onnx")
    path = folder / "reports/test_ledger.jsonl"
    ledger.record(path, stage="evaluate", model=folder / "models/model.onnx", data="f00", score=0.9)


def context(task: str = "classification", changes: dict | None = None, **data: object) -> dict:
    """pages.context of the project in the working directory; `changes` are made to its report."""
    table = CLASSIFICATION if task == "classification" else REGRESSION
    content = json.loads(Path("reports/metrics.json").read_text(encoding="utf-8"))
    return pages.context(
        content | (changes or {}),
        table,
        list(table),
        cfg=settings(**data),
        schema=schema(task),
        predictions=pd.read_parquet("models/predictions.parquet"),
        shape=(1000, 10),
    )


def fill_pages(**data: object) -> dict[str, str]:
    """Every page with the numbers of the report; returns the blocks."""
    content = json.loads(Path("reports/metrics.json").read_text(encoding="utf-8"))
    return pages.update(context(**data), pages.browser_demo(schema(), content))


def model(metadata: dict) -> onnx.ModelProto:
    """An ONNX file: the mean of each row."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("ReduceMean", ["x", "axes"], ["probability"], keepdims=0)
    axes = helper.make_tensor("axes", onnx.TensorProto.INT64, [1], [1])
    x = helper.make_tensor_value_info("x", kind, ["n", 10])
    y = helper.make_tensor_value_info("probability", kind, ["n"])
    graph = helper.make_graph([node], "toy", [x], [y], [axes])
    graph_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(graph_model, {"schema": json.dumps(metadata)})
    return graph_model
