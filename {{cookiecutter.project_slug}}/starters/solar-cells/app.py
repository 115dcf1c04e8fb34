"""The demo: `python app.py`. Only inputs and outputs; the answer comes from predict.py."""

import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr

from {{ cookiecutter.package_name }} import predict
from {{ cookiecutter.package_name }}.config import BadInput

EXAMPLES = sorted(str(path) for path in Path("docs/examples").glob("*.png"))
LICENCE = (
    "Example photos: ELPV dataset, Buerhop-Lutz et al. 2018 and Deitsch et al. 2019, "
    "[CC BY-NC-SA 4.0](https://creativecommons.org/licenses/by-nc-sa/4.0/)."
)


def inspect(path: str | None) -> tuple[dict[str, float], object, str]:
    """Probabilities, photo with explanation, and what it means to an inspector."""
    if path is None:
        raise gr.Error("Give a photo first, or pick one below.", title="No photo")
    try:
        photo = predict.read(path)
    except BadInput as error:
        raise gr.Error(str(error).replace(path, Path(path).name), title="Unusable photo") from None
    found = predict.answer(MODEL, photo)
    scores = {"defective": found.probability, "sound": 1 - found.probability}
    return scores, predict.overlay(photo, found.explanation), meaning(found)


def meaning(found: predict.Answer) -> str:
    """One sentence for an inspector."""
    chance = f"**{found.probability:.0%}** likely to be defective"
    rule = f"from {found.threshold:.0%} on a cell gets a second look, because a miss costs more than a look"
    if found.flagged:
        return f"### Look again\nThis cell is {chance}; {rule}. Start where the photo is orange."
    return f"### Build it in\nThis cell is {chance}; {rule}."


with gr.Blocks(title="{{ cookiecutter.project_name }}") as demo:
    gr.Markdown(
        "# {{ cookiecutter.project_name }}\n"
        "Is this solar cell broken? Give an electroluminescence photo: what glows works, "
        "what stays dark does not."
    )
    with gr.Row():
        with gr.Column():
            sources = ["upload", "clipboard"]
            photo = gr.Image(type="filepath", label="Photo of one cell", height=380, sources=sources)
            # The file unopened, so that predict.read can say what is wrong with it.
            photo.preprocess = lambda payload: payload.path if payload else None
            button = gr.Button("Inspect", variant="primary")
        with gr.Column():
            sentence = gr.Markdown("### The answer appears here\nGive a photo, or pick one below.")
            scores = gr.Label(label="Probability", show_heading=False)
            why = gr.Image(label="What spoke for a defect", height=300)
    outputs = [scores, why, sentence]
    if EXAMPLES:
        gr.Examples(EXAMPLES, photo, outputs, inspect, run_on_click=True, api_name=False)
        gr.Markdown(LICENCE)
    button.click(inspect, photo, outputs, api_name="inspect")

try:
    MODEL = predict.Model()
    predict.threshold()
except BadInput as error:
    sys.exit(f"error: {error}")

if __name__ == "__main__":
    demo.queue(max_size=32).launch(max_file_size="10mb", theme=gr.themes.Soft(primary_hue="orange"))
