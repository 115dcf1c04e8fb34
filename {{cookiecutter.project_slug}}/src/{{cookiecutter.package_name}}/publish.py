"""What others get to see (`python -m <package>.publish KIND`), as a folder runs/KIND.

space    the Gradio demo, with the model and what it needs, for a Space of Hugging Face
static   the site, with the demo that runs in the visitor's browser, for a Space that only serves files
model    the ONNX file with its model card
article  the article as one Markdown file for other places, and as a PDF
"""

import argparse
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from huggingface_hub import EvalResult, HfApi, SpaceCardData, SpaceHardware, get_token
from omegaconf import OmegaConf

from . import config, fetch, pages, predict, scores
from .config import BadInput

RUNS = Path("runs")
LARGEST = 1_000_000_000  # bytes that a Space may hold
MODULES = ("__init__", "config", "inputs", "predict", "serving", "tables")  # what app.py needs
START = '''"""Starts app.py on Hugging Face."""

import runpy
import sys

import spaces

sys.path.insert(0, "src")
spaces.GPU(lambda: None)  # ZeroGPU refuses an app without one; this one is never called
runpy.run_path("app.py", run_name="__main__")
'''
IDS = {"auc": "roc_auc", "brier": "brier_score"}  # metrics with another name on Hugging Face


def main(words: list[str]) -> None:
    """Makes the folder that was asked for, and sends it if told to."""
    given = parse(words)
    target = RUNS / given.kind
    with config.making(target) as new:
        new.mkdir()
        KINDS[given.kind](new, given)
        size = sum(path.stat().st_size for path in new.rglob("*") if path.is_file())
        if size > LARGEST:
            raise BadInput(f"{target}: {size / 1e9:.1f} GB; a Space holds {LARGEST / 1e9:.0f} GB")
    print(f"{target}: {size / 1e6:.1f} MB")
    if given.upload:
        print(upload(target, given))


def parse(words: list[str]) -> argparse.Namespace:
    """The command line; BadInput if it makes no sense."""
    form = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog=f"python -m {__package__}.publish", description=__doc__, formatter_class=form)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--upload", metavar="OWNER/NAME", help="send it to Hugging Face")
    parser.add_argument("--replace", action="store_true", help="empty a Space that is there already")
    names = [kind.value for kind in SpaceHardware]
    parser.add_argument(
        "--hardware", choices=names, default="zero-a10g", metavar="NAME", help="of a new Space (%(default)s)"
    )
    parser.add_argument("--model", metavar="OWNER/NAME", help="page of the model, for a Space to link to")
    parser.add_argument("--draft", action="store_true", help="the article even if it is not finished")
    given = parser.parse_args(words)
    if given.upload and given.kind == "article":
        raise BadInput("Hugging Face takes no article; leave --upload out")
    if given.upload and given.upload.count("/") != 1:
        raise BadInput(f"--upload {given.upload}: give OWNER/NAME")
    return given


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are BadInput."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def space(folder: Path, given: argparse.Namespace) -> None:
    """What app.py needs, and how Hugging Face starts it."""
    predict.Model(), predict.metrics()
    data, package = config.compose().data, Path(__file__).parent.name
    names = ["app.py", "models/model.onnx", "reports/metrics.json"]
    names += [f"src/{package}/{module}.py" for module in MODULES]
    names += map(str, Path("docs/examples").glob("*")) if data.story.examples_licence else []
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, folder / name)
    OmegaConf.resolve(data)
    told = {key: data[key] for key in ("story", "show") if key in data}  # not where the data lies
    (folder / "conf").mkdir()
    config.write(folder / "conf/config.yaml", OmegaConf.to_yaml({"data": told}))
    config.write(folder / "space.py", START)
    config.write(folder / "requirements.txt", "\n".join([*requirements(folder), "spaces", ""]))
    about = {"sdk": "gradio", "sdk_version": importlib.metadata.version("gradio"), "app_file": "space.py"}
    readme(folder, **about, python_version="3.12", models=[given.model] if given.model else None)


def requirements(folder: Path) -> list[str]:
    """The packages that the modules in a folder import, in the versions installed here."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    names = set(re.findall(r"^(?:import|from) (\w+)", text, re.M)) - {Path(__file__).parent.name, "spaces"}
    known = importlib.metadata.packages_distributions()
    found = {known[name][0] for name in names if name in known}
    return sorted(f"{name}=={importlib.metadata.version(name)}" for name in found)


def static(folder: Path, given: argparse.Namespace) -> None:
    """The site, a file a page: a static Space finds article/index.html, but not article/."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--no-directory-urls"]
    command += ["--site-dir", str(folder.absolute())]
    predict.metrics("reports/pages.json", "measured")
    env = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"}  # not for plugins
    env["NO_MKDOCS_2_WARNING"] = "1"
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        broken = re.findall(r"^_File_: `(.+)`\s+_\w+_: (.+)", done.stderr, re.M)
        wrong = [": ".join(found) for found in broken]
        wrong = wrong or re.findall(r"^(?:WARNING|ERROR) +- +(.*)", done.stderr, re.M)
        wrong = wrong or done.stderr.splitlines()[-1:]
        raise BadInput(f"mkdocs: {'; '.join(wrong)}")
    for path in folder.rglob("*.html"):  # search engines and links go to the site itself
        text = path.read_text(encoding="utf-8")
        address = r'((?:rel="canonical" href|property="og:url" content)="[^"]*?)(/index)?\.html"'
        config.write(path, re.sub(address, r'\1/"', text))
    for path in folder.glob("sitemap.xml*"):
        path.unlink()
    first = "demo/index.html" if (folder / "demo/index.html").exists() else "index.html"
    readme(folder, sdk="static", app_file=first)


def readme(folder: Path, **settings: object) -> None:
    """Writes README.md of a Space: its settings, and in short what it shows."""
    about, story = pages.card("docs/model-card.md").data, config.compose().data.story
    title, site = pages.setting("site_name"), pages.setting("site_url")
    settings |= {key: about.get(key) for key in ("license", "license_name", "license_link", "tags")}
    settings |= {"title": title, "emoji": "🔎", "colorFrom": "indigo", "colorTo": "yellow"}
    settings |= {"short_description": re.split(r"(?<=[.?!]) ", story.demo)[0][:60]}
    links = f"[Article]({site}article/) · [Model card]({site}model-card/) · [Data card]({site}data-card/)"
    headline = predict.metrics("reports/pages.json", "measured")["measured"]["headline"]
    examples = f"Examples: {story.examples_licence}." if story.examples_licence else ""
    said = [f"# {title}", headline, story.limits, story.attribution, examples, links]
    front = SpaceCardData(**settings).to_yaml()
    config.write(folder / "README.md", f"---\n{front}\n---\n\n" + "\n\n".join(filter(None, said)) + "\n")


def model(folder: Path, given: argparse.Namespace) -> None:
    """The ONNX file, and its card with the results of the last test in its metadata."""
    predict.Model()
    shutil.copyfile("models/model.onnx", folder / "model.onnx")
    told, found = pages.card("docs/model-card.md"), predict.metrics()
    data = pages.card("docs/data-card.md").data.get("pretty_name", pages.setting("site_name"))
    about = {"task_type": told.data.pipeline_tag, "dataset_name": data, "dataset_split": "test"}
    about["dataset_type"] = re.sub(r"\W+", "-", data.lower())
    names = {key: name for key, (name, *_) in scores.METRICS[found["task"]].items()} | found["names"]
    told.data.model_name = pages.setting("site_name")
    told.data.eval_results = [
        EvalResult(**about, metric_type=IDS.get(key, key), metric_name=names[key], metric_value=m["value"])
        for key, m in found["test"].items()
    ]
    config.write(folder / "README.md", str(told))


def upload(folder: Path, given: argparse.Namespace) -> str:
    """The address on Hugging Face, where the folder is now; made if it was missing."""
    if not get_token():
        raise BadInput("no token for Hugging Face: `uv run hf auth login`, or set HF_TOKEN")
    kind = "model" if given.kind == "model" else "space"
    gradio = {"space_sdk": "gradio", "space_hardware": given.hardware}
    new = {"space": gradio, "static": {"space_sdk": "static"}, "model": {}}[given.kind]
    with fetch.one_line(f"{given.upload} on Hugging Face"):
        if kind == "space" and not given.replace and HfApi().repo_exists(given.upload, repo_type=kind):
            raise BadInput(f"{given.upload} is there already; add --replace to empty it first")
        repo = HfApi().create_repo(given.upload, repo_type=kind, exist_ok=True, **new)
        where = {"repo_id": repo.repo_id, "repo_type": kind}
        stale = "*" if kind == "space" else None  # a Space becomes what the folder is
        HfApi().upload_folder(folder_path=folder, delete_patterns=stale, **where)
    return str(repo)


KINDS = {"space": space, "static": static, "model": model, "article": pages.article}

if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        sys.exit(f"error: {error}")
