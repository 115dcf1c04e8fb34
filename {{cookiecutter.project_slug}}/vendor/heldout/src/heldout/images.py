"""Photos as strangers bring them: folders, lists, files of any size."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps, UnidentifiedImageError

from . import readers
from .errors import InputError, prefix_errors

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
    train = source / "train"  # the layout of Kaggle's competitions
    source = train if train.is_dir() else source
    if source.is_dir():
        if slices or group != "group" or label != "label":
            raise InputError(f"{source}: data.group, label and slices need a table of photos")
        table = class_folders(source)
    else:
        table = photo_list(source, label, group, slices)
    classes = sorted(table["class"].unique())
    if len(classes) < 2:
        raise InputError(f"{source}: a single class, {', '.join(classes)}; two are needed")
    positive = readers.positive_value(classes, positive, f"{source}: classes")
    table["label"] = (table.pop("class") == positive).astype(int)
    return table


def class_folders(source: Path) -> pd.DataFrame:
    """id, path and class of the photos in a folder that holds one folder per class."""
    folders = sorted(p for p in source.glob("[!.]*") if p.is_dir() and p.name[:2] != "__")
    if not folders:
        raise InputError(f"{source}: no folder inside; make one folder per class, with its photos")
    rows = []
    for folder in folders:
        for path in find_images(folder):
            rows.append((path.relative_to(source).as_posix(), str(path), folder.name))
    return pd.DataFrame(rows, columns=["id", "path", "class"])


def find_images(folder: Path) -> list[Path]:
    """The photos in a folder and its subfolders, sorted; InputError if there is none."""
    paths = [p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.name[0] != "."]
    if not paths:
        raise InputError(f"{folder}: no photo inside; give PNG or JPEG files, or remove the folder")
    return sorted(paths)


def photo_list(source: Path, label: str, group: str, slices: Sequence[str]) -> pd.DataFrame:
    """id, path, class, group and slices of a table with one photo per row."""
    table = readers.table(source)
    group_columns = [group] if group in table or group != "group" else []
    columns = {"path": "path", "label": label, "group": group_columns, "slices": slices}
    readers.check_columns(table, source, columns)
    if table.empty:
        raise InputError(f"{source}: no row")
    with prefix_errors(source):
        for name in ("path", label, *group_columns):
            readers.refuse(table[name], table[name].isna(), "empty, NA, None or null")
        readers.refuse(table.path, table.path.duplicated(), "{} occurs twice")
    rows = table[list(slices)].astype(str)
    if group_columns:
        rows["group"] = table[group]
    rows["id"] = table.path.astype(str)
    rows["path"] = [str(source.parent / name) for name in rows.id]
    rows["class"] = table[label].astype(str)
    return rows


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
    if photo.shape[:2] == (size, size):
        return photo
    return np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.BILINEAR))


def load_image(path: Path | str) -> np.ndarray:
    """A photo as uint8: (h, w) if it is gray, else (h, w, 3); InputError if it is not one."""
    smallest, largest = SIDES
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.mode[0] in "IF":
                raise InputError(f"{path}: more than 8 bit per pixel; save it as 8-bit PNG or JPEG")
            width, height = image.size
            if not smallest <= min(width, height) <= max(width, height) <= largest:
                limits = f"each side must have {smallest} to {largest}"
                raise InputError(f"{path}: {width} x {height} pixels; {limits}")
            upright = ImageOps.exif_transpose(image)  # as browsers show it
            return np.asarray(upright.convert("L" if image.mode in ("L", "1", "LA") else "RGB"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnidentifiedImageError, IsADirectoryError, PermissionError):
        raise InputError(f"{path}: not a photo; give a PNG or JPEG file") from None
    except InputError:
        raise
    except Exception as error:  # Pillow's errors of damaged files share no class
        raise InputError(f"{path}: damaged or too large ({error}); save it again") from None


def image_batch(path: Path | str, schema: dict) -> np.ndarray:
    """One photo as those of the training data: uint8 (1, size, size[, 3])."""
    photo = Image.fromarray(load_image(path)).convert("L" if schema["channels"] == 1 else "RGB")
    return resize(np.asarray(photo), schema["size"])[None]


def overlay(photo: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The photo (h, w[, 3]) uint8 in color (h, w, 3), orange where heat (r, c) is positive."""
    height, width = photo.shape[:2]
    if photo.ndim == 2:
        photo = photo[:, :, None]
    heat = np.clip(heat / max(float(heat.max()), 1e-6), 0, 1).astype(np.float32)
    smooth = Image.fromarray(heat).resize((width, height), Image.Resampling.BICUBIC)
    weight = 0.7 * np.clip(np.asarray(smooth), 0, 1)[:, :, None]
    return ((1 - weight) * photo + weight * np.array(ORANGE)).astype(np.uint8)
