"""What goes public: complete, true, and accepted by Hugging Face's own client."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from conftest import ROOT
from hub import Hub, serve
from huggingface_hub import DatasetCard, ModelCard, RepoCard, constants

from {{ cookiecutter.package_name }} import config, pages, publish
from {{ cookiecutter.package_name }}.config import BadInput

SITE = re.search(r"^site_url: (\S+)", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M)[1]
# What Hugging Face knows: its licences, and of its tasks and metrics those that fit this kind of project.
LICENCES = (
    r"afl-3\.0|apache-2\.0|artistic-2\.0|bsd(-2-clause|-3-clause(-clear)?)?|bsl-1\.0|c-uda|cc0-1\.0|"
    r"cc-by(-nc)?(-sa|-nd)?-[234]\.0|cdla-(permissive|sharing)-[12]\.0|ecl-2\.0|epl-[12]\.0|etalab-2\.0|"
    r"eupl-1\.[12]|[al]?gpl(-[23]\.[01])?|isc|lppl-1\.3c|mit|mpl-2\.0|ms-pl|ncsa|odbl|odc-by|ofl-1\.1|"
    r"openrail(\+\+)?|osl-3\.0|other|pddl|postgresql|unknown|unlicense|wtfpl|zlib"
)
TASKS = {"image-classification", "tabular-classification", "tabular-regression", "time-series-forecasting"}
METRICS = {"accuracy", "brier_score", "f1", "mae", "mse", "precision", "recall", "roc_auc"}
SIZES = ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A local hub that Hugging Face's client talks to."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", "hf_ada")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(Hub()) as here:
        monkeypatch.setattr(constants, "ENDPOINT", here.address)
        yield here


@pytest.fixture(scope="module")
def copy(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that these tests may change."""
    folder = tmp_path_factory.mktemp("publish") / "project"
    return shutil.copytree(project, folder, ignore=shutil.ignore_patterns("data", "runs", "site"))


@pytest.fixture(autouse=True)
def folder(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The copy as the working directory, with the starter's data."""
    compose = config.compose
    monkeypatch.setattr(config, "compose", lambda *words: compose("data=starter", *words))
    monkeypatch.chdir(copy)
    return copy


def inside(folder: str) -> dict[str, bytes]:
    """The files of a folder by name."""
    paths = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def measured() -> dict:
    return json.loads(Path("reports/pages.json").read_text(encoding="utf-8"))["measured"]


def test_a_space_holds_what_the_demo_needs_and_no_more():
    publish.main(["space", "--model", "ada/model"])
    files = inside("runs/space")
    names = {"README.md", "app.py", "conf/config.yaml", "models/model.onnx", "reports/metrics.json"}
    names |= {"requirements.txt", "space.py"} | {name for name in files if name.startswith("docs/examples/")}
    modules = {name for name in files if name.startswith("src/{{ cookiecutter.package_name }}/")}
    assert set(files) == names | modules and len(modules) == 6
    assert b"torch" not in files["requirements.txt"] and b"path:" not in files["conf/config.yaml"]
    assert b"fastapi==" in files["requirements.txt"]
    card = RepoCard.load("runs/space/README.md")
    assert (card.data.sdk, card.data.app_file, card.data.models) == ("gradio", "space.py", ["ada/model"])
    assert f"gradio=={card.data.sdk_version}\n" in files["requirements.txt"].decode()
    assert re.fullmatch(LICENCES, card.data.license) and len(card.data.short_description) <= 60
    assert measured()["headline"] in card.text
    code = """
import sys
sys.path.insert(0, "src")
import app
sys.exit("torch" in sys.modules or "runs" not in app.predict.__file__)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd="runs/space", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("licence", ["CC BY 4.0", None])
def test_examples_go_along_only_under_a_licence(monkeypatch, licence):
    cfg = config.compose()
    cfg.data.story.examples_licence = licence
    monkeypatch.setattr(config, "compose", lambda: cfg.copy())
    publish.main(["space"])
    found = {name for name in inside("runs/space") if name.startswith("docs/examples/")}
    expected = {path.as_posix() for path in Path("docs/examples").iterdir()} if licence else set()
    assert found == expected
    said = Path("runs/space/README.md").read_text(encoding="utf-8")
    assert ("Examples: CC BY 4.0." in said) == bool(licence)


def test_a_static_space_is_the_site_with_links_to_files():
    publish.main(["static"])
    for name in (name for name in inside("runs/static") if name.endswith(".html") and name != "404.html"):
        page = Path("runs/static", name)
        links = re.findall(r'\b(?:src|href)="(?![a-z]+:)([^"#?]+)', page.read_text(encoding="utf-8"))
        assert links
        for link in links:
            assert (page.parent / link).is_file(), (name, link)
        for address in ('rel="canonical" href', 'property="og:url" content'):
            assert re.search(rf'{address}="{re.escape(SITE)}([\w-]+/)?"', page.read_text(encoding="utf-8"))
    assert not list(Path("runs/static").glob("sitemap*"))
    card = RepoCard.load("runs/static/README.md")
    assert card.data.sdk == "static" and Path("runs/static", card.data.app_file).is_file()


@pytest.mark.parametrize("text", ["[[ measured.network.aux ]]", "[[ measured.looks + 1 ]]"])
def test_a_number_that_is_not_there_is_not_published(text):
    page = Path("docs/data-card.md")
    before = page.read_text(encoding="utf-8")
    page.write_text(f"{before}\n{text}\n", encoding="utf-8")
    refused(["static"], r"mkdocs: data-card\.md: .*(aux|concatenate)")
    refused(["model"], r"docs/data-card\.md: .*(aux|concatenate)")
    page.write_text(before, encoding="utf-8")


def test_a_card_without_metadata_is_not_published():
    page = Path("docs/model-card.md")
    before = page.read_text(encoding="utf-8")
    page.write_text(before.removeprefix("---"), encoding="utf-8")
    refused(["model"], r"docs/model-card\.md: no metadata; it begins with a block between two lines of ---")
    page.write_text(before, encoding="utf-8")


def test_a_broken_link_of_the_site_gets_one_line():
    page = Path("docs/decisions.md")
    before = page.read_text(encoding="utf-8")
    page.write_text(f"{before}\n[gone](nowhere.md)\n")
    refused(["static"], r"mkdocs: .*decisions.md.*nowhere.md")
    page.write_text(before)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("space", {"type": "space", "sdk": "gradio", "hardware": "zero-a10g"}),
        ("static", {"type": "space", "sdk": "static"}),
        ("model", {}),
    ],
)
def test_upload_makes_the_repository_what_the_folder_is(hub, capsys, kind, asked):
    hub.files = {"old.txt": b"of an earlier version"}
    if kind != "model":
        with pytest.raises(BadInput, match="ada/inspector is there already; add --replace to empty it first"):
            publish.main([kind, "--upload", "ada/inspector"])
        assert list(hub.files) == ["old.txt"] and not hub.made
    publish.main([kind, "--replace", "--upload", "ada/inspector"])
    assert asked.items() <= hub.made[0].items()
    kept = hub.files if kind == "model" else {}  # there others may have added files
    assert hub.files == {**({"old.txt": b"of an earlier version"} if kept else {}), **inside(f"runs/{kind}")}
    address = f"{hub.address}/{'' if kind == 'model' else 'spaces/'}ada/inspector"
    assert capsys.readouterr().out.splitlines()[-1] == address


def test_the_model_goes_with_a_card_that_tells_the_last_test():
    publish.main(["model"])
    files = inside("runs/model")
    assert set(files) == {"README.md", "model.onnx"}
    assert files["model.onnx"] == Path("models/model.onnx").read_bytes()
    card = ModelCard.load("runs/model/README.md")
    test = json.loads(Path("reports/metrics.json").read_text(encoding="utf-8"))["test"]
    assert [result.metric_value for result in card.data.eval_results] == [m["value"] for m in test.values()]
    assert not re.search(r"\[\[|<!--|\]\((?!https?://)", card.text)


def test_cards_say_what_hugging_face_understands():
    model, data = (ModelCard.load("docs/model-card.md").data, DatasetCard.load("docs/data-card.md").data)
    assert re.fullmatch(LICENCES, model.license) and re.fullmatch(LICENCES, data.license)
    assert model.pipeline_tag in TASKS and set(data.task_categories) <= TASKS
    assert set(model.metrics) <= METRICS and model.library_name == "onnx"
    assert data.size_categories[0] in SIZES and data.pretty_name
    for card in (model, data):
        named = bool(card.get("license_name")) and urlsplit(card.get("license_link", "")).scheme == "https"
        assert named == (card.license == "other")


ARTICLE = """<!-- A note to myself. -->

# Which ones are *broken*?

!!! tip "Read this"
    The number is [[ measured.n_test ]].

![A picture](figures/hero.png){ width=300 }

See the [results](results.md#the-leak), the [home page](index.md), [a paper](https://example.org/a.md) or
[below](#end).[^1] <!-- remove -->

```python
pages[0](results.md)  # <!-- stays -->
```

[^1]: A note.
[data]: data-card.md

"""


def test_an_article_for_elsewhere():
    Path("docs/article.md").write_text(ARTICLE + "word " * pages.FEWEST)
    publish.main(["article"])
    text = Path("runs/article/article.md").read_text(encoding="utf-8")
    front, body = text.split("---\n\n", 1)
    assert f"canonical_url: {SITE}article/\n" in front and "title: Which ones are *broken*?\n" in front
    n = measured()["n_test"]
    assert body.startswith(f"> **Read this** The number is {n}.\n\n![A picture]({SITE}figures/hero.png)\n\n")
    assert f"[results]({SITE}results/#the-leak), the [home page]({SITE})" in body
    assert "[a paper](https://example.org/a.md)" in body and f"[below]({SITE}article/#end).[^1]" in body
    assert "\npages[0](results.md)  # <!-- stays -->\n" in body and "myself" not in body + front
    assert f"[data]: {SITE}data-card/\n" in body and "[^1]: A note.\n" in body


def test_its_pdf_shows_words_and_pictures():
    pypdf = pytest.importorskip("pypdf", reason="pypdf reads the PDF: `uv add --dev pypdf`")
    pytest.importorskip("pypandoc", reason="pandoc sets the PDF: `uv add --dev pypandoc-binary`")
    Path("docs/article.md").write_text(ARTICLE)
    publish.main(["article", "--draft"])
    pages = pypdf.PdfReader("runs/article/article.pdf").pages
    found = " ".join(" ".join(page.extract_text() for page in pages).split())
    assert "Which ones are" in found and f"The number is {measured()['n_test']}." in found
    assert sum(len(page.images) for page in pages) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["article"], r"docs/article.md is a draft: \d+ of 4,500 words, 1 comments with prompts; .* --draft"),
        (["article", "--upload", "ada/inspector"], "takes no article"),
        (["spaceship"], "invalid choice: 'spaceship'"),
        (["space", "--uplaod", "ada/inspector"], "unrecognized arguments: --uplaod"),
        (["model", "--upload", "ada"], "--upload ada: give OWNER/NAME"),
        (["space", "--hardware", "quantum"], "invalid choice: 'quantum' .*zero-a10g"),
        ([], "the following arguments are required: kind"),
    ],
)
def test_what_cannot_be_done_gets_one_line(words, message):
    Path("docs/article.md").write_text("# Title\n\n<!-- budget: 10 words. Prompts: why? -->\n\nSome words.\n")
    refused(words, message)


def refused(words: list[str], message: str) -> None:
    """`publish` ends with one line that matches, and what it made before is as it was."""
    before = inside("runs") if Path("runs").exists() else {}
    with pytest.raises(BadInput, match=message) as error:
        publish.main(words)
    assert "\n" not in str(error.value)
    assert before == (inside("runs") if Path("runs").exists() else {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[ measured.nothing ]]", "docs/article.md: 'dict object' has no attribute 'nothing'"),
        ("[[ measured.n_test", "docs/article.md: unexpected end of template"),
        ("![A picture](figures/none.png)", "the PDF of docs/article.md: .*none.png"),
    ],
)
def test_a_mistake_in_the_article_gets_one_line(text, message):
    Path("docs/article.md").write_text(f"# Title\n\n{text}\n")
    refused(["article", "--draft"], message)


@pytest.mark.parametrize(
    ("page", "text", "message"),
    [
        ("docs/model-card.md", "---\nlicense: [mit\n---\n", "docs/model-card.md: "),
        ("docs/model-card.md", None, "docs/model-card.md: missing"),
        ("mkdocs.yml", "site_name: A name\n", "mkdocs.yml: site_url is missing"),
    ],
)
def test_a_page_that_is_wrong_gets_one_line(folder, page, text, message):
    before = Path(page).read_text(encoding="utf-8")
    try:
        Path(page).unlink() if text is None else Path(page).write_text(text)
        refused(["space"], message)
    finally:
        Path(page).write_text(before)


def test_what_tells_of_other_data_stays_here(monkeypatch):
    cfg = config.compose()
    cfg.data.starter = False
    monkeypatch.setattr(config, "compose", lambda: cfg.copy())
    Path("docs/article.md").write_text("<!-- The starter's text: rewrite it. -->\n\n# Title\n")
    refused(["article", "--draft"], "docs/article.md still tells of the starter's data")


def test_a_space_that_is_too_large_gets_one_line(monkeypatch):
    monkeypatch.setattr(publish, "LARGEST", 1000)
    refused(["model"], "runs/model: 0.0 GB; a Space holds 0 GB")


def test_nothing_trained_yet_gets_one_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    refused(["space"], "models/model.onnx: missing; make it with `uv run dvc repro`")
    refused(["static"], "reports/pages.json: missing or damaged; make it with `uv run dvc repro`")


def test_an_upload_that_fails_gets_one_line(hub, monkeypatch):
    def fails(name: str, message: str) -> None:
        with pytest.raises(BadInput, match=message) as error:
            publish.main(["model", "--upload", name])
        assert "\n" not in str(error.value)

    fails("ada/no spaces", "ada/no spaces on Hugging Face: Repo id must")
    hub.refuses = "hosting Gradio Spaces on free cpu-basic requires a PRO subscription"
    fails("ada/inspector", "ada/inspector on Hugging Face: hosting Gradio Spaces on free cpu-basic requires")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    fails("ada/inspector", "ada/inspector on Hugging Face: ")
    monkeypatch.setattr(publish, "get_token", lambda: None)
    fails("ada/inspector", "no token for Hugging Face: `uv run hf auth login`, or set HF_TOKEN")
