"""Adversarial input for a demo: files, requests, values and addresses, for load.py.

The demo must refuse each of them, or answer without anything of the machine's own.
"""

import csv
import io
import random
import struct
import sys
import zipfile
import zlib
from pathlib import Path

from PIL import Image

EXAMPLES = sorted(Path("docs/examples").iterdir())
IS_PHOTO = EXAMPLES[0].suffix == ".png"


def png(width: int, height: int, rows: int | None = None) -> bytes:
    """A black PNG, a small file whatever its size in pixels; `rows`: how many the file really has."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer, pieces = zlib.compressobj(9), []
    for _ in range(height if rows is None else rows):
        pieces.append(packer.compress(bytes(width + 1)))
    body = b"".join([*pieces, packer.flush()])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def encode(image: Image.Image, file_format: str) -> bytes:
    """The content of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    return buffer.getvalue()


def zip_bomb() -> bytes:
    """A ZIP archive of 50 MB of zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50_000_000))
    return buffer.getvalue()


def example_rows() -> list[list[str]]:
    """The first example, a CSV file, as rows of fields; row 0 is the header."""
    with EXAMPLES[0].open(encoding="utf-8") as file:
        return list(csv.reader(file))


def csv_bytes(rows: list[list[str]]) -> bytes:
    """The content of a CSV file."""
    return "\n".join(",".join(row) for row in rows).encode()


def csv_with(value: str) -> bytes:
    """The first example with this value in every field below the header."""
    header, *rows = example_rows()
    return csv_bytes([header, *([value] * len(row) for row in rows)])


def csv_with_header(column: int, name: str) -> bytes:
    """The first example with another name for one column."""
    rows = example_rows()
    rows[0][column] = name
    return csv_bytes(rows)


def files(temp: Path, series: bool) -> dict[str, tuple[str, bytes]]:
    """{name: (file name, content)}, each to be refused; `series`: the first column is a time."""
    files = common_files(temp)
    if IS_PHOTO:
        return files | photo_files()
    return files | csv_files(series)


def common_files(temp: Path) -> dict[str, tuple[str, bytes]]:
    """Files that are neither a photo nor a table; a program in one of them would write to `temp`."""
    suffix = EXAMPLES[0].suffix
    target = str(temp / "was-here").encode()
    return {
        "nothing": (f"a{suffix}", b""),
        "one byte": (f"a{suffix}", b"x"),
        "zeros": (f"a{suffix}", bytes(10_000)),
        "noise": (f"a{suffix}", random.Random(0).randbytes(10_000)),
        "zip under another name": (f"a{suffix}", zip_bomb()),
        "gzip bomb": (f"a{suffix}", zlib.compress(bytes(200_000_000), 9, 31)),
        "program": (f"a{suffix}", Path(sys.executable).read_bytes()[:100_000]),
        "pickle": (f"a{suffix}", b"cposix\nsystem\n(S'touch " + target + b"'\ntR."),
        "EPS": (
            f"a{suffix}",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(" + target + b") (w) file\n",
        ),
        "SVG with an entity": (f"a{suffix}", b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'),
        "HTML": (f"a{suffix}", b"<script>alert(1)</script>"),
        "PDF": (f"a{suffix}", b"%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj"),
        "UTF-16": (f"a{suffix}", "a,b\n1,2\n".encode("utf-16")),
    }


def photo_files() -> dict[str, tuple[str, bytes]]:
    """Damaged photos, and sizes and formats that the reader does not accept."""
    good, gray = EXAMPLES[0].read_bytes(), Image.new("L", (64, 64))
    return {
        "half a photo": ("a.png", good[: len(good) // 2]),
        "head of a photo": ("a.png", good[:40]),
        "100 megapixels": ("a.png", png(10_000, 10_000)),
        "decompression bomb": ("a.png", png(40_000, 40_000, 2_000)),
        "four billion pixels": ("a.png", png(65_535, 65_535, 1)),
        "long strip": ("a.png", png(50_000, 40)),
        "one pixel": ("a.png", png(1, 1)),
        "no pixel": ("a.png", png(0, 0)),
        "16 bit": ("a.png", encode(Image.new("I;16", (64, 64)), "PNG")),
        "floats": ("a.tif", encode(Image.new("F", (64, 64)), "TIFF")),
        "icon of one pixel": ("a.ico", encode(gray.resize((16, 16)), "ICO")),
        "JPEG cut off": ("a.jpg", encode(gray.resize((600, 600)), "JPEG")[:900]),
        "CSV as photo": ("a.png", b"a,b\n1,2\n"),
    }


def csv_files(series: bool) -> dict[str, tuple[str, bytes]]:
    """Damaged tables; `series`: the first column is a time."""
    good, rows = EXAMPLES[0].read_bytes(), example_rows()
    no_column = [row[:1] + row[2:] for row in rows]
    contents = {
        "header only": csv_bytes(rows[:1]),
        "no header": csv_bytes(rows[1:]),
        "a column missing": csv_bytes(no_column),
        "a column renamed": csv_with_header(1, "zzz"),
        "text for a number": csv_with("many"),
        "infinite": csv_with("inf"),
        "too large for the network": csv_with("1e300"),
        "years for times": csv_with("2020" if series else "x"),
        "SQL": csv_with("'; DROP TABLE x;--"),
        "formula": csv_with("=cmd|' /C calc'!A0"),
        "open quote": b'"' + good,
        "a million columns": ",".join(f"c{i}" for i in range(1_000_000)).encode(),
        "one endless line": b"a" * 9_000_000,
        "HTML in the header": csv_with_header(0, "<img src=x onerror=alert(1)>"),
        "photo as CSV": png(100, 100),
    }
    files = {name: ("a.csv", content) for name, content in contents.items()}
    return files | {"broken Parquet": ("a.parquet", b"PAR1" + bytes(100) + b"PAR1")}


def bodies(temp: Path, link: Path) -> dict[str, object]:
    """{name: what is posted instead of {"data": [file]}}: JSON, or raw bytes."""
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
        "address of a public server": file(f"https://1.1.1.1/a{EXAMPLES[0].suffix}"),
        "metadata of a cloud": file("http://169.254.169.254/latest/meta-data/"),
        "path of a number": file(7),
        "path of null": file(None),
        "null byte": file("/etc/passwd\0.png"),
        "base64": file("data:text/plain;base64,aGVsbG8="),
    }


def addresses(temp: Path, link: Path) -> list[str]:
    """Addresses that are requested instead of the page."""
    roots = ("gradio_api/file=", "file=", "gradio_api/file/", "gradio_api/stream/", "static/", "assets/", "theme/")
    here = Path.cwd()
    targets = ["/etc/passwd", f"{here}/app.py", f"{temp}/canary", f"{link}", "../app.py", "..%2f..%2fapp.py", "app.py"]
    targets += ["conf/config.yaml", "%2e%2e/%2e%2e/etc/passwd", f"{here}/.git/config", "/proc/self/environ"]
    paths = [root + target for root in roots for target in targets]
    paths += [
        f"gradio_api/proxy=http://127.0.0.1:1{temp}/canary",
        "gradio_api/file=http://127.0.0.1:1/canary",
        "gradio_api/process_recording",
        "gradio_api/call/nothing",
        "..%2f..%2f..%2fetc/passwd",
        "gradio_api/queue/data?session_hash=x",
    ]
    return [*paths, ".git/config", ".env", "app.py", "models/model.onnx"]


def values(temp: Path) -> list[object]:
    """Values that an input of a function does not expect."""
    file = {"path": str(temp / "canary"), "meta": {"_type": "gradio.FileData"}}
    numbers = [-1, 3e38, 1e39, 1e308, float("nan"), float("inf"), True]
    texts = ["", "x" * 100_000, "<script>alert(1)</script>", "' OR 1=1; --", "../../../etc/passwd", "typical\0"]
    return [None, *numbers, *texts, [], {}, [[1]], file, [file], {"__type__": "update", "value": 1}]
