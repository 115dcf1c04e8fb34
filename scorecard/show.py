"""The report as terminal output, Markdown or HTML."""

import html
import re

from markdown_it import MarkdownIt
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from . import rubric
from .judge import Factor, Judged, Report, Result

COLORS = {"verified": "green", "declared": "cyan", "stale": "yellow", "missing": "red"}
MARKS = {"pass": ("✔", "green"), "shown": ("●", "cyan"), "declared": ("●", "cyan"), "stale": ("!", "yellow")}
BAR = 24  # characters
CSS = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse }
td, th { border-bottom: 1px solid #ddd; padding: .3rem .6rem; text-align: left; vertical-align: top }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } a { color: #8cf } }
"""


def terminal(report: Report, console: Console, show_checks: bool = False) -> None:
    """A panel with one bar per factor for each item, then verdict and next steps."""
    for item in report.items:
        parts: list = [bars(item)]
        if show_checks:
            parts += [Text(), checks(item)]
        heading = Text.assemble((item.name, "bold"), f"  {item.industry or 'no industry declared'}")
        worth = f"{points(item.evidenced)} evidenced · {points(item.claimed)} claimed"
        console.print(Panel(Group(*parts), title=heading, title_align="left", subtitle=worth, subtitle_align="right"))
    console.print(verdicts(report))
    if report.niche:
        console.print(Text(report.niche, "yellow" if "different" in report.niche else ""))
    if report.next_steps:
        by = "claims" if report.role == "research-scientist" else "evidence"
        goal = f"{report.next_threshold} at {points(report.next_points or 0)} points"
        console.print(Text(f"\nShortest path to {goal}, by {by}:", "bold"))
        for number, step in enumerate(report.next_steps[:3], start=1):
            item = f"{step.item}: " if len(report.items) > 1 or step.item == "one more project" else ""
            heading = Text.assemble(item, (f"{step.gain} {step.times}", "bold"), f"  {step.what}")
            line = Table.grid(padding=(0, 1))
            line.add_row(f" {number}.", heading)
            console.print(line)
        if len(report.next_steps) > 3:
            rest = f"then {', '.join(later(step, report) for step in report.next_steps[3:])}"
            console.print(Padding(Text(rest), (0, 0, 0, 4)))
    console.print(Text(f"\n--all lists every check with evidence and remedy. {report.note}", "dim"))


def later(step, report: Report) -> str:
    """A later step in short."""
    many = len(report.items) > 1 or step.item == "one more project"
    return f"{step.gain} {step.times}" + (f" ({step.item})" if many else "")


def points(number: int) -> str:
    return f"{number:,}".replace("-", "\u2212")  # a minus sign as wide as a digit


def bars(item: Judged) -> Table:
    """Two lines per factor: progress and multiplier, then the first open check."""
    table = Table.grid(padding=(0, 1))
    for factor in item.factors:
        full, color = round(factor.progress * BAR), COLORS[factor.state]
        bar = Text.assemble(("━" * full, color), ("─" * (BAR - full), "bright_black"))
        passed, needed, lacks = summary(item, factor)
        row = Table.grid(padding=(0, 1))
        for width in (20, BAR, 5, 9):
            row.add_column(width=width)
        row.add_row(factor.name, bar, worth(factor), Text(factor.state, color), f"{passed} of {needed}")
        table.add_row(row)
        if lacks:
            table.add_row(Padding(Text(lacks, "dim"), (0, 0, 0, 2)))
    return table


def worth(factor: Factor) -> str:
    return (
        f"x{factor.times}" if factor.times > 1 else "advice" if factor.name in ("documentation", "article") else "base"
    )


def summary(item: Judged, factor: Factor) -> tuple[int, int, str]:
    """Number of needed checks of a factor that passed, of all, and the finding of the first open one."""
    needed = [check for check in item.checks if check.factor == factor.name and check.needed]
    lacking = [check for check in needed if check.status not in ("pass", "shown")]
    return len(needed) - len(lacking), len(needed), lacking[0].finding if lacking else ""


def checks(item: Judged) -> Table:
    """Every check with finding, location and remedy."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(ratio=2)
    table.add_column(ratio=3)
    for check in item.checks:
        mark, color = MARKS.get(check.status, ("✘", "red" if check.needed else "yellow"))
        text = Text(check.finding)
        if check.where:
            text.append(f"  {', '.join(check.where[:3])}", "dim")
        if check.remedy and check.status not in ("pass", "shown"):
            text.append(f"\n→ {check.remedy}", "italic")
        table.add_row(Text(mark, color), check.title + ("" if check.needed else " (advice)"), text)
    return table


def verdicts(report: Report) -> Table:
    """Both totals with their verdicts; they are never added up."""
    rules = rubric.ROLES[report.role]
    table = Table.grid(padding=(0, 2))
    for name, number, verdict in (
        ("evidenced", report.evidenced, report.verdict_evidenced),
        ("claimed", report.claimed, report.verdict_claimed),
    ):
        color = "red" if verdict.startswith("not") else "green"
        table.add_row(name, Text(points(number), "bold"), Text(verdict, color))
    table.add_row(
        "thresholds", f"{rules.hireable:,} hireable · {rules.competitive:,} competitive", f"for {report.role}"
    )
    return table


def markdown(report: Report) -> str:
    """The whole report with every check."""
    rules = rubric.ROLES[report.role]
    lines = [
        f"# Scorecard for {report.role}",
        "",
        f"**{points(report.evidenced)} points evidenced: {report.verdict_evidenced}.** "
        f"{points(report.claimed)} claimed: {report.verdict_claimed}. "
        f"Hireable from {rules.hireable:,}, competitive from {rules.competitive:,}. {report.note}",
        "",
    ]
    if report.niche:
        lines += [safe(report.niche), ""]
    if report.next_steps:
        lines += [f"## Shortest path to {report.next_threshold}", ""]
        lines += [
            f"{n}. {safe(s.item)}: **{s.gain} {s.times}**. {safe(s.what)}"
            for n, s in enumerate(report.next_steps, start=1)
        ]
        lines += [""]
    for item in report.items:
        lines += [
            f"## {safe(item.name)}",
            "",
            f"{item.base}: {points(item.evidenced)} evidenced, {points(item.claimed)} claimed. "
            f"Industry: {safe(item.industry or 'not declared')}.",
            "",
        ]
        lines += ["| Factor | Multiplier | State | Progress |", "| --- | --- | --- | --- |"]
        lines += [f"| {f.name} | {worth(f)} | {f.state} | {f.progress:.0%} |" for f in item.factors]
        lines += ["", "| Check | Result | Finding | Location |", "| --- | --- | --- | --- |"]
        lines += [row(check) for check in item.checks]
        lines += [""]
    return "\n".join(lines)


def row(check: Result) -> str:
    remedy = f" *{safe(check.remedy)}*" if check.remedy and check.status not in ("pass", "shown") else ""
    where = ", ".join(safe(location) for location in check.where[:3])
    return f"| {check.title} | {check.status} | {safe(check.finding)}{remedy} | {where} |"


def safe(text: str) -> str:
    """Untrusted text of a repository, escaped for a table cell."""
    plain = re.sub(r"([\\|\[*])", r"\\\1", " ".join(text.split()).replace("`", "'"))
    return html.escape(plain, quote=False)


def page(report: Report) -> str:
    """The Markdown report as one HTML file; tags in untrusted text are escaped."""
    content = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown(report))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Scorecard</title>'
    return f'<!doctype html>\n<html lang="en">{head}<style>{CSS}</style><body>\n{content}</body></html>\n'
