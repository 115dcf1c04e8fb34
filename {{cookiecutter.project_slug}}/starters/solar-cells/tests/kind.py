"""What the shared tests have to know: the data is photos."""

from pathlib import Path

import numpy as np
from PIL import Image

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
