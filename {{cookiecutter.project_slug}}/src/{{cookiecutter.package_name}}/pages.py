"""Pages of the site for other places: Markdown with the last numbers and whole addresses, and a PDF."""

import argparse
import re
import textwrap
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import jinja2
from huggingface_hub import ModelCard
from omegaconf import OmegaConf

from . import config, fetch, predict
from .config import BadInput

FEWEST = 4_500  # words of an article that is no draft
CODE = r"(?P<code>^```.*?^```|`[^`\n]+`)"
COMMENT = r"<!--.*?-->\n?"
NOTE = r'^(?:!!!|\?\?\?\+?) *\w+(?: +"(?P<title>[^"\n]*)")?\n+(?P<body>(?: {4}[^\n]*\n|\n)+)'
LINK = r'(?P<lead>\]\(|^\[[^\]^\n]+\]: +|\b(?:src|href)=")(?P<to>[^)\s"/][^)\s"]*)'
STYLE = "#set image(width: 80%)\n#show table: set par(justify: false)\n#show link: set text(blue)"
NO_PROSE = r"^```.*?^```|^\|[^\n]*|!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|<[^>\n]+>"


def article(folder: Path, given: argparse.Namespace) -> None:
    """Writes article.md and article.pdf to a folder; BadInput for a draft without --draft."""
    source = Path("docs/article.md")
    text, site = page(source), setting("site_url")
    prompts = source.read_text(encoding="utf-8").count("Prompts:")
    words = len(re.findall(r"\w[\w'-]*", re.sub(NO_PROSE, " ", text, flags=re.M | re.S)))
    if not given.draft and (prompts or words < FEWEST):
        left = f"{words:,} of {FEWEST:,} words, {prompts} comments with prompts"
        raise BadInput(f"{source} is a draft: {left}; write on, or add --draft")
    heading = re.search(r"^# (.+)\n+", text, re.M)
    title = heading[1] if heading else setting("site_name")
    body = text.replace(heading[0], "", 1).strip() if heading else text.strip()
    about = {"title": title, "published": False, "canonical_url": f"{site}article/"}
    about |= {"cover_image": f"{site}figures/hero.png"}
    config.write(folder / "article.md", f"---\n{OmegaConf.to_yaml(about)}---\n\n{body}\n")
    local = re.sub(rf"(!\[[^\]]*\]\(){re.escape(site)}", r"\1", body)
    with fetch.one_line("the PDF of docs/article.md"):
        import pypandoc
        import typst

        told = [f"--metadata=title={title}", f"--metadata=author={setting('site_author')}"]
        style = ["--standalone", "-Vpapersize=a4", f"-Vheader-includes={STYLE}"]
        text = pypandoc.convert_text(local, "typst", "gfm", [*told, *style])
        (folder / "article.pdf").write_bytes(typst.compile(text.encode(), root="docs"))


def card(path: str) -> ModelCard:
    """A card with its metadata."""
    with fetch.one_line(path):
        found = ModelCard(page(path))
    if not found.data.to_dict():
        raise BadInput(f"{path}: no metadata; it begins with a block between two lines of ---")
    return found


def page(path: Path | str) -> str:
    """A page of the site for other places: numbers filled in, no comments, addresses of the site."""
    if not Path(path).exists():
        raise BadInput(f"{path}: missing")
    source = Path(path).read_text(encoding="utf-8")
    if not config.compose().data.starter and "<!-- The starter's text" in source:
        raise BadInput(f"{path} still tells of the starter's data; rewrite it first")
    marks = {"variable_start_string": "[[", "variable_end_string": "]]"}  # as in mkdocs.yml
    marks |= {"block_start_string": "[%", "block_end_string": "%]"}
    pages = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, **marks)
    try:
        text = pages.from_string(source).render(predict.metrics("reports/pages.json", "measured"))
    except BadInput:
        raise
    except Exception as error:  # whatever an expression on the page does
        raise BadInput(f"{path}: {error}") from None
    changes = {COMMENT: lambda _: "", NOTE: quote, LINK: lambda found: absolute(found, path)}
    changes |= {r"(?<=\))\{[^}\n]*\}": lambda _: "", r"\n{3,}": lambda _: "\n\n"}
    for pattern, change in changes.items():
        both = re.compile(f"{CODE}|{pattern}", re.M | re.S)
        text = both.sub(lambda found, change=change: found["code"] or change(found), text)
    return text


def quote(found: re.Match) -> str:
    """An admonition as a quotation."""
    title = f"**{found['title']}** " if found["title"] else ""
    return textwrap.indent(title + textwrap.dedent(found["body"]).strip(), "> ", lambda line: True) + "\n\n"


def absolute(found: re.Match, path: Path | str) -> str:
    """A link on this page with the address of the site, unless it has one."""
    if urlsplit(found["to"]).scheme:
        return found[0]
    to = Path(path).name + found["to"] if found["to"][0] == "#" else found["to"]
    to = re.sub(r"\.md\b", "/", re.sub(r"\bindex\.md\b", "", to))
    return found["lead"] + urljoin(setting("site_url"), to)


def setting(name: str) -> str:
    """A text of mkdocs.yml."""
    found = re.search(rf"^{name}: .*$", Path("mkdocs.yml").read_text(encoding="utf-8"), re.M)
    if not found:
        raise BadInput(f"mkdocs.yml: {name} is missing")
    return OmegaConf.create(found[0])[name]
