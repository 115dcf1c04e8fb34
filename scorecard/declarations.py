"""portfolio.yaml: facts that the author declares and no tool can verify."""

import datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from . import values
from .rubric import ROLES

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Link = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^https?://[^\s/]+\.[^\s/]+")]


class BadDeclaration(ValueError):
    """One line per error in portfolio.yaml."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Links(Strict):
    demo: Link | None = None
    article: Link | None = None
    code: Link | None = None


class JobAdvertisement(Strict):
    """A requirement quoted from an advertisement, and the page of the project that answers it."""

    employer: Text
    link: Link
    date: datetime.date
    asks: Text
    shown_in: Text  # a file of the repository, optionally with #heading


class KaggleMedal(Strict):
    competition: Text
    medal: Literal["gold", "silver", "bronze"]
    rank: Annotated[int, Field(ge=1)]
    team_size: Annotated[int, Field(ge=1)]
    profile: Link


class Publication(Strict):
    title: Text
    venue: Text
    link: Link
    authors: Annotated[list[Text], Field(min_length=1)]


class Declarations(Strict):
    role: Literal[tuple(ROLES)] = "ml-engineer"  # type: ignore[valid-type]
    industry: Text | None = None
    author: Text | None = None
    emails: list[Text] = []
    links: Links = Links()
    use_of_ai: Text | None = None
    own_contribution: Text | None = None
    job_advertisements: list[JobAdvertisement] = []
    kaggle_medal: KaggleMedal | None = None
    publication: Publication | None = None


def read(path: Path) -> Declarations:
    """The declarations of a file; BadDeclaration with one line per error. An empty file declares nothing."""
    try:
        content = values.from_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        row = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or " ".join(str(error).split()) or "cannot be read"
        raise BadDeclaration(f"{path}{row}: not YAML: {why}") from error
    except UnicodeDecodeError as error:
        raise BadDeclaration(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except OSError as error:
        raise BadDeclaration(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(content, dict | None):
        raise BadDeclaration(f"{path}: contains a {type(content).__name__}; write keys such as `role: ml-engineer`")
    declared = without_empty(content or {})
    try:
        return Declarations.model_validate(declared)
    except ValidationError as error:
        raise BadDeclaration("\n".join(f"{path}: {message(one)}" for one in error.errors())) from error


def without_empty(value: object) -> object:
    """Drops keys without a value, so that an unfilled form is valid."""
    if isinstance(value, dict):
        filled = {key: without_empty(inner) for key, inner in value.items()}
        return {key: inner for key, inner in filled.items() if inner not in (None, "", {}, [])}
    if isinstance(value, list):
        filled = [without_empty(inner) for inner in value]
        return [inner for inner in filled if inner not in (None, "", {}, [])]
    return value


def message(error: dict) -> str:
    """One line with the key, the error and a correct value."""
    first = error["type"] != "invalid_key"  # items of a list are counted from 1
    where = ".".join(str(part + first) if isinstance(part, int) else part for part in error["loc"])
    value = repr(error["input"])[:60]
    if error["type"] == "extra_forbidden":
        fields = Declarations.model_fields
        return (
            f"{where}: unknown key; choose from {', '.join(fields)}"
            if where.count(".") == 0
            else f"{where}: unknown key"
        )
    if error["type"] == "missing":
        return f"{where}: missing"
    if error["type"] == "model_type":
        return f"{where}: write keys below this one, not {value}"
    if error["type"] == "string_pattern_mismatch":
        return f"{where}: {value} is not a public address; write https://..."
    return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}, not {value}"
