"""Checks on what stands beside: cards, licences, tests, links, demo."""

import re

import yaml

from . import prose, values
from .evidence import Check, Found, Item, checks, leftover


def card(item: Item, name: str, least: int) -> str:
    """Why a card is not filled; nothing if it is."""
    text = item.repository.text(name)
    if not text:
        return "missing"
    if "The starter's text: rewrite it" in text:
        return "still the starter's text"
    [found] = prose.count([text])
    if prose.filler(prose.words(prose.plain(text))):
        return "holds filler, no prose"
    if found.own < least:
        return f"{found.own} words of its own, {least} are asked for"
    return ""


CHECKS: list[Check] = []
check = checks(CHECKS)


@check("documentation", "Data card filled")
def data_card(item: Item) -> Found:
    """Source, licence and the sections of Datasheets for Datasets."""
    name, remedy = (
        item.data_card,
        "Fill docs/data-card.md for your data: source, licence, labels, split, traps; delete the starter's line.",
    )
    if why := card(item, name, 200):
        return Found("fail", why, [name] if name else [], remedy)
    text = item.repository.text(name).lower()
    missing = [
        what
        for what, words in {
            "source": "source|origin",
            "licence": "licen[cs]e|terms",
            "labels": "label|target",
            "split": "split",
        }.items()
        if not re.search(words, text)
    ]
    if missing:
        return Found("fail", f"says nothing of {', '.join(missing)}", [name], remedy)
    return Found("pass", "filled", [name])


@check("documentation", "Model card filled")
def model_card(item: Item) -> Found:
    """Hugging Face's metadata, and limits of at least 80 words."""
    name, remedy = (
        item.model_card,
        "Fill docs/model-card.md for your model: metadata, use, 80 words on limits; delete the starter's line.",
    )
    if why := card(item, name, 200):
        return Found("fail", why, [name] if name else [], remedy)
    head = re.match(r"---\n(.*?)\n---\n", item.repository.text(name), re.DOTALL)
    try:
        found = values.from_yaml(head[1]) if head else {}
    except yaml.YAMLError:
        found = {}
    missing = [
        key
        for key in ("license", "datasets", "metrics", "pipeline_tag")
        if not (isinstance(found, dict) and found.get(key))
    ]
    if missing:
        return Found("fail", f"metadata without {', '.join(missing)}", [f"{name}:1"], remedy)
    limits = [
        s
        for s in prose.sections(item.repository.text(name))
        if re.search(r"limit|out of scope|bias|risk", s.title, re.IGNORECASE)
    ]
    long = sum(found.own for found in prose.count([s.text for s in limits]))
    if long < 80:
        return Found(
            "fail",
            f"{long} words of your own on limits, 80 are asked for",
            [f"{name}:{limits[0].line}" if limits else name],
            remedy,
        )
    return Found("pass", f"filled; {long} words on limits", [name])


@check("documentation", "Provenance: source and hash of the data")
def provenance(item: Item) -> Found:
    sha, settings = item.settings.get("sha256"), f"conf/data/{item.choice}.yaml"
    source = item.settings.get("path") or item.settings.get("kaggle")
    if sha and source and re.fullmatch(r"[0-9a-f]{64}", str(sha)):
        return Found(
            "pass",
            f"{source}, SHA-256 {str(sha)[:12]}..., checked on load",
            [f"{settings}:{item.repository.line(settings, 'sha256') or 1}"],
        )
    card = item.repository.text(item.data_card)
    if re.search(r"\b[0-9a-f]{64}\b", card) and re.search(r"https?://", card):
        return Found(
            "shown", "source and hash in the data card; whether they are checked on load was not", [item.data_card]
        )
    return Found(
        "fail",
        "no source with its SHA-256",
        [item.data_card] if item.data_card else [],
        "Run `prepare data=own data.path=...`: it writes source and hash into conf/data/own.yaml.",
    )


@check("documentation", "Licences: of the code, and the data's terms carried into the README")
def licences(item: Item) -> Found:
    own = item.repository.find(r"^(licen[cs]e|copying)(\.(md|txt))?$")
    if not own:
        return Found("fail", "no LICENSE", [], "Add a LICENSE for your code.")
    if not item.data_card:
        return Found(
            "fail", "no data card that names the data's licence", own, "Name the data's licence in docs/data-card.md."
        )
    text, told = item.repository.text(item.data_card), item.readme
    terms = {
        "non-commercial": r"non-?commercial|\bcc[ -]by-nc|\bno commercial|research and education",
        "share-alike": r"share-?alike|\bcc[ -]by(-nc)?-sa\b",
    }
    lost = [
        name
        for name, pattern in terms.items()
        if re.search(pattern, text, re.IGNORECASE) and not re.search(pattern, told, re.IGNORECASE)
    ]
    if lost:
        row = next(n for n, x in enumerate(text.splitlines(), start=1) if re.search(terms[lost[0]], x, re.IGNORECASE))
        return Found(
            "fail",
            f"the data is {' and '.join(lost)}, and the README does not say so",
            [f"{item.data_card}:{row}", item.repository.readme],
            "Repeat the data's terms in the README: story.attribution in conf/data.",
        )
    if not re.search(r"licen[cs]e|terms|public domain", text, re.IGNORECASE):
        return Found(
            "fail",
            "the data card names no licence of the data",
            [item.data_card],
            "Name the data's licence in docs/data-card.md.",
        )
    return Found("pass", "code and data", [own[0], item.data_card])


@check("documentation", "Tests")
def tests(item: Item) -> Found:
    files = item.repository.find(r"(^|/)(test_[^/]+|[^/]+_test)\.(py|r|jl)$|(^|/)tests/testthat/")
    asserts = sum(
        len(re.findall(r"\bassert\b|pytest\.raises|self\.assert|expect_", item.repository.text(name))) for name in files
    )
    if not files or asserts < 10:
        return Found(
            "fail",
            f"{len(files)} files of tests with {asserts} assertions",
            files[:1],
            "Test what must stay true: no leak, resuming, export, demo.",
        )
    return Found("pass", f"{len(files)} files, {asserts} assertions; not run here", [files[0]])


@check("documentation", "Tests run on every push", needed=False)
def continuous_integration(item: Item) -> Found:
    files = item.repository.find(
        r"^\.github/workflows/.*\.ya?ml$|^\.gitlab-ci\.yml$|^\.circleci/config\.yml$|^azure-pipelines\.yml$"
    )
    running = [name for name in files if re.search(r"pytest|unittest|nox|tox|make test", item.repository.text(name))]
    if running:
        return Found("pass", "set up; whether the last run passed is not checked", [running[0]])
    return Found(
        "fail", "no workflow runs the tests", files[:1], "Add .github/workflows/test.yml that runs `uv run pytest`."
    )


@check("documentation", "Pinned environment", needed=False)
def pinned(item: Item) -> Found:
    locks = item.repository.find(
        r"^(uv\.lock|poetry\.lock|pdm\.lock|pixi\.lock|conda-lock\.yml|renv\.lock|Pipfile\.lock|Manifest\.toml)$"
    )
    if locks:
        return Found("pass", locks[0], [locks[0]])
    listed = item.repository.text("requirements.txt")
    if listed and len(re.findall(r"==", listed)) >= 0.9 * len(
        [x for x in listed.splitlines() if x.strip() and x[0] not in "#-"]
    ):
        return Found("pass", "requirements.txt pins versions", ["requirements.txt"])
    return Found("fail", "no lock file", [], "Commit uv.lock.")


@check("documentation", "No dead local link")
def local_links(item: Item) -> Found:
    pages = [name for name in item.repository.find(r"\.md$") if "/" not in name or name.startswith("docs/")]
    dead, seen = [], 0
    for page in pages:
        for link in prose.links(item.repository.text(page)):
            seen += 1
            if not item.opens(link.target.split("?")[0], page):
                dead.append((f"{page}:{link.line}", link.target))
    if dead:
        return Found(
            "fail",
            "leads nowhere: " + ", ".join(f"{target} ({where})" for where, target in dead[:5]),
            [where for where, _ in dead[:5]],
            "Mend or remove these links.",
        )
    return Found(
        "pass" if seen else "fail",
        f"{seen} links followed" if seen else "no page with a link",
        [],
        "" if seen else "Write a README.",
    )


@check("documentation", "No prompt or placeholder left")
def leftovers(item: Item) -> Found:
    pages = {
        name
        for name in item.repository.find(r"\.(md|cff)$|^LICENSE$|^pyproject\.toml$")
        if "/" not in name or name.startswith("docs/")
    }
    found = [one for page in sorted(pages - {item.article}) for one in leftover(item, page)]
    if found:
        return Found(
            "fail",
            f"{len(found)} left: " + ", ".join(f"{prompt!r} ({where})" for where, prompt in found[:4]),
            [where for where, _ in found[:4]],
            "Replace the template's text by your own and delete its comments.",
        )
    if not pages:
        return Found("fail", "no page", [], "Write a README.")
    return Found("pass", f"none in {len(pages)} files", [])


@check("documentation", "A demo to try", needed=False)
def demo(item: Item) -> Found:
    apps = item.repository.find(r"^(app|demo|streamlit_app)\.py$|^docs/demo(/|\.)")
    link = item.declared.links.demo
    if link:
        return Found("declared", f"{link}; --online looks whether it answers", ["portfolio.yaml"])
    if apps:
        return Found(
            "shown",
            f"{apps[0]} is there; no public address is declared",
            [apps[0]],
            "Publish the demo and write its address into portfolio.yaml, links.demo.",
        )
    return Found("fail", "no demo", [], "Add a demo: app.py, or docs/demo in the browser.")
