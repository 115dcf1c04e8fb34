"""`scorecard PATH...`: what a hiring reader will find in these repositories, and what to do next."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from . import rubric, show
from .declarations import BadDeclaration
from .judge import Report, judge


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scorecard", description=__doc__, epilog=rubric.NOTE)
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        default=[Path()],
        metavar="PATH",
        help="folders, one an item; this one if none is named",
    )
    parser.add_argument("--role", choices=list(rubric.ROLES), help="instead of the one in portfolio.yaml")
    parser.add_argument("--all", action="store_true", help="show every check with its evidence and its remedy")
    parser.add_argument(
        "--json",
        action="store_const",
        const="json",
        dest="format",
        default="terminal",
        help="see docs/scorecard.md",
    )
    parser.add_argument("--format", choices=["terminal", "markdown", "html", "json"], default="terminal")
    parser.add_argument("--online", action="store_true", help="ask whether the public addresses answer")
    parser.add_argument("--fail-under", type=int, metavar="POINTS", help="exit with 1 if less is evidenced")
    parser.add_argument(
        "--literal", action="store_true", help="multiply a minus too, instead of a flat minus for common items"
    )
    return parser


def main() -> None:
    """Judges, writes, and ends with 1 if something is wrong or too little is evidenced."""
    given = arguments().parse_args()
    if missing := [str(path) for path in given.paths if not path.is_dir()]:
        sys.exit(f"error: {missing[0]}: no such folder; give the folder of a repository")
    try:
        report = judge(given.paths, given.role, given.literal, given.online)
    except BadDeclaration as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))
    try:
        write(report, given)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if given.fail_under is not None and report.evidenced < given.fail_under:
        sys.exit(f"{report.evidenced:,} points evidenced, {given.fail_under:,} are asked for")


def write(report: Report, given: argparse.Namespace) -> None:
    """The report in the form that is asked for; files are UTF-8 on every system."""
    if given.format == "terminal":
        sys.stdout.reconfigure(errors="replace")
        show.terminal(report, Console(), given.all)
        return
    sys.stdout.reconfigure(encoding="utf-8")
    forms = {"json": lambda r: r.model_dump_json(indent=1), "markdown": show.markdown, "html": show.page}
    sys.stdout.write(forms[given.format](report).rstrip() + "\n")


if __name__ == "__main__":
    main()
