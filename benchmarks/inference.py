"""Latency of one prediction: torch, onnxruntime, dynamic int8, the Gradio app, the browser."""

import concurrent.futures
import contextlib
import functools
import http.server
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from heldout import config, metrics
from heldout.onnx import OnnxModel
from measure import KIND, QUICK, milliseconds, prepare, row
from onnxruntime.quantization import QuantType, quantize_dynamic
from project import data, train

CALLS = 40 if QUICK else 200
WARM_UP = 5  # calls
CHECKPOINT = Path("models/best.ckpt")
API = {"image": "/inspect", "table": "/upload", "series": "/forecast"}[KIND]  # the app's function for a file
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
CLICK = """name => new Promise(done => {
  const form = document.querySelector("form.demo");
  const start = performance.now();
  const watch = new MutationObserver(() => {
    if (form.hasAttribute("aria-busy")) return;
    watch.disconnect();
    done(performance.now() - start);
  });
  watch.observe(form, { attributes: true, attributeFilter: ["aria-busy"] });
  form.querySelector(`[name=example][value="${name}"]`).click();
})"""


def torch_function() -> Callable[[np.ndarray], object]:
    """The trained network in torch: raw samples (n, ...) -> predictions."""
    network = train.load_classifier(CHECKPOINT).model if KIND == "image" else train.load_network(CHECKPOINT)
    function = getattr(network, "predict", network)  # the forecaster's forward pass is its prediction

    def predict(x: np.ndarray) -> object:
        with torch.inference_mode():
            return function(torch.from_numpy(x))

    return predict


def measure_models(x: np.ndarray, y: np.ndarray, val: np.ndarray) -> None:
    """Rows for one sample at a time by each runtime, and for the quality of int8 on validation; val (k,) rows of x."""
    full, small = Path("models/model.onnx"), Path("runs/int8.onnx")
    small.parent.mkdir(exist_ok=True)
    quantize_dynamic(full, small, weight_type=QuantType.QUInt8)
    exact, int8 = OnnxModel(full), OnnxModel(small)
    functions = {"torch": torch_function(), "onnxruntime": exact.run, "int8": int8.run}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(2 if QUICK else 5):
        for name, function in functions.items():
            time.sleep(0.3)  # threads of the last runtime spin for a while
            for turn in range(CALLS // 5 + WARM_UP):
                sample = np.array(x[turn % len(x)][None])
                start = time.perf_counter()
                function(sample)
                if turn >= WARM_UP:
                    times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    texts = {name: milliseconds(values) for name, values in times.items()}
    ratio = medians["torch"] / medians["onnxruntime"]
    row("one sample, onnxruntime", texts["onnxruntime"], f"torch {texts['torch']}", ratio, ">= 3")
    if QUICK:
        return
    ratio = medians["onnxruntime"] / medians["int8"]
    row("one sample, dynamic int8", texts["int8"], f"onnxruntime {texts['onnxruntime']}", ratio)
    sampled = val[:: max(1, len(val) // 2000)]
    cells = []
    for network, path in ((int8, small), (exact, full)):
        predictions = network.run(np.array(x[sampled]))[0]
        if predictions.ndim == 1:
            quality = f"AUC {metrics.roc_auc(y[sampled], predictions):.4g}"
        else:
            quality = f"MAE {np.abs(y[sampled] - predictions[:, 1]).mean():.4g}"
        cells.append(f"{quality}, {path.stat().st_size / 1e6:.2g} MB")
    row("dynamic int8 on validation", *cells)


@contextlib.contextmanager
def running_app() -> Iterator[str]:
    """Address of `python app.py` in a process of its own."""
    from gradio_client import Client

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    env = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    app = subprocess.Popen([sys.executable, "app.py"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(120):
            with contextlib.suppress(Exception):
                Client(address, verbose=False)
                break
            time.sleep(0.5)
        yield address
    finally:
        app.terminate()
        app.wait()


def measure_gradio() -> None:
    """Rows for the app as its visitors use it: a file is uploaded and predicted, by one client and by twenty."""
    from gradio_client import Client, handle_file

    example = str(sorted(Path("docs/examples").iterdir())[0])

    def request(client: Client, count: int) -> list[float]:
        """Seconds of each request after the first."""
        times = []
        for _ in range(count + 1):
            start = time.perf_counter()
            client.predict(handle_file(example), api_name=API)
            times.append(time.perf_counter() - start)
        return times[1:]

    with running_app() as address:
        clients = [Client(address, verbose=False, download_files=False) for _ in range(4 if QUICK else 20)]
        row("Gradio app, one client", milliseconds(request(clients[0], 8 if QUICK else 40)))
        count, times = 3 if QUICK else 10, []
        start = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            for values in pool.map(request, clients, [count] * len(clients)):
                times += values
        rate = len(clients) * (count + 1) / (time.perf_counter() - start)
        row(f"Gradio app, {len(clients)} clients", milliseconds(times), f"{rate:.1f} predictions a second")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *words: object) -> None:
        pass


@contextlib.contextmanager
def served_site() -> Iterator[str]:
    """Address of the built site, served as plain files."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    subprocess.run(command, check=True, stdout=sys.stderr)
    handler = functools.partial(QuietHandler, directory="site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def measure_browser() -> None:
    """A row for the demo page in Chromium: from the click on an example to its prediction and explanation."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        row("browser", "no Chromium here")
        return
    names = [path.name for path in sorted(Path("docs/examples").iterdir())]
    with served_site() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{address}/demo/")
        page.wait_for_selector("form[data-ready] [name=example]")
        times = []
        for i in range(8 if QUICK else 40):
            times.append(page.evaluate(CLICK, names[i % len(names)]) / 1000)
        what = "browser, from click to prediction and explanation"
        row(what, milliseconds(times[4:]), f"first one {1000 * times[0]:.0f} ms")
        browser.close()


def main() -> None:
    prepare()
    x, samples, _ = data.load_prepared()
    val = np.flatnonzero((samples[config.compose("trainer=cpu").data.split] == "val").to_numpy())
    measure_models(x, samples.label.to_numpy(), val)
    measure_gradio()
    measure_browser()


if __name__ == "__main__":
    main()
