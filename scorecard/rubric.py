"""The rubric: bases, factors and thresholds of three roles.

Source: Emil Wallner, "How to learn Deep Learning", section Portfolio, where they are called "rough guidelines to
self-assess the strength of your portfolio". An item is worth its base times each factor that holds; a portfolio is
the sum of its items.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

NOTE = "Rough guidelines to self-assess a portfolio, after Emil Wallner, How to learn Deep Learning."


@dataclass(frozen=True)
class Role:
    bases: dict[str, int]
    factors: dict[str, int]
    hireable: int
    competitive: int


ROLES = {
    "ml-engineer": Role(
        {"common": -1, "unique": 10},
        {"documentation": 5, "article": 5, "kaggle medal": 10, "relevancy": 20},
        5_250,
        15_000,
    ),
    "applied-research": Role(
        {"common": -10, "unique": 1, "paper implementation": 20},
        {"documentation": 5, "article": 5, "state of the art": 5, "relevancy": 20},
        52_500,
        150_000,
    ),
    "research-scientist": Role(
        {"common": -100, "unpublished paper": 5, "other publication": 50, "top venue": 500},
        {"first author": 10, "relevancy": 20},
        20_000,
        200_000,
    ),
}
# Estimated effort of a step in days; it only ranks the paths to the same threshold.
EFFORT = {
    "unique": 5,
    "paper implementation": 10,
    "unpublished paper": 15,
    "other publication": 60,
    "top venue": 300,
    "documentation": 1,
    "article": 5,
    "relevancy": 1,
    "kaggle medal": 30,
    "state of the art": 30,
    "first author": 1,
    "item": 5,
}


def worth(role: str, base: str, factors: set[str], literal: bool = False) -> int:
    """Points of an item; a common one is a flat minus unless `literal`, since factors do not multiply a minus."""
    rules = ROLES[role]
    points = rules.bases[base]
    return points if points < 0 and not literal else points * prod(rules.factors[name] for name in factors)


def verdict(role: str, points: int) -> str:
    """competitive, hireable or not yet hireable."""
    rules = ROLES[role]
    if points >= rules.competitive:
        return "competitive"
    return "hireable" if points >= rules.hireable else "not yet hireable"


def threshold(role: str, points: int) -> tuple[str, int] | None:
    """Name and points of the next threshold above; None beyond the last."""
    rules = ROLES[role]
    for name, needed in (("hireable", rules.hireable), ("competitive", rules.competitive)):
        if points < needed:
            return name, needed
    return None


@dataclass(frozen=True)
class Step:
    """One step: the index of an item (None for a new one) and the base or factor that it gains."""

    item: int | None
    gain: str


def shortest(role: str, items: list[tuple[str, set[str]]], literal: bool = False) -> list[Step]:
    """Steps of least effort to the next threshold, from the base and factors of each item.

    Items may be improved, and up to three new ones added.
    """
    points = sum(worth(role, *item, literal) for item in items)
    if (goal := threshold(role, points)) is None:
        return []
    choices = [list(upgrades(role, *item)) for item in items]
    more = [list(upgrades(role, "common", set()))] * 3
    ways = [cheapest(role, items, choices + more[:n_new], goal[1] - points, literal) for n_new in range(4)]
    return min((way for way in ways if way), key=lambda way: way[0], default=(0, []))[1]


def upgrades(role: str, base: str, held: set[str]) -> Iterator[tuple[float, str, set[str]]]:
    """Effort, base and factors of every state that an item can reach."""
    rules = ROLES[role]
    better = [name for name, points in rules.bases.items() if points >= rules.bases[base]]
    missing = [name for name in rules.factors if name not in held]
    for new in better:
        for count in range(len(missing) + 1):
            for more in itertools.combinations(missing, count):
                effort = sum(EFFORT[name] for name in more) + (EFFORT[new] if new != base else 0)
                yield effort, new, held | set(more)


def cheapest(role: str, items: list, choices: list, needed: int, literal: bool) -> tuple[float, list[Step]] | None:
    """Effort and steps of the cheapest upgrades that add the points needed; None if there are none."""
    start = [worth(role, *item, literal) for item in items]
    reached: dict[int, tuple[float, tuple]] = {0: (0.0, ())}  # points gained (capped) -> effort and states
    for index, options in enumerate(choices):
        held_points = start[index] if index < len(items) else 0
        following: dict[int, tuple[float, tuple]] = {}
        for points, (spent, path) in reached.items():
            for effort, base, held in options:
                new = index >= len(items)
                effort += EFFORT["item"] * new
                gained = min(needed, points + worth(role, base, held, literal) - held_points)
                state = (spent + effort, (*path, (base, held)))
                if gained not in following or state[0] < following[gained][0]:
                    following[gained] = state
        reached = undominated(following)
    if needed not in reached:
        return None
    effort, path = reached[needed]
    return effort, list(steps(items, path))


def undominated(reached: dict[int, tuple[float, tuple]]) -> dict[int, tuple[float, tuple]]:
    """Without entries that cost as much as an entry with more points."""
    frontier: dict[int, tuple[float, tuple]] = {}
    for points in sorted(reached, reverse=True):
        if all(reached[points][0] < effort for effort, _ in frontier.values()):
            frontier[points] = reached[points]
    return frontier


def steps(items: list, path: tuple) -> Iterator[Step]:
    """Steps between the items and the states of a path."""
    for index, (base, held) in enumerate(path):
        old_base, old_held = items[index] if index < len(items) else ("", set())
        position = index if index < len(items) else None
        if base != old_base:
            yield Step(position, base)
        for name in sorted(EFFORT, key=lambda name: EFFORT[name]):
            if name in held - old_held:
                yield Step(position, name)
