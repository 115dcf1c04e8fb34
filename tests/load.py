"""Load test of the demo: 200 clients at once, first with good requests, then with adversarial ones among them.

Runs in a project whose pipeline has run, in its environment: `uv run python load.py API REQUESTS [ROUNDS]`. Prints a
JSON line: rate and p95 of good requests, alone and in the slowest round with bad ones; memory of each round; problems.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import random
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import adversarial
import httpx
from adversarial import EXAMPLES

API, N_REQUESTS = sys.argv[1], int(sys.argv[2])
N_ROUNDS = max(1, int(sys.argv[3])) if len(sys.argv) > 3 else 1  # with bad requests: does memory keep growing?
N_CLIENTS = 200
BAD_SHARE = 0.4  # of the requests of a round
FILE_META = {"_type": "gradio.FileData"}
JSON_HEADER = {"content-type": "application/json"}
CANARY = secrets.token_hex(16)
# Texts that no response may contain, and their names.
SECRETS = {CANARY: "canary", "root:x:0:": "passwd", "Traceback (most": "traceback"}


def project_digests() -> set[bytes]:
    """SHA-256 of the files of the project, which no address may serve."""
    digests = set()
    for path in Path().rglob("*"):
        is_public = {".venv", "examples", "site"} & set(path.parts)
        if not is_public and path.is_file() and path.stat().st_size:
            digests.add(hashlib.sha256(path.read_bytes()).digest())
    return digests


class Visitor:
    """Sends requests over HTTP as the demo's page does; collects problems."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.private, self.problems = project_digests(), []

    def check(self, what: str, content: bytes) -> str:
        """The text of a response; a problem if it has a secret, or is a file of the project."""
        text = content.decode(errors="replace")
        for secret, name in SECRETS.items():
            if secret in text:
                self.problems.append(f"{what}: {name} in the response")
        if content and hashlib.sha256(content).digest() in self.private:
            self.problems.append(f"{what}: a file of the project")
        return text

    async def upload(self, name: str, content: bytes) -> str | None:
        """The path under which the demo stores the file, or None if it refuses it."""
        response = await self.client.post("gradio_api/upload", files={"files": (name, content)})
        self.check(f"upload of {name}", response.content)
        if response.status_code not in (200, 400, 413):
            self.problems.append(f"upload of {name}: {response.status_code}")
        return response.json()[0] if response.status_code == 200 else None

    async def example(self, path: Path) -> dict:
        """The body of a good request."""
        for _ in range(5):
            if uploaded := await self.upload(path.name, path.read_bytes()):
                return {"data": [{"path": uploaded, "orig_name": path.name, "meta": FILE_META}]}
        raise RuntimeError(f"{path}: upload refused")

    async def predict(self, what: str, body: object) -> tuple[str, object]:
        """How the request ended ("complete", "error", "full", "refused" or "lost"), and its data."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        response = await self.client.post(f"gradio_api/call/{API}", headers=JSON_HEADER, **content)
        text = self.check(what, response.content)
        if response.status_code == 503 or "Queue is full" in text:
            return "full", None
        if response.status_code >= 500:
            self.problems.append(f"{what}: {response.status_code}")
        if response.status_code != 200:
            return "refused", text
        event = response.json()["event_id"]
        response = await self.client.get(f"gradio_api/call/{API}/{event}")
        text = self.check(what, response.content)
        events = re.findall(r"event: (complete|error)\ndata: (.*)", text)
        if not events:
            return "lost", text[:200]
        status, data = events[-1]
        if "queue is full" in data.lower():
            return "full", None
        return status, json.loads(data)

    async def retry(self, what: str, body: object) -> tuple[str, object, float]:
        """`predict` until the queue is not full; also the seconds of the last attempt."""
        for _ in range(600):
            start = time.perf_counter()
            status, data = await self.predict(what, body)
            if status != "full":
                return status, data, time.perf_counter() - start
            await asyncio.sleep(random.uniform(0.5, 3))
        return "full", None, 0.0

    async def call_function(self, function: dict, position: int, value: object) -> None:
        """Calls a function of the page, with or without a name, with one bad input, through the queue."""
        inputs = list(function["inputs"])
        inputs[position] = value
        session = secrets.token_hex(8)
        body = json.dumps({"data": inputs, "fn_index": function["id"], "session_hash": session})
        what = f"function {function['id']}, input {position}: {str(value)[:60]!r}"
        response = await self.client.post("gradio_api/queue/join", headers=JSON_HEADER, content=body)
        text = self.check(what, response.content)
        if response.status_code == 200:
            response = await self.client.get("gradio_api/queue/data", params={"session_hash": session})
            text = self.check(what, response.content)
            if "process_completed" not in text and "full" not in text:
                self.problems.append(f"{what}: no response, {text[:200]}")
        elif response.status_code >= 500 and "full" not in text:
            self.problems.append(f"{what}: {response.status_code} {text[:200]}")

    async def get_raw(self, address: str) -> None:
        """Requests an address as it is: an HTTP client would resolve its dots."""
        url = self.client.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET /{address} HTTP/1.1\r\nHost: {url.host}\r\nConnection: close\r\n\r\n".encode())
        content = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while chunk := await asyncio.wait_for(reader.read(1 << 20), 3):  # an endless stream has no end
                content += chunk
        writer.close()
        head, _, body = content.partition(b"\r\n\r\n")
        self.check(address, body)
        if head.split()[1:2] > [b"499"]:
            self.problems.append(f"{address}: {head.splitlines()[0].decode()}")


async def page_functions(client: httpx.AsyncClient) -> list[dict]:
    """Id of each function of the page, and the inputs that the page sends at first."""
    page = (await client.get("config")).json()
    values = {component["id"]: component["props"].get("value") for component in page["components"]}
    functions = []
    for function in page["dependencies"]:
        if function["backend_fn"] and function["inputs"]:
            inputs = [values[component] for component in function["inputs"]]
            functions.append({"id": function["id"], "inputs": inputs})
    return functions


def comparable(data: list) -> str:
    """The outputs of a prediction without paths and plots, which differ each time."""
    return json.dumps([part for part in data if not (isinstance(part, dict) and {"path", "plot"} & set(part))])


@dataclass
class LoadTest:
    """Good and bad requests in random order; the same good ones have to give the same outputs."""

    visitor: Visitor
    files: dict[str, tuple[str, bytes]]
    bodies: dict[str, object]
    addresses: list[str]
    values: list[object]
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    expected: dict[Path, str] = field(default_factory=dict)  # outputs of the examples
    inputs: list[tuple[dict, int]] = field(default_factory=list)  # function and position
    sent: set[str] = field(default_factory=set)  # kinds of bad input

    async def prepare(self) -> None:
        """Predicts every example once, without load."""
        for path in EXAMPLES:
            status, data, _ = await self.visitor.retry(path.name, await self.visitor.example(path))
            assert status == "complete", (path, status, data)
            self.expected[path] = comparable(data)
        for function in await page_functions(self.visitor.client):
            self.inputs += [(function, position) for position in range(len(function["inputs"]))]

    async def send_good(self, times: list[tuple[float, float]]) -> None:
        """An example; appends seconds of the last attempt, and of all attempts."""
        path, start = self.rng.choice(EXAMPLES), time.perf_counter()
        status, data, seconds = await self.visitor.retry(path.name, await self.visitor.example(path))
        times.append((seconds, time.perf_counter() - start))
        if status != "complete" or comparable(data) != self.expected[path]:
            self.visitor.problems.append(f"good request {path.name}: {status} {str(data)[:200]}")

    async def send_file(self, name: str) -> None:
        """A bad file: the upload is refused, or the prediction ends with an error that gives the reason."""
        self.sent.add(f"file {name}")
        path = await self.visitor.upload(*self.files[name])
        if path is None:
            return
        status, data, _ = await self.visitor.retry(name, {"data": [{"path": path, "meta": FILE_META}]})
        if status != "error" or not isinstance(data, dict) or not isinstance(data.get("error"), str):
            self.visitor.problems.append(f"bad file {name}: {status} {str(data)[:200]}, no error with a reason")

    async def send_body(self, name: str) -> None:
        """A bad request body: refused, or an error."""
        self.sent.add(f"body {name}")
        status, data, _ = await self.visitor.retry(name, self.bodies[name])
        if status not in ("error", "refused"):
            self.visitor.problems.append(f"bad request {name}: {status} {str(data)[:200]}")

    async def send_address(self) -> None:
        """An address of something that is not public."""
        await self.visitor.get_raw(self.rng.choice(self.addresses))

    async def send_value(self) -> None:
        """A bad value for an input of a function."""
        number = self.rng.randrange(len(self.values))
        self.sent.add(f"value {number}")
        await self.visitor.call_function(*self.rng.choice(self.inputs), self.values[number])

    def bad_requests(self) -> list[Callable[[], Awaitable[None]]]:
        """One request of each kind."""
        requests = [lambda name=name: self.send_file(name) for name in self.files]
        requests += [lambda name=name: self.send_body(name) for name in self.bodies]
        return requests + [self.send_address, self.send_value] * 10

    async def run_round(self, bad_share: float) -> tuple[list[tuple[float, float]], float]:
        """Times of the good requests as `send_good` appends them, and seconds of the round."""
        times: list[tuple[float, float]] = []
        requests = [lambda: self.send_good(times)] * round(N_REQUESTS * (1 - bad_share))
        if bad_share:
            bad = self.bad_requests()
            n_bad = max(N_REQUESTS - len(requests), len(bad))
            requests += [bad[i % len(bad)] for i in range(n_bad)]
        self.rng.shuffle(requests)
        clients, start = asyncio.Semaphore(N_CLIENTS), time.perf_counter()

        async def send(request: Callable[[], Awaitable[None]]) -> None:
            async with clients:
                try:
                    await request()
                except Exception as error:
                    self.visitor.problems.append(f"{type(error).__name__}: {error}")

        await asyncio.gather(*map(send, requests))
        return times, time.perf_counter() - start

    async def check_afterwards(self) -> float:
        """Requests every address once, and the first example without load; returns its seconds."""
        for address in self.addresses:
            await self.visitor.get_raw(address)
        path = EXAMPLES[0]
        direct = await self.visitor.client.post(f"gradio_api/run/{API}", json=await self.visitor.example(path))
        if direct.status_code == 200:
            self.visitor.problems.append("a request bypasses the queue")
        status, data, seconds = await self.visitor.retry("afterwards", await self.visitor.example(path))
        if status != "complete" or comparable(data) != self.expected[path]:
            self.visitor.problems.append(f"afterwards: {status}")
        return seconds


def summary(times: list[tuple[float, float]], seconds: float) -> dict:
    """Number, rate and p95 of the good requests of a round of some seconds."""
    attempt, total = (round(statistics.quantiles(column, n=20)[-1], 2) for column in zip(*times, strict=True))
    rate = round(len(times) / seconds, 1)
    return {"good": len(times), "a second": rate, "p95, s": attempt, "p95 with waiting, s": total, "s": round(seconds)}


async def run_all(address: str, temp: Path, link: Path, memory: list[float]) -> dict:
    """All rounds against the demo at `address`; `memory` in MB grows meanwhile."""
    limits = httpx.Limits(max_connections=N_CLIENTS + 20, keepalive_expiry=2)  # the server closes after 5 s
    async with httpx.AsyncClient(base_url=address, timeout=300, limits=limits) as client:
        visitor = Visitor(client)
        files, bodies = adversarial.files(temp, API == "forecast"), adversarial.bodies(temp, link)
        addresses = adversarial.addresses(temp, link)
        test = LoadTest(visitor, files, bodies, addresses, adversarial.values(temp))
        await test.prepare()
        sizes = {"at the start": memory[-1]}
        alone = summary(*await test.run_round(0))
        sizes["after good requests"] = memory[-1]
        mixed = []
        for number in range(N_ROUNDS):
            mixed.append(summary(*await test.run_round(BAD_SHARE)))
            sizes[f"after bad ones, round {number + 1}"] = memory[-1]
        seconds = await test.check_afterwards()
    sizes["highest"] = max(memory)
    slowest = max(mixed, key=lambda result: result["p95 with waiting, s"])
    if N_REQUESTS >= 400 and slowest["p95 with waiting, s"] > 3 * alone["p95 with waiting, s"]:
        visitor.problems.append("good requests wait three times as long among bad ones")
    return {
        "clients": N_CLIENTS,
        "requests": (1 + N_ROUNDS) * N_REQUESTS,
        "kinds of bad input": len(test.sent),
        "addresses": len(addresses),
        "good requests alone": alone,
        "with bad ones among them": slowest,
        "afterwards, alone, s": round(seconds, 3),
        "memory, MB": {when: round(size) for when, size in sizes.items()},
        "problems": sorted(set(visitor.problems)),
    }


def app_tracebacks(log: str) -> list[str]:
    """Last lines of tracebacks through app.py, but for the errors that it raises for visitors."""
    tracebacks = re.findall(r"^Traceback .*\n((?:[ \t].*\n|\n)+)(\S.*)", log, re.M)
    problems = []
    for body, last in tracebacks:
        if '/app.py"' in body and "gradio.exceptions" not in last:
            problems.append(f"in the log: {last[:200]}")
    return problems


def watch_memory(process: subprocess.Popen, memory: list[float]) -> None:
    """Appends the memory of a process in MB until it ends."""
    while process.poll() is None:
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            if match := re.search(r"VmRSS:\s+(\d+)", status):
                memory.append(int(match[1]) / 1024)
        time.sleep(0.2)


@contextlib.contextmanager
def running_app(temp: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """Address and process of `python app.py`, which writes to `log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    env = {**os.environ, "GRADIO_SERVER_PORT": f"{port}", "GRADIO_TEMP_DIR": f"{temp}/gradio", "KEY": CANARY}
    with log.open("w") as output:
        app = subprocess.Popen([sys.executable, "app.py"], env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        while app.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(address)
                break
            time.sleep(0.5)
        yield address, app
    finally:
        app.kill()
        app.wait()
        print(log.read_text()[-3000:], file=sys.stderr)


def main() -> None:
    memory: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        temp = Path(name).resolve()
        (temp / "canary").write_text(CANARY)
        (temp / "gradio").mkdir()
        link = temp / "gradio/link.png"
        link.symlink_to("/etc/passwd")
        with running_app(temp, temp / "log") as (address, app):
            threading.Thread(target=watch_memory, args=(app, memory), daemon=True).start()
            results = asyncio.run(run_all(address, temp, link, memory))
            assert app.poll() is None, "the demo is down"
        results["problems"] += sorted(set(app_tracebacks((temp / "log").read_text())))
        if (temp / "was-here").exists():
            results["problems"].append("a program in a file was executed")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
