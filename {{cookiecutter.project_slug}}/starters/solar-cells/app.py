"""The demo: `python app.py`. Only inputs and outputs; the answer comes from predict.py."""

import os
import sys
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from gradio import processing_utils
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder

from {{ cookiecutter.package_name }} import config, inputs, predict
from {{ cookiecutter.package_name }}.config import BadInput

STORY = config.compose().data.story
EXAMPLES = sorted(str(path) for path in Path("docs/examples").glob("*.png"))


def unopened(payload: ImageData | None) -> str | None:
    """Where the visitor's file lies, for inputs.read to say what is wrong with it; no other file is read."""
    if payload is None:
        return None
    if not Path(payload.path or "").resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise gr.Error("Send the photo itself.", title="No photo")
    return payload.path


async def not_fetched(url: str, cache_dir: str) -> str:
    """In place of Gradio's own, which would fetch what a visitor names, whatever its size."""
    raise gr.Error("Send the file itself, not its address.", title="No file")


processing_utils.async_ssrf_protected_download = not_fetched


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


with gr.Blocks(
    title="{{ cookiecutter.project_name }}",
    delete_cache=(3600, 3600),  # seconds after which what visitors give is deleted
) as demo:
    gr.Markdown(f"# {{ cookiecutter.project_name }}\n{STORY.demo}")
    with gr.Row():
        with gr.Column():
            sources = ["upload", "clipboard"]
            photo = gr.Image(type="filepath", label=STORY.unit.capitalize(), height=380, sources=sources)
            photo.preprocess = unopened
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

try:
    MODEL = predict.Model()
    predict.threshold()
except BadInput as error:
    sys.exit(f"error: {error}")

demo.queue(max_size=32, default_concurrency_limit=2, api_open=False)  # who waits, answers at a time
START = {
    "max_file_size": "10mb",
    "state_session_capacity": 100,  # visitors whose page Gradio keeps a copy of, 50 kB each
    "app_kwargs": {"max_body_size": 12_000_000},  # bytes of any request
    "theme": gr.themes.Soft(primary_hue="orange"),
}

if __name__ == "__main__":
    demo.launch(**START)
