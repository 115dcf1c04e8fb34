"""The data is what the data card says, and no module is on both sides of a split."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from conftest import settings

from {{ cookiecutter.package_name }} import config, prepare


@pytest.fixture
def samples(prepared):
    return pd.read_parquet(prepared / "samples.parquet")


def test_counts_of_the_data_card(prepared, samples):
    x, y = (np.load(prepared / name, mmap_mode="r") for name in ("x.npy", "y.npy"))
    assert x.shape == (2624, 300, 300) and x.dtype == np.uint8
    assert samples.probability.round(2).value_counts().to_dict() == {0: 1508, 0.33: 295, 0.67: 106, 1: 715}
    assert samples.kind.value_counts().to_dict() == {"poly": 1550, "mono": 1074}
    assert np.array_equal(y, samples.probability >= 0.5)
    assert np.array_equal(y, samples.label)


def test_as_many_modules_as_the_paper_counts(samples):
    assert samples.groupby("kind").group.nunique().to_dict() == {"mono": 18, "poly": 26}
    assert samples.groupby("group").kind.nunique().max() == 1


def test_no_module_in_two_parts(samples):
    assert samples.groupby("group").module.nunique().max() == 1
    assert samples.groupby("group").random.nunique().max() > 1  # the leak of the usual split


def test_parts_are_balanced(samples):
    for split in ("module", "random"):
        part = samples[samples[split] != "unseen"].groupby(split)
        shares = part.size() / part.size().sum()
        assert shares.to_dict() == pytest.approx({"train": 0.6, "val": 0.15, "test": 0.25}, abs=0.03)
        assert part.label.mean().max() - part.label.mean().min() < 0.05


def test_no_photo_twice(prepared):
    x = np.load(prepared / "x.npy", mmap_mode="r")
    assert len({hashlib.sha256(photo.tobytes()).digest() for photo in x}) == len(x)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.sha256=0", "starter.yaml expects 0"),
        ("data.split_sha256=0", "set split_sha256: null to accept a new split"),
        ("data.split_seed=1", "set split_sha256: null to accept a new split"),
    ],
)
def test_changed_data_or_split_stops_and_keeps_the_old(prepared, monkeypatch, override, message):
    monkeypatch.chdir(prepared.parents[1])
    before = (prepared / "samples.parquet").stat().st_mtime_ns
    monkeypatch.setattr(prepare, "read", cached(prepared, prepare.read))
    with pytest.raises(SystemExit, match=message):
        prepare.main(settings(override, "data.draws=20"))
    assert (prepared / "samples.parquet").stat().st_mtime_ns == before


def cached(prepared, read):
    """`read` without decoding the photos again, where the hash is not what is tested."""

    def again(sha256):
        if sha256 == 0:
            return read(sha256)
        samples = pd.read_parquet(prepared / "samples.parquet").rename(columns={"source": "path"})
        return samples[["path", "probability", "kind"]], np.load(prepared / "x.npy", mmap_mode="r")

    return again


def test_too_few_modules_to_split():
    with pytest.raises(config.BadInput, match="4 groups are too few to split, 6 needed"):
        shares = {"train": 0.6, "val": 0.15, "test": 0.25}
        prepare.grouped_split(np.arange(8) // 2, np.zeros((8, 1)), shares, 10, 0)
