"""Runs the checks and derives factors, totals and next steps: the report."""

import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from . import VERSION, article, career, measured, pages, readme, rubric
from .article import MIN_WORDS, article_words
from .declarations import BadDeclaration, Declarations, read
from .evidence import Check, Item
from .repository import Repository

State = Literal["verified", "declared", "missing", "stale"]
CHECKS = [check for module in (readme, measured, pages, article, career) for check in module.CHECKS]
BEHIND = {  # base -> factors whose checks decide it
    "paper implementation": ["unique", "paper implementation"],
    "unpublished paper": ["unique", "unpublished paper"],
    "other publication": ["publication"],
    "top venue": ["publication"],
}
DECLARED = "portfolio.yaml"
TOP = re.compile(r"\b(icml|iclr|neurips|nips)\b")


class Result(BaseModel):
    """Result of one check; a check with `needed` decides its factor."""

    id: str
    factor: str
    title: str
    status: Literal["pass", "fail", "stale", "shown", "declared", "not checked"]
    needed: bool
    finding: str
    where: list[str]
    remedy: str


class Factor(BaseModel):
    """A factor of the rubric with its state; progress is between 0 and 1."""

    name: str
    times: int
    state: State
    progress: float
    checks: list[str]


class Judged(BaseModel):
    """One repository."""

    path: str
    name: str
    industry: str | None
    base: str
    evidenced: int
    base_claimed: str
    claimed: int
    factors: list[Factor]
    checks: list[Result]


class NextStep(BaseModel):
    item: str
    gain: str
    times: str
    what: str


class Report(BaseModel):
    """All repositories. `evidenced` counts verified factors, `claimed` adds those declared in portfolio.yaml."""

    schema_version: int = VERSION
    note: str = rubric.NOTE
    role: str
    items: list[Judged]
    evidenced: int
    claimed: int
    verdict_evidenced: str
    verdict_claimed: str
    next_threshold: str | None
    next_points: int | None
    next_steps: list[NextStep]
    niche: str


def judge(paths: list[Path], role: str | None = None, literal: bool = False, online: bool = False) -> Report:
    """The report on these folders; BadDeclaration for an invalid portfolio.yaml or contradicting roles."""
    items = [load(path) for path in {path.resolve(): path for path in paths}.values()]
    once(items)
    roles = {item.declared.role for item in items if item.repository.regular(DECLARED)}
    role = role or (roles.pop() if len(roles) == 1 else "ml-engineer" if not roles else "")
    if not role:
        choices = " | ".join(rubric.ROLES)
        raise BadDeclaration(f"the portfolio.yaml files name different roles; choose one with --role {choices}")
    judged = [one(item, role, literal, online) for item in items]
    evidenced, claimed = sum(j.evidenced for j in judged), sum(j.claimed for j in judged)
    goal = rubric.threshold(role, evidenced)
    return Report(
        role=role,
        items=judged,
        evidenced=evidenced,
        claimed=claimed,
        verdict_evidenced=rubric.verdict(role, evidenced),
        verdict_claimed=rubric.verdict(role, claimed),
        next_threshold=goal and goal[0],
        next_points=goal and goal[1],
        next_steps=todo(role, judged, literal),
        niche=niche(judged),
    )


def load(path: Path) -> Item:
    """The repository in a folder, with its declarations."""
    repository = Repository(path)
    return Item(repository, read(path / DECLARED) if repository.regular(DECLARED) else Declarations())


def once(items: list[Item]) -> None:
    """BadDeclaration if two items have the same reports/metrics.json."""
    root_of: dict[str, Path] = {}
    for item in items:
        root, metrics = item.repository.root, item.repository.bytes("reports/metrics.json").strip()
        first = root_of.setdefault(hashlib.sha256(metrics).hexdigest(), root) if item.metrics else root
        if first is not root:
            raise BadDeclaration(f"{root}: a copy of {first}: same reports/metrics.json. Pass each item once")


def one(item: Item, role: str, literal: bool, online: bool) -> Judged:
    """Runs every check of the role on one repository."""
    factor_names = ["unique", "paper implementation", "unpublished paper", "publication", *rubric.ROLES[role].factors]
    if role != "research-scientist":
        factor_names = [name for name in factor_names if name not in ("unpublished paper", "publication")]
    if role != "applied-research":
        factor_names = [name for name in factor_names if name != "paper implementation"]
    if role == "research-scientist":  # documentation and article earn no points there; they are advice
        factor_names += ["documentation", "article"]
    results = [result_of(check, item) for check in CHECKS if check.factor in factor_names]
    if online:
        from .online import answers

        results += answers(item)
    states = {name: state([r for r in results if r.factor == name]) for name in factor_names}
    if item.declared.own_contribution and states["unique"] == "missing":
        states["unique"] = "declared"
    base, base_claimed = bases(role, states, item)
    factors = list(rubric.ROLES[role].factors)
    verified = {name for name in factors if states[name] == "verified"}
    claimed = {name for name in factors if states[name] in ("verified", "declared")}
    return Judged(
        path=clean(str(item.repository.root)),
        name=clean(title(item)),
        industry=item.declared.industry and clean(item.declared.industry),
        base=base,
        evidenced=rubric.worth(role, base, verified, literal),
        base_claimed=base_claimed,
        claimed=rubric.worth(role, base_claimed, claimed, literal),
        factors=[
            Factor(
                name=name,
                times=rubric.ROLES[role].factors.get(name, 1),
                state=states[name],
                progress=progress(name, results, item),
                checks=[r.id for r in results if r.factor == name],
            )
            for name in factor_names
        ],
        checks=results,
    )


def result_of(check: Check, item: Item) -> Result:
    """Runs a check."""
    finding = check.run(item)
    return Result(
        id=check.id,
        factor=check.factor,
        title=check.title,
        status=finding.status,
        needed=check.needed,
        finding=clean(finding.finding),
        where=[clean(where) for where in finding.where if where],
        remedy=finding.remedy,
    )


def clean(text: str) -> str:
    """Text of a repository without control characters, such as terminal escape codes."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def state(results: list[Result]) -> State:
    """State of a factor: verified if every needed check passed, otherwise stale, declared or missing."""
    statuses = {r.status for r in results if r.needed}
    if statuses and statuses <= {"pass", "shown"}:
        return "verified"
    if statuses and statuses <= {"pass", "shown", "stale"}:
        return "stale"
    if results[0].factor == "relevancy":  # one quoted advertisement is enough for "declared"
        return "declared" if results[0].status in ("pass", "declared") else "missing"
    return "declared" if "declared" in statuses and "fail" not in statuses else "missing"


def bases(role: str, states: dict[str, State], item: Item) -> tuple[str, str]:
    """Base by evidence, and base by claims."""
    unique = {"verified": (True, True), "declared": (False, True)}.get(states["unique"], (False, False))
    names = []
    for is_unique, allowed in zip(unique, ({"verified"}, {"verified", "declared"}), strict=True):
        base = "common"
        if role == "research-scientist":
            if is_unique and states["unpublished paper"] == "verified":
                base = "unpublished paper"
            if item.declared.publication and "declared" in allowed:
                venue = item.declared.publication.venue.lower()
                base = "top venue" if TOP.search(venue) and "workshop" not in venue else "other publication"
        elif is_unique:
            implemented = role == "applied-research" and states["paper implementation"] in allowed
            base = "paper implementation" if implemented else "unique"
        names.append(base)
    return names[0], names[1]


def progress(name: str, results: list[Result], item: Item) -> float:
    """Share of the needed checks that passed; for the article, 70% of it is the share of words written."""
    needed = [r for r in results if r.factor == name and r.needed]
    passed = sum({"pass": 1.0, "shown": 1.0, "declared": 0.5, "stale": 0.5}.get(r.status, 0.0) for r in needed)
    if name == "article":
        return round(min(1.0, article_words(item) / MIN_WORDS) * 0.7 + 0.3 * passed / len(needed), 3)
    return round(passed / len(needed), 3) if needed else 0.0


def title(item: Item) -> str:
    """First heading of the README, or the folder's name."""
    for line in item.readme.splitlines():
        if line.startswith("# ") and line[2:].strip():
            return line[2:].strip()
    return item.repository.root.resolve().name or str(item.repository.root)


def todo(role: str, judged: list[Judged], literal: bool) -> list[NextStep]:
    """Steps of least effort to the next threshold, each with its open checks."""
    held = [
        (j.base, {f.name for f in j.factors if f.state == "verified"} & set(rubric.ROLES[role].factors)) for j in judged
    ]
    if role == "research-scientist":  # publications are always claims, so plan by claims
        held = [(j.base_claimed, {f.name for f in j.factors if f.state in ("verified", "declared")}) for j in judged]
        held = [(base, names & set(rubric.ROLES[role].factors)) for base, names in held]
    next_steps = []
    for step in rubric.shortest(role, held, literal):
        mine = judged[step.item] if step.item is not None else None
        factor = rubric.ROLES[role].factors.get(step.gain)
        times = f"x{factor}" if factor else f"(base {rubric.ROLES[role].bases[step.gain]})"
        next_steps.append(
            NextStep(
                item=mine.name if mine else "one more project",
                gain=step.gain,
                times=times,
                what=missing(mine, step.gain),
            )
        )
    return next_steps


def missing(judged: Judged | None, gain: str) -> str:
    """Finding and remedy of the first open check of a factor."""
    if judged is None:
        return "in the same industry" if gain in BEHIND or gain == "unique" else "as for the first project"
    about = BEHIND.get(gain, [gain])
    needed = [r for r in judged.checks if r.factor in about and r.needed and r.status not in ("pass", "shown")]
    if not needed:
        return ""
    more = f" ({len(needed) - 1} more open checks: --all)" if len(needed) > 1 else ""
    return f"{needed[0].finding.rstrip('.')}. {needed[0].remedy}{more}"


def niche(judged: list[Judged]) -> str:
    """One sentence on the industries of several items; empty for a single one."""
    named = {j.industry.strip().lower(): j.industry for j in judged if j.industry}
    if len(judged) < 2:
        return ""
    if len(named) > 1:
        different = ", ".join(sorted(named.values()))
        return (
            f"The items are in different industries ({different}). Choose one: employers value projects in their own."
        )
    if len(named) == 1 and all(j.industry for j in judged):
        return f"All items are in {next(iter(named.values()))}."
    return "Some items name no industry in portfolio.yaml."
