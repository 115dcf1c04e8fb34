"""A folder runs/KIND for others: `heldout publish KIND`, sent with --upload OWNER/NAME.

space    the Gradio demo, with the model and all modules, for a Space of Hugging Face
static   the site, with the demo that runs in the visitor's browser, for a Space that serves files
model    the ONNX file with its model card
article  the article as one Markdown file for other places, and as a PDF
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from huggingface_hub import EvalResult, HfApi, SpaceCardData

from . import article, config, pages
from .errors import InputError, atomic_write, making, one_line
from .onnx import OnnxModel, load_metrics

LIBRARY = Path(__file__).parent
HUB_NAMES = {"auc": "roc_auc", "brier": "brier_score"}  # metrics with another name on Hugging Face


class Parser(argparse.ArgumentParser):
    """A parser whose errors are InputErrors."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def main(words: list[str]) -> None:
    """Makes the folder and, with --upload, sends it to Hugging Face."""
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="heldout publish", description=__doc__, formatter_class=form)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--upload", metavar="OWNER/NAME", help="send it to Hugging Face")
    parser.add_argument("--replace", action="store_true", help="empty a Space that exists")
    parser.add_argument("--hardware", default="zero-a10g", metavar="NAME", help="of the Space")
    parser.add_argument("--draft", action="store_true", help="export an unfinished article")
    options = parser.parse_args(words)
    if options.upload and (options.kind == "article" or options.upload.count("/") != 1):
        raise InputError(f"--upload {options.upload}: give OWNER/NAME, and no article")
    target = Path("runs", options.kind)
    with making(target) as new:
        new.mkdir()
        KINDS[options.kind](new, options)
    print(f"{target} written")
    if options.upload:
        print(upload(target, options))


def space(folder: Path, options: argparse.Namespace) -> None:
    """app.py with the model, src/, this library, and the packages of the group "app"."""
    OnnxModel(), load_metrics()
    sources = {"src": Path("src"), "vendor/heldout/src/heldout": LIBRARY}
    if config.compose().data.get("examples_licence"):
        sources["docs/examples"] = Path("docs/examples")
    for name, source in sources.items():
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "site"))
    for name in ("app.py", "models/model.onnx", "reports/metrics.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(name, folder / name)
    shutil.copyfile(LIBRARY / "space.py", folder / "space.py")
    groups = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    # Gradio limits the version of Pillow, and pip takes no other; the Space has its own `spaces`
    lines = ["pillow", "spaces", *(f"{name}=={version(name)}" for name in groups["app"])]
    atomic_write(folder / "requirements.txt", "\n".join([*sorted(lines), ""]))
    about = {"sdk": "gradio", "sdk_version": version("gradio"), "app_file": "space.py"}
    readme(folder, **about, python_version="3.12")


def static(folder: Path, options: argparse.Namespace) -> None:
    """The site with one file per page: a static Space finds article.html, but not article/."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--no-directory-urls"]
    command += ["--site-dir", str(folder.absolute())]
    env = os.environ | {"HF_TOKEN": "", "NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    if result.returncode:
        broken = re.findall(r"^_File_: `(.+)`\s+_\w+_: (.+)", result.stderr, re.M)
        lines = [": ".join(parts) for parts in broken]
        lines = lines or re.findall(r"^(?:WARNING|ERROR) +- +(.*)", result.stderr, re.M)
        raise InputError(f"mkdocs: {'; '.join(lines or result.stderr.splitlines()[-1:])}")
    for path in folder.glob("sitemap.xml*"):  # search engines go to the site itself
        path.unlink()
    readme(folder, sdk="static", app_file="demo/index.html")


def readme(folder: Path, **about: object) -> None:
    """README.md of a Space: its settings, and the headline with links."""
    card = article.card("docs/model-card.md").data
    about |= {key: card.get(key) for key in ("license", "license_name", "license_link", "tags")}
    about |= {"title": article.setting("site_name")}
    about |= {"short_description": article.setting("site_description")[:60]}
    context = {**article.numbers(), "metadata": SpaceCardData(**about).to_yaml(), **about}
    context["licence"] = config.compose().data.get("examples_licence")
    context["site"] = article.setting("site_url")
    pages.render(LIBRARY / "templates/space.md.j2", folder / "README.md", context)


def model(folder: Path, options: argparse.Namespace) -> None:
    """The ONNX file, and its card with the test results in the metadata."""
    OnnxModel()
    shutil.copyfile("models/model.onnx", folder / "model.onnx")
    card, labels = article.card("docs/model-card.md"), article.numbers()["labels"]
    card.data.model_name, card.data.eval_results = article.setting("site_name"), []
    dataset = article.card("docs/data-card.md").data.get("pretty_name", card.data.model_name)
    for key, metric in load_metrics()["results"]["network"].items():
        result = EvalResult(
            task_type=card.data.pipeline_tag,
            dataset_type=re.sub(r"\W+", "-", dataset.lower()),
            dataset_name=dataset,
            dataset_split="test",
            metric_type=HUB_NAMES.get(key, key),
            metric_name=labels[key],
            metric_value=metric["value"],
        )
        card.data.eval_results.append(result)
    atomic_write(folder / "README.md", str(card))


def upload(folder: Path, options: argparse.Namespace) -> str:
    """Sends the folder to Hugging Face; returns its address."""
    kind, stale, new = "space", "*", {"space_sdk": "static"}  # a Space becomes what the folder is
    if options.kind == "space":
        new = {"space_sdk": "gradio", "space_hardware": options.hardware}
    elif options.kind == "model":
        kind, stale, new = "model", None, {}
    api, name = HfApi(token=True), options.upload  # a token is needed
    with one_line(f"{name} on Hugging Face"):
        if kind == "space" and not options.replace and api.repo_exists(name, repo_type=kind):
            raise InputError(f"{name} exists; add --replace to empty it first")
        repo = api.create_repo(name, repo_type=kind, exist_ok=True, **new)
        target = {"repo_id": repo.repo_id, "repo_type": kind}
        api.upload_folder(folder_path=folder, delete_patterns=stale, **target)
    return str(repo)


KINDS = {"space": space, "static": static, "model": model, "article": article.export}
