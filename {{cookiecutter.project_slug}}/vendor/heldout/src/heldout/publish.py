"""A folder runs/KIND for others: `heldout publish KIND`, sent with --upload OWNER/NAME.

space    the Gradio demo, with the model and the modules it needs, for a Space of Hugging Face
static   the site, with the demo that runs in the visitor's browser, for a Space that serves files
model    the ONNX file with its model card
article  the article as one Markdown file for other places, and as a PDF
"""

import argparse
import ast
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from huggingface_hub import EvalResult, HfApi, SpaceCardData, SpaceHardware, get_token

from . import article, config
from .errors import InputError, atomic_write, making, one_line
from .onnx import OnnxModel, load_metrics
from .pages import PAGES

RUNS = Path("runs")
LARGEST = 1_000_000_000  # bytes that a Space may hold
LIBRARY = Path(__file__).parent
START = '''"""Starts app.py on Hugging Face."""

import runpy
import sys

import spaces

sys.path[:0] = ["src", "vendor/heldout/src"]
spaces.GPU(lambda: None)  # ZeroGPU refuses an app without such a function; it is never called
runpy.run_path("app.py", run_name="__main__")
'''
HUB_NAMES = {"auc": "roc_auc", "brier": "brier_score"}  # metrics with another name on Hugging Face


def main(words: list[str]) -> None:
    """Makes the folder and, with --upload, sends it to Hugging Face."""
    options = parse(words)
    target = RUNS / options.kind
    with making(target) as new:
        new.mkdir()
        KINDS[options.kind](new, options)
        size = sum(path.stat().st_size for path in new.rglob("*") if path.is_file())
        if size > LARGEST:
            raise InputError(f"{target}: {size / 1e9:.1f} GB; a Space holds {LARGEST / 1e9:.0f} GB")
    print(f"{target}: {size / 1e6:.1f} MB")
    if options.upload:
        print(upload(target, options))


class Parser(argparse.ArgumentParser):
    """A parser whose errors are InputErrors."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def parse(words: list[str]) -> argparse.Namespace:
    """The command line; InputError if it makes no sense."""
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="heldout publish", description=__doc__, formatter_class=form)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--upload", metavar="OWNER/NAME", help="send it to Hugging Face")
    parser.add_argument("--replace", action="store_true", help="empty a Space that exists")
    hardware = [kind.value for kind in SpaceHardware]
    parser.add_argument("--hardware", choices=hardware, default="zero-a10g", metavar="NAME")
    parser.add_argument("--model", metavar="OWNER/NAME", help="model page that a Space links to")
    parser.add_argument("--draft", action="store_true", help="export an unfinished article")
    options = parser.parse_args(words)
    if options.upload and options.kind == "article":
        raise InputError("Hugging Face takes no article; leave --upload out")
    if options.upload and options.upload.count("/") != 1:
        raise InputError(f"--upload {options.upload}: give OWNER/NAME")
    return options


def space(folder: Path, options: argparse.Namespace) -> None:
    """app.py with the model, the modules it imports, and their packages."""
    OnnxModel(), load_metrics()
    modules = imported_files(Path("app.py"))
    names = ["models/model.onnx", "reports/metrics.json"]
    if config.compose().data.get("examples_licence"):
        names += [path.as_posix() for path in Path("docs/examples").glob("*")]
    for name in names:
        copy(Path(name), folder / name)
    for path in modules:
        if path.is_relative_to(LIBRARY):
            copy(path, folder / "vendor/heldout/src/heldout" / path.relative_to(LIBRARY))
        else:
            copy(path, folder / path)
    atomic_write(folder / "space.py", START)
    packages = sorted({*requirements(modules), "spaces"})
    atomic_write(folder / "requirements.txt", "\n".join([*packages, ""]))
    about = {"sdk": "gradio", "sdk_version": importlib.metadata.version("gradio")}
    models = [options.model] if options.model else None
    readme(folder, **about, app_file="space.py", python_version="3.12", models=models)


def copy(source: Path, target: Path) -> None:
    """Copies a file, and makes its folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def top_level_imports(path: Path) -> list[tuple[int, str, str]]:
    """(level, module, name) of each import outside of functions."""
    imports = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports += [(node.level, node.module or "", alias.name) for alias in node.names]
    return imports


def imported_files(start: Path) -> list[Path]:
    """A script and all modules of src/ and of heldout that it imports, directly or not."""
    files, queue = set(), [start]
    while queue:
        path = queue.pop()
        if path in files:
            continue
        files.add(path)
        for level, module, name in top_level_imports(path):
            parts = module.split(".") if module else []
            if level:
                base = path.parent
            elif parts and parts[0] == "heldout":
                base, parts = LIBRARY, parts[1:]
            elif parts and Path("src", parts[0]).is_dir():
                base, parts = Path("src", parts[0]), parts[1:]
            else:
                continue
            queue.append(base / "__init__.py")
            names = [name, exported(name)] if base == LIBRARY and not parts else [name]
            for last in ("", *names):
                candidate = base.joinpath(*parts, last).with_suffix(".py")
                if candidate.is_file():
                    queue.append(candidate)
    return sorted(files)


def exported(name: str) -> str:
    """The module of heldout that defines a name of the package itself, such as InputError."""
    from heldout import _NAMES

    return _NAMES.get(name, name)


def requirements(files: list[Path]) -> set[str]:
    """The packages that files import, in the versions installed here."""
    distributions = importlib.metadata.packages_distributions()
    packages = set()
    for path in files:
        for level, module, _ in top_level_imports(path):
            top = module.split(".")[0]
            if not level and top in distributions and top != "heldout":
                name = distributions[top][0]
                # Gradio limits the version of Pillow, and pip takes no other
                pinned = f"{name}=={importlib.metadata.version(name)}"
                packages.add(name if name.lower() == "pillow" else pinned)
    return {name for name in packages if not Path("src", name.split("==")[0]).exists()}


def static(folder: Path, options: argparse.Namespace) -> None:
    """The site with one file per page: a static Space finds article.html, but not article/."""
    pages_json()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--no-directory-urls"]
    command += ["--site-dir", str(folder.absolute())]
    env = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}
    env["NO_MKDOCS_2_WARNING"] = "1"
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    if result.returncode:
        broken = re.findall(r"^_File_: `(.+)`\s+_\w+_: (.+)", result.stderr, re.M)
        lines = [": ".join(parts) for parts in broken]
        lines = lines or re.findall(r"^(?:WARNING|ERROR) +- +(.*)", result.stderr, re.M)
        raise InputError(f"mkdocs: {'; '.join(lines or result.stderr.splitlines()[-1:])}")
    # Search engines and links go to the site itself.
    address = r'((?:rel="canonical" href|property="og:url" content)="[^"]*?)(/index)?\.html"'
    for path in folder.rglob("*.html"):
        atomic_write(path, re.sub(address, r'\1/"', path.read_text(encoding="utf-8")))
    for path in folder.glob("sitemap.xml*"):
        path.unlink()
    readme(folder, sdk="static", app_file="demo/index.html")


def pages_json() -> dict:
    """reports/pages.json; InputError if it is missing or damaged."""
    try:
        return json.loads(PAGES.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{PAGES}: missing or damaged; run `uv run dvc repro`") from None


def readme(folder: Path, **settings: object) -> None:
    """README.md of a Space: its settings, and the headline with links."""
    card, content = article.card("docs/model-card.md").data, pages_json()
    title, site = article.setting("site_name"), article.setting("site_url")
    settings |= {key: card.get(key) for key in ("license", "license_name", "license_link", "tags")}
    settings |= {"title": title, "emoji": "🔎", "colorFrom": "indigo", "colorTo": "yellow"}
    settings |= {"short_description": article.setting("site_description")[:60]}
    licence = config.compose().data.get("examples_licence")
    links = f"[Article]({site}article/) · [Model card]({site}model-card/)"
    links += f" · [Data card]({site}data-card/)"
    examples = f"Examples: {licence}." if licence else ""
    parts = [
        f"# {title}",
        content["headline"],
        content["caveats"],
        content["attribution"],
        examples,
        links,
    ]
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    atomic_write(
        folder / "README.md", f"---\n{SpaceCardData(**settings).to_yaml()}\n---\n\n{text}\n"
    )


def model(folder: Path, options: argparse.Namespace) -> None:
    """The ONNX file, and its card with the test results in the metadata."""
    OnnxModel()
    shutil.copyfile("models/model.onnx", folder / "model.onnx")
    card, results = article.card("docs/model-card.md"), load_metrics()["results"]["network"]
    title, labels = article.setting("site_name"), pages_json()["labels"]
    dataset = article.card("docs/data-card.md").data.get("pretty_name", title)
    about = {"task_type": card.data.pipeline_tag, "dataset_name": dataset, "dataset_split": "test"}
    about["dataset_type"] = re.sub(r"\W+", "-", dataset.lower())
    card.data.model_name, card.data.eval_results = title, []
    for key, metric in results.items():
        names = {"metric_type": HUB_NAMES.get(key, key), "metric_name": labels[key]}
        result = EvalResult(**about, **names, metric_value=metric["value"])
        card.data.eval_results.append(result)
    atomic_write(folder / "README.md", str(card))


def upload(folder: Path, options: argparse.Namespace) -> str:
    """Sends the folder to Hugging Face; returns its address."""
    if not get_token():
        raise InputError("no token for Hugging Face: `uv run hf auth login`, or set HF_TOKEN")
    kind = "model" if options.kind == "model" else "space"
    gradio = {"space_sdk": "gradio", "space_hardware": options.hardware}
    new = {"space": gradio, "static": {"space_sdk": "static"}, "model": {}}[options.kind]
    with one_line(f"{options.upload} on Hugging Face"):
        api = HfApi()
        if (
            kind == "space"
            and not options.replace
            and api.repo_exists(options.upload, repo_type=kind)
        ):
            raise InputError(f"{options.upload} exists; add --replace to empty it first")
        repo = api.create_repo(options.upload, repo_type=kind, exist_ok=True, **new)
        stale = "*" if kind == "space" else None  # a Space becomes what the folder is
        address = {"repo_id": repo.repo_id, "repo_type": kind}
        api.upload_folder(folder_path=folder, delete_patterns=stale, **address)
    return str(repo)


KINDS = {"space": space, "static": static, "model": model, "article": article.export}
