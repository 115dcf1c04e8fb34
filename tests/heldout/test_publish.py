"""Published folders: complete, true, and accepted by Hugging Face's own client."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import toysite
from heldout import InputError, article, figures, pages, publish
from hub import Hub, serve
from huggingface_hub import ModelCard, RepoCard, constants
from omegaconf import OmegaConf


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its pages filled."""
    folder = tmp_path_factory.mktemp("filled")
    toysite.write(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        blocks = toysite.fill_pages()
        figures.social_card(toysite.context(), blocks["claim"], "docs/figures/social.png")
    return folder


@pytest.fixture(autouse=True)
def project(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project as the working directory."""
    folder = shutil.copytree(filled, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A local hub that Hugging Face's client talks to."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", "hf_ada")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(Hub()) as local:
        monkeypatch.setattr(constants, "ENDPOINT", local.address)
        yield local


def contents(folder: str) -> dict[str, bytes]:
    """The files of a folder by name."""
    paths = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def refused(words: list[str], message: str) -> None:
    """`publish` ends with one line that matches, and an earlier result is untouched."""
    earlier = contents("runs") if Path("runs").exists() else {}
    with pytest.raises(InputError, match=message) as error:
        publish.main(words)
    assert "\n" not in str(error.value)
    assert earlier == (contents("runs") if Path("runs").exists() else {})


def test_a_space_has_the_model_all_modules_and_the_packages_of_the_app():
    publish.main(["space"])
    files = contents("runs/space")
    names = {"README.md", "app.py", "models/model.onnx", "reports/metrics.json"}
    names |= {"requirements.txt", "space.py", "src/toy/__init__.py", "src/toy/predict.py"}
    library = "vendor/heldout/src/heldout"
    assert names | {"src/toy/train.py", f"{library}/onnx.py"} <= set(files)
    rest = {name for name in files if not name.startswith((library, "src/toy/"))}
    assert rest <= names and not [name for name in files if "site/" in name or "__pycache__" in name]
    packages = files["requirements.txt"].decode().splitlines()
    versions = {f"{name}=={version(name)}" for name in ("gradio", "numpy")}
    assert set(packages) == {*versions, "pillow", "spaces"}  # Gradio limits the version of Pillow
    card = RepoCard.load("runs/space/README.md")
    assert (card.data.sdk, card.data.app_file) == ("gradio", "space.py")
    assert f"gradio=={card.data.sdk_version}" in packages
    assert len(card.data.short_description) <= 60
    content = json.loads(pages.PAGES.read_text(encoding="utf-8"))
    for block in ("headline", "caveats", "attribution"):
        assert content[block] in card.text
    code = """
import sys
sys.path[:0] = ["src", "vendor/heldout/src"]
import app
sys.exit("torch" in sys.modules or "runs" not in sys.modules["heldout"].__file__)
"""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd="runs/space", env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("licence", ["CC BY 4.0", None])
def test_examples_are_published_only_under_a_licence(licence):
    cfg = OmegaConf.load("conf/config.yaml")
    cfg.data.examples_licence = licence
    OmegaConf.save(cfg, "conf/config.yaml")
    publish.main(["space"])
    files = contents("runs/space")
    assert ("docs/examples/one.csv" in files) == bool(licence)
    assert ("Examples: CC BY 4.0." in files["README.md"].decode()) == bool(licence)


def test_a_static_space_is_the_site_with_links_to_files():
    publish.main(["static"])
    names = [name for name in contents("runs/static") if name.endswith(".html")]
    for name in set(names) - {"404.html"}:
        page = Path("runs/static", name)
        text = page.read_text(encoding="utf-8")
        for link in re.findall(r'\b(?:src|href)="(?![a-z]+:)([^"#?]+)', text):
            assert (page.parent / link).is_file(), (name, link)
        for address in ('rel="canonical" href', 'property="og:url" content'):
            assert re.search(rf'{address}="{re.escape(toysite.SITE)}([\w-]+/)?"', text)
    assert not list(Path("runs/static").glob("sitemap*"))
    card = RepoCard.load("runs/static/README.md")
    assert card.data.sdk == "static" and Path("runs/static", card.data.app_file).is_file()


def test_the_model_goes_with_a_card_of_the_last_evaluation():
    publish.main(["model"])
    assert set(contents("runs/model")) == {"README.md", "model.onnx"}
    card = ModelCard.load("runs/model/README.md")
    network = json.loads(Path("reports/metrics.json").read_text())["results"]["network"]
    results = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert results == {"roc_auc": network["auc"]["value"], "cost": network["cost"]["value"]}
    assert "Tested on 240 cells." in card.text


@pytest.mark.parametrize("text", ["[[ results.network.aux ]]", "[[ n_test + 1 ]]"])
def test_a_number_that_does_not_exist_is_not_published(text):
    with Path("docs/data-card.md").open("a") as page:
        page.write(f"{text}\n")
    refused(["static"], r"mkdocs: data-card\.md: .*(aux|concatenate)")
    refused(["model"], r"docs/data-card\.md.*: .*(aux|concatenate)")


ARTICLE = """<!-- A note to myself. -->

# Which ones are *broken*?

!!! tip "Read this"
    The number is [[ n_test ]].

![A picture](figures/hero.png){ width=300 }

See the [results](results.md#leakage-check), the [home page](index.md),
[a paper](https://example.org/a.md) or [below](#end).[^1] <!-- remove -->

```python
pages[0](results.md)  # <!-- stays -->
```

[^1]: A note.
[data]: data-card.md

"""


def test_an_article_for_other_places():
    Path("docs/article.md").write_text(ARTICLE + "word " * article.MIN_WORDS)
    publish.main(["article"])
    front, body = Path("runs/article/article.md").read_text(encoding="utf-8").split("---\n\n", 1)
    site = toysite.SITE
    assert f"canonical_url: {site}article/\n" in front
    assert "title: Which ones are *broken*?\n" in front
    start = f"> **Read this** The number is 240.\n\n![A picture]({site}figures/hero.png)\n\n"
    assert body.startswith(start)
    assert f"[results]({site}results/#leakage-check), the [home page]({site})" in body
    assert f"[a paper](https://example.org/a.md) or [below]({site}article/#end).[^1]" in body
    assert "\npages[0](results.md)  # <!-- stays -->\n" in body and "myself" not in body + front
    assert f"[data]: {site}data-card/\n" in body and "[^1]: A note.\n" in body


def test_the_pdf_has_the_words_and_pictures():
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("pypandoc")
    Path("docs/article.md").write_text(ARTICLE)
    publish.main(["article", "--draft"])
    sheets = pypdf.PdfReader("runs/article/article.pdf").pages
    text = " ".join(" ".join(sheet.extract_text() for sheet in sheets).split())
    assert "Which ones are" in text and "The number is 240." in text
    assert sum(len(sheet.images) for sheet in sheets) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["article"], r"docs/article.md is a draft: \d+ of 4,500 words, 1 comments .* --draft"),
        (["article", "--upload", "ada/inspector"], "give OWNER/NAME, and no article"),
        (["spaceship"], "invalid choice: 'spaceship'"),
        (["space", "--uplaod", "ada/inspector"], "unrecognized arguments: --uplaod"),
        (["model", "--upload", "ada"], "--upload ada: give OWNER/NAME"),
        ([], "the following arguments are required: kind"),
    ],
)
def test_a_wrong_command_gets_one_line(words, message):
    Path("docs/article.md").write_text("# Title\n\n<!-- Prompts: why? -->\n\nSome words.\n")
    refused(words, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[ nothing ]]", "docs/article.md.*: 'nothing' is undefined"),
        ("[[ n_test", "docs/article.md.*: unexpected end of template"),
        ("![A picture](figures/none.png)", "the PDF of docs/article.md: .*none.png"),
        ("<!-- The starter's text: rewrite it. -->\n", "still describes the starter's data"),
    ],
)
def test_a_mistake_in_the_article_gets_one_line(text, message):
    pytest.importorskip("pypandoc")
    OmegaConf.save(toysite.settings(starter="starter's" not in message), "conf/config.yaml")
    Path("docs/article.md").write_text(f"# Title\n\n{text}\n")
    refused(["article", "--draft"], message)


@pytest.mark.parametrize(
    ("page", "text", "message"),
    [
        ("docs/model-card.md", "---\nlicense: [mit\n---\n", "docs/model-card.md: "),
        ("docs/model-card.md", "# Card\n", "docs/model-card.md: no metadata; it begins with"),
        ("docs/model-card.md", None, "docs/model-card.md: missing"),
        ("mkdocs.yml", "site_name: A name\n", "mkdocs.yml: site_url is missing"),
        ("models/model.onnx", None, "models/model.onnx: missing"),
        ("models/model.onnx", "junk", "models/model.onnx: "),
        ("reports/metrics.json", "{}", "reports/metrics.json: missing or damaged"),
    ],
)
def test_a_damaged_file_gets_one_line(page, text, message):
    if text is None:
        Path(page).unlink()
    else:
        Path(page).write_text(text)
    refused(["space"], message)


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        ("space", {"sdk": "gradio", "hardware": "zero-a10g", "type": "space"}),
        ("static", {"sdk": "static", "type": "space"}),
        ("model", {}),
    ],
)
def test_an_upload_replaces_a_space_only_if_told_to(hub, capsys, kind, request_):
    hub.files = {"old.txt": b"of an earlier version"}
    if kind != "model":
        with pytest.raises(InputError, match="ada/inspector exists; add --replace to empty it"):
            publish.main([kind, "--upload", "ada/inspector"])
        assert list(hub.files) == ["old.txt"] and not hub.created
    publish.main([kind, "--replace", "--upload", "ada/inspector"])
    assert request_.items() <= hub.created[0].items()
    remaining = {"old.txt": b"of an earlier version"} if kind == "model" else {}
    assert hub.files == remaining | contents(f"runs/{kind}")
    address = f"{hub.address}/{'' if kind == 'model' else 'spaces/'}ada/inspector"
    assert capsys.readouterr().out.splitlines()[-1] == address


def test_an_upload_that_fails_gets_one_line(hub, monkeypatch):
    def fails(name: str, message: str) -> None:
        with pytest.raises(InputError, match=message) as error:
            publish.main(["model", "--upload", name])
        assert "\n" not in str(error.value)

    fails("ada/no spaces", "ada/no spaces on Hugging Face: Repo id must")
    hub.refusal = "hosting Gradio Spaces on free cpu-basic requires a PRO subscription"
    fails("ada/inspector", "ada/inspector on Hugging Face: hosting Gradio Spaces on free cpu-basic")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    fails("ada/inspector", "ada/inspector on Hugging Face: ")
    monkeypatch.setenv("HF_TOKEN", "")
    fails("ada/inspector", "ada/inspector on Hugging Face: .*no token found.*`hf auth login`")
