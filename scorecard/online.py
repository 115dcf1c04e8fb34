"""--online: requests the public addresses in portfolio.yaml."""

import http.client
import urllib.error
import urllib.request

from .evidence import Item
from .judge import Result, clean

SHUT = (401, 403, 405, 429, 999)  # sites send these to programs although people can open the page
ASLEEP = ("this space is sleeping", "this app has gone to sleep", "is paused", "building space")


def answers(item: Item) -> list[Result]:
    """One result per declared address; that of the article decides its factor."""
    links = [("article" if name == "article" else "documentation", name, link) for name, link in item.declared.links]
    adverts = enumerate(item.declared.job_advertisements, start=1)
    links += [("relevancy", f"advertisement {number}", advert.link) for number, advert in adverts]
    if medal := item.declared.kaggle_medal:
        links.append(("kaggle medal", "kaggle profile", medal.profile))
    if paper := item.declared.publication:
        links.append(("publication", "publication", paper.link))
    return [answer(factor, name, link) for factor, name, link in links if link]


def answer(factor: str, name: str, link: str) -> Result:
    """Requests an address and returns the result as a check."""
    status, response = ask(link)
    return Result(
        id=f"online-{name.replace(' ', '-')}",
        factor=factor,
        title=f"Address of the {name} responds",
        status=status,  # type: ignore[arg-type]
        needed=name == "article" and status != "not checked",
        finding=clean(f"{link} {response}"),
        where=["portfolio.yaml"],
        remedy="" if status == "pass" else "Open the address in a browser, then correct it or restart the page.",
    )


def ask(link: str) -> tuple[str, str]:
    """Status and description: whether an address returns a page that is not asleep."""
    request = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (scorecard)"})
    try:
        with urllib.request.urlopen(request, timeout=15) as page:
            text = page.read(200_000).decode("utf-8", "replace").lower()
    except urllib.error.HTTPError as error:
        shut = error.code in SHUT
        return ("not checked" if shut else "fail"), f"responds with {error.code}" + (" to programs" if shut else "")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return "fail", f"does not respond: {getattr(error, 'reason', error)}"
    if any(mark in text for mark in ASLEEP):
        return "fail", "responds, but the Space is asleep"
    return "pass", "responds"
