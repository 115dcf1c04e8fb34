"""The demo: `python app.py`. Inputs and outputs only; the prediction comes from predict.py."""

import sys
from pathlib import Path

import gradio as gr
import numpy as np
from heldout import InputError, images
from heldout.gradio import CACHE, LAUNCH, QUEUE, Photo, input_error
from heldout.onnx import load_metrics

from {{ cookiecutter.package_name }}.predict import Predictor

EXAMPLES = sorted(str(path) for path in Path("docs/examples").glob("*.png"))
try:
    PREDICTOR, THRESHOLD = Predictor(), load_metrics()["threshold"]
except InputError as error:
    sys.exit(f"error: {error}")
NAMES = PREDICTOR.schema["names"]  # of the classes and decisions, from conf/data


def inspect(path: str | None) -> tuple[dict[str, float], np.ndarray, str]:
    """Probability of either class, the photo with its heatmap, and the decision."""
    if path is None:
        raise gr.Error("Upload a photo, or pick an example.", title="No photo")
    with input_error("Unusable photo"):
        photo = PREDICTOR.load(path)
    [probability], [heatmap] = PREDICTOR.with_heatmap(photo)
    scores = {NAMES["positive"]: float(probability), NAMES["negative"]: 1 - float(probability)}
    return scores, images.overlay(photo[0], heatmap), decision(float(probability))


def decision(probability: float) -> str:
    """Markdown for the person who decides."""
    action = NAMES["flag"] if probability >= THRESHOLD else NAMES["pass"]
    return (
        f"### {action.capitalize()}\n"
        f"Probability of {NAMES['positive']}: **{probability:.1%}**. Threshold for "
        f"*{NAMES['flag']}*: {THRESHOLD:.1%}, which minimizes expected cost."
    )


with gr.Blocks(title="{{ cookiecutter.project_name }}", delete_cache=CACHE) as demo:
    gr.Markdown("# {{ cookiecutter.project_name }}")
    with gr.Row():
        with gr.Column():
            photo = Photo(label=NAMES["unit"], height=380, sources=["upload", "clipboard"])
            button = gr.Button("Predict", variant="primary")
        with gr.Column():
            text = gr.Markdown("### The prediction appears here\nUpload a photo, or pick one.")
            scores = gr.Label(label="Probability", show_heading=False)
            heatmap = gr.Image(label=f"Orange: evidence for {NAMES['positive']}", height=300)
    outputs = [scores, heatmap, text]
    if EXAMPLES:
        gr.Examples(EXAMPLES, photo, outputs, inspect, run_on_click=True, api_visibility="private")
        gr.Markdown(NAMES["attribution"])
    button.click(inspect, photo, outputs, api_name="inspect")

demo.queue(**QUEUE)

if __name__ == "__main__":
    demo.launch(**LAUNCH)
