"""A stranger's table becomes labels, a schema and encoded rows."""

import numpy as np
import pandas as pd
import pytest
from heldout import InputError, tables

N = 120


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(N) < 0.1, np.nan, rng.integers(18, 80, N)),
            "plan": rng.choice(["basic", "full", "none", None], N),
            "member": rng.random(N) < 0.5,
            "cost": rng.normal(50, 9, N).round(2),
            "left": rng.choice(["no", "yes"], N),
        }
    )


def changed(column: pd.Series, row: int, value: object) -> pd.Series:
    column = column.astype(object)
    column.iloc[row] = value
    return column


def test_schema_and_encoded_rows(table):
    columns = tables.column_schema(table, ["left", "cost"])
    assert [column["name"] for column in columns] == ["age", "plan", "member"]
    age, plan, member = columns
    assert plan["values"] == ["basic", "full", "none"] and plan["typical"] in plan["values"]
    assert (age["low"], age["high"]) == (table.age.min(), table.age.max())
    x = tables.encode(table, columns)
    assert x.dtype == np.float32 and x.shape == (N, 3)
    assert np.array_equal(x[:, 0], table.age.astype(np.float32), equal_nan=True)
    plans = pd.Series([tables.as_text(code, plan) for code in x[:, 1]])
    assert plans.equals(table.plan.fillna("missing").astype(plans.dtype))
    assert np.array_equal(x[:, 2], table.member)
    row = tables.typical(columns)
    assert row[0] == table.age.median() and tables.as_text(row[1], plan) == plan["typical"]
    assert tables.as_text(np.float32(0.1), age) == "0.1" and member["high"] == 1


def test_columns_that_cannot_help_are_left_out(table, capsys):
    table = table.assign(note=[f"note {i}" for i in range(N)])
    table.insert(0, "Unnamed: 0", range(N))
    names = [column["name"] for column in tables.column_schema(table)]
    assert names == ["age", "plan", "member", "cost", "left"]
    output = capsys.readouterr().out
    assert "column note: left out, 120 different texts" in output
    assert "column Unnamed: 0: left out, it numbers the rows" in output


def test_at_most_fifty_values_of_a_text_get_a_code():
    column = pd.Series([f"v{i:02}" for i in range(60)] * 2 + ["v59"] * 9, name="c")
    described = tables.describe(column)
    assert len(described["values"]) == tables.MAX_VALUES and described["typical"] == "v59"
    assert np.isnan(tables.encode(pd.DataFrame({"c": ["new", None]}), [described])).all()


@pytest.mark.parametrize(
    ("values", "positive", "task", "label"),
    [
        (["no", "yes"] * 20, None, "classification", [0, 1]),
        ([0, 1] * 20, None, "classification", [0, 1]),
        (["full", "basic", "none", "none"] * 10, "full", "classification", [1, 0]),
        ([2024, 2025] * 20, "2024", "classification", [1, 0]),
        (list(range(40)), None, "regression", [0, 1]),
        ([str(i / 8) for i in range(40)], None, "regression", [0, 0.125]),
    ],
)
def test_target(values, positive, task, label):
    labels, inferred = tables.target(pd.Series(values, name="y"), positive)
    assert inferred == task and labels.dtype == np.float32 and labels[:2].tolist() == label


@pytest.mark.parametrize(
    ("values", "positive", "message"),
    [
        (["no", "yes", None], None, "^row 4, column y: no target .empty, NA, None, null."),
        (["yes"] * 9, None, "column y: a single value, yes; there is nothing to learn"),
        (["yes"] * 3 + ["no"] * 99, None, "column y: 3 rows are yes; at least 10 of each class"),
        (["no", "yes", "maybe"] * 20, None, "column y: values maybe, no, yes; name the positive"),
        (["no", "yes"] * 20, "perhaps", "column y: .*data.positive=VALUE, not perhaps"),
        ([*range(40), "n. a."], None, "row 42, column y: 'n. a.' is not a finite number"),
        ([*range(40), "-inf"], None, "row 42, column y: '-inf' is not a finite number"),
    ],
)
def test_wrong_target(values, positive, message):
    with pytest.raises(InputError, match=message):
        tables.target(pd.Series(values, name="y"), positive)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("age", "old", "row 7, column age: 'old' is not a finite number"),
        ("age", "1e39", "row 7, column age: '1e39' is not a finite number"),
        ("more", None, "column more: no value in any row; remove it or add it to data.drop"),
    ],
)
def test_wrong_column(table, name, value, message):
    column = pd.Series([None] * N) if name == "more" else table[name]
    with pytest.raises(InputError, match=message):
        tables.column_schema(table.assign(**{name: changed(column, 5, value)}))
    with pytest.raises(InputError, match="no column is left to learn from"):
        tables.column_schema(table, list(table))


def test_rows_of_a_file(table, tmp_path):
    columns = tables.column_schema(table, ["left", "cost"])
    path = tmp_path / "rows.csv"
    path.write_text("plan;more;member;age\nfull;1;True;40.5\nnew;2;False;\n")
    expected = np.array([[40.5, 1, 1], [np.nan, np.nan, 0]], np.float32)
    assert np.array_equal(tables.read_rows(path, columns), expected, equal_nan=True)


def test_texts_such_as_01_stay_texts(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("code\n02\n")
    column = {"name": "code", "typical": "01", "values": ["01", "02"]}
    assert tables.read_rows(path, [column]).tolist() == [[1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,plan\n40,full\n", "no column member .needed by the model.; there are age, plan"),
        ("age,plan,member\n", "no row; give at least one"),
        ("age,plan,member\n40,full,True\nold,full,True\n", "row 3, column age: 'old' is not a"),
        ("age,plan,member\ninf,full,True\n", "row 2, column age: 'inf' is not a finite number"),
        ("", "not a CSV .UTF-8. or Parquet table"),
    ],
)
def test_wrong_rows(table, tmp_path, text, message):
    columns = tables.column_schema(table, ["left", "cost"])
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        tables.read_rows(path, columns)
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)
