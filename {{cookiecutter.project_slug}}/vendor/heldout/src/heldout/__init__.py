"""Honest evaluation of machine-learning models."""

import importlib
import importlib.util

_NAMES = {"Comparison": "comparison", "InputError": "errors", "stage": "config"}


def __getattr__(name: str) -> object:
    """Imports a module or a name on first use: `import heldout` itself imports nothing else."""
    if name in _NAMES:
        return getattr(importlib.import_module(f"heldout.{_NAMES[name]}"), name)
    if importlib.util.find_spec(f"heldout.{name}"):
        return importlib.import_module(f"heldout.{name}")
    raise AttributeError(f"module 'heldout' has no attribute {name!r}")
