"""Checks on originality, authorship, awards, relevance and research."""

import re
from collections import Counter
from contextlib import suppress

from . import data, prose, values
from .evidence import Check, Finding, Item, checks
from .repository import LEDGER, MOST, normal

CHOOSING = "docs/choosing-a-problem.md of cookiecutter-ml-portfolio"
DAYS = 5  # with commits: fewer do not show how the work was done
LARGEST = 0.8  # share of today's lines that one commit may contain
CITED = r"https?://|\b(19|20)\d\d\b"  # a source that can be looked up has an address or a year

CHECKS: list[Check] = []
check = checks(CHECKS)


@check("unique", "The dataset is not the starter's and not on the list of overused ones")
def data_unique(item: Item) -> Finding:
    remedy = f"Use a dataset that few others have: see {CHOOSING}."
    if item.choice == "starter":
        return Finding(
            "fail",
            "unmodified starter dataset",
            [f"conf/config.yaml:{item.repository.line('conf/config.yaml', 'data: starter') or 1}"],
            remedy,
        )
    if hit := data.overused(item):
        return Finding(
            "fail", f"{hit.evidence}: {hit.reason}", hit.where, f"{remedy} If only the text is outdated, rewrite it."
        )
    if not item.settings.get("sha256"):
        card = item.repository.text(item.data_card)
        if re.search(r"\b[0-9a-f]{64}\b", card) and re.search(r"https?://", card):
            return Finding(
                "shown",
                "name, columns and files match no overused dataset; source and hash are stated in the data card",
                [item.data_card],
            )
        remedy = "Add the address of the data and its SHA-256 to docs/data-card.md."
        return Finding("not checked", "the dataset cannot be identified: no source with a hash", [], remedy)
    contents = "the files were compared too" if data.local(item) else "the files are not here and were not compared"
    return Finding(
        "pass",
        f"name, hash and columns match no overused dataset; {contents}. A re-encoded copy would go undetected",
        [f"conf/data/{item.choice}.yaml"],
    )


@check("unique", "Code and prose differ from the template's")
def own_work(item: Item) -> Finding:
    new, code = code_of_your_own(item)
    pages = [name for name in item.repository.find(r"\.md$") if name != "docs/results.md"]
    pages = [name for name in pages if not prose.filler(prose.words(prose.plain(item.repository.text(name))))]
    counts = prose.count([item.repository.text(name) for name in pages]) if pages else []
    own, total = sum(c.own for c in counts), sum(c.own + c.template for c in counts)
    finding = f"{new:,} of {code:,} lines of code and settings and {own:,} of {total:,} words are the author's"
    if own >= max(500, total / 2) and new >= 50:
        return Finding("pass", f"{finding}. A line with renamed variables counts as new", [])
    template = sorted(zip(pages, counts, strict=True), key=lambda page: -page[1].template)
    remedy = "Rewrite the pages for your problem until most words are yours, and write or change 50 lines of code."
    return Finding("fail", finding, [name for name, count in template[:3] if count.template], remedy)


def code_of_your_own(item: Item) -> tuple[int, int]:
    """Number of distinct lines of code and settings that are not in the template, and of all; vendor/ left out."""
    new, all_lines = set(), set()
    modules = item.repository.find(r"^src/[^/]+/(__init__|data)\.py$")
    package = modules[0].split("/")[1] if modules else ""
    for name in item.repository.find(r"\.(py|ya?ml|toml|ipynb|r|jl|js|ts)$"):
        if name.startswith("reports/") or name == "portfolio.yaml":
            continue
        text = item.repository.text(name)
        lines = set(prose.code_lines(text.replace(package, "{{ cookiecutter.package_name }}") if package else text))
        all_lines |= lines
        if name in item.repository.changed:
            new |= lines - prose.code()
    return len(new), len(all_lines)


@check("unique", "Authorship")
def authorship(item: Item) -> Finding:
    """Who wrote today's lines according to git blame, and whether the history shows steady work."""
    repository, declared = item.repository, item.declared
    if not (total := repository.lines.total()):
        return Finding("fail", "no commits besides the template's", [], "Commit your work as you go.")
    summary, people = history(item), authors(item)
    names = {plain_name(name) for name in [declared.author, *declared.emails] if name}
    if not names:
        remedy = "Add your name, as in git, to portfolio.yaml, author."
        return Finding("fail", f"portfolio.yaml names no author. {summary}", [], remedy)
    mine = sum(n for (name, email), n in people.items() if names & {plain_name(name), plain_name(email)})
    if mine < total / 2:
        top = max(people, key=lambda person: people[person])[0]
        remedy = (
            f"If you are {top}, add that name or e-mail to portfolio.yaml; otherwise choose a repository you wrote."
        )
        return Finding(
            "fail", f"{mine / total:.0%} of the lines are by the author. {summary}", ["portfolio.yaml"], remedy
        )
    [(largest, lines)] = repository.lines.most_common(1)
    if len(days(item)) < DAYS or lines > LARGEST * total:
        remedy = f"Commit as you work: on at least {DAYS} days, and no commit with most of the lines."
        finding = f"the history does not show steady work: {summary}"
        return Finding("fail", finding, [f"commit {largest[:7]}"], remedy)
    return Finding("shown", f"{summary}. Forged names and dates cannot be detected", ["portfolio.yaml"])


def days(item: Item) -> set[str]:
    """Days with commits, without the template's own commit."""
    return {commit.day for commit in item.repository.commits if commit is not item.repository.generated}


def authors(item: Item) -> Counter[tuple[str, str]]:
    """Today's lines by the name and e-mail of their author."""
    author_of = {commit.hash: (commit.name, commit.email) for commit in item.repository.commits}
    lines_by_author: Counter[tuple[str, str]] = Counter()
    for commit, lines in item.repository.lines.items():
        lines_by_author[author_of.get(commit, ("a merge", ""))] += lines
    return lines_by_author


def history(item: Item) -> str:
    """One sentence: lines by author, days with commits, the largest commit, the declared use of AI."""
    total, [(_, largest)] = item.repository.lines.total(), item.repository.lines.most_common(1)
    first = f" in the {MOST} largest files" if len(item.repository.written) > MOST else ""
    top = ", ".join(f"{name or email} {n / total:.0%}" for (name, email), n in authors(item).most_common(3))
    return (
        f"{total:,} lines{first} by {top}; commits on {len(days(item))} days; the largest commit has "
        f"{largest / total:.0%} of the lines; use of AI: {item.declared.use_of_ai or 'not stated'}"
    )


def plain_name(text: str) -> str:
    """A name or address in lower case, with single spaces."""
    return " ".join(text.lower().split())


@check("kaggle medal", "A medal in a Kaggle competition")
def kaggle(item: Item) -> Finding:
    medal = item.declared.kaggle_medal
    if not medal:
        return Finding(
            "fail",
            "none declared",
            [],
            "Enter a competition with `uv run heldout submit` and declare the medal in portfolio.yaml.",
        )
    return Finding(
        "declared",
        f"{medal.medal} in {medal.competition}, rank {medal.rank}, team of {medal.team_size}: {medal.profile}",
        ["portfolio.yaml"],
    )


@check("relevancy", "Five job advertisements, each mapped to a page of the project")
def job_advertisements(item: Item) -> Finding:
    adverts, industry = item.declared.job_advertisements, item.declared.industry
    remedy = "Quote five advertisements in portfolio.yaml, job_advertisements, each with the page that answers it."
    if not industry:
        return Finding("fail", "portfolio.yaml names no industry", [], remedy)
    if not adverts:
        return Finding("fail", f"industry: {industry}; no job advertisements", ["portfolio.yaml"], remedy)
    for advert in adverts:
        if "://" in advert.shown_in or not leads(item, advert.shown_in):
            row = item.repository.line("portfolio.yaml", advert.shown_in) or 1
            return Finding(
                "declared", f"shown_in is a broken link: {advert.shown_in}", [f"portfolio.yaml:{row}"], remedy
            )
    requirements = {(plain_name(a.employer), plain_name(a.asks)) for a in adverts}
    different = min(len(requirements), len({a.link for a in adverts}))
    if different < 5:
        row = item.repository.line("portfolio.yaml", "job_advertisements") or 1
        return Finding("declared", f"{different} of 5 different advertisements", [f"portfolio.yaml:{row}"], remedy)
    return Finding(
        "pass",
        f"{industry}: {different} advertisements, each mapped to a page; --online requests their addresses",
        ["portfolio.yaml"],
    )


def leads(item: Item, target: str) -> bool:
    """Whether a link names an existing file of the repository and, if given, an existing heading."""
    return item.repository.has(normal(target.partition("#")[0]) or "") and item.opens(target, "portfolio.yaml")


@check("relevancy", "Misclassification costs with a source")
def cost_source(item: Item) -> Finding:
    cost = item.settings.get("cost")
    source = str(cost.get("source") or "") if isinstance(cost, dict) else ""
    name = f"conf/data/{item.choice}.yaml"
    remedy = "Set the costs in conf/data/own.yaml, cost, with a source that has an address or a year."
    if not source:
        return Finding("fail", "no costs in conf/data", [], remedy)
    where = [f"{name}:{item.repository.line(name, 'source:') or 1}"]
    if re.match(r"\W*(an? )?(assum|todo|none|unknown|guess)", source, re.IGNORECASE) or not re.search(CITED, source):
        finding = f"the costs are assumptions, or the source has neither address nor year: {source[:100]!r}"
        return Finding("declared", finding, where, remedy)
    return Finding("pass", f"source: {source[:100]} (not checked)", where)


@check("paper implementation", "A paper's protocol applied to this project")
def paper_implementation(item: Item) -> Finding:
    """reports/reproduction.json, confirmed by a line of the test-set ledger with the same score."""
    name, remedy = (
        "reports/reproduction.json",
        "Describe the paper in conf/data/own.yaml, published, and run `python -m <package>.reproduce`.",
    )
    reproduction = item.loaded(name)
    network = reproduction.get("network") if isinstance(reproduction, dict) else None
    if not isinstance(network, dict) or not isinstance(reproduction.get("rows"), dict):  # type: ignore[union-attr]
        return Finding("fail", f"no {name}", [], remedy)
    if (entry := recorded(item, "reproduce", network.get("value"))) is None:
        return Finding(
            "fail", f"the test-set ledger has no run of reproduce with the score {network.get('value')}", [name], remedy
        )
    return Finding(
        "pass",
        f"{reproduction.get('paper', 'a paper')}: {reproduction.get('label')} {network['value']}. "  # type: ignore[union-attr]
        "Agreement with the paper's protocol is not checked",
        [name, f"{LEDGER}:{entry}"],
    )


def recorded(item: Item, stage: str, score: object) -> int | None:
    """Line number of the ledger entry with this stage and score; None if there is none."""
    for row, line in enumerate(item.repository.text(LEDGER).splitlines(), start=1):
        with suppress(ValueError):
            entry = values.from_json(line)
            if isinstance(entry, dict) and str(entry.get("stage")).startswith(stage) and entry.get("score") == score:
                return row
    return None


@check("state of the art", "The whole confidence interval reaches the best published result")
def state_of_the_art(item: Item) -> Finding:
    reproduction = item.loaded("reports/reproduction.json")
    remedy = "Improve the network until the worse end of its interval reaches the paper's best result."
    try:
        rows, network = reproduction["rows"].values(), reproduction["network"]  # type: ignore[index,call-overload]
        higher = reproduction["better"] == "higher"  # type: ignore[index,call-overload]
        best = max(rows) if higher else min(rows)
        reached = network["low"] >= best if higher else network["high"] <= best
        finding = f"published {best:g}, here {network['value']:g} ({network['low']:g} to {network['high']:g})"
    except (TypeError, KeyError, ValueError, AttributeError):
        return Finding("fail", "no reports/reproduction.json with a published result", [], remedy)
    if reached and recorded(item, "reproduce", network["value"]) is None:
        return Finding(
            "fail", f"{finding}; the test-set ledger has no such score", ["reports/reproduction.json"], remedy
        )
    if reached:
        return Finding("pass", f"{finding}. Later papers are not checked", ["reports/reproduction.json"])
    return Finding("fail", finding, ["reports/reproduction.json"], remedy)


@check("unpublished paper", "A written manuscript")
def manuscript(item: Item) -> Finding:
    files = item.repository.find(r"(^|/)paper/.*\.(typ|tex|md)$")
    text = "\n".join(item.repository.text(name) for name in files)
    text = re.sub(r"^\s*(//|%).*|(?<=\s)//.*|#\w+|\\\w+", "", text, flags=re.MULTILINE)
    template_runs = prose.shingles(
        prose.words("\n".join(p.read_text(encoding="utf-8") for p in prose.folder().rglob("paper/*.typ")))
    )
    manuscript_words = prose.words(text)
    from_template = sum(prose.template_mask(manuscript_words, template_runs))
    own = len(manuscript_words) - from_template - sum(prose.repeated(manuscript_words))
    if own >= 2_000 and not prose.filler(manuscript_words):
        return Finding("pass", f"{own:,} words of original prose", files[:1])
    return Finding(
        "fail",
        f"{own:,} words of original prose in paper/, 2,000 required",
        files[:1],
        "Write the manuscript in paper/ and build it: `python -m <package>.paper`.",
    )


@check("publication", "A paper accepted by a venue")
def publication(item: Item) -> Finding:
    paper = item.declared.publication
    if not paper:
        return Finding("fail", "none declared", [], "Declare it in portfolio.yaml, publication.")
    return Finding("declared", f"{paper.title}, {paper.venue}, {paper.link}", ["portfolio.yaml"])


@check("first author", "First author of the publication")
def first_author(item: Item) -> Finding:
    paper, author = item.declared.publication, item.declared.author
    if not paper or not author:
        return Finding(
            "fail",
            "no publication with authors, or no author, in portfolio.yaml",
            [],
            "Declare the authors of the publication and your own name in portfolio.yaml.",
        )
    if plain_name(paper.authors[0]) == plain_name(author):
        return Finding(
            "declared", f"{paper.authors[0]} is the first of {len(paper.authors)} authors", ["portfolio.yaml"]
        )
    return Finding("fail", f"the first author is {paper.authors[0]}", ["portfolio.yaml"])
