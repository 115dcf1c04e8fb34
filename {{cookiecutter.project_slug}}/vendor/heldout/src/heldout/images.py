"""Photos as strangers bring them: folders, lists, files of any size."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from . import readers
from .errors import InputError, one_line, prefix_errors

ORANGE = (213, 94, 0)
SIDES = (32, 4096)  # pixels: shortest and longest side of a photo
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")  # Pillow would run the program in an EPS


def image_table(
    source: Path, label: str, group: str, slices: Sequence[str], positive: str | None
) -> pd.DataFrame:
    """One row per photo: id, path, label (1: the positive class), perhaps group, and the slices.

    Args:
        source: a folder with one folder per class, or a CSV or Parquet file with the columns `path`
            (relative to it), `label` and perhaps `group`
        positive: the class with label 1; None for classes such as 0 and 1, no and yes
    """
    if (source / "train").is_dir():  # the layout of Kaggle's competitions
        source = source / "train"
    if source.is_dir():
        folder, paths = source, find_images(source)
        table = pd.DataFrame({"path": [path.relative_to(folder).as_posix() for path in paths]})
        table["label"] = table.path.str.extract(r"^(?!\.|__)([^/]+)/")  # none in hidden folders
        table = table.dropna(ignore_index=True)
    else:
        folder, table = source.parent, readers.table(source)
    groups = [group] if group in table or group != "group" else []
    columns = {"path": "path", "label": label, "group": groups, "slices": slices}
    readers.check_columns(table, source, columns)
    with prefix_errors(source):
        for name in ("path", label, *groups):
            readers.refuse(table[name], table[name].isna(), "empty, NA, None or null")
        readers.refuse(table.path, table.path.duplicated(), "{} occurs twice")
    names, labels = table.path.astype(str), table[label].astype(str)
    classes = sorted(labels.unique())
    if len(classes) < 2:
        remedy = "give a folder with one folder per class, or a table of photos"
        raise InputError(f"{source}: classes: {', '.join(classes) or 'none'}; {remedy}")
    positive = readers.positive_value(classes, positive, f"{source}: classes")
    rows = table[list(slices)].astype(str)
    for name in groups:
        rows["group"] = table[name]
    rows["id"], rows["path"] = names, [str(folder / name) for name in names]
    return rows.assign(label=(labels == positive).astype(int))


def find_images(folder: Path) -> list[Path]:
    """The photos in a folder and its subfolders, sorted; InputError if there is none."""
    files = [path for path in folder.rglob("[!.]*") if path.suffix.lower() in SUFFIXES]
    if not files:
        raise InputError(f"{folder}: no photo inside; give PNG or JPEG files")
    return sorted(files)


def stack_images(paths: Sequence[str], size: int) -> np.ndarray:
    """Photos uint8 (n, size, size), or (n, size, size, 3) if one of them has color."""
    smallest, largest = SIDES
    if not smallest <= size <= largest:
        raise InputError(f"data.size={size}: give a number of pixels from {smallest} to {largest}")
    photos = [resize(load_image(path), size) for path in paths]
    if any(photo.ndim == 3 for photo in photos):
        photos = [np.asarray(Image.fromarray(photo).convert("RGB")) for photo in photos]
    return np.stack(photos)


def content_hashes(photos: np.ndarray) -> list[str]:
    """A hash of each photo (n, ...): equal for identical ones."""
    return [hashlib.sha256(photo.tobytes()).hexdigest()[:12] for photo in photos]


def resize(photo: np.ndarray, size: int) -> np.ndarray:
    """The photo (h, w[, 3]) scaled to (size, size[, 3])."""
    return np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.BILINEAR))


def load_image(path: Path | str) -> np.ndarray:
    """A photo as uint8: (h, w) if it is gray, else (h, w, 3); InputError if it is not one."""
    smallest, largest = SIDES
    explain = one_line(f"{path} cannot be read as a PNG or JPEG photo")
    with explain, Image.open(path, formats=FORMATS) as image:
        if image.mode[0] in "IF":
            raise InputError(f"{path}: more than 8 bit per pixel; save it as 8-bit PNG or JPEG")
        width, height = image.size
        if not smallest <= min(width, height) <= max(width, height) <= largest:
            sides = f"each side must have {smallest} to {largest}"
            raise InputError(f"{path}: {width} x {height} pixels; {sides}")
        upright = ImageOps.exif_transpose(image)  # as browsers show it
        return np.asarray(upright.convert("L" if image.mode in ("L", "1", "LA") else "RGB"))


def image_batch(path: Path | str, schema: dict) -> np.ndarray:
    """One photo as those of the training data: uint8 (1, size, size[, 3])."""
    photo = Image.fromarray(load_image(path)).convert("L" if schema["channels"] == 1 else "RGB")
    return resize(np.asarray(photo), schema["size"])[None]


def overlay(photo: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The photo (h, w[, 3]) uint8 in color (h, w, 3), orange where heat (r, c) is positive."""
    image = Image.fromarray(photo).convert("RGB")
    opacity = 0.7 * 255 * np.clip(heat / max(float(heat.max()), 1e-6), 0, 1)
    mask = Image.fromarray(opacity.astype(np.uint8)).resize(image.size, Image.Resampling.BICUBIC)
    return np.asarray(Image.composite(Image.new("RGB", image.size, ORANGE), image, mask))
