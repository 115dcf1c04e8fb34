"""Numbers in texts and values: extraction and comparison."""

import math
import re
from dataclasses import dataclass


@dataclass
class Number:
    text: str
    value: float
    digits: int  # after the decimal point
    percent: bool
    line: int


NUMBER = re.compile(
    r"(?<![\w.,/#=-])[+\u2212-]?(\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(\.\d{1,15})?(\s?%|\s(?:percent|per cent)\b)?"
    r"(?![\w/]|-\w|[.,]\d|\.\w)",
)
UNIT = re.compile(r"\s(euros?|eur|dollars?|usd|pounds?|kw|kwh|mwh|hours?|minutes?)\b", re.IGNORECASE)
LEVEL = re.compile(r"\W{0,2}(confidence |percentile |credible )?(intervals?|percentile|CI)\b", re.IGNORECASE)
NAMED = re.compile(
    r"\b(python|licen[cs]e|version|apache|cc[ -]by([ -]nc)?([ -](sa|nd))?|ouverte|v|cuda|gpl|lgpl|bsd|mpl|doi|arxiv|"
    r"isbn|figure|fig|table|section|page|chapter|january|february|march|april|may|june|july|august|september|october|"
    r"november|december)\.?\s*$",
    re.IGNORECASE,
)


def numbers(text: str) -> list[Number]:
    """Numbers that may be results: with a decimal point, a percent sign or three digits; no years or versions."""
    results = []
    for row, line in enumerate(text.splitlines(), start=1):
        for match in NUMBER.finditer(line):
            whole, point, percent = match[1], match[2] or "", bool(match[3])
            unit = UNIT.match(line[match.end() :])
            year = not point and not percent and not unit and "," not in whole and 1900 <= int(whole) < 2100
            if (
                year
                or NAMED.search(line[: match.start()])
                or (percent and LEVEL.match(line[match.end() :]))
                or (not point and not percent and int(whole.replace(",", "")) < 100)
            ):
                continue
            value = float(whole.replace(",", "") + point)
            results.append(Number(match[0].strip(), value, max(0, len(point) - 1), percent, row))
    return results


def agrees(number: Number, values: list[float]) -> bool:
    """Whether a number equals one of `values` after rounding to its digits."""
    scale = (100.0, 1.0) if number.percent else (1.0,)
    near = 0.5 * 10**-number.digits * 1.0001
    return any(abs(abs(one) * by - number.value) <= near for one in values for by in scale)


def equals(number: Number, values: list[float]) -> bool:
    """Whether a number equals one of `values` without rounding."""
    scale = (100.0, 1.0) if number.percent else (1.0,)
    return any(abs(abs(one) * by - number.value) < 1e-9 * max(1.0, number.value) for one in values for by in scale)


def leaves(value: object) -> list[float]:
    """All numbers in nested values, including those in strings."""
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [float(value)] if math.isfinite(value) else []
    if isinstance(value, str):
        return [number.value for number in numbers(value)]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [leaf for part in parts for leaf in leaves(part)]


def without_intervals(value: object) -> object:
    """Nested values without the bounds of intervals."""
    if not isinstance(value, dict):
        return value
    return {key: without_intervals(inner) for key, inner in value.items() if key not in ("low", "high")}
