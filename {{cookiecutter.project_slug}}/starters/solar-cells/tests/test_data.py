"""Labels, modules and splits of the ELPV photos; user-supplied photos."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from heldout import config
from PIL import Image

from {{ cookiecutter.package_name }} import data


@pytest.fixture(scope="module")
def samples(prepared):
    return pd.read_parquet(prepared / "samples.parquet")


def test_inferred_modules_match_the_paper(samples):
    modules = samples.groupby("cell_type").group.nunique()
    assert modules.to_dict() == {"mono": 18, "poly": 26}  # Deitsch et al. 2019
    assert samples.groupby("group").size().between(48, 72).all()
    assert samples.groupby("group").cell_type.nunique().max() == 1


def test_a_run_is_cut_into_whole_modules():
    cell_type = np.array(["mono"] * 120 + ["poly"] * 144 + ["mono"] * 59)
    module_id = data.infer_modules(cell_type)
    assert np.bincount(module_id).tolist() == [60, 60, 72, 72, 59]


def test_no_module_is_in_two_splits(samples):
    assert samples.groupby("group").grouped.nunique().max() == 1
    assert samples.groupby("group").random.nunique().max() > 1  # the leakage under study
    assert set(samples.grouped) == {"train", "val", "test", "unseen"}


def test_labels_are_positive_if_experts_give_at_least_one_half(samples):
    assert len(samples) == 2624 and samples.label.sum() == 821
    assert (samples.certainty == "uncertain label").sum() == 295 + 106


def own_photos(folder, suffix=".png"):
    rng = np.random.default_rng(0)
    for number in range(48):
        name = "bad" if number % 3 == 0 else "good"
        photo = rng.integers(0, 200, (50 + number, 60, 3), np.uint8)
        path = folder / "photos" / name / f"{number}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(path)


def prepare_own(*overrides):
    own = ["data=own", "data.path=photos", "data.sha256=null", "data.kaggle=null"]
    own += ["data.label=label", "data.group=group", "data.slices=[]", "data.unseen=[]"]
    data.main(config.compose(*own, "data.positive=bad", "data.size=80", *overrides, root=ROOT))


def test_user_supplied_photos_are_prepared(tmp_path):
    own_photos(tmp_path)
    prepare_own()
    photos, samples, schema = data.load_prepared()
    assert photos.shape == (48, 80, 80, 3) and samples.label.sum() == 16
    assert schema["channels"] == 3 and set(samples.grouped) == {"train", "val", "test"}
    assert schema["names"]["positive"] == "bad"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.positive=ugly"], "bad, good"),
        (["data.size=0"], "data.size"),
        (["data.path=nowhere"], "nowhere"),
        (["data.shares={train: 1.0}"], "shares"),
        (["data.unseen=[x]"], "x"),
    ],
)
def test_bad_input_gets_one_line_and_changes_nothing(tmp_path, overrides, message):
    own_photos(tmp_path)
    with pytest.raises(SystemExit, match=rf"^error: [^\n]*{message}[^\n]*$"):
        prepare_own(*overrides)
    assert not (tmp_path / "data").exists()


def test_a_damaged_photo_is_named(tmp_path):
    own_photos(tmp_path)
    (tmp_path / "photos/bad/0.png").write_bytes(b"no photo")
    with pytest.raises(SystemExit, match=r"bad/0\.png"):
        prepare_own()
