"""The demo under load: 200 clients at once, first with good requests, then with some 90 kinds of bad ones among them.

Runs where a project has been run, in its environment: `uv run python siege.py API REQUESTS [ROUNDS]`. Prints a JSON
line: answers per second and p95 of good requests, alone and in the worst round with bad ones; memory after each round;
what went wrong (nothing).
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
from collections.abc import Awaitable, Callable
from pathlib import Path

import hostile
import httpx
from hostile import EXAMPLES

API, REQUESTS = sys.argv[1], int(sys.argv[2])
ROUNDS = max(1, int(sys.argv[3])) if len(sys.argv) > 3 else 1  # with bad requests: does memory end somewhere?
CLIENTS = 200
CANARY = secrets.token_hex(16)
SECRETS = {CANARY: "canary", "root:x:0:": "passwd", "Traceback (most": "traceback"}
# Files of the project that no address may give out.
OWN = {
    hashlib.sha256(path.read_bytes()).digest()
    for path in Path().rglob("*")
    if path.is_file() and path.stat().st_size and not {".venv", "examples", "site"} & set(path.parts)
}


class Visitor:
    """Asks the demo over HTTP as its page does."""

    def __init__(self, client: httpx.AsyncClient, trouble: list[str]) -> None:
        self.client, self.trouble = client, trouble

    def see(self, what: str, content: bytes) -> str:
        """The text of an answer, in which nothing of the machine's own may stand."""
        text = content.decode(errors="replace")
        for secret, name in SECRETS.items():
            if secret in text:
                self.trouble.append(f"{what}: {name} in the answer")
        if content and hashlib.sha256(content).digest() in OWN:
            self.trouble.append(f"{what}: a file of the project")
        return text

    async def upload(self, name: str, content: bytes) -> str | None:
        """The path under which the demo has the file, or None if it did not take it."""
        answer = await self.client.post("gradio_api/upload", files={"files": (name, content)})
        self.see(f"upload of {name}", answer.content)
        if answer.status_code not in (200, 400, 413):
            self.trouble.append(f"upload of {name}: {answer.status_code}")
        return answer.json()[0] if answer.status_code == 200 else None

    async def ask(self, what: str, body: object) -> tuple[str, object]:
        """How the request ended: complete, error, full or refused; and the answer."""
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        answer = await self.client.post(f"gradio_api/call/{API}", headers={"content-type": "application/json"}, **given)
        text = self.see(what, answer.content)
        if answer.status_code == 503 or "Queue is full" in text:
            return "full", None
        if answer.status_code >= 500:
            self.trouble.append(f"{what}: {answer.status_code}")
        if answer.status_code != 200:
            return "refused", text
        event = answer.json()["event_id"]
        answer = await self.client.get(f"gradio_api/call/{API}/{event}")
        text = self.see(what, answer.content)
        ends = re.findall(r"event: (complete|error)\ndata: (.*)", text)
        if not ends:
            return "lost", text[:200]
        end, data = ends[-1]
        if "Queue is full" in data or "queue is full" in data.lower():
            return "full", None
        return end, json.loads(data)

    async def call(self, function: dict, place: int, value: object) -> None:
        """Gives a function, named or not, one unusable input, by the way that the page takes."""
        given = list(function["given"])
        given[place] = value
        session = secrets.token_hex(8)
        body = json.dumps({"data": given, "fn_index": function["id"], "session_hash": session})
        what = f"function {function['id']}, input {place}: {str(value)[:60]!r}"
        headers = {"content-type": "application/json"}
        answer = await self.client.post("gradio_api/queue/join", headers=headers, content=body)
        text = self.see(what, answer.content)
        if answer.status_code == 200:
            answer = await self.client.get("gradio_api/queue/data", params={"session_hash": session})
            text = self.see(what, answer.content)
            if "process_completed" not in text and "full" not in text:
                self.trouble.append(f"{what}: no answer, {text[:200]}")
        elif answer.status_code >= 500 and "full" not in text:
            self.trouble.append(f"{what}: {answer.status_code} {text[:200]}")

    async def look(self, where: str) -> None:
        """Asks for an address as it stands: a client for the web would take the dots out of it."""
        url = self.client.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"GET /{where} HTTP/1.1\r\nHost: {url.host}\r\nConnection: close\r\n\r\n".encode())
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while some := await asyncio.wait_for(reader.read(1 << 20), 3):  # an endless answer is none
                found += some
        writer.close()
        head, _, body = found.partition(b"\r\n\r\n")
        self.see(where, body)
        if head.split()[1:2] > [b"499"]:
            self.trouble.append(f"{where}: {head.splitlines()[0].decode()}")


async def functions(client: httpx.AsyncClient) -> list[dict]:
    """Every function of the page, by the number that it has there, with what the page would give it."""
    page = (await client.get("config")).json()
    start = {component["id"]: component["props"].get("value") for component in page["components"]}
    return [
        {"id": each["id"], "given": [start[name] for name in each["inputs"]]}
        for each in page["dependencies"]
        if each["backend_fn"] and each["inputs"]
    ]


def core(answer: list) -> str:
    """What an answer says, without paths and drawings, which differ from one to the next."""
    return json.dumps([part for part in answer if not (isinstance(part, dict) and {"path", "plot"} & set(part))])


async def patiently(visitor: Visitor, what: str, body: object) -> tuple[str, object, float]:
    """As a visitor who comes again while the queue is full; seconds of the try that was let in."""
    for _ in range(600):
        begun = time.perf_counter()
        end, data = await visitor.ask(what, body)
        if end != "full":
            return end, data, time.perf_counter() - begun
        await asyncio.sleep(random.uniform(0.5, 3))
    return "full", None, 0.0


async def storm(address: str, temp: Path, link: Path, memory: list[float]) -> dict:
    """All rounds; `memory` of the demo in MB is measured meanwhile."""
    trouble: list[str] = []
    chance = random.Random(0)
    limits = httpx.Limits(max_connections=CLIENTS + 20, keepalive_expiry=2)  # the server waits 5 s
    async with httpx.AsyncClient(base_url=address, timeout=300, limits=limits) as client:
        visitor = Visitor(client, trouble)
        wanted = {}
        for path in EXAMPLES:
            end, data, _ = await patiently(visitor, path.name, await body_of(visitor, path))
            assert end == "complete", (path, end, data)
            wanted[path] = core(data)

        async def good(times: list[tuple[float, float]]) -> None:
            path, begun = chance.choice(EXAMPLES), time.perf_counter()
            end, data, spent = await patiently(visitor, path.name, await body_of(visitor, path))
            times.append((spent, time.perf_counter() - begun))
            if end != "complete" or core(data) != wanted[path]:
                trouble.append(f"good request {path.name}: {end} {str(data)[:200]}")

        files, bodies = hostile.files(temp, API == "forecast"), hostile.bodies(temp, link)
        addresses = hostile.addresses(temp, link)
        refused: dict[str, str] = {}

        async def bad_file(name: str) -> None:
            path = await visitor.upload(*files[name])
            if path is None:
                refused[name] = "not taken"
                return
            end, data, _ = await patiently(visitor, name, {"data": [{"path": path, "meta": META}]})
            refused[name] = end
            if end != "error" or not isinstance(data, dict) or not isinstance(data.get("error"), str):
                trouble.append(f"bad file {name}: {end} {str(data)[:200]}, not an error that says why")

        async def bad_body(name: str) -> None:
            end, data, _ = await patiently(visitor, name, bodies[name])
            refused[f"request with {name}"] = end
            if end not in ("error", "refused"):
                trouble.append(f"bad request {name}: {end} {str(data)[:200]}")

        async def bad_address() -> None:
            await visitor.look(chance.choice(addresses))

        values, sent = hostile.values(temp), set()
        inputs = [(each, place) for each in await functions(client) for place in range(len(each["given"]))]

        async def bad_value() -> None:
            number = chance.randrange(len(values))
            sent.add(number)
            await visitor.call(*chance.choice(inputs), values[number])

        bad = [lambda n=n: bad_file(n) for n in files] + [lambda n=n: bad_body(n) for n in bodies]
        bad += [bad_address, bad_value] * 10

        async def rounds(share: float) -> tuple[list[tuple[float, float]], float]:
            """Times of good requests, of the try that was let in and of all of it, and seconds of the round."""
            times: list[tuple[float, float]] = []
            jobs: list[Callable[[], Awaitable[None]]] = [lambda: good(times)] * round(REQUESTS * (1 - share))
            jobs += [bad[i % len(bad)] for i in range(max(REQUESTS - len(jobs), len(bad) if share else 0))]
            chance.shuffle(jobs)
            gate, begun = asyncio.Semaphore(CLIENTS), time.perf_counter()

            async def one(job: Callable[[], Awaitable[None]]) -> None:
                async with gate:
                    try:
                        await job()
                    except Exception as error:
                        trouble.append(f"{type(error).__name__}: {error}")

            await asyncio.gather(*map(one, jobs))
            return times, time.perf_counter() - begun

        size = {"before": memory[-1]}
        alone, alone_s = await rounds(0)
        size["after good requests"] = memory[-1]
        mixed = []
        for number in range(ROUNDS):
            mixed.append(summary(*await rounds(0.4)))
            size[f"after bad ones, round {number + 1}"] = memory[-1]
        for where in addresses:
            await visitor.look(where)
        direct = await client.post(f"gradio_api/run/{API}", json=await body_of(visitor, EXAMPLES[0]))
        if direct.status_code == 200:
            trouble.append("there is a way past the queue")
        end, data, last = await patiently(visitor, "last", await body_of(visitor, EXAMPLES[0]))
        if end != "complete" or core(data) != wanted[EXAMPLES[0]]:
            trouble.append(f"afterwards: {end}")
    told = [summary(alone, alone_s), max(mixed, key=lambda each: each["p95 with waiting, s"])]
    if REQUESTS >= 400 and told[1]["p95 with waiting, s"] > 3 * told[0]["p95 with waiting, s"]:
        trouble.append("good requests wait three times as long among bad ones")
    return {
        "clients": CLIENTS,
        "requests": (1 + ROUNDS) * REQUESTS,
        "kinds of bad input": len(refused) + len(sent),
        "addresses": len(addresses),
        "good requests alone": told[0],
        "with bad ones among them": told[1],
        "afterwards, alone, s": round(last, 3),
        "memory, MB": {when: round(found) for when, found in {**size, "highest": max(memory)}.items()},
        "trouble": sorted(set(trouble)),
    }


META = {"_type": "gradio.FileData"}


async def body_of(visitor: Visitor, path: Path) -> dict:
    """A good request."""
    for _ in range(5):
        if found := await visitor.upload(path.name, path.read_bytes()):
            return {"data": [{"path": found, "orig_name": path.name, "meta": META}]}
    raise RuntimeError(f"{path}: not taken")


def summary(times: list[tuple[float, float]], seconds: float) -> dict:
    """Good requests of a round: how many, how fast, and how long 95% of them took."""
    tries, wholes = (round(statistics.quantiles(part, n=20)[-1], 2) for part in zip(*times, strict=True))
    rate = round(len(times) / seconds, 1)
    return {"good": len(times), "a second": rate, "p95, s": tries, "p95 with waiting, s": wholes, "s": round(seconds)}


def blunders(log: str) -> list[str]:
    """How tracebacks ended that went through functions of app.py, but for errors that it raises on purpose."""
    ends = re.findall(r"^Traceback .*\n((?:[ \t].*\n|\n)+)(\S.*)", log, re.M)
    return [f"in the log: {end[:200]}" for body, end in ends if '/app.py"' in body and "gradio.exceptions" not in end]


def watch(process: subprocess.Popen, seen: list[float]) -> None:
    """Memory of the demo in MB, as long as it lives."""
    while process.poll() is None:
        with contextlib.suppress(OSError):
            found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
            if found:
                seen.append(int(found[1]) / 1024)
        time.sleep(0.2)


def main() -> None:
    with socket.socket() as free, tempfile.TemporaryDirectory() as name:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        temp = Path(name).resolve()
        (temp / "canary").write_text(CANARY)
        (temp / "gradio").mkdir()
        link = temp / "gradio/link.png"
        link.symlink_to("/etc/passwd")
        env = {**os.environ, "GRADIO_SERVER_PORT": f"{port}", "GRADIO_TEMP_DIR": f"{temp}/gradio", "KEY": CANARY}
        log = (temp / "log").open("w+")
        app = subprocess.Popen([sys.executable, "app.py"], env=env, stdout=log, stderr=subprocess.STDOUT)
        memory: list[float] = []
        threading.Thread(target=watch, args=(app, memory), daemon=True).start()
        try:
            address = f"http://127.0.0.1:{port}"
            while app.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(address)
                    break
                time.sleep(0.5)
            found = asyncio.run(storm(address, temp, link, memory))
            assert app.poll() is None, "the demo is down"
        finally:
            app.kill()
            app.wait()
            log.seek(0)
            print((said := log.read())[-3000:], file=sys.stderr)
        found["trouble"] += sorted({*blunders(said)})
        if (temp / "was-here").exists():
            found["trouble"].append("something in a file was run")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
