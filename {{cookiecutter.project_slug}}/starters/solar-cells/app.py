"""The demo: `python app.py`. Only inputs and outputs; the answer comes from predict.py."""

import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder

from {{ cookiecutter.package_name }} import config, inputs, predict, serving
from {{ cookiecutter.package_name }}.config import BadInput

EXAMPLES = sorted(str(path) for path in Path("docs/examples").glob("*.png"))
try:
    STORY = config.compose().data.story
    MODEL = predict.Model()
    predict.threshold()
except BadInput as error:
    sys.exit(f"error: {error}")


def unopened(field: gr.Image, payload: ImageData | None) -> str | None:
    """Where the visitor's file lies, for inputs.read to say what is wrong with it; no other file is read."""
    if payload is None:
        return None
    if not Path(payload.path or "").resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise gr.Error("Send the photo itself.", title="No photo")
    return payload.path


gr.Image.preprocess = unopened  # of the class: a click on an example makes a new field


def inspect(path: str | None) -> tuple[dict[str, float], object, str]:
    """Probabilities, photo with explanation, and what it means to an inspector."""
    if path is None:
        raise gr.Error("Give a photo first, or pick one below.", title="No photo")
    try:
        photo = inputs.read(path, MODEL.schema)
    except BadInput as error:
        raise gr.Error(str(error).replace(path, Path(path).name), title="Unusable photo") from None
    [probability], [explanation] = MODEL.run(photo)
    scores = {STORY.positive: float(probability), STORY.negative: 1 - float(probability)}
    return scores, inputs.overlay(photo[0], explanation), meaning(probability, predict.threshold())


def meaning(probability: float, threshold: float) -> str:
    """One sentence for the person who decides."""
    chance = f"This {STORY.unit} is **{probability:.1%}** likely to be {STORY.positive}"
    rule = f"from {threshold:.1%} on: {STORY.flag}, which costs least in the long run"
    if probability >= threshold:
        return f"### {STORY.flag.capitalize()}\n{chance}; {rule}. Start where the photo is orange."
    return f"### {STORY['pass'].capitalize()}\n{chance}; {rule}."


with gr.Blocks(title="{{ cookiecutter.project_name }}", delete_cache=serving.CACHE) as demo:
    gr.Markdown(f"# {{ cookiecutter.project_name }}\n{STORY.demo}")
    with gr.Row():
        with gr.Column():
            sources = ["upload", "clipboard"]
            photo = gr.Image(type="filepath", label=STORY.unit.capitalize(), height=380, sources=sources)
            button = gr.Button("Answer", variant="primary")
        with gr.Column():
            sentence = gr.Markdown("### The answer appears here\nGive a photo, or pick one below.")
            scores = gr.Label(label="Probability", show_heading=False)
            why = gr.Image(label=f"What spoke for {STORY.positive}", height=300)
    outputs = [scores, why, sentence]
    if EXAMPLES:
        gr.Examples(EXAMPLES, photo, outputs, inspect, run_on_click=True, api_visibility="private")
        gr.Markdown(STORY.attribution)
    button.click(inspect, photo, outputs, api_name="inspect")

demo.queue(**serving.QUEUE)

if __name__ == "__main__":
    demo.launch(**serving.START)
