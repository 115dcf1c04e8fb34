"""The demo answers, and a bad file gets a sentence."""

import re
from pathlib import Path

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError


def example() -> Path:
    return sorted(Path("docs/examples").glob("*.csv"))[0]


def test_a_file_gets_sentence_chart_and_reasons(app, inside):
    sentence, plot, why = app.predict(handle_file(str(example())), api_name="/forecast")
    low, high = map(float, re.search(r"interval (\S+) to (\S+)\. ", sentence.replace(",", "")).groups())
    middle = float(sentence.splitlines()[0].removeprefix("### ").replace(",", ""))
    assert low <= middle <= high and sentence.count("\n") == 1
    assert plot["plot"].startswith("data:image/")
    assert why["headers"] == ["what", "from", "moved it by"] and len(why["data"]) == 6


def test_an_example_gets_the_answer_of_its_file(module, inside):
    assert len(module.EXAMPLES) == 4
    for name, path in module.EXAMPLES.items():
        sentence, _, why = module.pick(name)
        assert sentence == module.forecast(path)[0]
        changes = why["moved it by"].astype(float).abs()
        assert changes.is_monotonic_decreasing and changes.iloc[0] > 0


def test_the_answer_tells_of_an_hour_after_the_last_row(module, inside):
    path = example()
    last = path.read_text(encoding="utf-8").splitlines()[-1].split(",")
    sentence, chart, _ = module.forecast(str(path))
    hour = f"{int(last[0][11:13]) + 1:02}{last[0][13:16]}"
    assert hour in sentence and f"Now: {module.predict.number(float(last[2]))}." in sentence
    assert len(chart.axes[0].lines[0].get_xdata()) == 24


def test_large_numbers_are_written_out(module):
    said = [module.predict.number(value) for value in (0.00123456, 12.3456, -45678.9)]
    assert said == ["0.001235", "12.35", "-45,679"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a CSV"),
        (b"a,b\n1,2\n", "no column time, power"),
        (b"\x89PNG\r\n\x1a\n broken", "not UTF-8"),
        pytest.param(b"," * 1_000_000, "more than 20,000 columns", id="commas"),
        (b"few", "a forecast needs the last 24"),
        (b"hole", "times must follow each other every 10 minutes"),
        (b"missing", "row 24, column power: missing"),
    ],
)
def test_a_bad_file_gets_a_sentence(app, inside, tmp_path, content, message):
    lines = example().read_text(encoding="utf-8").splitlines()
    made = {
        b"few": lines[:20],
        b"hole": [*lines[:9], *lines[2:]],
        b"missing": [*lines[:23], re.sub(r"(,R\d+),[^,]+", r"\1,", lines[23]), lines[24]],
    }
    path = tmp_path / "rows.csv"
    path.write_bytes("\n".join(made[content]).encode() if content in made else content)
    with pytest.raises(AppError, match=f"rows.csv: .*{message}") as error:
        app.predict(handle_file(str(path)), api_name="/forecast")
    assert str(tmp_path) not in str(error.value) and "Traceback" not in str(error.value)


def test_a_file_that_is_no_csv_is_not_read(app, tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(AppError, match=r"one of these formats: .*csv"):
        app.predict(handle_file(str(path)), api_name="/forecast")


def test_no_file_gets_a_sentence(app):
    with pytest.raises(AppError, match="Give a CSV file, or pick a moment"):
        app.predict(None, api_name="/forecast")


def test_a_file_is_answered_when_it_is_given(app):
    [found] = [each for each in app.config["dependencies"] if each["api_name"] == "forecast"]
    assert [event for _, event in found["targets"]] == ["upload"]
