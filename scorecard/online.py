"""--online: whether the public addresses of portfolio.yaml answer."""

import urllib.error
import urllib.request

from .evidence import Item
from .judge import Result

ASLEEP = ("this space is sleeping", "this app has gone to sleep", "is paused", "building space")


def answers(item: Item) -> list[Result]:
    """A result for each declared address; none of them decides about a factor."""
    links = {name: link for name, link in item.declared.links if link}
    links |= {f"advertisement {i}": a.link for i, a in enumerate(item.declared.job_advertisements, start=1)}
    if item.declared.kaggle_medal:
        links["kaggle profile"] = item.declared.kaggle_medal.profile
    if item.declared.publication:
        links["publication"] = item.declared.publication.link
    return [answer(name, link) for name, link in links.items()]


def answer(name: str, link: str) -> Result:
    """Whether an address answers with a page that is not asleep."""
    asked = urllib.request.Request(link, headers={"User-Agent": "Mozilla/5.0 (scorecard)"})
    try:
        with urllib.request.urlopen(asked, timeout=15) as page:
            text = page.read(200_000).decode("utf-8", "replace").lower()
            status, said = "pass", f"{link} answers ({page.status})"
        if any(mark in text for mark in ASLEEP):
            status, said = "fail", f"{link} answers, but is asleep"
    except (urllib.error.URLError, OSError, ValueError) as error:
        status, said = "fail", f"{link} does not answer: {getattr(error, 'reason', error)}"
    return Result(
        id=f"online-{name.replace(' ', '-')}",
        factor="online",
        title=f"The address of the {name} answers",
        status=status,  # type: ignore[arg-type]
        needed=False,
        finding=said,
        where=["portfolio.yaml"],
        remedy="" if status == "pass" else "Mend the address, or wake the page.",
    )
