"""The site as visitors and other sites meet it."""

import json
import math
import re
import xml.etree.ElementTree as ET

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ROOT

from {{ cookiecutter.package_name }} import evaluate, predict, report, scores

PAGES = sorted(re.findall(r": (\S+)\.md$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M))


@pytest.fixture
def home(chromium, address):
    """A tab at the home page."""
    tab = chromium.new_page(reduced_motion="reduce")
    tab.goto(address)
    yield tab
    tab.context.close()


def test_site_shows_the_numbers_and_asks_nobody_else(inside, site):
    home = (site / "index.html").read_text(encoding="utf-8")
    metrics = json.loads(evaluate.METRICS.read_text(encoding="utf-8"))
    first = scores.FIRST[metrics["task"]]
    assert json.loads(report.PAGES.read_text(encoding="utf-8"))["measured"]["point"]["network"][first] in home
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "[[" not in text and "{" * 2 not in text, page  # a number that is not measured
        assert not re.search(r'<(script|link|img)[^>]+(src|href)="https?://(?![\w-]+\.github\.io)', text)
        assert not re.search(r'<img(?![^>]*alt="[^"]+)', text)


def test_a_link_to_it_shows_the_card(site):
    text = (site / "results/index.html").read_text(encoding="utf-8")
    said = dict(re.findall(r'<meta (?:property|name)="((?:og|twitter):[\w:]+)" content="([^"]*)"', text))
    [address] = re.findall(r"^site_url: (\S+)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.M)
    assert said["og:url"] == f"{address}results/"
    assert said["og:image"] == f"{address}figures/social.png"
    assert (site / "figures/social.png").exists()
    assert said["twitter:card"] == "summary_large_image"
    assert said["og:title"] == "Results"


def test_search_engines_find_every_page(site):
    found = ET.parse(site / "sitemap.xml").getroot()
    assert len(found) == len(PAGES)


def test_article_tells_how_long_it_takes(home, address):
    home.goto(f"{address}/article/")
    words = len(home.locator("article").inner_text().split())
    [minutes] = re.findall(r"^(\d+) minutes to read", home.locator(".minutes").inner_text())
    assert abs(int(minutes) - math.ceil(words / 238)) <= 1
    home.locator(".minutes a").click()
    assert home.locator("h2:target").count() == 1


def test_the_slider_reads_the_curve(home, address, inside):
    task = json.loads(evaluate.METRICS.read_text(encoding="utf-8"))["task"]
    curves = scores.tradeoff(report.pd.read_parquet(evaluate.PREDICTIONS), task)
    home.goto(f"{address}/results/")
    slider, said = home.get_by_role("slider"), home.locator(".tradeoff").get_by_role("status")
    for share in (20, 21):
        shown = predict.number(curves["network"][share - 1], ".0%" if task == "classification" else "")
        assert f"{share}%: network {shown}" in said.inner_text()
        slider.press("ArrowRight")


def test_paper_leaves_out_what_needs_a_screen(home, address):
    home.goto(f"{address}/demo/")
    assert home.locator("form.demo").is_visible()
    home.emulate_media(media="print")
    assert not home.locator("form.demo").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_no_serious_accessibility_error(chromium, address, page, scheme):
    tab = chromium.new_page(color_scheme=scheme, reduced_motion="reduce")
    tab.goto(f"{address}/{page.removesuffix('index')}")
    found = Axe().run(tab).response["violations"]
    tab.context.close()
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], node["html"]) for rule in serious for node in rule["nodes"]] == []
