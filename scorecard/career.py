"""Checks on what makes an item count: unique, by its author, awarded, relevant."""

import re
from collections import Counter
from contextlib import suppress

from . import data, prose, values
from .evidence import Check, Found, Item, checks
from .repository import LEDGER, MOST, normal

CHOOSING = "docs/choosing-a-problem.md of cookiecutter-ml-portfolio"
DAYS = 5  # with commits, for a history to show how the work was done
LARGEST = 0.8  # share of the lines that one commit may bring
CITED = r"https?://|\b(19|20)\d\d\b"  # what can be looked up has an address or a year

CHECKS: list[Check] = []
check = checks(CHECKS)


@check("unique", "The data is not the starter's, and not on everybody's list")
def data_unique(item: Item) -> Found:
    remedy = f"Replace the data by data that others do not have: {CHOOSING} leads to a problem of your own."
    if item.choice == "starter":
        return Found(
            "fail",
            "the starter's data is still in use",
            [f"conf/config.yaml:{item.repository.line('conf/config.yaml', 'data: starter') or 1}"],
            remedy,
        )
    if hit := data.overused(item):
        return Found("fail", f"{hit.said}: {hit.reason}", hit.where, f"{remedy} If only the text is old, rewrite it.")
    if not item.settings.get("sha256"):
        card = item.repository.text(item.data_card)
        if re.search(r"\b[0-9a-f]{64}\b", card) and re.search(r"https?://", card):
            return Found(
                "shown",
                "by name, columns and files on no list; source and hash as the data card says",
                [item.data_card],
            )
        remedy = "Write the address of the data and its SHA-256 into docs/data-card.md."
        return Found("not checked", "which data is used cannot be told: no source with its hash", [], remedy)
    seen = "its contents too" if data.local(item) else "its contents are not here and were not looked at"
    return Found(
        "pass",
        f"by name, hash and columns on no list; {seen}; a re-encoded copy would not be seen",
        [f"conf/data/{item.choice}.yaml"],
    )


@check("unique", "Code and prose differ from what the template wrote")
def own_work(item: Item) -> Found:
    new, code = code_of_your_own(item)
    pages = [name for name in item.repository.find(r"\.md$") if name != "docs/results.md"]
    pages = [name for name in pages if not prose.filler(prose.words(prose.plain(item.repository.text(name))))]
    counts = prose.count([item.repository.text(name) for name in pages]) if pages else []
    own, total = sum(c.own for c in counts), sum(c.own + c.template for c in counts)
    said = f"{new:,} of {code:,} lines of code and settings, {own:,} of {total:,} words are not the template's"
    if own >= max(500, total / 2) and new >= 50:
        return Found("pass", f"{said}; a line with other names counts as new", [])
    template = sorted(zip(pages, counts, strict=True), key=lambda page: -page[1].template)
    remedy = "Write the pages anew for your problem, more than the template did, and make 50 lines of the code yours."
    return Found("fail", said, [name for name, found in template[:3] if found.template], remedy)


def code_of_your_own(item: Item) -> tuple[int, int]:
    """Different lines of code and settings that the template does not have, and all of them."""
    new, every = set(), set()
    made = item.repository.find(r"^src/[^/]+/(__init__|prepare)\.py$")
    package = made[0].split("/")[1] if made else ""
    for name in item.repository.find(r"\.(py|ya?ml|toml|ipynb|r|jl|js|ts)$"):
        if name.startswith("reports/") or name == "portfolio.yaml":
            continue
        text = item.repository.text(name)
        lines = set(prose.code_lines(text.replace(package, "{{ cookiecutter.package_name }}") if package else text))
        every |= lines
        if name in item.repository.changed:
            new |= lines - prose.code()
    return len(new), len(every)


@check("unique", "Authorship")
def authorship(item: Item) -> Found:
    """Whose lines they are as of today, and whether the history shows how they came about."""
    repository, declared = item.repository, item.declared
    if not (total := repository.lines.total()):
        return Found("fail", "no commit of your own", [], "Commit your work as you go.")
    said, people = history(item), authors(item)
    names = {plain_name(who) for who in [declared.author, *declared.emails] if who}
    if not names:
        remedy = "Write your name as git knows it into portfolio.yaml, author."
        return Found("fail", f"portfolio.yaml names no author; {said}", [], remedy)
    mine = sum(n for (name, email), n in people.items() if names & {plain_name(name), plain_name(email)})
    if mine < total / 2:
        top = max(people, key=lambda who: people[who])[0]
        remedy = f"If you are {top}, say so in portfolio.yaml, author or emails; else show a repository that you wrote."
        return Found("fail", f"{mine / total:.0%} of the lines are the author's; {said}", ["portfolio.yaml"], remedy)
    [(largest, lines)] = repository.lines.most_common(1)
    if len(days(item)) < DAYS or lines > LARGEST * total:
        remedy = f"Commit as you work: on {DAYS} days or more, no commit with most of the lines."
        return Found("fail", f"the history does not show how it was made: {said}", [f"commit {largest[:7]}"], remedy)
    return Found("shown", f"{said}. Forged names and dates, and who typed, cannot be seen", ["portfolio.yaml"])


def days(item: Item) -> set[str]:
    """On which days something was committed, the template's commit apart."""
    return {commit.day for commit in item.repository.commits if commit is not item.repository.generated}


def authors(item: Item) -> Counter[tuple[str, str]]:
    """Lines of today by name and e-mail."""
    who = {commit.hash: (commit.name, commit.email) for commit in item.repository.commits}
    found: Counter[tuple[str, str]] = Counter()
    for commit, lines in item.repository.lines.items():
        found[who.get(commit, ("a merge", ""))] += lines
    return found


def history(item: Item) -> str:
    """Who wrote how much, when, and what is said of AI."""
    total, [(_, largest)] = item.repository.lines.total(), item.repository.lines.most_common(1)
    first = f" of the {MOST} largest files" if len(item.repository.written) > MOST else ""
    top = ", ".join(f"{name or email} {n / total:.0%}" for (name, email), n in authors(item).most_common(3))
    return (
        f"{total:,} lines{first} by {top}; days with commits: {len(days(item))}; the largest commit has "
        f"{largest / total:.0%} of the lines; use of AI: {item.declared.use_of_ai or 'not stated'}"
    )


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
    for advert in adverts:
        if "://" in advert.shown_in or not leads(item, advert.shown_in):
            row = item.repository.line("portfolio.yaml", advert.shown_in) or 1
            return Found("declared", f"shown_in leads nowhere: {advert.shown_in}", [f"portfolio.yaml:{row}"], remedy)
    told = {(plain_name(a.employer), plain_name(a.asks)) for a in adverts}
    different = min(len(told), len({a.link for a in adverts}))
    if different < 5:
        row = item.repository.line("portfolio.yaml", "job_advertisements") or 1
        return Found("declared", f"{different} of 5 different advertisements", [f"portfolio.yaml:{row}"], remedy)
    return Found(
        "pass",
        f"{industry}: {different} advertisements, each mapped to a page; whether they exist, --online asks",
        ["portfolio.yaml"],
    )


def leads(item: Item, target: str) -> bool:
    """Whether it names a file of the repository, and a heading of it if one is named."""
    return item.repository.has(normal(target.partition("#")[0]) or "") and item.opens(target, "portfolio.yaml")


@check("relevancy", "A cost model with its source")
def cost_source(item: Item) -> Found:
    cost = item.settings.get("cost")
    source = str(cost.get("source") or "") if isinstance(cost, dict) else ""
    name = f"conf/data/{item.choice}.yaml"
    remedy = "Write what a mistake costs into conf/data/own.yaml, cost, and its source with an address or a year."
    if not source:
        return Found("fail", "no cost model in conf/data", [], remedy)
    where = [f"{name}:{item.repository.line(name, 'source:') or 1}"]
    if re.match(r"\W*(an? )?(assum|todo|none|unknown|guess)", source, re.IGNORECASE) or not re.search(CITED, source):
        said = f"the cost is an assumption, or its source has neither address nor year: {source[:100]!r}"
        return Found("declared", said, where, remedy)
    return Found("pass", f"source: {source[:100]}; not read", where)


@check("paper implementation", "A paper's protocol, run on this project")
def paper_implementation(item: Item) -> Found:
    """reports/reproduction.json, and the look at the test set that the ledger recorded when it was made."""
    name, remedy = (
        "reports/reproduction.json",
        "Name the paper in conf/data/own.yaml, published, and run `python -m <package>.reproduce`.",
    )
    found = item.loaded(name)
    ours = found.get("network") if isinstance(found, dict) else None
    if not isinstance(ours, dict) or not isinstance(found.get("rows"), dict):  # type: ignore[union-attr]
        return Found("fail", f"no {name}", [], remedy)
    if (look := recorded(item, "reproduce", ours.get("value"))) is None:
        return Found("fail", f"the ledger recorded no run of reproduce with {ours.get('value')}", [name], remedy)
    return Found(
        "pass",
        f"{found.get('paper', 'a paper')}: {found.get('name')} {ours['value']}; "  # type: ignore[union-attr]
        "that the protocol is the paper's is the author's word",
        [name, f"{LEDGER}:{look}"],
    )


def recorded(item: Item, stage: str, score: object) -> int | None:
    """The line of the ledger that recorded this score of a stage."""
    for row, line in enumerate(item.repository.text(LEDGER).splitlines(), start=1):
        with suppress(ValueError):
            look = values.from_json(line)
            if isinstance(look, dict) and str(look.get("stage")).startswith(stage) and look.get("score") == score:
                return row
    return None


@check("state of the art", "The whole interval reaches the best published figure")
def state_of_the_art(item: Item) -> Found:
    found = item.loaded("reports/reproduction.json")
    remedy = "Reach the paper's best figure with the lower end of the interval."
    try:
        rows, ours, higher = found["rows"].values(), found["network"], found["better"] == "higher"  # type: ignore[index,call-overload]
        best = max(rows) if higher else min(rows)
        reached = ours["low"] >= best if higher else ours["high"] <= best
        said = f"published {best:g}, here {ours['value']:g} ({ours['low']:g} to {ours['high']:g})"
    except (TypeError, KeyError, ValueError, AttributeError):
        return Found("fail", "no reports/reproduction.json with a published figure", [], remedy)
    if reached and recorded(item, "reproduce", ours["value"]) is None:
        return Found("fail", f"{said}, of which the ledger has no record", ["reports/reproduction.json"], remedy)
    if reached:
        return Found(
            "pass", f"{said}; whether a later paper is better is not known here", ["reports/reproduction.json"]
        )
    return Found("fail", said, ["reports/reproduction.json"], remedy)


@check("unpublished paper", "A manuscript of your own that is written")
def manuscript(item: Item) -> Found:
    files = item.repository.find(r"(^|/)paper/.*\.(typ|tex|md)$")
    text = "\n".join(item.repository.text(name) for name in files)
    text = re.sub(r"^\s*(//|%).*|(?<=\s)//.*|#\w+|\\\w+", "", text, flags=re.MULTILINE)
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
