"""Checks on cards, licenses, tests, links and demo."""

import re

import yaml

from . import prose, values
from .evidence import STARTER, Check, Finding, Item, checks, leftover


def card(item: Item, name: str, min_words: int) -> str:
    """The reason why a card is incomplete; empty if it is complete."""
    text = item.repository.text(name)
    if not text:
        return "missing"
    if STARTER in text:
        return "still the starter's text"
    [count] = prose.count([text])
    if prose.filler(prose.words(prose.plain(text))):
        return "contains filler text"
    if count.own < min_words:
        return f"{count.own} words of original prose, {min_words} required"
    return ""


CHECKS: list[Check] = []
check = checks(CHECKS)


@check("documentation", "Data card complete")
def data_card(item: Item) -> Finding:
    """Source, license, labels and split, after Datasheets for Datasets."""
    name, remedy = (
        item.data_card,
        "Describe your data in docs/data-card.md: source, license, labels, split, traps. Delete the starter's comment.",
    )
    if why := card(item, name, 200):
        return Finding("fail", why, [name] if name else [], remedy)
    text = item.repository.text(name).lower()
    missing = [
        what
        for what, words in {
            "source": "source|origin",
            "license": "licen[cs]e|terms",
            "labels": "label|target",
            "split": "split",
        }.items()
        if not re.search(words, text)
    ]
    if missing:
        return Finding("fail", f"lacks {', '.join(missing)}", [name], remedy)
    return Finding("pass", "complete", [name])


@check("documentation", "Model card complete")
def model_card(item: Item) -> Finding:
    """Hugging Face metadata, and at least 80 words on limitations."""
    name, remedy = (
        item.model_card,
        "Describe your model in docs/model-card.md: metadata, use, limitations. Delete the starter's comment.",
    )
    if why := card(item, name, 200):
        return Finding("fail", why, [name] if name else [], remedy)
    head = re.match(r"---\n(.*?)\n---\n", item.repository.text(name), re.DOTALL)
    try:
        metadata = values.from_yaml(head[1]) if head else {}
    except yaml.YAMLError:
        metadata = {}
    missing = [
        key
        for key in ("license", "datasets", "metrics", "pipeline_tag")
        if not (isinstance(metadata, dict) and metadata.get(key))
    ]
    if missing:
        return Finding("fail", f"the metadata lack {', '.join(missing)}", [f"{name}:1"], remedy)
    limits = [
        s
        for s in prose.sections(item.repository.text(name))
        if re.search(r"limit|out of scope|bias|risk", s.title, re.IGNORECASE)
    ]
    long = sum(count.own for count in prose.count([s.text for s in limits]))
    if long < 80:
        return Finding(
            "fail",
            f"{long} words of original prose on limitations, 80 required",
            [f"{name}:{limits[0].line}" if limits else name],
            remedy,
        )
    return Finding("pass", f"complete; {long} words on limitations", [name])


@check("documentation", "Provenance: source and hash of the data")
def provenance(item: Item) -> Finding:
    sha, settings = item.settings.get("sha256"), f"conf/data/{item.choice}.yaml"
    source = item.settings.get("path") or item.settings.get("kaggle")
    if sha and source and re.fullmatch(r"[0-9a-f]{64}", str(sha)):
        return Finding(
            "pass",
            f"{source}, SHA-256 {str(sha)[:12]}...; verified when the data stage loads the data, not by this report",
            [f"{settings}:{item.repository.line(settings, 'sha256') or 1}"],
        )
    card = item.repository.text(item.data_card)
    if re.search(r"\b[0-9a-f]{64}\b", card) and re.search(r"https?://", card):
        return Finding("shown", "source and hash in the data card; the data itself was not compared", [item.data_card])
    return Finding(
        "fail",
        "no source with a SHA-256",
        [item.data_card] if item.data_card else [],
        "Add the source's address and SHA-256 to the data card, or run `python -m <package>.data data=own`.",
    )


@check("documentation", "Licenses of code and data")
def licenses(item: Item) -> Finding:
    own = item.repository.find(r"^(licen[cs]e|copying)(\.(md|txt))?$")
    if not own or len(item.repository.text(own[0])) < 100:
        return Finding("fail", "no LICENSE file", [], "Add a LICENSE for your code.")
    if not item.data_card:
        return Finding(
            "fail",
            "no data card with the license of the data",
            own,
            "Name the license of the data in docs/data-card.md.",
        )
    text, readme = item.repository.text(item.data_card), item.readme
    terms = {
        "non-commercial": r"non-?commercial|\bcc[ -]by-nc|\bno commercial|research and education",
        "share-alike": r"share-?alike|\bcc[ -]by(-nc)?-sa\b",
    }
    lost = [
        name
        for name, pattern in terms.items()
        if re.search(pattern, text, re.IGNORECASE) and not re.search(pattern, readme, re.IGNORECASE)
    ]
    if lost:
        row = next(n for n, x in enumerate(text.splitlines(), start=1) if re.search(terms[lost[0]], x, re.IGNORECASE))
        return Finding(
            "fail",
            f"the license of the data is {' and '.join(lost)}; the README does not mention it",
            [f"{item.data_card}:{row}", item.repository.readme],
            "Repeat the terms in the README: block attribution of docs/blocks.md.j2.",
        )
    if not re.search(r"licen[cs]|terms of|terms \||public domain|\bcc[ -]?(by|0)", text, re.IGNORECASE):
        return Finding(
            "fail",
            "the data card names no license of the data",
            [item.data_card],
            "Name the license of the data in docs/data-card.md.",
        )
    return Finding("pass", "named for code and data", [own[0], item.data_card])


@check("documentation", "Tests")
def tests(item: Item) -> Finding:
    files = item.repository.find(r"(^|/)(test_[^/]+|[^/]+_test)\.(py|r|jl)$|(^|/)tests/testthat/")
    asserts = sum(
        len(re.findall(r"\bassert\b|pytest\.raises|self\.assert|expect_", item.repository.text(name))) for name in files
    )
    if not files or asserts < 10:
        return Finding(
            "fail",
            f"{len(files)} test files with {asserts} assertions",
            files[:1],
            "Test split, training, export and demo; ten assertions are required.",
        )
    return Finding("pass", f"{len(files)} test files, {asserts} assertions (not run)", [files[0]])


@check("documentation", "Tests run on every push", needed=False)
def continuous_integration(item: Item) -> Finding:
    files = item.repository.find(
        r"^\.github/workflows/.*\.ya?ml$|^\.gitlab-ci\.yml$|^\.circleci/config\.yml$|^azure-pipelines\.yml$"
    )
    running = [name for name in files if re.search(r"pytest|unittest|nox|tox|make test", item.repository.text(name))]
    if running:
        return Finding("pass", "configured; the last run is not checked", [running[0]])
    return Finding(
        "fail", "no workflow runs the tests", files[:1], "Add .github/workflows/test.yml that runs `uv run pytest`."
    )


@check("documentation", "Pinned environment", needed=False)
def pinned(item: Item) -> Finding:
    locks = item.repository.find(
        r"^(uv\.lock|poetry\.lock|pdm\.lock|pixi\.lock|conda-lock\.yml|renv\.lock|Pipfile\.lock|Manifest\.toml)$"
    )
    if locks:
        return Finding("pass", locks[0], [locks[0]])
    listed = item.repository.text("requirements.txt")
    if listed and len(re.findall(r"==", listed)) >= 0.9 * len(
        [x for x in listed.splitlines() if x.strip() and x[0] not in "#-"]
    ):
        return Finding("pass", "requirements.txt pins versions", ["requirements.txt"])
    return Finding("fail", "no lock file", [], "Commit uv.lock.")


@check("documentation", "No broken local link")
def local_links(item: Item) -> Finding:
    pages = [name for name in item.repository.find(r"\.md$") if "/" not in name or name.startswith("docs/")]
    dead, n_links = [], 0
    for page in pages:
        for link in prose.links(item.repository.text(page)):
            if "[[" in link.target:  # written by a page variable
                continue
            n_links += 1
            if not item.opens(link.target.split("?")[0], page):
                dead.append((f"{page}:{link.line}", link.target))
    if dead:
        return Finding(
            "fail",
            "broken: " + ", ".join(f"{target} ({where})" for where, target in dead[:5]),
            [where for where, _ in dead[:5]],
            "Correct or remove these links.",
        )
    return Finding(
        "pass" if n_links else "fail",
        f"{n_links} links checked" if n_links else "no page with a link",
        [],
        "" if n_links else "Write a README.",
    )


@check("documentation", "No template prompt or placeholder left")
def leftovers(item: Item) -> Finding:
    pages = {
        name
        for name in item.repository.find(r"\.(md|cff)$|^LICENSE$|^pyproject\.toml$")
        if "/" not in name or name.startswith("docs/")
    }
    prompts = [one for page in sorted(pages - {item.article}) for one in leftover(item, page)]
    if prompts:
        return Finding(
            "fail",
            f"{len(prompts)} left: " + ", ".join(f"{prompt!r} ({where})" for where, prompt in prompts[:4]),
            [where for where, _ in prompts[:4]],
            "Replace the template's text with your own and delete its comments.",
        )
    if not pages:
        return Finding("fail", "no page", [], "Write a README.")
    return Finding("pass", f"none in {len(pages)} files", [])


@check("documentation", "Demo", needed=False)
def demo(item: Item) -> Finding:
    apps = item.repository.find(r"^(app|demo|streamlit_app)\.py$|^docs/demo(/|\.)")
    link = item.declared.links.demo
    if link:
        return Finding("declared", f"{link}; --online requests it", ["portfolio.yaml"])
    if apps:
        return Finding(
            "shown",
            f"{apps[0]}; no public address declared",
            [apps[0]],
            "Publish the demo and add its address to portfolio.yaml, links.demo.",
        )
    return Finding("fail", "no demo", [], "Add a demo: app.py, or a page in docs/demo.")
