"""Starts app.py on Hugging Face: a script that `heldout publish space` copies beside it."""

import runpy
import sys

import spaces

sys.path[:0] = ["src", "vendor/heldout/src"]
spaces.GPU(lambda: None)  # ZeroGPU refuses an app without such a function; it is never called
runpy.run_path("app.py", run_name="__main__")
