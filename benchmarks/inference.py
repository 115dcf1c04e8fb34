"""Latency of one answer: torch, onnxruntime, dynamic int8, the Gradio app, the browser."""

import concurrent.futures
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from measure import QUICK, prepared, row
from onnxruntime.quantization import QuantType, quantize_dynamic
from project import config, dataset, export, predict, scores
from sklearn.metrics import mean_absolute_error, roc_auc_score

CALLS = 40 if QUICK else 200
CLICK = """name => new Promise(done => {
  const form = document.querySelector("form.demo");
  const begun = performance.now();
  const watch = new MutationObserver(() => {
    if (form.hasAttribute("aria-busy")) return;
    watch.disconnect();
    done(performance.now() - begun);
  });
  watch.observe(form, { attributes: true, attributeFilter: ["aria-busy"] });
  form.querySelector(`[name=example][value="${name}"]`).click();
})"""


def told(times: list[float]) -> str:
    """Median and 95% point in milliseconds."""
    middle, late = (f"{float(f'{1000 * np.quantile(times, q):.3g}'):,g}" for q in (0.5, 0.95))
    return f"{middle} ms, p95 {late} ms"


def models(x: np.ndarray, y: np.ndarray, val: np.ndarray) -> None:
    """One sample at a time, the three in turn; and what int8 costs on validation."""
    network = export.load("models/best.ckpt")
    full, small = Path("models/model.onnx"), Path("runs/int8.onnx")
    small.parent.mkdir(exist_ok=True)
    quantize_dynamic(full, small, weight_type=QuantType.QUInt8)
    exact, eight = predict.Model(full), predict.Model(small)
    times: dict[str, list[float]] = {"torch": [], "onnxruntime": [], "int8": []}
    with torch.inference_mode():
        sides = {
            "torch": lambda one: network.answer(torch.from_numpy(one))[0].numpy(),
            "onnxruntime": exact,
            "int8": eight,
        }
        for _ in range(2 if QUICK else 5):
            for name, side in sides.items():  # in turns of many calls: threads of the last side spin for a while
                time.sleep(0.3)
                for turn in range(CALLS // 5 + 5):
                    one = np.array(x[turn % len(x)][None])
                    begun = time.perf_counter()
                    side(one)
                    if turn >= 5:
                        times[name].append(time.perf_counter() - begun)
    middle = {name: statistics.median(found) for name, found in times.items()}
    row(
        "one sample, onnxruntime",
        told(times["onnxruntime"]),
        f"torch {told(times['torch'])}",
        middle["torch"] / middle["onnxruntime"],
        ">= 3",
    )
    if QUICK:
        return
    some = val[:: max(1, len(val) // 2000)]
    classify = exact.schema["task"] == "classification"
    quality = []
    for model in (eight, exact):
        answer = model(np.array(x[some]))
        quality.append(roc_auc_score(y[some], answer) if classify else mean_absolute_error(y[some], answer[:, 1]))
    first = scores.FIRST[exact.schema["task"]].upper()
    size = [path.stat().st_size / 1e6 for path in (small, full)]
    row(
        "one sample, dynamic int8",
        told(times["int8"]),
        f"onnxruntime {told(times['onnxruntime'])}",
        middle["onnxruntime"] / middle["int8"],
    )
    row(
        "dynamic int8 on validation",
        f"{first} {quality[0]:.4g}, {size[0]:.2g} MB",
        f"{first} {quality[1]:.4g}, {size[1]:.2g} MB",
    )


def gradio() -> None:
    """The app as its visitors meet it: a file is sent and read, one client and twenty at a time."""
    from gradio_client import Client, handle_file

    sys.path.insert(0, "tests")
    from kind import API

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
        example = str(sorted(Path("docs/examples").iterdir())[0])

        def ask(client: Client, count: int) -> list[float]:
            times = []
            for _ in range(count + 1):
                begun = time.perf_counter()
                client.predict(handle_file(example), api_name=f"/{API}")
                times.append(time.perf_counter() - begun)
            return times[1:]

        clients = [Client(address, verbose=False, download_files=False) for _ in range(4 if QUICK else 20)]
        row("Gradio app, one client", told(ask(clients[0], 8 if QUICK else 40)))
        count = 3 if QUICK else 10
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            begun = time.perf_counter()
            many = [found for times in pool.map(ask, clients, [count] * len(clients)) for found in times]
            rate = len(clients) * (count + 1) / (time.perf_counter() - begun)
        row(f"Gradio app, {len(clients)} clients", told(many), f"{rate:.1f} answers a second")
    finally:
        app.terminate()
        app.wait()


def browser() -> None:
    """The page of the demo in Chromium, from a click on an example to its answer, explanation included."""
    sys.path.insert(0, "tests")
    from browser import BROWSERS, FLAGS, build, served
    from playwright import sync_api

    names = [path.name for path in sorted(Path("docs/examples").iterdir())]
    with served(build(Path())) as address, sync_api.sync_playwright() as play:
        for where in BROWSERS:
            with contextlib.suppress(sync_api.Error):
                chromium = play.chromium.launch(args=FLAGS, **where)
                break
        else:
            row("browser", "no Chromium here")
            return
        page = chromium.new_page()
        page.goto(f"{address}/demo/")
        page.wait_for_selector("[name=example]")
        times = [page.evaluate(CLICK, names[i % len(names)]) / 1000 for i in range(8 if QUICK else 40)]
        row("browser, from click to answer and explanation", told(times[4:]), f"first one {1000 * times[0]:.0f} ms")
        chromium.close()


def main() -> None:
    prepared()
    x, y, samples, _ = dataset.read()
    val = np.flatnonzero((samples[config.compose("trainer=cpu").data.split] == "val").to_numpy())
    models(x, y, val)
    gradio()
    browser()


if __name__ == "__main__":
    main()
