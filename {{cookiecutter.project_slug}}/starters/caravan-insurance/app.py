"""The demo: `python app.py`. Inputs and outputs only; the prediction comes from predict.py."""

import sys
from pathlib import Path

import gradio as gr
import numpy as np
import pandas as pd
from heldout import InputError, tables
from heldout.gradio import CACHE, LAUNCH, QUEUE, input_error
from heldout.onnx import load_metrics
from heldout.pages import number

from {{ cookiecutter.package_name }}.predict import Predictor

try:
    PREDICTOR, THRESHOLD = Predictor(), load_metrics()["threshold"]
    ROWS = {"typical": PREDICTOR.typical}  # what a visitor starts from
    for path in sorted(Path("docs/examples").glob("*.csv")):
        ROWS[path.stem] = PREDICTOR.load(path)[0]
except InputError as error:
    sys.exit(f"error: {error}")
NAMES, SHOWN = PREDICTOR.schema["names"], PREDICTOR.shown
N_REASONS = 6  # rows of the table


def show_example(name: str) -> list[list[str]]:
    """Titles and values of the shown columns of an example."""
    texts = [tables.as_text(ROWS[name][i], PREDICTOR.columns[i]) for i in SHOWN]
    return [[PREDICTOR.titles[i], text] for i, text in zip(SHOWN, texts, strict=True)]


def predict_table(name: str, table: pd.DataFrame) -> tuple:
    """The prediction for an example whose shown columns have the values of the table instead."""
    row, columns = ROWS[name].copy(), [PREDICTOR.columns[i] for i in SHOWN]
    values = table.iloc[:, 1].replace(["missing", ""], None).to_list()
    fields = pd.DataFrame([values], columns=[column["name"] for column in columns])
    with input_error("Unusable value"):
        row[SHOWN] = tables.encode(fields, columns)[0]
        return explain_row(row)


def predict_file(path: str | None) -> tuple:
    """The prediction for the first row of a CSV file."""
    if path is None:
        raise gr.Error("Upload a CSV file first.", title="No file")
    with input_error("Unusable file"):
        return explain_row(PREDICTOR.load(path)[0])


def explain_row(row: np.ndarray) -> tuple[str, dict[str, float], list[list[str]]]:
    """Markdown, probability of either class, largest Shapley values, of a row (columns,)."""
    [prediction], values, reasons = PREDICTOR(row[None]), PREDICTOR.shapley_values(row), []
    for i in np.argsort(-np.abs(values))[:N_REASONS]:
        value = tables.as_text(row[i], PREDICTOR.columns[i])
        reasons.append([PREDICTOR.titles[i], value, f"{values[i]:+.3g}"])
    if THRESHOLD is None:  # regression: quantiles
        low, median, high = (number(quantile, like=prediction[1]) for quantile in prediction)
        return f"### {median}\n80% interval: {low} to {high}.", {}, reasons
    action = NAMES["flag"] if prediction >= THRESHOLD else NAMES["pass"]
    text = (
        f"### {action.capitalize()}\n"
        f"Probability of {NAMES['positive']}: **{prediction:.1%}**. Threshold for "
        f"*{NAMES['flag']}*: {THRESHOLD:.1%}, which minimizes expected cost."
    )
    scores = {NAMES["positive"]: float(prediction), NAMES["negative"]: 1 - float(prediction)}
    return text, scores, reasons


with gr.Blocks(title="{{ cookiecutter.project_name }}", delete_cache=CACHE) as demo:
    gr.Markdown(f"# {{ cookiecutter.project_name }}\n{NAMES['attribution']}")
    with gr.Row():
        with gr.Column():
            example = gr.Radio(list(ROWS), value="typical", label="Start from")
            rows = {"value": show_example("typical"), "row_count": (len(SHOWN), "fixed")}
            table = gr.Dataframe(**rows, headers=["column", "value"], label="Change a value")
            button = gr.Button("Predict", variant="primary")
            file = gr.File(label="Or the first row of a CSV file", file_types=[".csv"], height=120)
        with gr.Column():
            text = gr.Markdown("### The prediction appears here\nChange a value, or pick a row.")
            scores = gr.Label(label="Probability", visible=THRESHOLD is not None)
            reasons = gr.Dataframe(headers=["column", "value", "Shapley value"], interactive=False)
    outputs = [text, scores, reasons]
    button.click(predict_table, [example, table], outputs, api_name="predict")
    file.upload(predict_file, file, outputs, api_name="upload")
    picked = example.change(show_example, example, table, api_visibility="private")
    picked.then(predict_table, [example, table], outputs, api_visibility="private")

demo.queue(**QUEUE)

if __name__ == "__main__":
    demo.launch(**LAUNCH)
