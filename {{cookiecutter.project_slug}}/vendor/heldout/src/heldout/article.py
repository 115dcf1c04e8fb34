"""Pages of the site for other places: Markdown with numbers and absolute links, and a PDF."""

import argparse
import json
import re
import textwrap
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from huggingface_hub import ModelCard
from omegaconf import OmegaConf

from . import config, pages
from .errors import InputError, atomic_write, one_line

MIN_WORDS = 4_500  # of an article that is no draft
CODE = r"(?P<code>^```.*?^```|`[^`\n]+`)"
REMOVED = r"<!--.*?-->\n?|(?<=\))\{[^}\n]*\}"  # comments, and attributes of images
NOTE = r'^(?:!!!|\?\?\?\+?) *\w+(?: +"(?P<title>[^"\n]*)")?\n+(?P<body>(?: {4}[^\n]*\n|\n)+)'
LINK = r'(?P<lead>\]\(|^\[[^\]^\n]+\]: +|\b(?:src|href)=")(?P<to>[^)\s"/][^)\s"]*)'
CHANGED = re.compile(f"{CODE}|{REMOVED}|{NOTE}|{LINK}", re.M | re.S)
NO_PROSE = r"^```.*?^```|^\|[^\n]*|!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|<[^>\n]+>"
STYLE = "#set image(width: 80%)\n#show table: set par(justify: false)\n#show link: set text(blue)"


def export(folder: Path, options: argparse.Namespace) -> None:
    """Writes article.md and article.pdf; InputError for a draft without --draft."""
    source = Path("docs/article.md")
    text, site = page(source), setting("site_url")
    prompts = source.read_text(encoding="utf-8").count("Prompts:")
    words = len(re.findall(r"\w[\w'-]*", re.sub(NO_PROSE, " ", text, flags=re.M | re.S)))
    if not options.draft and (prompts or words < MIN_WORDS):
        left = f"{words:,} of {MIN_WORDS:,} words, {prompts} comments with prompts"
        raise InputError(f"{source} is a draft: {left}; write on, or add --draft")
    title, body = setting("site_name"), text.strip()
    if heading := re.search(r"^# (.+)\n+", text, re.M):
        title, body = heading[1], text.replace(heading[0], "", 1).strip()
    about = {"title": title, "published": False, "canonical_url": f"{site}article/"}
    about |= {"cover_image": f"{site}figures/hero.png"}
    atomic_write(folder / "article.md", f"---\n{OmegaConf.to_yaml(about)}---\n\n{body}\n")
    local = re.sub(rf"(!\[[^\]]*\]\(){re.escape(site)}", r"\1", body)
    with one_line("the PDF of docs/article.md"):
        import pypandoc
        import typst

        names = [f"--metadata=title={title}", f"--metadata=author={setting('site_author')}"]
        style = ["--standalone", "-Vpapersize=a4", f"-Vheader-includes={STYLE}"]
        document = pypandoc.convert_text(local, "typst", "gfm", [*names, *style])
        (folder / "article.pdf").write_bytes(typst.compile(document.encode(), root="docs"))


def card(path: str) -> ModelCard:
    """A model or data card with its metadata; InputError if it has none."""
    text = page(path)
    with one_line(path):
        content = ModelCard(text)
    if not content.data.to_dict():
        raise InputError(f"{path}: no metadata; it begins with a block between two lines of ---")
    return content


def numbers() -> dict:
    """reports/pages.json: what the pages of the site show."""
    return json.loads(pages.PAGES.read_text(encoding="utf-8"))


def page(path: Path | str) -> str:
    """A page of the site as plain Markdown; InputError for a number that does not exist."""
    text = pages.render_page(path, numbers())[0]
    if not config.compose().data.starter and pages.STARTER_TEXT.search(text):
        raise InputError(f"{path} still describes the starter's data; rewrite it first")
    text = convert(text, Path(path).name, setting("site_url"))
    empty_lines = re.compile(rf"{CODE}|\n\n\n+", re.M | re.S)
    return empty_lines.sub(lambda match: match["code"] or "\n\n", text)


def convert(text: str, name: str, site: str) -> str:
    """Removes comments; makes admonitions quotations, and links of the page `name` absolute."""

    def change(match: re.Match) -> str:
        if match["body"]:
            title = f"**{match['title']}** " if match["title"] else ""
            body = title + convert(textwrap.dedent(match["body"]).strip(), name, site)
            return textwrap.indent(body, "> ", lambda line: True) + "\n\n"
        if match["to"] and not urlsplit(match["to"]).scheme:
            to = name + match["to"] if match["to"][0] == "#" else match["to"]
            to = re.sub(r"\.md\b", "/", re.sub(r"\bindex\.md\b", "", to))
            return match["lead"] + urljoin(site, to)
        return match[0] if match["code"] or match["to"] else ""

    return CHANGED.sub(change, text)


def setting(name: str) -> str:
    """A text of mkdocs.yml."""
    match = re.search(rf"^{name}: .*$", Path("mkdocs.yml").read_text(encoding="utf-8"), re.M)
    if not match:
        raise InputError(f"mkdocs.yml: {name} is missing")
    return OmegaConf.create(match[0])[name]
