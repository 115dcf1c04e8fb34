"""The demo answers, and a bad value or file gets a sentence."""

from pathlib import Path

import pytest
from browser import PATIENCE, answered, said
from gradio_client import handle_file
from gradio_client.exceptions import AppError


def chances(scores: dict) -> dict[str, float]:
    return {entry["label"]: entry["confidence"] for entry in scores["confidences"]}


def test_an_example_gets_sentence_probability_and_reasons(app, module):
    name = list(module.ROWS)[1]
    sentence, scores, why = app.predict(name, *module.pick(name), api_name="/answer")
    assert sum(chances(scores).values()) == pytest.approx(1)
    assert module.STORY.flag in sentence and sentence.count("\n") == 1
    assert why["headers"] == ["column", "value", "moves it by"] and len(why["data"]) == 6


def test_the_typical_one_has_no_reasons(app, module):
    why = app.predict("typical", *module.pick("typical"), api_name="/answer")[2]
    assert why["data"] == [["every value is typical", "", ""]]


def test_a_changed_value_changes_the_answer(app, module):
    fields = module.pick("typical")
    before, after = (
        chances(app.predict("typical", *values, api_name="/answer")[1])
        for values in (fields, [6, *fields[1:]])
    )
    assert module.SHOWN and before != after


def test_an_empty_field_is_a_missing_value(app, module):
    fields = [None, *module.pick("typical")[1:]]
    _, scores, _ = app.predict("typical", *fields, api_name="/answer")
    assert sum(chances(scores).values()) == pytest.approx(1)


def test_a_file_gets_the_answer_of_its_first_row(app, inside, tmp_path):
    example = sorted(Path("docs/examples").glob("*.csv"))[0]
    alone = app.predict(handle_file(str(example)), api_name="/upload")
    header, row = example.read_text(encoding="utf-8").splitlines()
    several = tmp_path / "rows.csv"
    several.write_text(f"{header}\n{row}\n{row}\n")
    sentence, scores, _ = app.predict(handle_file(str(several)), api_name="/upload")
    assert sentence == f"{alone[0]}\n\nThe file has 2 rows; this is the first."
    assert scores == alone[1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a CSV"),
        (b"a,b\n1,2\n", "no column MOSTYPE"),
        (b"\x89PNG\r\n\x1a\n broken", "not UTF-8"),
        (b"hello", "no row"),
        pytest.param(b"," * 1_000_000, "more than 20,000 columns", id="commas"),
    ],
)
def test_a_bad_file_gets_a_sentence(app, tmp_path, content, message):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(AppError, match=f"rows.csv: .*{message}") as error:
        app.predict(handle_file(str(path)), api_name="/upload")
    assert str(tmp_path) not in str(error.value) and "Traceback" not in str(error.value)


def test_a_file_that_is_no_csv_is_not_read(app, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(AppError, match=r"one of these formats: .*csv"):
        app.predict(handle_file(str(path)), api_name="/upload")


def test_no_file_gets_a_sentence(app):
    with pytest.raises(AppError, match="Give a CSV file first"):
        app.predict(None, api_name="/upload")


def test_a_number_that_is_none_gets_a_sentence(module):
    import gradio as gr

    for value in (float("inf"), float("nan"), 1e39, "7"):
        fields = [value, *module.pick("typical")[1:]]
        with pytest.raises(gr.Error, match="give a finite number"):
            module.answer("typical", *fields)


def test_a_value_beyond_all_that_was_seen_gets_an_answer_or_a_sentence(app, module):
    fields = [3e38, *module.pick("typical")[1:]]
    try:
        _, scores, _ = app.predict("typical", *fields, api_name="/answer")
        assert sum(chances(scores).values()) == pytest.approx(1)
    except AppError as error:
        assert "far from all that the network has seen" in str(error)


@pytest.mark.slow
def test_the_typical_one_answers_though_it_is_chosen_already(page):
    page.locator("[name=example]").first.click(force=True)
    page.locator("form.demo[data-answer]").wait_for(timeout=PATIENCE)


@pytest.mark.slow
@pytest.mark.parametrize("value", ["3.5", ""])  # nothing is a missing value
def test_a_changed_value_changes_the_answer_of_the_page(page, value):
    page.get_by_role("button", name="Answer").click()
    before = page.locator("form.demo[data-answer]")
    before.wait_for(timeout=PATIENCE)
    before = before.get_attribute("data-answer")
    assert "Every value is typical" in page.locator(".shown").inner_text()
    page.locator("input[data-column]").first.fill(value)
    page.locator(f"form.demo:not([data-answer='{before}'])").wait_for(timeout=PATIENCE)
    assert float(page.locator("form.demo").get_attribute("data-answer")) != float(before)


READ = """async ([address, columns, text]) => {
  const { read } = await import(address);
  return [...(await read(new File([text], "a.csv"), { schema: { columns } })).x];
}"""


def read(page, address: str, text: str) -> list[float]:
    """The first row of a CSV with a bottle and a price, as the site's demo reads it."""
    columns = [{"name": "bottle", "values": ["0,7 l", "1,5 l"]}, {"name": "price"}]
    page.goto(f"{address}/data-card/")  # a page without fields to fill
    return page.evaluate(READ, [f"{address}/demo/inputs.js", columns, text])


def test_the_site_reads_a_comma_in_a_text_as_such(page, address):
    assert read(page, address, "bottle;price\n1,5 l;3,25\n") == [1, 3.25]
    with pytest.raises(Exception, match=r"row 2, column price: '3\.250' is no finite number"):
        read(page, address, "bottle;price\n0,7 l;3.250\n1,5 l;3,25\n")


def test_the_site_refuses_a_number_that_is_too_large(page):
    field = page.locator("input[data-column]").first
    field.fill("1e39")
    page.locator("form.demo button").click()
    assert answered(page) == [] and "give a finite number" in said(page)
