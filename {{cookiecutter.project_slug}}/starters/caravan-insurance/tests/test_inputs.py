"""A table of one's own becomes arrays; what is wrong with it gets one line and changes nothing."""

from pathlib import Path

import kind
import numpy as np
import pandas as pd
import pytest
from conftest import copy_pages, refused, run_stages

from {{ cookiecutter.package_name }} import (
    baseline,
    config,
    dataset,
    evaluate,
    inputs,
    model,
    prepare,
    tables,
)

OWN = [*kind.OWN, "data.path=table.csv", "data.target=left"]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Rows whose table.csv is prepared, in the working directory."""
    monkeypatch.chdir(tmp_path)
    table = kind.rows(120)
    table.to_csv("table.csv", index=False)
    prepare.main(config.compose(*OWN))
    return table


def own(table: pd.DataFrame, *overrides: str) -> tuple:
    """What `prepare` makes of the table."""
    table.to_csv("table.csv", index=False)
    prepare.main(config.compose(*OWN, *overrides))
    return dataset.read()


def columns(schema: dict) -> dict[str, dict]:
    return {column["name"]: column for column in schema["columns"]}


# What a table may hold


def test_missing_values_and_categories(table):
    x, y, samples, schema = own(table, "data.id=key", "data.group=customer", "data.drop=[day,cost]")
    found = columns(schema)
    assert list(found) == ["age", "plan", "member"] and schema["task"] == "classification"
    assert x.dtype == np.float32 and np.array_equal(np.isnan(x[:, :2]), table[["age", "plan"]].isna())
    assert found["plan"]["values"] == ["basic", "full", "none"]
    texts = ["" if np.isnan(code) else found["plan"]["values"][int(code)] for code in x[:, 1]]
    assert texts == table.plan.fillna("").tolist()
    assert set(x[:, 2]) == {0, 1}
    assert np.array_equal(y == 1, table.left == "yes")
    assert samples.id.tolist() == table.key.tolist()
    assert samples.groupby("group").grouped.nunique().max() == 1
    assert samples.group.nunique() == table.customer.nunique()


@pytest.mark.parametrize("write", ["semicolon", "tab", "bom", "parquet"])
def test_every_kind_of_file_gives_the_same(table, write):
    plain = own(table)
    path = "table.parquet" if write == "parquet" else "other.csv"
    if write == "parquet":
        table.to_parquet(path)
    else:
        how = {"semicolon": {"sep": ";"}, "tab": {"sep": "\t"}, "bom": {"encoding": "utf-8-sig"}}
        table.to_csv(path, index=False, **how[write])
    prepare.main(config.compose(*OWN, f"data.path={path}"))
    found = dataset.read()
    assert np.array_equal(found[0], plain[0], equal_nan=True) and np.array_equal(found[1], plain[1])
    assert found[2].equals(plain[2]) and found[3] == plain[3]


def test_addresses_beside_decimal_commas_are_texts():
    Path("a.csv").write_text("a;b\n192.168.100.200;1,5\n10.0.0.1;2,5\n")
    assert tables.load("a.csv").a.tolist() == ["192.168.100.200", "10.0.0.1"]


def test_equal_rows_are_one_group(table):
    again = pd.concat([table, table.assign(key="another", customer="another")], ignore_index=True)
    samples = own(again, "data.drop=[key,customer]")[2]
    assert (samples.group[:120].to_numpy() == samples.group[120:].to_numpy()).all()


def test_texts_that_are_almost_all_different_are_left_out(table, capsys):
    schema = own(table.assign(note=[f"note {i}" for i in range(120)]))[3]
    assert "note" not in columns(schema)
    assert "column note: left out, 120 different texts" in capsys.readouterr().out


def test_a_column_that_counts_the_rows_is_left_out(table, capsys):
    table.insert(0, "Unnamed: 0", range(len(table)))
    assert "Unnamed: 0" not in columns(own(table)[3])
    assert "column Unnamed: 0: left out, it counts the rows" in capsys.readouterr().out


def test_the_class_to_find_can_be_named_and_slices_be_kept(table):
    table = table.assign(plan=table.plan.fillna("none"))
    _, y, samples, _ = own(table, "data.target=plan", "data.positive=full", "data.slices=[left]")
    assert np.array_equal(y == 1, table.plan == "full")
    assert samples.left.tolist() == table.left.tolist()


def test_by_time_the_latest_rows_are_the_test_and_groups_stay_whole(table):
    later = table.assign(customer=[f"c{i % 100}" for i in range(120)])  # some come again
    samples = own(later, "data.time=day", "data.group=customer", "data.keep_groups_whole=true")[2]
    parts = [samples[samples.time == name] for name in ("train", "val", "test", "gap")]
    assert all(len(part) for part in parts)
    assert parts[0].end.max() < parts[1].end.min() and parts[1].end.max() < parts[2].end.min()
    used = samples[samples.time != "gap"]
    assert used.groupby("group").time.nunique().max() == 1


def test_rows_that_look_alike_are_no_group_that_time_keeps_whole(table):
    alike = table[["left", "plan", "day"]].assign(plan="basic", member=[True, False] * 60)
    samples = own(alike, "data.time=day")[2]
    assert (samples.time != "gap").all()
    assert samples.group.nunique() == 2


def test_values_side_by_side_do_not_run_together(table):
    pairs = table[["left"]].assign(a=[1, 11, None] * 40, b=[11, None, 11] * 40)
    assert own(pairs, "data.split=random")[2].group.nunique() == 3
    whole = pairs.assign(a=[1, 11, 111] * 40, b=[11, 1, 7] * 40)
    assert own(whole, "data.split=random")[2].group.nunique() == 3


def test_a_random_split_alone_goes_through_the_baseline(table):
    own(table, "data.split=random", "data.drop=[key,customer,day]")
    baseline.main(config.compose(*OWN, "data.split=random"))
    assert pd.read_parquet("models/baseline.parquet").notna().all(axis=None)


def test_years_are_times_too(table):
    samples = own(table.assign(day=2000 + np.arange(120) // 10), "data.time=day")[2]
    years = samples.groupby("time").end.agg(["min", "max"])
    assert years["max"]["train"] < years["min"]["val"] and years["max"]["val"] < years["min"]["test"]


def test_a_number_to_predict_goes_through_every_stage(table):
    copy_pages(Path())
    told = ["data.target=cost", "data.id=key", "data.group=customer", "data.drop=[day]"]
    _, y, _, schema = own(table, *told)
    assert schema["task"] == "regression" and np.allclose(y, table.cost)
    run_stages(*OWN, *told)
    metrics = evaluate.METRICS.read_text(encoding="utf-8")
    assert '"mae"' in metrics and '"threshold": null' in metrics


# What is wrong with a table


def cell(column: str, row: int, value: object):
    """Changes one cell; rows are counted from 0 without the header."""
    return lambda table: table.astype({column: object}).assign(
        **{column: lambda t: [value if i == row else v for i, v in enumerate(t[column])]}
    )


BAD_TABLES = [
    (cell("left", 5, None), [], "row 7, column left: no target .empty, NA, None, null.; give one"),
    (lambda t: t.assign(left="yes"), [], "column left: a single value, yes; nothing to learn"),
    (
        lambda t: t.assign(left=["yes"] * 3 + ["no"] * (len(t) - 3)),
        [],
        "column left: 3 rows are yes; at least 10 of each are needed",
    ),
    (cell("left", 5, "maybe"), [], "column left: values maybe, no, yes; name the one to find"),
    (cell("age", 5, "old"), [], "row 7, column age: 'old' is no finite number"),
    (cell("age", 5, "inf"), [], "row 7, column age: 'inf' is no finite number"),
    (cell("age", 5, "1e39"), [], "row 7, column age: '1e.39' is no finite number"),
    (cell("cost", 5, "-inf"), ["data.target=cost"], "row 7, column cost: '-inf' is no finite number"),
    (lambda t: t.assign(more=None), [], "column more: no value in any row; remove it or add it to data.drop"),
    (cell("key", 5, "k3"), ["data.id=key"], "row 7, column key: k3 occurs twice"),
    (cell("customer", 5, None), ["data.group=customer"], "row 7, column customer: the group is missing"),
    (cell("day", 5, "2020-01-06T00:00Z"), ["data.time=day"], "row 7, column day: .* mixes times with and"),
    (cell("day", 5, "Monday"), ["data.time=day"], "row 7, column day: 'Monday' is no time"),
    (
        lambda t: t.assign(day=[2000.5 if i == 5 else 1990 + i for i in range(len(t))]),
        ["data.time=day"],
        "row 7, column day: 2000.5 is a fraction; give dates, or whole numbers",
    ),
    (cell("day", 5, None), ["data.time=day"], "row 7, column day: .*(no time|missing)"),
    (cell("cost", 5, "n. a."), ["data.target=cost"], "row 7, column cost: 'n. a.' is no finite number"),
    (lambda t: t[:1], [], "table.csv: 1 rows; at least 50 are needed"),
    (lambda t: t[:0], [], "table.csv: 0 rows; at least 50 are needed"),
    (lambda t: t.assign(customer=t.index % 3), ["data.group=customer"], "3 groups are too few to split"),
    (lambda t: t[["left"]], [], "no column is left to learn from"),
    (lambda t: t.assign(day="2020-01-01"), ["data.time=day"], "no sample lies wholly in the"),
    (
        lambda t: t.sort_values("left").assign(day=t.day.tolist()),
        ["data.time=day", "data.keep_groups_whole=false"],
        "the .* part has a single class",
    ),
]


@pytest.mark.parametrize(("change", "told", "message"), BAD_TABLES)
def test_a_bad_table_gets_one_line(table, change, told, message):
    change(table).to_csv("table.csv", index=False)
    refused(message, *OWN, *told)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.path=none.csv", "none.csv: no such file or folder"),
        ("data.path=data", "data: a folder; give the CSV or Parquet file in it"),
        ("data.target=null", r"table.csv: set data\.target=COLUMN; there are key, customer"),
        ("data.target=churn", r"no column churn \(data\.target\); there are key"),
        ("data.id=number", r"no column number \(data\.id\); there are key"),
        ("data.group=house", r"no column house \(data\.group\); there are key"),
        ("data.time=hour", r"no column hour \(data\.time\); there are key"),
        ("data.drop=[price]", r"no column price \(data\.drop\); there are key"),
        ("data.show=[colour]", r"no column colour \(data\.show\); there are key"),
        ("data.slices=[region]", r"no column region \(data\.slices\); there are key"),
        ("data.positive=perhaps", "column left: values no, yes; name the one to find"),
    ],
)
def test_a_bad_setting_gets_one_line(table, override, message):
    refused(message, *OWN, override)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "name,left\nMüller,yes\n".encode("latin-1"), "a.csv: not UTF-8"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "a.csv: not UTF-8"),
        ("a.csv", b"", "a.csv: not a CSV or Parquet table"),
        ("a.csv", b"a,left\n1,yes\n1,yes,no,no\n", "a.csv: not a CSV or Parquet table .*line 3"),
        ("a.csv", b"a,left\n1,yes,2\n3,no,4\n", "a.csv: not a CSV or Parquet table .*loss of data"),
        ("a.csv", b"a,left,a\n1,yes,2\n", "a.csv: column a occurs twice; rename or remove one"),
        ("a.csv", b"a;b;left\n +3.477;1,5;yes\n643;2,5;no\n", r"row 2, column a:  \+3\.477 has a dot"),
        ("a.csv", b"hello", r"a.csv: no column left \(data\.target\); there are hello"),
        ("a.parquet", b"hello", "a.parquet: not a CSV or Parquet table"),
        ("a.parquet", b"", "a.parquet: not a CSV or Parquet table"),
    ],
)
def test_a_file_that_is_no_table_gets_one_line(table, name, content, message):
    Path(name).write_bytes(content)
    refused(message, *OWN, f"data.path={name}")


# Rows to answer for


@pytest.fixture
def schema(table):
    return own(table, "data.drop=[key,customer,day,cost]")[3]


def test_rows_are_read_as_the_model_takes_them(schema):
    Path("rows.csv").write_text("plan;more;member;age\nfull;1;True;40.5\nnew;2;False;\n")
    found = inputs.read("rows.csv", schema)
    assert np.array_equal(found, np.array([[40.5, 1, 1], [np.nan, np.nan, 0]], np.float32), equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age,plan\n40,full\n", "no column member; 3 columns are needed"),
        ("age,plan,member\n", "no row; give at least one"),
        ("age,plan,member\n40,full,True\nold,full,True\n", "row 3, column age: 'old' is no finite number"),
        ("age,plan,member\ninf,full,True\n", "row 2, column age: 'inf' is no finite number"),
        ("", "not a CSV or Parquet table"),
    ],
)
def test_bad_rows_get_one_line(schema, text, message):
    Path("rows.csv").write_text(text)
    with pytest.raises(config.BadInput, match=message) as error:
        inputs.read("rows.csv", schema)
    assert "rows.csv: " in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_get_one_line(schema):
    for path, message in (("none.csv", "no such file"), ("data", "a folder")):
        with pytest.raises(config.BadInput, match=message):
            inputs.read(path, schema)


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_numbers_that_32_bit_cannot_square_are_refused(size):
    x = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32) * np.float32([1, size])
    schema = {"task": "regression", "columns": [{"name": "a"}, {"name": "b"}]}
    with pytest.raises(config.BadInput, match=r"^column b: too small or large for 32 bit; give another"):
        model.facts(x, x[:, 0], schema)
