"""Numbers of a report -> Markdown pages. Every sentence is in the project's templates."""

import base64
import hashlib
import json
import math
import re
import shutil
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pandas as pd
from omegaconf import OmegaConf

from . import ledger
from .errors import InputError, atomic_write, making
from .metrics import error_curve, gain_curve

REPORTS = Path("reports")
PAGES = REPORTS / "pages.json"
BLOCKS = Path("docs/blocks.md.j2")
# Of blocks, variables and comments, as in mkdocs.yml: Python and JSON use braces, pages show both
DELIMITERS = ("[%", "%]", "[[", "]]", "[#", "#]")
UNDEFINED = dict.fromkeys(("value", "low", "high"), math.nan)  # such as the AUC of one class
STARTER_TEXT = re.compile(r"<!-- The starter's text: .* -->\n")


class Metric(NamedTuple):
    """How a metric is shown.

    label: such as "ROC AUC"; format: such as ".3f" or ".1%", "" for about four digits;
    better: "higher", "lower", or a target such as "near 80%".
    """

    label: str
    format: str
    better: str


def number(value: float | None, form: str = "", sign: str = "", like: float | None = None) -> str:
    """A number as text; without a format, with about four digits of the value `like`."""
    if value is None or not math.isfinite(value):
        return "n/a"
    return f"{value:{sign}{form or four_digits(value if like is None else like)}}"


def four_digits(value: float) -> str:
    """A format that shows about four digits of this value, such as ",.2f"."""
    if not value or not math.isfinite(value):
        return ",.3f"
    return f",.{min(6, max(0, 3 - math.floor(math.log10(abs(value)))))}f"


def interval(metric: Mapping[str, float], form: str = "", sign: str = "") -> str:
    """ "value (low to high)", or the value alone where the interval has no width.

    With a `sign` it is a difference: of percentages, it is in percentage points (pp).
    """
    form, unit, factor = form or four_digits(metric["value"]), "", 1
    if sign and form.endswith("%"):
        form, unit, factor = f"{form[:-1]}f", " pp", 100
    ends = (factor * metric[key] for key in ("value", "low", "high"))
    value, low, high = (number(end, form, sign) for end in ends)
    if low == high == value:
        return value + unit
    return f"{value}{unit} ({low} to {high})"


def cell(value: object) -> str:
    """A text from the data as a table cell: nothing that Markdown, HTML or a template reads."""
    text = " ".join(str(value).split())
    return re.sub(r"[|\[\]<`*\\]", lambda match: f"&#{ord(match[0])};", text)


def context(
    report: dict,
    metrics: Mapping[str, Metric],
    headline_metrics: Sequence[str],
    *,
    cfg: Any,
    schema: dict,
    predictions: pd.DataFrame,
    shape: Sequence[int],
) -> dict:
    """Everything a template or page may show, numbers as text; plain JSON values throughout.

    Args:
        report: reports/metrics.json; its "baseline_name" is the reference of all comparisons
        metrics: how each metric is shown; the first one is that of slices, leakage and verdict
        headline_metrics: keys of the tiles; the first one is that of the social card
        cfg: the composed configuration
        schema: data/prepared/schema.json; its "names" are the words for a sample and its classes
        predictions: test rows with id, group, label and a column per model
        shape: of the inputs, (n, ...)
    """
    baseline = report["baseline_name"]
    network = report["results"]["network"]
    shown = {}
    for key, metric in metrics.items():
        # All models show as many digits as the network, so that a row reads well
        form = metric.format or four_digits(network.get(key, UNDEFINED)["value"])
        shown[key] = metric._replace(format=form)._asdict()
    texts = metric_texts(report, shown)
    trained = read_report(REPORTS / "leakage.json", report)
    runs = [read_report(path, report) for path in sorted(REPORTS.glob("crossvalidation-*.json"))]
    return {
        **texts,
        "difference": texts["differences"][baseline],
        "verdicts": report["verdicts"],
        "report": report,
        "metrics": shown,
        "labels": {key: metric.label for key, metric in metrics.items()},
        "primary": next(iter(metrics)),
        "headline_metrics": list(headline_metrics),
        "models": list(report["results"]),
        "baseline_name": baseline,
        "model_names": {"constant": "a constant prediction"},
        "names": {"group": "group", **schema["names"]},
        "task": report["task"],
        "split": report["split"],
        "starter": bool(cfg.data.get("starter")),
        "cost": OmegaConf.to_container(cfg.data.cost, resolve=True),
        "n_boot": cfg.bootstrap,
        "n_test": f"{report['n_test']:,}",
        "groups_test": f"{report['groups_test']:,}",
        "test_evaluations": ledger.count(REPORTS / "test_ledger.jsonl", cfg.data.sha256),
        "threshold": "" if report["threshold"] is None else f"{report['threshold']:.3f}",
        "ece": f"{report['calibration']['ece']:.3f}",
        "leakage_scores": leakage_scores(report, trained),
        "leakage_model": trained.get("model", ""),
        "crossvalidation": [run for run in runs if run],
        "tradeoff": tradeoff(report, predictions),
        "worst": worst(predictions),
        "links": OmegaConf.to_container(OmegaConf.load("portfolio.yaml")).get("links") or {},
        "data": {
            "rows": f"{shape[0]:,}",
            "columns": " x ".join(map(str, shape[1:])),
            "source": source(cfg.data),
            "sha256": cfg.data.sha256 or "not recorded",
            "read": str(cfg.data.get("read") or "with the package"),
        },
    }


def metric_texts(report: dict, metrics: Mapping[str, Mapping[str, str]]) -> dict[str, dict]:
    """`results`, `point` and `differences` [model][metric] as text, "n/a" where undefined."""
    texts: dict[str, dict] = {"results": {}, "point": {}, "differences": {}}
    for name, sign in (("results", ""), ("differences", "+")):
        for model, values in report[name].items():
            texts[name][model] = {}
            for key, metric in metrics.items():
                text = interval(values.get(key, UNDEFINED), metric["format"], sign)
                texts[name][model][key] = text
    for model, values in texts["results"].items():
        texts["point"][model] = {key: text.split(" (")[0] for key, text in values.items()}
    for name in ("results", "point"):
        # A page need not know which baseline it is
        texts[name]["baseline"] = texts[name][report["baseline_name"]]
    return texts


def leakage_scores(report: dict, trained: dict) -> dict[str, dict[str, dict[str, float]]]:
    """{strategy: {model: interval}}: the baseline, and the network of `heldout leakage`."""
    scores = {strategy: dict(values) for strategy, values in report["leakage"].items()}
    for strategy in scores.keys() & trained.keys():
        scores[strategy]["network"] = trained[strategy]["network"]
    return scores


def read_report(path: Path, report: dict) -> dict:
    """A JSON report about the same prepared data as `report`; {} if missing or about other data."""
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content if content.get("data") == report["data"] else {}


def tradeoff(report: dict, predictions: pd.DataFrame) -> dict[str, list[float]]:
    """Curves over 1, 2, ... 100% of the samples: metrics.gain_curve or error_curve."""
    curves, label = {}, predictions.label.to_numpy()
    for name, model in (("network", "network"), ("baseline", report["baseline_name"])):
        values = predictions[model].to_numpy()
        if report["task"] == "classification":
            curves[name] = gain_curve(label > 0, values)
        else:
            # Both curves keep the forecasts where the network is most certain: like with like
            width = predictions.network_high - predictions.network_low
            curves[name] = error_curve(label - values, width.to_numpy())
    return curves


def worst(predictions: pd.DataFrame) -> list[dict]:
    """The 20 test samples with the largest error: id, group, label, predicted, error."""
    rows = predictions[["id", "group", "label"]].astype({"id": str, "group": str})
    rows["predicted"] = predictions.network.astype(float)
    rows["error"] = (rows.predicted - rows.label).abs()
    return rows.sort_values(["error", "id"], ascending=[False, True]).head(20).to_dict("records")


def source(data: Any) -> str:
    """Where the data came from, without signatures of an address or folders of a disk."""
    if data.get("kaggle"):
        return f"Kaggle: {data.kaggle}"
    path = str(data.path)
    if "://" in path:
        return path.split("?")[0]
    return path if path.startswith("package:") else Path(path).name


def render_page(template: Path | str, context: dict) -> tuple[str, dict[str, str]]:
    """The text of a template, and of each of its blocks, inherited ones included.

    Raises:
        InputError: the template is missing or uses a name that the context does not have
    """
    path, blocks = Path(template), {}
    environment = jinja2.Environment(
        *DELIMITERS,
        loader=jinja2.FileSystemLoader(path.parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "interval": interval, "cell": cell}
    try:
        loaded = environment.get_template(path.name)
        scope = loaded.new_context(context)
        try:
            text = "".join(loaded.root_render_func(scope))
            for name, chain in scope.blocks.items():  # of this template and of those it extends
                blocks[name] = "".join(chain[0](scope)).strip("\n")
        except Exception:
            environment.handle_exception()  # raises it again, with lines of the templates
    except jinja2.TemplateNotFound as error:
        raise InputError(f"{path.parent / error.name}: missing") from None
    except Exception as error:  # whatever an expression in a template raises
        place, line = path, getattr(error, "lineno", None)
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename.endswith((".j2", ".md")):
                place, line = frame.filename, frame.lineno
        message = " ".join(str(error).split())
        raise InputError(f"{place}, line {line}: {message}") from None
    return text, blocks


def render(template: Path | str, target: Path | str, context: dict) -> dict[str, str]:
    """Writes the page that a template makes; returns the text of every block."""
    page, blocks = render_page(template, context)
    atomic_write(Path(target), re.sub(r"\n{3,}", "\n\n", page))
    return blocks


def fill(page: Path | str, blocks: Mapping[str, str]) -> None:
    """Replaces what a page has between `<!-- name -->` and `<!-- /name -->` by the block `name`."""
    path = Path(page)

    def filled(match: re.Match) -> str:
        if match[2] not in blocks:
            raise InputError(f"{path}: <!-- {match[2]} -->: {BLOCKS} has no block of this name")
        return f"{match[1]}{blocks[match[2]]}\n{match[3]}"

    markers = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
    atomic_write(path, markers.sub(filled, path.read_text(encoding="utf-8")))


def update(context: dict, demo: dict) -> dict[str, str]:
    """Writes docs/results.md, the blocks of README.md and docs/index.md, and reports/pages.json.

    Prints the result table and, with own data, the pages that still describe the starter's. Returns
    the text of every block of docs/blocks.md.j2.
    """
    blocks = render(BLOCKS, "docs/results.md", context)
    for page in ("README.md", "docs/index.md"):
        fill(page, blocks)
    print(blocks["table"], blocks["verdict"], sep="\n\n")
    content = {**blocks, **context, "demo": demo}
    if not context["starter"]:
        for path in sorted(Path("docs").rglob("*.md")):
            text = path.read_text(encoding="utf-8")
            add_missing(content, text)
            if comment := STARTER_TEXT.search(text):
                print(f"{path} still describes the starter's data")
                if blocks["starter_warning"] not in text:
                    marked = f"{comment[0]}\n{blocks['starter_warning']}\n"
                    atomic_write(path, text.replace(comment[0], marked, 1))
    atomic_write(PAGES, json.dumps(content, indent=1) + "\n")
    return blocks


def add_missing(content: dict, page: str) -> None:
    """Sets "not measured" for every `[[ results.logistic.auc ]]` of a page that has no value.

    Pages of the starter, until they are rewritten, show numbers that other data do not have.
    """
    for names in re.findall(r"\[\[ *((?:results|point|differences?|verdicts)(?:\.\w+)+)", page):
        *parents, last = names.split(".")
        inner = content
        for name in parents:
            inner = inner.setdefault(name, {})
        inner.setdefault(last, "not measured")


def browser_demo(schema: dict, report: dict) -> dict:
    """Copies models/model.onnx beside the demo page; returns what the page and its scripts need.

    `facts` is for the scripts: schema, threshold, names of the example files, hash of the model.
    `megabytes` is the size to load.
    """
    model = Path("docs/demo/model.onnx")
    with making(model) as new:
        shutil.copyfile("models/model.onnx", new)
    digest = hashlib.sha256(model.read_bytes()).digest()
    runtime = Path(__file__).parent / "site/demo"
    sizes = [path.stat().st_size for path in (model, *runtime.glob("*.gzip"))]
    return {
        "megabytes": f"{sum(sizes) / 1e6:.0f}",
        "facts": {
            "schema": schema,
            "threshold": report["threshold"],
            "examples": sorted(path.name for path in Path("docs/examples").glob("*")),
            "integrity": f"sha256-{base64.b64encode(digest).decode()}",
        },
    }
