"""The page of the demo answers in a browser as predict.py does here."""

import base64
import hashlib
import re
from pathlib import Path

import kind
import pytest
from browser import PATIENCE, answered, give, pick, said, served
from conftest import ROOT, settings

from {{ cookiecutter.package_name }} import dataset, inputs, predict

TOLERANCE = 1e-3


def test_same_answers_as_here(page, inside, tmp_path):
    model = predict.Model()
    files = kind.files(tmp_path, *dataset.read()[::3])
    assert len(files) >= 20
    for file in files:
        expected = model(inputs.read(file, model.schema)[:1]).ravel()
        assert give(page, file) == pytest.approx(expected, abs=TOLERANCE), file.name


def test_examples_come_with_decision_and_explanation(page, inside):
    model, story = predict.Model(), settings().data.story
    for file in sorted(Path("docs/examples").iterdir()):
        x = inputs.read(file, model.schema)
        found = pick(page, file.name)
        assert found == pytest.approx(model(x).ravel(), abs=TOLERANCE)
        if len(found) == 1:
            decision = story.flag if found[0] >= predict.threshold() else story["pass"]
            assert said(page).lower().startswith(decision)
        else:
            assert f"80% interval {predict.number(found[0], like=max(map(abs, found)))} to" in said(page)
        reason, size = kind.why(model, x[0], story)
        assert reason in page.locator(".shown").inner_text()
        if size is not None:
            assert float(page.locator(".moved").first.inner_text()) == pytest.approx(size, rel=0.01)


FOCUSED = """() => {
  const at = document.activeElement;
  const label = at.labels?.[0] ?? at;
  const drawn = [at, label].some((one) => getComputedStyle(one).outlineStyle !== "none");
  return at.closest("form.demo") && [at.name || at.type, label.innerText.trim(), drawn];
}"""


def tab(page) -> list | None:
    """Name, label and whether it can be seen, of what the next press of Tab reaches in the form."""
    page.keyboard.press("Tab")
    return page.evaluate(FOCUSED)


def test_the_keyboard_is_enough(page):
    reached = [next(filter(None, (tab(page) for _ in range(50))))]
    page.keyboard.press("ArrowRight")
    assert answered(page)
    first = said(page)
    page.keyboard.press("ArrowRight")
    assert answered(page) and said(page) != first
    reached += iter(lambda: tab(page), None)
    assert reached[0][0] == "example" and reached[-1][0] == "file"
    assert all(label and drawn for _, label, drawn in reached), reached


def test_a_bad_file_gets_a_sentence(page, tmp_path):
    for name, (content, message) in kind.BAD.items():
        (tmp_path / name).write_bytes(content)
        assert give(page, tmp_path / name) == []
        assert re.fullmatch(f"No answer\\s+{name}: .*{message}.*", said(page))


@pytest.mark.slow
def test_a_phone_shows_all_of_it(chromium, address):
    page = chromium.new_page(viewport={"width": 360, "height": 740})
    page.goto(f"{address}/demo/")
    page.locator("[name=example]").last.check(force=True)
    assert answered(page)
    page.locator(".shown > *").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.context.close()


@pytest.mark.slow
def test_without_a_network_it_answers_once_it_has_answered(chromium, site):
    page = chromium.new_page()
    with served(site) as address:
        page.goto(f"{address}/demo/")
        names = [path.name for path in (site.parent / "docs/examples").iterdir()]
        expected = [pick(page, name) for name in names]
        page.locator(".kept").wait_for(timeout=PATIENCE)
    page.reload()
    assert [pick(page, name) for name in names] == expected
    page.context.close()


@pytest.mark.slow
def test_only_the_published_model_runs(chromium, address):
    page = chromium.new_page()
    page.route(re.compile(r"/model\.onnx\?"), lambda route: route.fulfill(body=b"another model"))
    page.goto(f"{address}/demo/")
    page.locator("[name=example]").last.check(force=True)
    assert answered(page) == []
    assert "model.onnx did not load, or is not what was published" in said(page)
    page.unroute_all()
    page.locator("[name=example]").nth(-2).check(force=True)
    assert answered(page)
    page.context.close()


def test_the_runtime_is_the_pinned_one():
    pinned = re.findall(r'"(ort\.\S+)": "sha256-(\S+)"', (ROOT / "docs/demo/predict.js").read_text())
    assert len(pinned) == 2
    for name, digest in pinned:
        found = hashlib.sha256((ROOT / "docs/demo" / name).read_bytes()).digest()
        assert base64.b64encode(found).decode() == digest, name
