"""Untrusted JSON and YAML -> values of bounded size and depth."""

import json

import yaml

DEEP = 60  # levels of nesting
MANY = 1_000_000  # values, with aliases expanded
LARGE = 10**300  # larger numbers cannot be measurements


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain values; dates stay text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def from_json(text: str) -> object:
    """Values of a JSON text; ValueError for any error in it."""
    try:
        return bounded(json.loads(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def from_yaml(text: str) -> object:
    """Values of a YAML text; YAMLError for any error in it."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEP:
                raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        return bounded(yaml.load(text, Loader))
    except yaml.YAMLError:
        raise
    except Exception as error:  # constructors raise any exception, such as KeyError for `!!bool x`
        raise yaml.YAMLError(str(error)) from error


def bounded(value: object) -> object:
    """The value itself; ValueError if it is too large, too deep, or contains itself."""
    size(value, 0, {})
    return value


def size(value: object, depth: int, sizes: dict[int, int]) -> int:
    """Number of values inside, with aliases counted each time."""
    if isinstance(value, int) and abs(value) > LARGE:
        raise ValueError("a number is too large")
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in sizes:
        if depth > DEEP:
            raise ValueError("nested too deeply")
        parts = value.values() if isinstance(value, dict) else value
        sizes[id(value)] = 1 + sum(size(part, depth + 1, sizes) for part in parts)
        if sizes[id(value)] > MANY:
            raise ValueError("too many values")
    return sizes[id(value)]
