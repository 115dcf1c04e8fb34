"""--online: whether the public addresses of portfolio.yaml answer."""

import http.client
import urllib.error
import urllib.request

from .evidence import Item
from .judge import Result, clean

SHUT = (401, 403, 405, 429, 999)  # what sites answer to programs that people can open
ASLEEP = ("this space is sleeping", "this app has gone to sleep", "is paused", "building space")


def answers(item: Item) -> list[Result]:
    """A result for each declared address; that of the article decides about its factor."""
    asked = [("article" if name == "article" else "documentation", name, link) for name, link in item.declared.links]
    adverts = enumerate(item.declared.job_advertisements, start=1)
    asked += [("relevancy", f"advertisement {number}", advert.link) for number, advert in adverts]
    if medal := item.declared.kaggle_medal:
        asked.append(("kaggle medal", "kaggle profile", medal.profile))
    if paper := item.declared.publication:
        asked.append(("publication", "publication", paper.link))
    return [answer(factor, name, link) for factor, name, link in asked if link]


def answer(factor: str, name: str, link: str) -> Result:
    """What an address answers, as a check."""
    status, said = ask(link)
    return Result(
        id=f"online-{name.replace(' ', '-')}",
        factor=factor,
        title=f"The address of the {name} answers",
        status=status,  # type: ignore[arg-type]
        needed=name == "article" and status != "not checked",
        finding=clean(f"{link} {said}"),
        where=["portfolio.yaml"],
        remedy="" if status == "pass" else "Open it yourself; mend the address, or wake the page.",
    )


def ask(link: str) -> tuple[str, str]:
    """Whether an address answers with a page that is not asleep."""
    asked = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (scorecard)"})
    try:
        with urllib.request.urlopen(asked, timeout=15) as page:
            text = page.read(200_000).decode("utf-8", "replace").lower()
    except urllib.error.HTTPError as error:
        shut = error.code in SHUT
        return ("not checked" if shut else "fail"), f"answers {error.code}" + (" to programs" if shut else "")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return "fail", f"does not answer: {getattr(error, 'reason', error)}"
    if any(mark in text for mark in ASLEEP):
        return "fail", "answers, but is asleep"
    return "pass", "answers"
