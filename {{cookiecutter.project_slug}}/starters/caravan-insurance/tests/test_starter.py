"""The data is what the data card says."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, settings

from {{ cookiecutter.package_name }} import dataset, fetch

TERMS = "Sentient Machine Research"


@pytest.fixture
def data(prepared, monkeypatch):
    monkeypatch.chdir(prepared.parents[1])
    return dataset.read()


@pytest.fixture
def table():
    """The table as it came."""
    return pd.read_csv(fetch.fetch(settings().data))


def test_counts_of_the_data_card(data):
    x, y, _, schema = data
    assert x.shape == (5822, 85) and not np.isnan(x).any() and np.array_equal(x, x.round())
    assert y.sum() == 348 and schema["task"] == "classification"


def test_the_network_sees_the_columns_of_the_table_and_no_other(data, table):
    assert [column["name"] for column in data[3]["columns"]] == list(table.columns[:85])
    assert np.array_equal(data[0], table.iloc[:, :85].to_numpy())


def test_areas_of_the_data_card(data):
    sizes = data[2].group.value_counts()
    assert len(sizes) == 1734 and (sizes == 1).sum() == 725 and sizes.max() == 34


def test_customers_of_one_area_share_its_columns(data):
    areas = pd.DataFrame(data[0][:, :43]).groupby(data[2].group)
    assert (areas.nunique() == 1).all(axis=None)


def test_duplicates_of_the_data_card_stay_together(data, table):
    again = table.duplicated(keep=False)
    assert table.duplicated().sum() == 602 and again.sum() == 1078
    copies = data[2][again].groupby(table[again].groupby(list(table)).ngroup())
    assert copies.grouped.nunique().max() == 1
    assert copies.random.nunique().max() > 1


def test_slices_of_the_results(data):
    samples = data[2]
    for column in settings().data.slices:
        assert 2 <= samples[column].nunique() <= 3 and samples[column].notna().all()


def test_the_split_is_frozen():
    assert settings().data.split_sha256


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/index.md"])
def test_terms_of_the_data_stand_where_it_is_shown(inside, page):
    text = (inside / page).read_text(encoding="utf-8")
    assert TERMS in text and "no commercial use" in text


def test_terms_stand_in_the_data_card():
    text = (ROOT / "docs/data-card.md").read_text(encoding="utf-8")
    assert TERMS in text and "No commercial use" in text
