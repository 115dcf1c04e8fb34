"""Checks on what makes an item count: unique, by its author, awarded, relevant."""

import re

from . import data, prose
from .evidence import Check, Found, Item, checks
from .repository import Commit

DAYS = 5  # with commits, for a history to show how the work was done
LARGEST = 0.8  # share of the lines that one commit may bring

CHECKS: list[Check] = []
check = checks(CHECKS)


@check("unique", "The data is not the starter's, and not on everybody's list")
def data_unique(item: Item) -> Found:
    remedy = (
        "Replace the data: docs/choosing-a-problem.md of the template leads from an industry to a problem of your own."
    )
    if item.choice == "starter":
        return Found(
            "fail",
            "the starter's data is still in use",
            [f"conf/config.yaml:{item.repository.line('conf/config.yaml', 'data: starter') or 1}"],
            remedy,
        )
    if hit := data.overused(item):
        return Found("fail", f"{hit.said}: {hit.reason}", hit.where, remedy)
    if not item.settings.get("sha256"):
        return Found(
            "not checked", "which data is used cannot be told: no conf/data/own.yaml with its hash", [], remedy
        )
    seen = "its contents too" if data.local(item) else "its contents are not here and were not looked at"
    return Found(
        "pass",
        f"by name, hash and columns on no list; {seen}; a re-encoded copy would not be seen",
        [f"conf/data/{item.choice}.yaml"],
    )


@check("unique", "Code and prose differ from what the template wrote")
def own_work(item: Item) -> Found:
    code, new = 0, 0
    package = next(
        (name.split("/")[1] for name in item.repository.find(r"^src/[^/]+/__init__\.py$|^src/[^/]+/prepare\.py$")), ""
    )
    for name in item.repository.find(r"\.(py|ya?ml|toml|ipynb|r|jl|js|ts)$"):
        if name.endswith(".lock") or name.startswith("reports/") or name == "portfolio.yaml":
            continue
        lines = [
            line.replace(package, "{{ cookiecutter.package_name }}") if package else line
            for line in prose.code_lines(item.repository.text(name))
        ]
        code += len(lines)
        if name in item.repository.changed:
            new += sum(line not in prose.code() for line in lines)
    pages = [name for name in item.repository.find(r"\.md$") if name != "docs/results.md"]
    counts = prose.count([item.repository.text(name) for name in pages]) if pages else []
    own, total = sum(c.own for c in counts), sum(c.own + c.template for c in counts)
    said = f"{new:,} of {code:,} lines of code and settings, {own:,} of {total:,} words are not the template's"
    if own >= max(500, total / 2) and new >= 50:
        return Found("pass", said, [])
    return Found(
        "fail",
        said,
        [],
        "Write the pages anew for your problem, more than the template did, and make 50 lines of the code yours.",
    )


@check("unique", "Authorship")
def authorship(item: Item) -> Found:
    """Whose lines they are as of today, and whether the history shows how they came about."""
    repository, declared = item.repository, item.declared
    commits = [commit for commit in repository.commits if commit is not repository.generated]
    lines = repository.authors if commits else {}
    if not (total := sum(lines.values())):
        return Found("fail", "no commit of your own", [], "Commit your work as you go.")
    said = history(item, total)
    names = {plain_name(who) for who in [declared.author, *declared.emails] if who}
    if not names:
        remedy = "Write your name as git knows it into portfolio.yaml, author."
        return Found("fail", f"portfolio.yaml names no author; {said}", [], remedy)
    mine = sum(n for (name, email), n in lines.items() if names & {plain_name(name), plain_name(email)})
    if mine < total / 2:
        remedy = "Show a repository most of which you wrote; list your other addresses in portfolio.yaml, emails."
        return Found("fail", f"{mine / total:.0%} of the lines are the author's; {said}", ["portfolio.yaml"], remedy)
    days = {commit.day for commit in commits}
    if len(days) < DAYS or largest(commits) > LARGEST:
        remedy = f"Commit as you work: on {DAYS} days or more, no commit with most of the lines."
        return Found("fail", f"the history does not show how it was made: {said}", ["portfolio.yaml"], remedy)
    return Found("shown", f"{said}. Forged names and dates, and who typed, cannot be seen", ["portfolio.yaml"])


def history(item: Item, total: int) -> str:
    """Who wrote how much, when, and what is said of AI."""
    repository = item.repository
    commits = [commit for commit in repository.commits if commit is not repository.generated]
    top = ", ".join(f"{name or email} {n / total:.0%}" for (name, email), n in repository.authors.most_common(3))
    days = len({commit.day for commit in commits})
    return (
        f"{total:,} lines by {top}; {len(commits)} commits on {days} days, the largest with "
        f"{largest(commits):.0%} of the lines; use of AI: {item.declared.use_of_ai or 'not stated'}"
    )


def largest(commits: list[Commit]) -> float:
    """Share of all added lines that one commit brought."""
    added = [commit.added for commit in commits]
    return max(added, default=0) / (sum(added) or 1)


def plain_name(text: str) -> str:
    """A name or address without case and spare blanks."""
    return " ".join(text.lower().split())


@check("kaggle medal", "A medal in a Kaggle competition")
def kaggle(item: Item) -> Found:
    medal = item.declared.kaggle_medal
    if not medal:
        return Found(
            "fail", "none declared", [], "Enter a competition with `submit`; declare the medal in portfolio.yaml."
        )
    return Found(
        "declared",
        f"{medal.medal} in {medal.competition}, rank {medal.rank}, team of {medal.team_size}; see {medal.profile}",
        ["portfolio.yaml"],
    )


@check("relevancy", "Five job advertisements, mapped to the project")
def job_advertisements(item: Item) -> Found:
    adverts, industry = item.declared.job_advertisements, item.declared.industry
    remedy = "Quote five job advertisements in portfolio.yaml, job_advertisements, each with the page that meets it."
    if not industry:
        return Found("fail", "portfolio.yaml names no industry", [], remedy)
    if not adverts:
        return Found("fail", f"industry: {industry}; no job advertisement quoted", ["portfolio.yaml"], remedy)
    lost = [a.shown_in for a in adverts if not item.opens(a.shown_in, "portfolio.yaml")]
    if lost:
        return Found("declared", f"shown_in leads nowhere: {lost[0]}", ["portfolio.yaml"], remedy)
    different = {(a.employer.lower(), a.asks.lower()) for a in adverts}
    if len(different) < 5:
        return Found("declared", f"{len(different)} of 5 advertisements", ["portfolio.yaml"], remedy)
    return Found(
        "pass",
        f"{industry}: {len(different)} advertisements, each mapped to a page; whether they exist, --online asks",
        ["portfolio.yaml"],
    )


@check("relevancy", "A cost model with its source")
def cost_source(item: Item) -> Found:
    cost = item.settings.get("cost")
    source = str(cost.get("source") or "") if isinstance(cost, dict) else ""
    name = f"conf/data/{item.choice}.yaml"
    remedy = "Write what a mistake costs into conf/data/own.yaml, cost, and where the figure comes from."
    if not source:
        return Found("fail", "no cost model in conf/data", [], remedy)
    if (
        re.fullmatch(r"\W*(an? )?assumption\W*|\W*(assumed|todo|none|unknown)\W*", source, re.IGNORECASE)
        or len(source.split()) < 3
    ):
        return Found(
            "declared",
            f"the cost is an assumption without a source: {source!r}",
            [f"{name}:{item.repository.line(name, 'source:') or 1}"],
            remedy,
        )
    return Found("pass", f"source: {source[:100]}; not read", [f"{name}:{item.repository.line(name, 'source:') or 1}"])


@check("paper implementation", "A paper's protocol, run on this project")
def paper_implementation(item: Item) -> Found:
    found = item.loaded("reports/reproduction.json")
    remedy = "Name the paper in conf/data/own.yaml, published, and run `python -m <package>.reproduce`."
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("rows"), dict)
        or not isinstance(found.get("network"), dict)
    ):
        return Found("fail", "no reports/reproduction.json", [], remedy)
    return Found(
        "pass",
        f"{found.get('paper', 'a paper')}: {found.get('name')} {found['network'].get('value')}; "
        "that the protocol is the paper's is the author's word",
        ["reports/reproduction.json"],
    )


@check("state of the art", "The whole interval reaches the best published figure")
def state_of_the_art(item: Item) -> Found:
    found = item.loaded("reports/reproduction.json")
    remedy = "Reach the paper's best figure with the lower end of the interval."
    try:
        rows, ours, higher = found["rows"].values(), found["network"], found["better"] == "higher"  # type: ignore[index,call-overload]
        best = max(rows) if higher else min(rows)
        reached = ours["low"] >= best if higher else ours["high"] <= best
    except (TypeError, KeyError, ValueError, AttributeError):
        return Found("fail", "no reports/reproduction.json with a published figure", [], remedy)
    said = f"published {best:g}, here {ours['value']:g} ({ours['low']:g} to {ours['high']:g})"
    if reached:
        return Found(
            "pass", f"{said}; whether a later paper is better is not known here", ["reports/reproduction.json"]
        )
    return Found("fail", said, ["reports/reproduction.json"], remedy)


@check("unpublished paper", "A manuscript of your own that is written")
def manuscript(item: Item) -> Found:
    files = item.repository.find(r"(^|/)paper/.*\.(typ|tex|md)$")
    text = "\n".join(item.repository.text(name) for name in files)
    text = re.sub(r"//.*|%.*|#\w+", "", text)
    written = prose.shingles(
        prose.words("\n".join(p.read_text(encoding="utf-8") for p in prose.folder().rglob("paper/*.typ")))
    )
    found = prose.words(text)
    own = len(found) - sum(prose.known(found, written)) - sum(prose.repeated(found))
    if own >= 2_000 and not prose.filler(found):
        return Found("pass", f"{own:,} words of your own", files[:1])
    return Found(
        "fail",
        f"{own:,} words of your own in paper/, 2,000 are asked for",
        files[:1],
        "Write the manuscript in paper/ and build it: `python -m <package>.paper`.",
    )


@check("publication", "A paper accepted by a venue")
def publication(item: Item) -> Found:
    paper = item.declared.publication
    if not paper:
        return Found("fail", "none declared", [], "Declare it in portfolio.yaml, publication.")
    return Found("declared", f"{paper.title}, {paper.venue}, {paper.link}", ["portfolio.yaml"])


@check("first author", "First author of it")
def first_author(item: Item) -> Found:
    paper, author = item.declared.publication, item.declared.author
    if not paper or not author:
        return Found(
            "fail",
            "no publication with authors, or no author, in portfolio.yaml",
            [],
            "Declare the authors of the publication, and yourself.",
        )
    if plain_name(paper.authors[0]) == plain_name(author):
        return Found("declared", f"{paper.authors[0]} is the first of {len(paper.authors)}", ["portfolio.yaml"])
    return Found("fail", f"the first author is {paper.authors[0]}", ["portfolio.yaml"])
