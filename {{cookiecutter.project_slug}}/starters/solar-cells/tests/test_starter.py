"""The data is what the data card says."""

import hashlib

import numpy as np
import pytest
from conftest import ROOT, settings

from {{ cookiecutter.package_name }} import dataset


@pytest.fixture
def data(prepared, monkeypatch):
    monkeypatch.chdir(prepared.parents[1])
    return dataset.read()


@pytest.fixture
def samples(data):
    return data[2]


def test_counts_of_the_data_card(data, samples):
    x, y, _, schema = data
    assert x.shape == (2624, 300, 300) and x.dtype == np.uint8
    assert {**schema, "data": ""} == {"task": "classification", "colours": 1, "size": 300, "data": ""}
    assert samples.probability.round(2).value_counts().to_dict() == {0: 1508, 0.33: 295, 0.67: 106, 1: 715}
    assert samples.kind.value_counts().to_dict() == {"poly": 1550, "mono": 1074}
    assert np.array_equal(y, samples.probability >= 0.5)


def test_as_many_modules_as_the_paper_counts(samples):
    assert samples.groupby("kind").group.nunique().to_dict() == {"mono": 18, "poly": 26}
    assert samples.groupby("group").kind.nunique().max() == 1


def test_no_photo_twice(data):
    assert len({hashlib.sha256(photo.tobytes()).digest() for photo in data[0]}) == len(data[0])


def test_parts_are_balanced(samples):
    for split in ("grouped", "random"):
        part = samples[samples[split] != "unseen"].groupby(split)
        shares = part.size() / part.size().sum()
        assert shares.to_dict() == pytest.approx({"train": 0.6, "val": 0.15, "test": 0.25}, abs=0.03)
        assert part.label.mean().max() - part.label.mean().min() < 0.05


def test_the_module_without_busbars_is_kept_apart(samples):
    apart = samples[samples.grouped == "unseen"]
    assert set(apart.group) == {36}
    assert set(apart.kind) == {"mono"}


def test_the_split_is_frozen():
    assert settings().data.split_sha256


@pytest.mark.parametrize("page", ["README.md", "docs/results.md", "docs/index.md"])
def test_licence_of_the_photos_stands_where_they_are_shown(inside, page):
    assert "CC BY-NC-SA 4.0" in (inside / page).read_text(encoding="utf-8")


def test_licence_stands_in_the_data_card():
    text = (ROOT / "docs/data-card.md").read_text(encoding="utf-8")
    assert "CC BY-NC-SA 4.0" in text and "doi.org" in text
