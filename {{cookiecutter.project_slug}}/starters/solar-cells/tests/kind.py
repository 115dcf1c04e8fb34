"""What the shared tests have to know: the data is photos."""

import io
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from PIL import Image, PngImagePlugin

SMALL = ["model.size=64", "model.epochs=2"]
# Data of one's own, whatever own.yaml holds by now.
OWN = ["data=own", "data.kaggle=null", "data.sha256=null", "data.split_sha256=null"]
OWN += ["data.label=label", "data.group=group", "data.slices=[]"]
EVERY = 24  # of the prepared photos, every 24th is used
API = "inspect"  # of the demo, for a file


def inputs(count: int) -> np.ndarray:
    """Photos of another size than those of the data."""
    rng = np.random.default_rng(count)
    return rng.integers(0, 256, (count, 64 + 30 * count, 90), np.uint8)


def own(folder: Path) -> list[str]:
    """Writes colour photos as a user would bring them; returns how `prepare` is told."""
    rng = np.random.default_rng(0)
    for number in range(48):
        name = "bad" if number % 3 == 0 else "good"
        photo = rng.integers(0, 200, (50 + number, 60, 3), np.uint8)
        photo[:30, :, 0] += 55 * (name == "bad")
        path = folder / "photos" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(path)
    return [*OWN, "data.path=photos", "data.positive=bad", "data.size=80"]


def files(folder: Path, x: np.ndarray, *_) -> list[Path]:
    """Photos in the forms in which a visitor of the demo may bring them."""
    grey = [Image.fromarray(photo) for photo in x[:5]]
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (9, 7, 3), np.uint8)).resize((700, 500))
    gamma, turned = PngImagePlugin.PngInfo(), Image.Exif()
    gamma.add(b"gAMA", (100_000).to_bytes(4, "big"))
    turned[0x0112] = 6  # the camera was held upright
    saved = [(photo, f"grey{i}.png", {}) for i, photo in enumerate(grey)]
    saved += [(photo.resize((777, 640)), f"large{i}.jpg", {"quality": 80}) for i, photo in enumerate(grey)]
    saved += [(photo.resize((40, 999)), f"tall{i}.png", {"pnginfo": gamma}) for i, photo in enumerate(grey)]
    saved += [(colour.convert(mode), f"{mode}.png", {}) for mode in ("RGB", "RGBA", "P", "1", "LA")]
    saved += [(colour, f"colour{i}.jpg", {"quality": 75, "subsampling": i, "exif": turned}) for i in range(3)]
    for photo, name, how in saved:
        photo.save(folder / name, **how)
    return [folder / name for _, name, _ in saved]


def why(model, x: np.ndarray, story: DictConfig) -> tuple[str, float | None]:
    """What the page of the demo says about the explanation for a photo x (h, w)."""
    [heat] = model.run(x[None])[1]
    row, column = (3 * at // len(heat) for at in np.unravel_index(heat.argmax(), heat.shape))
    where = f"{('top', 'middle', 'bottom')[row]} {('left', 'centre', 'right')[column]}"
    spoke = f"Orange spoke for {story.positive}, most of all {where}."
    return spoke if heat.max() > 0 else f"Nothing spoke for {story.positive}.", None


def png(mode: str, *size: int) -> bytes:
    """A black picture as a file."""
    Image.new(mode, size).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


BAD = {  # what the page of the demo says
    "clear.png": (png("RGBA", 40, 40), "parts of it are transparent"),
    "deep.png": (png("I;16", 40, 40), "more than 8 bit"),
    "small.png": (png("L", 40, 8), "40 x 8 pixels; each side must have 32 to 4096"),
    "empty.png": (b"", "not a photo"),
    "words.png": (b"a photo, but in words, not in pixels", "not a photo"),
    "broken.png": (b"\x89PNG\r\n\x1a\n broken, but long enough", "damaged"),
    "broken.jpg": (b"\xff\xd8\xff\xe0 broken, but long enough", "damaged"),
    "huge.png": (bytes(11_000_000), "larger than 10 MB"),
}
