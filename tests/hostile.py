"""What somebody may send to a demo who means no good: files, requests, values and addresses, for siege.py.

Each of them has to be refused, or to be answered without anything of the machine's own.
"""

import csv
import io
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

EXAMPLES = sorted(Path("docs/examples").iterdir())
PHOTOS = EXAMPLES[0].suffix == ".png"


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


def files(temp: Path, series: bool) -> dict[str, tuple[str, bytes]]:
    """Name -> file name and content, each to be refused; `series`: the first column is a time."""
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
        "years for times": ("a.csv", filled("2020" if series else "x")),
        "SQL": ("a.csv", filled("'; DROP TABLE x;--")),
        "formula": ("a.csv", filled("=cmd|' /C calc'!A0")),
        "open quote": ("a.csv", b'"' + good),
        "a million columns": ("a.csv", ",".join(f"c{i}" for i in range(1_000_000)).encode()),
        "one endless line": ("a.csv", b"a" * 9_000_000),
        "HTML in the header": ("a.csv", table(lambda t: t[0].__setitem__(0, "<img src=x onerror=alert(1)>"))),
        "photo as CSV": ("a.csv", png(100, 100)),
        "parquet that is none": ("a.parquet", b"PAR1" + bytes(100) + b"PAR1"),
    }  # fmt: skip


def bodies(temp: Path, link: Path) -> dict[str, object]:
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
        "twenty megabytes of text": {"data": ["x" * 20_000_000]},
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
        "address of anybody's": file(f"https://1.1.1.1/a{EXAMPLES[0].suffix}"),
        "metadata of a cloud": file("http://169.254.169.254/latest/meta-data/"),
        "path of a number": file(7),
        "path of null": file(None),
        "null byte": file("/etc/passwd\0.png"),
        "base64": file("data:text/plain;base64,aGVsbG8="),
    }


def addresses(temp: Path, link: Path) -> list[str]:
    """What is asked for instead of the page."""
    roots = ("gradio_api/file=", "file=", "gradio_api/file/", "gradio_api/stream/", "static/", "assets/", "theme/")
    here = Path.cwd()
    targets = ("/etc/passwd", f"{here}/app.py", f"{temp}/canary", f"{link}", "../app.py", "..%2f..%2fapp.py", "app.py")
    more = ("conf/config.yaml", "%2e%2e/%2e%2e/etc/passwd", f"{here}/.git/config", "/proc/self/environ")
    found = [root + target for root in roots for target in (*targets, *more)]
    found += [
        f"gradio_api/proxy=http://127.0.0.1:1{temp}/canary",
        "gradio_api/file=http://127.0.0.1:1/canary",
        "gradio_api/process_recording",
        "gradio_api/call/nothing",
        "..%2f..%2f..%2fetc/passwd",
    ]
    return [*found, ".git/config", ".env", "app.py", "models/model.onnx", "gradio_api/queue/data?session_hash=x"]


def values(temp: Path) -> list[object]:
    """What stands in one input of a function that wants something else."""
    file = {"path": str(temp / "canary"), "meta": {"_type": "gradio.FileData"}}
    numbers = [-1, 3e38, 1e39, 1e308, float("nan"), float("inf"), True]
    texts = ["", "x" * 100_000, "<script>alert(1)</script>", "' OR 1=1; --", "../../../etc/passwd", "typical\0"]
    return [None, *numbers, *texts, [], {}, [[1]], file, [file], {"__type__": "update", "value": 1}]
