"""`scorecard PATH...`: scores repositories by a portfolio rubric and lists the next steps."""

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
        help="repositories to score, one per portfolio item (default: the current folder)",
    )
    parser.add_argument("--role", choices=list(rubric.ROLES), help="overrides the role in portfolio.yaml")
    parser.add_argument("--all", action="store_true", help="list every check with its evidence and remedy")
    parser.add_argument(
        "--json",
        action="store_const",
        const="json",
        dest="format",
        default="terminal",
        help="same as --format json; keys: docs/scorecard.md",
    )
    parser.add_argument("--format", choices=["terminal", "markdown", "html", "json"], default="terminal")
    parser.add_argument("--online", action="store_true", help="request the public addresses in portfolio.yaml")
    parser.add_argument("--fail-under", type=int, metavar="POINTS", help="exit code 1 if fewer points are evidenced")
    parser.add_argument(
        "--literal", action="store_true", help="multiply the negative base of a common item by its factors too"
    )
    return parser


def main() -> None:
    """Writes the report; exit code 1 on an error, or below --fail-under."""
    options = arguments().parse_args()
    if missing := [str(path) for path in options.paths if not path.is_dir()]:
        sys.exit(f"error: {missing[0]}: no such folder; pass the path of a repository")
    try:
        report = judge(options.paths, options.role, options.literal, options.online)
    except BadDeclaration as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))
    try:
        write(report, options)
        sys.stdout.flush()
    except BrokenPipeError:  # a reader such as `head` closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if options.fail_under is not None and report.evidenced < options.fail_under:
        sys.exit(f"{report.evidenced:,} points evidenced, --fail-under asks for {options.fail_under:,}")


def write(report: Report, options: argparse.Namespace) -> None:
    """Prints the report in the chosen format; all formats but the terminal are UTF-8 on every system."""
    if options.format == "terminal":
        sys.stdout.reconfigure(errors="replace")
        show.terminal(report, Console(), options.all)
        return
    sys.stdout.reconfigure(encoding="utf-8")
    forms = {"json": lambda r: r.model_dump_json(indent=1), "markdown": show.markdown, "html": show.page}
    sys.stdout.write(forms[options.format](report).rstrip() + "\n")


if __name__ == "__main__":
    main()
