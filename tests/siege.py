"""The demo under load: 200 clients at once, first with good requests, then with 60 kinds of bad ones among them.

Runs where a project has been run, in its environment: `uv run python siege.py API REQUESTS`. Prints a JSON line:
answers per second and p95 of both rounds, memory, and what went wrong (nothing).
"""

import asyncio
import contextlib
import csv
import io
import json
import os
import random
import re
import secrets
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from PIL import Image

API, REQUESTS = sys.argv[1], int(sys.argv[2])
CLIENTS = 200
CANARY = secrets.token_hex(16)
EXAMPLES = sorted(Path("docs/examples").iterdir())
PHOTOS = EXAMPLES[0].suffix == ".png"
SOURCE = "default_concurrency_limit"  # stands in app.py


def png(width: int, height: int, rows: int | None = None) -> bytes:
    """A black PNG that is small as a file, whatever its size in pixels; `rows` that it really has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer, pieces = zlib.compressobj(9), []
    for _ in range(height if rows is None else rows):
        pieces.append(packer.compress(bytes(width + 1)))
    body = b"".join([*pieces, packer.flush()])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def saved(image: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def zipped() -> bytes:
    """A zip of zeros."""
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50_000_000))
    return file.getvalue()


def rows() -> list[list[str]]:
    with EXAMPLES[0].open(encoding="utf-8") as file:
        return list(csv.reader(file))


def table(change: Callable[[list[list[str]]], object]) -> bytes:
    """The first example with something wrong in it."""
    found = rows()
    change(found)
    return "\n".join(",".join(row) for row in found).encode()


def filled(word: str) -> bytes:
    """The first example with this word in every field."""
    return table(lambda found: [row.__setitem__(slice(None), [word] * len(row)) for row in found[1:]])


def bad_files(temp: Path) -> dict[str, tuple[str, bytes]]:
    """Name -> file name and content, each to be refused."""
    good = EXAMPLES[0].read_bytes()
    own = EXAMPLES[0].suffix
    found = {
        "nothing": (f"a{own}", b""),
        "one byte": (f"a{own}", b"x"),
        "zeros": (f"a{own}", bytes(10_000)),
        "noise": (f"a{own}", random.Random(0).randbytes(10_000)),
        "zip under another name": (f"a{own}", zipped()),
        "gzip bomb": (f"a{own}", zlib.compress(bytes(200_000_000), 9, 31)),
        "program": (f"a{own}", Path(sys.executable).read_bytes()[:100_000]),
        "pickle": (f"a{own}", b"cposix\nsystem\n(S'touch " + str(temp / "was-here").encode() + b"'\ntR."),
        "EPS": (
            f"a{own}",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(" + str(temp / "was-here").encode() + b") (w) file\n",
        ),
        "SVG with an entity": (f"a{own}", b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'),
        "HTML": (f"a{own}", b"<script>alert(1)</script>"),
        "PDF": (f"a{own}", b"%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj"),
        "UTF-16": (f"a{own}", "a,b\n1,2\n".encode("utf-16")),
    }
    if PHOTOS:
        grey = Image.new("L", (64, 64))
        return found | {
            "half a photo": ("a.png", good[: len(good) // 2]),
            "head of a photo": ("a.png", good[:40]),
            "100 megapixels": ("a.png", png(10_000, 10_000)),
            "decompression bomb": ("a.png", png(40_000, 40_000, 2_000)),
            "four billion pixels": ("a.png", png(65_535, 65_535, 1)),
            "long strip": ("a.png", png(50_000, 40)),
            "one pixel": ("a.png", png(1, 1)),
            "no pixel": ("a.png", png(0, 0)),
            "16 bit": ("a.png", saved(Image.new("I;16", (64, 64)), "PNG")),
            "floats": ("a.tif", saved(Image.new("F", (64, 64)), "TIFF")),
            "icon of one pixel": ("a.ico", saved(grey.resize((16, 16)), "ICO")),
            "JPEG cut off": ("a.jpg", saved(grey.resize((600, 600)), "JPEG")[:900]),
            "CSV as photo": ("a.png", b"a,b\n1,2\n"),
        }
    return found | {
        "header only": ("a.csv", table(lambda t: t.__delitem__(slice(1, None)))),
        "no header": ("a.csv", table(lambda t: t.__delitem__(0))),
        "a column missing": ("a.csv", table(lambda t: [row.pop(1) for row in t])),
        "a column renamed": ("a.csv", table(lambda t: t[0].__setitem__(1, "zzz"))),
        "text for a number": ("a.csv", filled("many")),
        "infinite": ("a.csv", filled("inf")),
        "too large for the network": ("a.csv", filled("1e300")),
        "years for times": ("a.csv", filled("2020" if API == "forecast" else "x")),
        "SQL": ("a.csv", filled("'; DROP TABLE x;--")),
        "formula": ("a.csv", filled("=cmd|' /C calc'!A0")),
        "open quote": ("a.csv", b'"' + good),
        "a million columns": ("a.csv", ",".join(f"c{i}" for i in range(1_000_000)).encode()),
        "one endless line": ("a.csv", b"a" * 9_000_000),
        "HTML in the header": ("a.csv", table(lambda t: t[0].__setitem__(0, "<img src=x onerror=alert(1)>"))),
        "photo as CSV": ("a.csv", png(100, 100)),
        "parquet that is none": ("a.parquet", b"PAR1" + bytes(100) + b"PAR1"),
    }  # fmt: skip


def bad_bodies(temp: Path, link: Path) -> dict[str, object]:
    """Name -> what is posted instead of {"data": [file]}: JSON, or bytes as they are."""

    outside = temp / f"outside{EXAMPLES[0].suffix}"
    outside.write_bytes(EXAMPLES[0].read_bytes())

    def file(path: object, **more: object) -> dict:
        return {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}, **more}]}

    deep: object = 1
    for _ in range(200):
        deep = [deep]
    return {
        "no meta": {"data": [{"path": str(outside)}]},
        "empty meta": file(outside) | {"data": [{"path": str(outside), "meta": {}}]},
        "another meta": {"data": [{"path": str(outside), "meta": {"_type": "x"}}]},
        "path of a good file": file(str(outside)),
        "address of a good file": {"data": [{"url": outside.as_uri(), "path": str(outside)}]},
        "no file": {"data": [None]},
        "no data": {},
        "data of null": {"data": None},
        "no argument": {"data": []},
        "too many arguments": {"data": [None] * 50},
        "a text": {"data": ["hello"]},
        "a number": {"data": [1]},
        "a list": {"data": [[1, 2]]},
        "true": {"data": [True]},
        "an empty object": {"data": [{}]},
        "NaN": b'{"data": [NaN]}',
        "infinity": b'{"data": [Infinity, -Infinity]}',
        "SQL": {"data": ["' OR 1=1; --"]},
        "HTML": {"data": ["<script>alert(1)</script>"]},
        "deep": {"data": [deep]},
        "five megabytes of text": {"data": ["x" * 5_000_000]},
        "no JSON": b"{",
        "JSON list": b"[]",
        "null": b"null",
        "path as a text": {"data": ["/etc/passwd"]},
        "path of the system": file("/etc/passwd"),
        "path of the canary": file(str(temp / "canary")),
        "path of the program": file(str(Path("app.py").resolve())),
        "relative path": file("app.py"),
        "path upward": file("../../../../../../etc/passwd"),
        "a link to the system": file(str(link)),
        "path of a device": file("/dev/zero"),
        "path of memory": file("/proc/self/environ"),
        "address of a file": file("x", url="file:///etc/passwd"),
        "address as path": file("file:///etc/passwd"),
        "address inside": file("http://127.0.0.1:1/secret"),
        "metadata of a cloud": file("http://169.254.169.254/latest/meta-data/"),
        "path of a number": file(7),
        "path of null": file(None),
        "null byte": file("/etc/passwd\0.png"),
        "base64": file("data:text/plain;base64,aGVsbG8="),
    }


def bad_addresses(temp: Path, link: Path) -> list[str]:
    """What is asked for instead of the page."""
    roots = ("gradio_api/file=", "file=", "gradio_api/file/", "gradio_api/stream/", "static/", "assets/", "theme/")
    here = Path.cwd()
    targets = ("/etc/passwd", f"{here}/app.py", f"{temp}/canary", f"{link}", "../app.py", "..%2f..%2fapp.py", "app.py")
    more = ("conf/config.yaml", "%2e%2e/%2e%2e/etc/passwd", f"{here}/.git/config", "/proc/self/environ")
    found = [root + target for root in roots for target in (*targets, *more)]
    found += [
        f"gradio_api/proxy=http://127.0.0.1:1{temp}/canary",
        "gradio_api/call/nothing",
        "..%2f..%2f..%2fetc/passwd",
    ]
    return [*found, ".git/config", ".env", "app.py", "models/model.onnx", "gradio_api/queue/data?session_hash=x"]


class Visitor:
    """Asks the demo over HTTP as its page does."""

    def __init__(self, client: httpx.AsyncClient, trouble: list[str]) -> None:
        self.client, self.trouble = client, trouble

    def see(self, what: str, answer: httpx.Response) -> str:
        """The text of an answer, in which nothing of the host may stand."""
        text = answer.text
        for secret, name in (
            (CANARY, "canary"),
            ("root:x:0:", "passwd"),
            (SOURCE, "app.py"),
            ("Traceback", "traceback"),
        ):
            if secret in text:
                self.trouble.append(f"{what}: {name} in the answer")
        return text

    async def upload(self, name: str, content: bytes) -> str | None:
        """The path under which the demo has the file, or None if it did not take it."""
        answer = await self.client.post("gradio_api/upload", files={"files": (name, content)})
        self.see(f"upload of {name}", answer)
        return answer.json()[0] if answer.status_code == 200 else None

    async def ask(self, what: str, body: object) -> tuple[str, object]:
        """How the request ended: complete, error, full or refused; and the answer."""
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        answer = await self.client.post(f"gradio_api/call/{API}", headers={"content-type": "application/json"}, **given)
        text = self.see(what, answer)
        if answer.status_code == 503 or "Queue is full" in text:
            return "full", None
        if answer.status_code != 200:
            return "refused", text
        event = answer.json()["event_id"]
        answer = await self.client.get(f"gradio_api/call/{API}/{event}")
        text = self.see(what, answer)
        ends = re.findall(r"event: (complete|error)\ndata: (.*)", text)
        if not ends:
            return "lost", text[:200]
        end, data = ends[-1]
        if "Queue is full" in data or "queue is full" in data.lower():
            return "full", None
        return end, json.loads(data)


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


async def storm(address: str, temp: Path, link: Path) -> dict:
    """Both rounds."""
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

        async def good(times: list[float]) -> None:
            path = chance.choice(EXAMPLES)
            end, data, spent = await patiently(visitor, path.name, await body_of(visitor, path))
            times.append(spent)
            if end != "complete" or core(data) != wanted[path]:
                trouble.append(f"good request {path.name}: {end} {str(data)[:200]}")

        files, bodies = bad_files(temp), bad_bodies(temp, link)
        addresses = bad_addresses(temp, link)
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
            where = chance.choice(addresses)
            with contextlib.suppress(httpx.InvalidURL):
                async with client.stream("GET", f"/{where}") as answer:
                    if answer.status_code == 200 and "event-stream" in answer.headers.get("content-type", ""):
                        return
                    await answer.aread()
                    visitor.see(where, answer)

        bad = [lambda n=n: bad_file(n) for n in files] + [lambda n=n: bad_body(n) for n in bodies] + [bad_address] * 10

        async def rounds(share: float) -> tuple[list[float], float]:
            """Times of good requests, and seconds of the round."""
            times: list[float] = []
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

        alone, alone_s = await rounds(0)
        mixed, mixed_s = await rounds(0.4)
        for where in addresses:
            with contextlib.suppress(httpx.InvalidURL, httpx.TransportError):
                visitor.see(where, await client.get(f"/{where}", timeout=5))
        direct = await client.post(f"gradio_api/run/{API}", json=await body_of(visitor, EXAMPLES[0]))
        if direct.status_code == 200:
            trouble.append("there is a way past the queue")
        end, data, last = await patiently(visitor, "last", await body_of(visitor, EXAMPLES[0]))
        if end != "complete" or core(data) != wanted[EXAMPLES[0]]:
            trouble.append(f"afterwards: {end}")
    return {
        "clients": CLIENTS,
        "requests": 2 * REQUESTS,
        "kinds of bad input": len(refused),
        "addresses": len(addresses),
        "good requests alone": told(alone, alone_s),
        "with bad ones among them": told(mixed, mixed_s),
        "afterwards, alone, s": round(last, 3),
        "trouble": sorted(set(trouble)),
    }


META = {"_type": "gradio.FileData"}


async def body_of(visitor: Visitor, path: Path) -> dict:
    """A good request."""
    for _ in range(5):
        if found := await visitor.upload(path.name, path.read_bytes()):
            return {"data": [{"path": found, "orig_name": path.name, "meta": META}]}
    raise RuntimeError(f"{path}: not taken")


def told(times: list[float], seconds: float) -> dict:
    p95 = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else float("nan")
    return {
        "good": len(times),
        "a second": round(len(times) / seconds, 1),
        "p95, s": round(p95, 2),
        "s": round(seconds),
    }


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
        env = {**os.environ, "GRADIO_SERVER_PORT": f"{port}", "GRADIO_TEMP_DIR": f"{temp}/gradio"}
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
            begun = memory[-1] if memory else 0
            found = asyncio.run(storm(address, temp, link))
            assert app.poll() is None, "the demo is down"
        finally:
            app.kill()
            app.wait()
            log.seek(0)
            print(log.read()[-3000:], file=sys.stderr)
        found["memory, MB"] = {"before": round(begun), "highest": round(max(memory, default=0))}
        if (temp / "was-here").exists():
            found["trouble"].append("something in a file was run")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
