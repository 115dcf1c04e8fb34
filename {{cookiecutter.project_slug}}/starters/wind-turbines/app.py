"""The demo: `python app.py`. Only inputs and outputs; the answer comes from predict.py."""

import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from {{ cookiecutter.package_name }} import config, inputs, predict, serving
from {{ cookiecutter.package_name }}.config import BadInput

EXAMPLES = {path.stem: str(path) for path in sorted(Path("docs/examples").glob("*.csv"))}
try:
    STORY = config.compose().data.story
    MODEL = predict.Model()
except BadInput as error:
    sys.exit(f"error: {error}")
SCHEMA = MODEL.schema
WHY = ["what", "from", "moved it by"]
AHEAD = pd.Timedelta(seconds=SCHEMA["horizon"] * SCHEMA["step"])


def pick(name: str) -> tuple[str, Figure, pd.DataFrame]:
    """The forecast for an example."""
    return forecast(EXAMPLES.get(name))


def forecast(path: str | None) -> tuple[str, Figure, pd.DataFrame]:
    """Sentence, chart and reasons for the last window of a file."""
    if path is None:
        raise gr.Error("Give a CSV file, or pick a moment.", title="No file")
    try:
        rows, x = inputs.table(path, SCHEMA), inputs.read(path, SCHEMA)[0]
        [found], why = MODEL(x[None]), reasons(rows, x)
    except BadInput as error:
        raise gr.Error(str(error).replace(path, Path(path).name), title="Unusable file") from None
    low, middle, high = (float(value) for value in found)
    when = rows[SCHEMA["time"]].iloc[-1] + AHEAD
    now = rows[SCHEMA["target"]].iloc[-1]
    sentence = (
        f"### {predict.number(middle)}\n{STORY.target} at {when:%Y-%m-%d %H:%M}; 80% interval "
        f"{predict.number(low)} to {predict.number(high)}. Now: {predict.number(now)}."
    )
    return sentence, chart(rows, when, low, middle, high), why


def chart(rows: pd.DataFrame, when: pd.Timestamp, low: float, middle: float, high: float) -> Figure:
    """The target in the window, and the forecast with its 80% interval."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(rows[SCHEMA["time"]], rows[SCHEMA["target"]], lw=2, color="black", label="so far")
    off, colour = [[middle - low], [high - middle]], "#0072B2"
    axes.errorbar([when], [middle], off, fmt="o", ms=9, lw=3, capsize=6, color=colour, label="forecast")
    axes.set_ylabel(STORY.target)
    axes.legend()
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def reasons(rows: pd.DataFrame, x: np.ndarray) -> pd.DataFrame:
    """What moved the forecast most: channel, from when on, by how much."""
    found = inputs.explain(MODEL, x)
    names = [STORY.names.get(name, name) for name in SCHEMA["channels"]]
    form = "%m-%d %H:%M" if SCHEMA["step"] < 86_400 else "%Y-%m-%d"
    times = rows[SCHEMA["time"]].iloc[:: inputs.BLOCK].dt.strftime(form).to_list()
    order = sorted(np.ndindex(found.shape), key=lambda place: -abs(found[place]))[:6]
    found = [(names[channel], times[block], f"{found[block, channel]:+.3g}") for block, channel in order]
    return pd.DataFrame(found, columns=WHY)


with gr.Blocks(title="{{ cookiecutter.project_name }}", delete_cache=serving.CACHE) as demo:
    gr.Markdown(f"# {{ cookiecutter.project_name }}\n{STORY.demo}")
    with gr.Row():
        with gr.Column(scale=1):
            example = gr.Radio(list(EXAMPLES), label="Pick a moment", visible=bool(EXAMPLES))
            needed = ", ".join([SCHEMA["time"], *SCHEMA["channels"][:3]])
            file = gr.File(label=f"Or a CSV file: {needed}, ...", file_types=[".csv"], height=170)
        with gr.Column(scale=2):
            sentence = gr.Markdown("### The answer appears here\nPick a moment, or give a file.")
            plot = gr.Plot(label="Forecast", show_label=False)
            why = gr.Dataframe(headers=WHY, label="What moved it, in its units", interactive=False)
    gr.Markdown(STORY.attribution)
    outputs = [sentence, plot, why]
    example.change(pick, example, outputs, api_visibility="private")
    file.upload(forecast, file, outputs, api_name="forecast")

demo.queue(**serving.QUEUE)

if __name__ == "__main__":
    demo.launch(**serving.START)
