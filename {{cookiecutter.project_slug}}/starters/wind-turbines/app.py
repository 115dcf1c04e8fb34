"""The demo: `python app.py`. Inputs and outputs only; the forecast comes from predict.py."""

import sys
from pathlib import Path

import gradio as gr
import pandas as pd
from heldout import InputError
from heldout.gradio import CACHE, LAUNCH, QUEUE, input_error
from heldout.pages import number
from matplotlib.figure import Figure

from {{ cookiecutter.package_name }}.explain import draw_effects, draw_forecast
from {{ cookiecutter.package_name }}.predict import Predictor

EXAMPLES = sorted(str(path) for path in Path("docs/examples").glob("*.csv"))
try:
    PREDICTOR = Predictor()
except InputError as error:
    sys.exit(f"error: {error}")
SCHEMA = PREDICTOR.schema
TARGET = SCHEMA["names"]["target"]  # with its unit, from conf/data


def forecast(path: str | None) -> tuple[str, Figure]:
    """Sentence and figure for the last window of a file: the forecast, and what it rests on."""
    if path is None:
        raise gr.Error("Upload a CSV file, or pick an example.", title="No file")
    with input_error("Unusable file"):
        rows, windows = PREDICTOR.load(path)
        [window], [quantiles] = windows, PREDICTOR(windows)
        effects = PREDICTOR.occlusion(window)
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    axes = figure.subplots(1, 2)
    draw_forecast(axes[0], window, quantiles, SCHEMA)
    draw_effects(axes[1], effects, SCHEMA)
    time = rows[SCHEMA["time"]].iloc[-1] + pd.Timedelta(seconds=SCHEMA["horizon"] * SCHEMA["step"])
    low, median, high, now = (number(float(value)) for value in (*quantiles, window[-1, 0]))
    interval = f"80% interval {low} to {high}. Now: {now}."
    return f"### {median}\n{TARGET} at {time:%Y-%m-%d %H:%M}; {interval}", figure


with gr.Blocks(title="{{ cookiecutter.project_name }}", delete_cache=CACHE) as demo:
    gr.Markdown("# {{ cookiecutter.project_name }}")
    needed = ", ".join([SCHEMA["time"], *SCHEMA["channels"][:3]])
    file = gr.File(label=f"CSV file: {needed}, ...", file_types=[".csv"], height=140)
    text = gr.Markdown("### The forecast appears here\nUpload a file, or pick an example.")
    plot = gr.Plot(label="Forecast", show_label=False)
    outputs = [text, plot]
    if EXAMPLES:
        gr.Examples(EXAMPLES, file, outputs, forecast, run_on_click=True, api_visibility="private")
        gr.Markdown(SCHEMA["names"]["attribution"])
    file.upload(forecast, file, outputs, api_name="forecast")

demo.queue(**QUEUE)

if __name__ == "__main__":
    demo.launch(**LAUNCH)
