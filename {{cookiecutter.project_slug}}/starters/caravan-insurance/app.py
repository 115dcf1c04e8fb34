"""The demo: `python app.py`. Only inputs and outputs; the answer comes from predict.py."""

import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import numpy as np

from {{ cookiecutter.package_name }} import config, inputs, predict, serving, tables
from {{ cookiecutter.package_name }}.config import BadInput

try:
    DATA = config.compose().data
    MODEL = predict.Model()
    CLASSIFIES = MODEL.schema["task"] == "classification"
    THRESHOLD = predict.threshold() if CLASSIFIES else 0
    UNIT = "log-odds" if CLASSIFIES else "units of the answer"
    ROWS = {p.stem: inputs.read(p, MODEL.schema)[0] for p in sorted(Path("docs/examples").glob("*.csv"))}
except BadInput as error:
    sys.exit(f"error: {error}")
STORY = DATA.story
COLUMNS = MODEL.schema["columns"]
NAMES = [column["name"] for column in COLUMNS]
SHOWN = [NAMES.index(name) for name in DATA.show if name in NAMES] or list(range(min(8, len(NAMES))))
ROWS = {"typical": inputs.typical(MODEL.schema), **ROWS}


def title(place: int) -> str:
    """The name of a column as a person in the industry would say it."""
    return STORY.names.get(NAMES[place], NAMES[place])


def field(place: int) -> gr.Number | gr.Dropdown:
    """An input for one column, with its typical value."""
    column = COLUMNS[place]
    if "values" in column:
        return gr.Dropdown(column["values"], value=column["typical"], label=title(place))
    return gr.Number(column["typical"], label=f"{title(place)} ({column['low']:g} to {column['high']:g})")


def pick(name: str) -> list:
    """The values of an example in the fields."""
    row = ROWS.get(name, ROWS["typical"])
    return [None if np.isnan(row[i]) else known(row[i], COLUMNS[i]) for i in SHOWN]


def known(value: float, column: dict) -> str | float:
    """A value of x as the field shows it."""
    return column["values"][int(value)] if "values" in column else float(value)


def answer(name: str, *values: str | float | None) -> tuple[str, dict[str, float], list[list]]:
    """The answer for the chosen example with these values in place of its own."""
    row = ROWS.get(name, ROWS["typical"]).copy()
    for place, value in zip(SHOWN, values, strict=True):
        column = COLUMNS[place]
        if value is None:
            row[place] = np.nan
        elif "values" in column:
            row[place] = column["values"].index(value)
        elif not isinstance(value, int | float) or not abs(value) <= tables.LARGEST:  # NaN, too
            raise gr.Error(f"{title(place)}: give a finite number.", title="Unusable value")
        else:
            row[place] = value
    return told(row)


def upload(path: str | None) -> tuple[str, dict[str, float], list[list]]:
    """The answer for the first row of a file."""
    if path is None:
        raise gr.Error("Give a CSV file first.", title="No file")
    try:
        rows = inputs.read(path, MODEL.schema)
    except BadInput as error:
        raise gr.Error(str(error).replace(path, Path(path).name), title="Unusable file") from None
    sentence, scores, why = told(rows[0])
    more = f"\n\nThe file has {len(rows)} rows; this is the first." if len(rows) > 1 else ""
    return sentence + more, scores, why


def told(row: np.ndarray) -> tuple[str, dict[str, float], list[list]]:
    """Sentence, probabilities and the columns that moved the answer for one row (columns,)."""
    try:
        [found] = MODEL(row[None])
        why = inputs.explain(MODEL, row)
    except BadInput as error:
        raise gr.Error(str(error), title="Unusable value") from None
    top = [i for i in np.argsort(-np.abs(why))[:6] if why[i]]
    reasons = [[title(i), inputs.text(row[i], COLUMNS[i]), f"{why[i]:+.3g}"] for i in top]
    reasons = reasons or [["every value is typical", "", ""]]
    if not CLASSIFIES:
        low, middle, high = (predict.number(value, like=found[1]) for value in found)
        return f"### {middle}\n80% interval: {low} to {high}.", {}, reasons
    decision = STORY.flag if found >= THRESHOLD else STORY["pass"]
    sentence = (
        f"### {decision.capitalize()}\nThis {STORY.unit} has a chance of **{found:.1%}** ({STORY.positive}); "
        f"from {THRESHOLD:.1%} on: {STORY.flag}, which costs least in the long run."
    )
    return sentence, {STORY.positive: float(found), STORY.negative: 1 - float(found)}, reasons


with gr.Blocks(title="{{ cookiecutter.project_name }}", delete_cache=serving.CACHE) as demo:
    gr.Markdown(f"# {{ cookiecutter.project_name }}\n{STORY.demo}")
    with gr.Row():
        with gr.Column():
            example = gr.Radio(list(ROWS), value="typical", label="Start from")
            with gr.Group(), gr.Row():
                fields = [field(place) for place in SHOWN]
            button = gr.Button("Answer", variant="primary")
            file = gr.File(label="Or a CSV file with all columns", file_types=[".csv"], height=120)
        with gr.Column():
            sentence = gr.Markdown("### The answer appears here\nChange a value, or pick an example.")
            scores = gr.Label(label="Probability", show_heading=False, visible=CLASSIFIES)
            why = gr.Dataframe(
                headers=["column", "value", "moves it by"],
                label=f"What spoke for it: change against the typical value, in {UNIT}",
                interactive=False,
                column_widths=["50%", "25%", "25%"],
                wrap=True,
            )
    outputs = [sentence, scores, why]
    gr.Markdown(STORY.attribution)
    button.click(answer, [example, *fields], outputs, api_name="answer")
    file.upload(upload, file, outputs, api_name="upload")
    picked = example.change(pick, example, fields, api_visibility="private")
    picked.then(answer, [example, *fields], outputs, api_visibility="private")

demo.queue(**serving.QUEUE)

if __name__ == "__main__":
    demo.launch(**serving.START)
