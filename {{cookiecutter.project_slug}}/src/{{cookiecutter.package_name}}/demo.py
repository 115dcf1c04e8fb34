"""models/model.onnx -> docs/demo/, and what the page there has to know (part of `dvc repro report`)."""

import base64
import hashlib
import shutil
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from . import config

FOLDER = Path("docs/demo")
TOLD = ("unit", "target", "positive", "negative", "flag", "pass", "names")  # of the story


def write(schema: dict, metrics: dict, cfg: DictConfig) -> dict:
    """Puts the model beside the page; returns what the page shows and, as `facts`, what its scripts need."""
    new = FOLDER / "model.new"
    shutil.copyfile("models/model.onnx", new)
    digest = hashlib.sha256(new.read_bytes()).digest()
    config.replace(new, FOLDER / "model.onnx")
    data = OmegaConf.to_container(cfg.data, resolve=True)
    story = data["story"]
    loaded = [path for path in FOLDER.iterdir() if path.suffix in (".onnx", ".gzip")]
    return {
        "sentence": story["demo"],
        "attribution": story["attribution"],
        "cost": data["cost"]["name"],
        "fields": fields(schema, data),
        "megabytes": f"{sum(path.stat().st_size for path in loaded) / 1e6:.0f}",
        "facts": {
            "schema": schema,
            "threshold": metrics["threshold"],
            "story": {key: story[key] for key in TOLD if key in story},
            "examples": sorted(path.name for path in Path("docs/examples").iterdir()),
            "integrity": f"sha256-{base64.b64encode(digest).decode()}",
        },
    }


def fields(schema: dict, data: dict) -> list[dict]:
    """The columns of a table that a visitor may change, each with its title; none of other data."""
    columns = {column["name"]: column for column in schema.get("columns", [])}
    shown = [name for name in data.get("show", []) if name in columns] or [*columns][:8]
    title = data["story"].get("names", {})
    return [
        {**columns[name], "title": title.get(name, name), "choices": columns[name].get("values", [])}
        for name in shown
    ]
