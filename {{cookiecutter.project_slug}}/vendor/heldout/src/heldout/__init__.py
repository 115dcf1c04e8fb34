"""Honest evaluation of machine-learning models."""

import importlib

_MODULES = {
    "config",
    "fetch",
    "figures",
    "images",
    "ledger",
    "metrics",
    "onnx",
    "pages",
    "prepared",
}
_MODULES |= {"readers", "series", "splits", "tables", "thresholds"}
_NAMES = {
    "Comparison": "comparison",
    "InputError": "errors",
    "stage": "config",
}


def __getattr__(name: str) -> object:
    """Imports a module or a name on first use: `import heldout` itself imports nothing else."""
    if name in _MODULES:
        return importlib.import_module(f"heldout.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"heldout.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'heldout' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What an editor and `dir(heldout)` offer."""
    return sorted({*globals(), *_MODULES, *_NAMES})
