"""Photos -> arrays: of a whole data set for prepare.py, of one for the demo; and what spoke for an answer."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from omegaconf import DictConfig
from PIL import Image, ImageOps, UnidentifiedImageError

from . import tables
from .config import BadInput

if TYPE_CHECKING:  # predict.py imports this module
    from .predict import Model

DEFAULTS = {"group", "label", None}  # of data.group and data.label, which may be missing
FILES = "PNG or JPEG files"
ORANGE = (213, 94, 0)
SIDES = (32, 4096)  # pixels, shortest and longest side of a photo that is accepted
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")  # Pillow would run the program in an EPS


def tidy(source: Path, data: DictConfig) -> pd.DataFrame:
    """Own photos as a table: path, label (0, 1), group, source, and the columns of slices.

    source is a folder with a folder a class, or a CSV or Parquet file with the columns path (relative
    to it), data.label and perhaps data.group.
    """
    train = source / "train"  # as Kaggle's competitions have it
    source = train if train.is_dir() else source
    if source.is_dir() and (data.slices or not {data.group, data.label} <= DEFAULTS):
        raise BadInput(f"{source}: data.group, label and slices need a table of photos; a folder has none")
    table = folders(source) if source.is_dir() else listed(source, data)
    classes = sorted(table["class"].unique())
    if len(classes) < 2:
        raise BadInput(f"{source}: a single class, {classes[0] if classes else 'none'}; two are needed")
    positive = data.positive if data.positive is not None else tables.obvious(classes)
    if str(positive) not in classes:
        names = ", ".join(classes[:9]) + (", ..." if len(classes) > 9 else "")
        raise BadInput(f"{source}: classes {names}; name the one to find with data.positive=CLASS")
    table["label"] = (table["class"] == str(positive)).astype(int)
    return table


def folders(source: Path) -> pd.DataFrame:
    """path, class and source of every photo in a folder that holds a folder for each class."""
    classes = sorted(
        path for path in source.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))
    )
    if not classes:
        raise BadInput(f"{source}: no folder inside; make a folder for each class, with its photos in it")
    rows = []
    for folder in classes:
        photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.name[0] != ".")
        if not photos:
            raise BadInput(f"{folder}: no photo inside; give PNG or JPEG files, or remove the folder")
        rows += [(str(p), folder.name, p.relative_to(source).as_posix()) for p in photos]
    return pd.DataFrame(rows, columns=["path", "class", "source"])


def listed(source: Path, data: DictConfig) -> pd.DataFrame:
    """path, class, source, group and slices of a table with a photo a row."""
    table = tables.load(source)
    groups = [data.group] if data.group in table or data.group not in DEFAULTS else []
    for column in ("path", data.label, *groups, *data.slices):
        if column not in table:
            raise BadInput(f"{source}: no column {column}; there are {tables.listing(table)}")
    for column in ("path", data.label, *groups):
        if table[column].isna().any():
            raise tables.bad(table[column], table[column].isna(), "empty, NA, None or null; name it")
    if table.path.duplicated().any():
        raise tables.bad(table.path, table.path.duplicated(), "{} occurs twice; give each photo once")
    found = table[list(data.slices)].astype(str)
    for column in groups:
        found["group"] = table[column]
    names = table.path.astype(str)
    paths = [str(source.parent / name) for name in names]
    return found.assign(**{"path": paths, "class": table[data.label].astype(str), "source": names})


def arrays(table: pd.DataFrame, data: DictConfig) -> tuple[np.ndarray, np.ndarray, pd.DataFrame, dict]:
    """x uint8 (n, side, side[, 3]) scaled to data.size, y (n,), samples and schema."""
    low, high = SIDES
    if not isinstance(data.size, int) or not low <= data.size <= high:
        raise BadInput(f"data.size={data.size}: give a whole number of pixels, {low} to {high}")
    photos = [square(load(path), data.size) for path in table.path]
    grey = all(photo.ndim == 2 for photo in photos)
    if not grey:
        photos = [np.asarray(Image.fromarray(photo).convert("RGB")) for photo in photos]
    x = np.stack(photos)
    samples = table.drop(columns=["path"])
    if "id" not in samples:
        samples.insert(0, "id", samples.source)
    if "group" not in samples:  # at least the exact duplicates stay together
        samples["group"] = [hashlib.sha256(photo.tobytes()).hexdigest()[:12] for photo in photos]
    schema = {"task": "classification", "colours": 1 if grey else 3, "size": data.size}
    return x, samples.label.to_numpy(np.float32), samples, schema


def square(photo: np.ndarray, size: int) -> np.ndarray:
    """The photo (h, w[, 3]) scaled to (size, size[, 3])."""
    if photo.shape[:2] == (size, size):
        return photo
    return np.asarray(Image.fromarray(photo).resize((size, size), Image.Resampling.BILINEAR))


def load(path: Path | str) -> np.ndarray:
    """The photo as uint8, grey (h, w) if it has no colour, else (h, w, 3); BadInput if it is not one."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.mode[0] in "IF":
                raise BadInput(f"{path}: more than 8 bit a pixel; save it as an 8-bit PNG or JPEG")
            check_size(image, path)
            upright = ImageOps.exif_transpose(image)  # as cameras mean it and browsers show it
            return np.asarray(upright.convert("L" if image.mode in ("L", "1", "LA") else "RGB"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (UnidentifiedImageError, IsADirectoryError, PermissionError):
        raise BadInput(f"{path}: not a photo; give a PNG or JPEG file") from None
    except BadInput:
        raise
    except Exception as error:  # Pillow has no common one for what is damaged
        raise BadInput(f"{path}: damaged or too large ({error}); save it anew") from None


def read(path: Path | str, schema: dict) -> np.ndarray:
    """One photo as those of the data set: uint8 (1, side, side), or (1, side, side, 3) with colours."""
    photo = Image.fromarray(load(path)).convert("L" if schema["colours"] == 1 else "RGB")
    return square(np.asarray(photo), schema["size"])[None]


def unlabelled(folder: Path, key: str, model: "Model") -> tuple[pd.Series, np.ndarray]:
    """Ids (names without ending) and answers for the photos in the folder test of a competition."""
    photos = sorted(p for p in (folder / "test").rglob("*") if p.suffix.lower() in SUFFIXES)
    if not photos:
        raise BadInput(f"{folder / 'test'}: no photo inside")
    answers = [model(read(path, model.schema))[0] for path in photos]
    return pd.Series([path.stem for path in photos]), np.array(answers)


def check_size(image: Image.Image, name: Path | str) -> None:
    """BadInput unless both sides are within SIDES."""
    low, high = SIDES
    if not (low <= min(image.size) and max(image.size) <= high):
        width, height = image.size
        raise BadInput(f"{name}: {width} x {height} pixels; each side must have {low} to {high}")


def overlay(photo: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The photo (h, w[, 3]) uint8 in colour (h, w, 3), orange where heat (r, c) speaks for a positive."""
    height, width = photo.shape[:2]
    if photo.ndim == 2:
        photo = photo[:, :, None]
    heat = np.clip(heat / max(float(heat.max()), 1e-6), 0, 1).astype(np.float32)
    smooth = Image.fromarray(heat).resize((width, height), Image.Resampling.BICUBIC)
    weight = 0.7 * np.clip(np.asarray(smooth), 0, 1)[:, :, None]
    return ((1 - weight) * photo + weight * np.array(ORANGE)).astype(np.uint8)
