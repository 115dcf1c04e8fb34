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
from .errors import InputError, atomic_write, replace
from .metrics import error_curve, gain_curve

REPORTS = Path("reports")
PAGES = REPORTS / "pages.json"
BLOCKS = Path("docs/blocks.md.j2")
# The delimiters of mkdocs.yml: Python and JSON use braces, these pages show both.
DELIMITERS = {
    "variable_start_string": "[[",
    "variable_end_string": "]]",
    "block_start_string": "[%",
    "block_end_string": "%]",
    "comment_start_string": "[#",
    "comment_end_string": "#]",
}
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


def number(value: float, form: str = "", sign: str = "", like: float | None = None) -> str:
    """A number as text; without a format, with about four digits of the value `like`."""
    if not math.isfinite(value):
        return "n/a"
    if not form:
        size = abs(value if like is None else like)
        digits = 3 - math.floor(math.log10(size)) if size else 3
        form = f",.{min(6, max(0, digits))}f"
    return f"{value:{sign}{form}}"


def interval(
    metric: Mapping[str, float], form: str, signed: bool = False, like: float | None = None
) -> str:
    """ "value (low to high)", or the value alone where the interval has no width."""
    sign = "+" if signed else ""
    like = metric["value"] if like is None else like
    value, low, high = (number(metric[key], form, sign, like) for key in ("value", "low", "high"))
    if low == high == value:
        return value
    return f"{value} ({low} to {high})"


def cell(value: object) -> str:
    """A text from the data as a table cell: nothing that Markdown, HTML or a template reads."""
    text = " ".join(str(value).split())
    return re.sub(r"[|\[\]<`*\\]", lambda match: f"&#{ord(match[0])};", text)


def context(
    report: dict,
    metrics: Mapping[str, Metric],
    *,
    reference: str,
    headline_metrics: Sequence[str],
    cfg: Any,
    schema: dict,
    predictions: pd.DataFrame,
    shape: Sequence[int],
    **extra: object,
) -> dict:
    """Everything a template or page may show, numbers as text; plain JSON values throughout.

    Args:
        report: reports/metrics.json
        metrics: how each metric is shown; the first one is that of slices, leakage and verdict
        reference: the model the network is compared with, a key of report["results"]
        headline_metrics: keys of the tiles; the first one is that of the social card
        cfg: the composed configuration
        schema: data/prepared/schema.json; its "names" are the words for a sample and its classes
        predictions: test rows with id, group, label and a column per model
        shape: of the inputs, (n, ...)
        extra: more keys for the templates
    """
    texts = metric_texts(report, metrics)
    none = dict.fromkeys(metrics, "")  # such as a coverage, which is neither better nor worse
    content = {
        **texts,
        "difference": texts["differences"][reference],
        "verdicts": {model: none | values for model, values in report["verdicts"].items()},
        "report": {"unseen": {}, "costs": [], "slices": {}, **report},
        "metrics": {key: metric._asdict() for key, metric in metrics.items()},
        "labels": {key: metric.label for key, metric in metrics.items()},
        "primary": next(iter(metrics)),
        "headline_metrics": list(headline_metrics),
        "models": list(report["results"]),
        "baseline_name": reference,
        "model_names": {"constant": "a constant prediction"},
        "names": {"group": "group", **schema["names"]},
        "unseen": unseen(report, metrics),
        "leakage_scores": leakage_scores(report, reference),
        "crossvalidation": crossvalidation(report),
        "tradeoff": tradeoff(report, predictions, reference),
        "worst": worst(predictions),
        "ahead": models_ahead(report, metrics, headline_metrics[0], reference),
        "suspicious": suspiciously_good(report, metrics, reference),
        "card": card(report, metrics, headline_metrics[0], reference),
        **run_facts(report, cfg, shape),
    }
    return content | extra


def metric_texts(report: dict, metrics: Mapping[str, Metric]) -> dict[str, dict]:
    """`results`, `point` and `differences` [model][metric] as text."""
    texts: dict[str, dict] = {"results": {}, "point": {}, "differences": {}}
    for key, (_, form, _) in metrics.items():
        # All models show as many digits as the network, so that a row reads well
        like = report["results"]["network"].get(key, UNDEFINED)["value"]
        for model, values in report["results"].items():
            metric = values.get(key, UNDEFINED)
            texts["results"].setdefault(model, {})[key] = interval(metric, form, like=like)
            point = number(metric["value"], form, like=like)
            texts["point"].setdefault(model, {})[key] = point
        for model, values in report["differences"].items():
            difference = interval(values.get(key, UNDEFINED), form, True, like)
            texts["differences"].setdefault(model, {})[key] = difference
    for name in ("results", "point"):
        # A page need not know which baseline it is
        texts[name]["baseline"] = texts[name][report["baseline_name"]]
    return texts


def run_facts(report: dict, cfg: Any, shape: Sequence[int]) -> dict:
    """Sizes, threshold, costs, and source of the data."""
    return {
        "task": report["task"],
        "split": report["split"],
        "starter": bool(cfg.data.get("starter")),
        "cost": OmegaConf.to_container(cfg.get("cost") or cfg.data.cost, resolve=True),
        "n_boot": cfg.bootstrap,
        "n_test": f"{report['n_test']:,}",
        "groups_test": f"{report['groups_test']:,}",
        "test_evaluations": ledger.count(REPORTS / "test_ledger.jsonl", cfg.data.sha256),
        "threshold": "" if report["threshold"] is None else f"{report['threshold']:.3f}",
        "ece": f"{report['calibration']['ece']:.3f}",
        "figures": sorted(path.name for path in Path("docs/figures").glob("*.png")),
        "links": published_links(),
        "data": {
            "rows": f"{shape[0]:,}",
            "columns": " x ".join(map(str, shape[1:])),
            "source": source(cfg.data),
            "sha256": cfg.data.sha256 or "not recorded",
            "read": str(cfg.data.get("read") or "with the package"),
        },
    }


def suspiciously_good(report: dict, metrics: Mapping[str, Metric], reference: str) -> bool:
    """Whether the reference is so good that a column probably contains the target."""
    primary, metric = next(iter(metrics.items()))
    value, constant = (report["results"][m][primary]["value"] for m in (reference, "constant"))
    return value > 0.995 if metric.better == "higher" else value < 0.01 * constant


def unseen(report: dict, metrics: Mapping[str, Metric]) -> dict[str, dict[str, str]]:
    """Metrics [model][metric] on the held-out kind of data; "n/a" where undefined."""
    points: dict[str, dict[str, str]] = {}
    for model in report["results"]:
        values = (report.get("unseen") or {}).get(model, {})
        points[model] = {}
        for key, metric in metrics.items():
            value = values.get(key, math.nan)
            if isinstance(value, Mapping):
                value = value["value"]
            points[model][key] = number(value, metric.format)
    return points


def leakage_scores(report: dict, reference: str) -> dict[str, dict[str, dict[str, float]]]:
    """{strategy: {model: interval}}: the reference, and a network if `heldout leakage` ran."""
    trained = read_report(REPORTS / "leakage.json", report)
    scores = {}
    for strategy, values in report.get("leakage", {}).items():
        scores[strategy] = {reference: values[reference]}
        if strategy in trained:
            scores[strategy]["network"] = trained[strategy]["network"]
    return scores


def crossvalidation(report: dict) -> list[dict]:
    """What `heldout crossvalidate` measured on the same data."""
    runs = [read_report(path, report) for path in sorted(REPORTS.glob("crossvalidation-*.json"))]
    return [run for run in runs if run]


def read_report(path: Path, report: dict) -> dict:
    """A JSON report about the same prepared data as `report`; {} if missing or about other data."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["data"] != report["data"]:
            return {}
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: damaged; delete it, or run its command again") from None
    return content


def worst(predictions: pd.DataFrame) -> list[dict]:
    """The 20 test samples with the largest error: id, group, label, predicted."""
    error = (predictions.network - predictions.label).abs()
    ranked = predictions.assign(error=error, predicted=predictions.network.astype(float))
    ranked = ranked.sort_values(["error", "id"], ascending=[False, True]).head(20)
    rows = ranked[["id", "group", "label", "predicted"]].astype({"id": str, "group": str})
    return rows.to_dict("records")


def tradeoff(report: dict, predictions: pd.DataFrame, reference: str) -> dict[str, list[float]]:
    """Curves over 1, 2, ... 100% of the samples: metrics.gain_curve or error_curve."""
    curves, label = {}, predictions.label.to_numpy()
    for name, model in (("network", "network"), ("baseline", reference)):
        values = predictions[model].to_numpy()
        if report["task"] == "classification":
            curve = gain_curve(label > 0, values)
        else:
            # Both curves keep the forecasts where the network is most certain: like with like
            width = predictions.network_high - predictions.network_low
            curve = error_curve(abs(label - values), width.to_numpy())
        curves[name] = curve
    return curves


def models_ahead(
    report: dict, metrics: Mapping[str, Metric], key: str, reference: str
) -> list[dict[str, str]]:
    """Models other than the reference whose value is better than the network's."""
    metric, network = metrics[key], report["results"]["network"][key]["value"]
    ahead = []
    for model, values in report["results"].items():
        value = values[key]["value"]
        text = number(value, metric.format, like=network)
        better = value > network if metric.better == "higher" else value < network
        if (
            model not in ("network", reference)
            and better
            and text != number(network, metric.format)
        ):
            verdict = report["verdicts"][model].get(key, "not significant")
            ahead.append({"name": model, "value": text, "verdict": verdict})
    return ahead


def card(report: dict, metrics: Mapping[str, Metric], key: str, reference: str) -> dict:
    """Arguments `title`, `label`, `values`, `sizes` of figures.social_card."""
    metric = metrics[key]
    models = ("network", reference, "constant")
    sizes = [report["results"][model][key]["value"] for model in models]
    values = [number(size, metric.format, like=sizes[0]) for size in sizes]
    label = f"{metric.label} ({metric.better} is better)"
    title = Path("README.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    texts = dict(zip(models, values, strict=True))
    return {"title": title, "label": label, "values": texts, "sizes": sizes}


def source(data: Any) -> str:
    """Where the data came from, without signatures of an address or folders of a disk."""
    if data.get("kaggle"):
        return f"Kaggle: {data.kaggle}"
    path = str(data.path)
    if "://" in path:
        return path.split("?")[0]
    return path if path.startswith("package:") else Path(path).name


def published_links() -> dict[str, str]:
    """Addresses in portfolio.yaml (`links: {demo: ..., article: ...}`), "" for each one missing."""
    portfolio = Path("portfolio.yaml")
    links = OmegaConf.load(portfolio).get("links") if portfolio.exists() else None
    if links is not None and not OmegaConf.is_dict(links):
        raise InputError(
            "portfolio.yaml: links: write one line for each, such as demo: https://..."
        )
    return {name: (links or {}).get(name) or "" for name in ("demo", "article")}


def environment(folder: Path | str) -> jinja2.Environment:
    """Templates of a folder, with the delimiters of mkdocs.yml; an undefined name is an error."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        **DELIMITERS,
    )
    templates.filters |= {"number": number, "interval": interval, "cell": cell}
    return templates


def render_page(template: Path | str, context: dict) -> tuple[str, dict[str, str]]:
    """The text of a template, and of each of its blocks, inherited ones included.

    Raises:
        InputError: the template is missing or uses a name that the context does not have
    """
    path = Path(template)
    templates, blocks = environment(path.parent), {}
    try:
        loaded = templates.get_template(path.name)
        scope = loaded.new_context(context)
        try:
            text = "".join(loaded.root_render_func(scope))
            for name, chain in scope.blocks.items():  # of this template and of those it extends
                blocks[name] = "".join(chain[0](scope)).strip("\n")
        except Exception:
            templates.handle_exception()  # raises it again, with lines of the templates
    except jinja2.TemplateNotFound as error:
        raise InputError(f"{path.parent / error.name}: missing") from None
    except Exception as error:  # whatever an expression in a template raises
        raise InputError(template_error(path, error)) from None
    return re.sub(r"\n{3,}", "\n\n", text), blocks


def template_error(path: Path | str, error: Exception) -> str:
    """ "docs/blocks.md.j2, line 12: 'auc' is undefined", with the line if Jinja reports it."""
    line = getattr(error, "lineno", None)
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.endswith(".j2"):
            path, line = frame.filename, frame.lineno
    where = f"{path}, line {line}" if line else str(path)
    return f"{where}: {' '.join(str(error).split())}"


def render(template: Path | str, target: Path | str, context: dict) -> dict[str, str]:
    """Writes the page that a template makes; returns the text of every block."""
    page, blocks = render_page(template, context)
    atomic_write(Path(target), page)
    return blocks


def fill(page: Path | str, template: Path | str, context: dict) -> None:
    """Replaces what a page has between `<!-- name -->` and `<!-- /name -->` by the block `name`."""
    path = Path(page)
    blocks = render_page(template, context)[1]

    def filled(match: re.Match) -> str:
        if match[2] not in blocks:
            raise InputError(f"{path}: <!-- {match[2]} -->: {template} has no block of this name")
        return f"{match[1]}{blocks[match[2]]}\n{match[3]}"

    markers = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
    atomic_write(path, markers.sub(filled, path.read_text(encoding="utf-8")))


def write_pages_json(
    context: dict, demo: dict, path: Path = PAGES, template: Path | str = BLOCKS
) -> None:
    """Writes what the pages of the site may show: every block, the context, `demo`."""
    blocks = render_page(template, context)[1]
    content = {**blocks, **context, "demo": demo}
    if not context["starter"]:
        # Pages of the starter, until they are rewritten, show numbers that other data do not have
        for page in Path("docs").rglob("*.md"):
            add_missing(content, page.read_text(encoding="utf-8"))
    path.parent.mkdir(exist_ok=True)
    atomic_write(path, json.dumps(content, indent=1) + "\n")


def update(context: dict, demo: dict) -> dict[str, str]:
    """Writes docs/results.md, the blocks of README.md and docs/index.md, and reports/pages.json.

    Prints the result table and, with own data, the pages that still describe the starter's. Returns
    the text of every block of docs/blocks.md.j2.
    """
    blocks = render(BLOCKS, "docs/results.md", context)
    for page in ("README.md", "docs/index.md"):
        fill(page, BLOCKS, context)
    write_pages_json(context, demo)
    print(blocks["table"], blocks["verdict"], sep="\n\n")
    if not context["starter"]:
        for page in mark_starter_pages(blocks["starter_warning"]):
            print(f"{page} still describes the starter's data")
    return blocks


def add_missing(content: dict, page: str) -> None:
    """Sets "not measured" for every `[[ results.logistic.auc ]]` of a page that has no value."""
    for names in re.findall(r"\[\[ *((?:results|point|differences?|verdicts)(?:\.\w+)+)", page):
        *parents, last = names.split(".")
        inner = content
        for name in parents:
            inner = inner.setdefault(name, {})
        inner.setdefault(last, "not measured")


def mark_starter_pages(warning: str) -> list[Path]:
    """Adds a warning to the pages that still have the starter's text; returns these pages."""
    pages = []
    for page in sorted(Path("docs").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        comment = STARTER_TEXT.search(text)
        if comment:
            pages.append(page)
            if warning not in text:
                marked = f"{comment[0]}\n{warning}\n"
                atomic_write(page, text.replace(comment[0], marked, 1))
    return pages


def browser_demo(schema: dict, report: dict, examples_dir: Path = Path("docs/examples")) -> dict:
    """Copies models/model.onnx beside the demo page; returns what the page and its scripts need.

    `facts` is for the scripts: schema, threshold, names of the example files, hash of the model.
    `fields` are the columns of a table that a visitor may change, `megabytes` the size to load.
    """
    folder = Path("docs/demo")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile("models/model.onnx", folder / "model.new")
    digest = hashlib.sha256((folder / "model.new").read_bytes()).digest()
    replace(folder / "model.new", folder / "model.onnx")
    runtime = Path(__file__).parent / "site/demo"
    sizes = [path.stat().st_size for path in (folder / "model.onnx", *runtime.glob("*.gzip"))]
    return {
        "fields": demo_fields(schema),
        "megabytes": f"{sum(sizes) / 1e6:.0f}",
        "facts": {
            "schema": schema,
            "threshold": report["threshold"],
            "examples": sorted(path.name for path in Path(examples_dir).glob("*")),
            "integrity": f"sha256-{base64.b64encode(digest).decode()}",
        },
    }


def demo_fields(schema: dict) -> list[dict]:
    """The columns in schema["show"] (the first eight without), each with its title and choices."""
    columns = {column["name"]: column for column in schema.get("columns", [])}
    names = [name for name in schema.get("show", []) if name in columns] or list(columns)[:8]
    titles = schema.get("column_names", {})
    fields = []
    for name in names:
        choices = columns[name].get("values", [])
        fields.append({**columns[name], "title": titles.get(name, name), "choices": choices})
    return fields
