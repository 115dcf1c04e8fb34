"""Photos of one's own become arrays; what is wrong with them gets one line and changes nothing."""

import io
from pathlib import Path

import kind
import numpy as np
import pandas as pd
import pytest
from conftest import refused
from PIL import Image

from {{ cookiecutter.package_name }} import config, dataset, inputs, prepare

OWN = [*kind.OWN, "data.positive=good", "data.size=32"]


def png(size=(120, 100), mode="L", kind="png") -> bytes:
    """A picture of noise as a file."""
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0]), np.uint8)
    deep = Image.fromarray(noise.astype(np.uint16))
    (deep if mode == "I;16" else Image.fromarray(noise).convert(mode)).save(out, kind)
    return out.getvalue()


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A folder of 24 photos in two classes, and a prepared folder made of it, as the working directory."""
    monkeypatch.chdir(tmp_path)
    for number in range(24):
        path = Path("photos", "bad" if number % 3 == 0 else "good", f"{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png((40 + number, 40)))
    own("photos")
    return Path("photos")


def own(path: str, *overrides: str) -> None:
    prepare.main(config.compose(*OWN, f"data.path={path}", *overrides))


def listed(**columns) -> pd.DataFrame:
    """The photos as a table, with these columns changed."""
    paths = sorted(path.relative_to("photos") for path in Path("photos").rglob("*.png"))
    table = pd.DataFrame({"path": [p.as_posix() for p in paths], "label": [p.parts[0] for p in paths]})
    return table.assign(**columns)


# One photo


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK"])
def test_any_kind_of_picture_is_read_as_the_model_takes_it(tmp_path, mode, colours):
    path = tmp_path / "photo"
    path.write_bytes(png(mode=mode, kind="tiff" if mode == "CMYK" else "png"))
    photo = inputs.read(path, {"colours": colours, "size": 64})
    assert photo.shape == (1, 64, 64, 3)[: 3 + (colours == 3)] and photo.dtype == np.uint8


def test_a_photo_stands_upright_as_the_camera_noted(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    photo = np.arange(40 * 50, dtype=np.uint8).reshape(40, 50)
    Image.fromarray(photo).save(tmp_path / "photo.png", exif=turned)
    assert np.array_equal(inputs.load(tmp_path / "photo.png"), np.rot90(photo, -1))


BAD_FILES = [
    (b"", "not a photo"),
    (b"hello", "not a photo"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", "not a photo"),  # a program
    (png()[:500], "damaged or too large"),
    (png(kind="jpeg")[:3000], "damaged or too large"),
    (png(mode="I;16"), "more than 8 bit"),
    (png((8, 8)), "each side must have 32 to 4096"),
    (png((5000, 40)), "each side must have 32 to 4096"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_bad_file_gets_one_line(tmp_path, content, message):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(config.BadInput, match=message) as error:
        inputs.read(path, {"colours": 1})
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_get_one_line(tmp_path):
    for path, message in ((tmp_path / "none.png", "no such file"), (tmp_path, "not a photo")):
        with pytest.raises(config.BadInput, match=message):
            inputs.read(path, {"colours": 1})


# A folder for each class


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_bad_file_among_good_ones_is_named(photos, content, message):
    (photos / "bad/0.png").write_bytes(content)
    refused(rf"photos/bad/0\.png: .*{message}", *OWN, "data.path=photos")


def empty(photos: Path) -> None:
    (photos / "empty").mkdir()


def single(photos: Path) -> None:
    (photos / "bad").rename("elsewhere")


def third(photos: Path) -> None:
    (photos / "worse").mkdir()
    (photos / "bad/0.png").rename(photos / "worse/0.png")


def few(photos: Path) -> None:
    for path in photos.rglob("*[1-9].png"):
        path.unlink()


def alike(photos: Path) -> None:
    for path in photos.rglob("*.png"):
        path.write_bytes(png((40 + (path.parent.name == "bad"), 40)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (empty, "photos/empty: no photo inside; give PNG or JPEG files, or remove the folder"),
        (single, "photos: a single class, good; two are needed"),
        (third, "photos: classes bad, good, worse; name the one to find with data.positive=CLASS"),
        (few, "3 groups are too few to split, 6 needed"),
        (alike, "2 groups are too few to split, 6 needed"),
    ],
)
def test_a_bad_folder_gets_one_line(photos, change, message):
    change(photos)
    unnamed = ["data.positive=null"] if "name the one" in message else []
    refused(message, *OWN, "data.path=photos", *unnamed)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.path=nowhere", "nowhere: no such file or folder"),
        ("data.path=photos/bad", "photos/bad: no folder inside; make a folder for each class"),
        ("data.slices=[camera]", r"photos: data\.group, label and slices need a table"),
        ("data.positive=ugly", "photos: classes bad, good; name the one to find with data.positive=CLASS"),
    ],
)
def test_a_bad_setting_gets_one_line(photos, override, message):
    refused(message, *OWN, "data.path=photos", override)


def test_mixed_sizes_and_colours(photos):
    (photos / "bad/0.png").write_bytes(png((90, 33), "RGB"))
    (photos / "good/note.txt").write_text("no photo")
    own("photos")
    x, y, samples, schema = dataset.read()
    assert x.shape == (24, 32, 32, 3) and x.dtype == np.uint8
    assert {**schema, "data": ""} == {"task": "classification", "colours": 3, "size": 32, "data": ""}
    assert np.array_equal(y == 1, samples.source.str.startswith("good"))


def test_the_class_to_find_can_be_named(photos):
    own("photos", "data.positive=bad")
    x, y, samples, schema = dataset.read()
    assert x.shape == (24, 32, 32) and schema["colours"] == 1
    assert np.array_equal(y == 1, samples.source.str.startswith("bad"))
    assert samples.group.nunique() == 24  # no two photos are equal


def test_equal_photos_are_one_group(photos):
    for number in (1, 2, 4):
        (photos / f"good/{number}.png").write_bytes(png((60, 60)))
    own("photos")
    assert dataset.read()[2].group.value_counts().iloc[0] == 3


# A table with a photo a row


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_with_groups_and_slices(photos, suffix):
    groups = [f"patient {number // 2}" for number in range(24)]
    table = listed(patient=groups, camera=["old", "new", "new"] * 8, note="not used")
    if suffix == "csv":
        table.to_csv("photos/list.csv", index=False)
    else:
        table.to_parquet("photos/list.parquet")
    own(f"photos/list.{suffix}", "data.group=patient", "data.slices=[camera]", "data.positive=bad")
    _, y, samples, _ = dataset.read()
    assert samples.group.tolist() == groups
    assert samples.groupby("group").grouped.nunique().max() == 1
    assert samples.camera.tolist() == table.camera.tolist()
    assert np.array_equal(y == 1, table.label == "bad")


def test_labels_of_numbers_and_columns_of_any_name(photos):
    number = np.arange(24)
    names = {"class": "odd", "source": 1, "id": 0, "group": "g", "random": 0, "note": [1, "a"] * 12}
    table = listed(rating=number % 2, **names).drop(columns="label")
    table["path"] = "photos/" + table.path
    table.to_csv("list.csv", index=False)
    own("list.csv", "data.label=rating", "data.group=null", "data.positive=1")
    _, y, samples, _ = dataset.read()
    assert y.tolist() == (number % 2).tolist()
    assert samples.id.nunique() == 24 and samples.group.nunique() == 24


BAD_TABLES = [
    ({"path": None}, "no column path; there are label"),
    ({"label": None}, "no column label; there are path"),
    ({"label": ["bad", None] * 12}, "row 3, column label: empty, NA, None or null; name it"),
    ({"path": [None, "bad/0.png"] * 12}, "row 2, column path: empty, NA"),
    ({"path": ["bad/0.png"] * 24}, "row 3, column path: bad/0.png occurs twice; give each photo once"),
    ({"path": range(24)}, r"photos/0: no such file"),
    ({"group": ["a", None] * 12}, "row 3, column group: empty, NA"),
    ({"label": "good"}, "a single class, good; two are needed"),
    ({"label": ["bad", "good", "worse"] * 8}, "classes bad, good, worse; name the one to find"),
    ({"group": ["a", "b"] * 12}, "2 groups are too few to split, 6 needed"),
]


@pytest.mark.parametrize("word", ["data.group=patiant", "data.label=klass"])
def test_a_column_that_is_not_there_is_refused(photos, word):
    listed(patient=1).to_csv("photos/list.csv", index=False)
    refused(f"no column {word.split('=')[1]}; there are", *OWN, "data.path=photos/list.csv", word)
    refused("photos: data.group, label and slices need a table", *OWN, "data.path=photos", word)


@pytest.mark.parametrize(("columns", "message"), BAD_TABLES)
def test_a_bad_table_gets_one_line(photos, columns, message):
    table = listed(**columns)
    table.dropna(axis=1, how="all").to_csv("photos/list.csv", index=False)
    unnamed = ["data.positive=null"] if "name the one" in message else []
    refused(message, *OWN, "data.path=photos/list.csv", *unnamed)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", "path,label\nfoto_ä.png,gut\n".encode("latin-1"), "list.csv: not UTF-8"),
        ("list.csv", png(), "list.csv: not "),
        ("list.csv", b"", "list.csv: not a CSV or Parquet table"),
        ("list.csv", b"path,label\n", "list.csv: a single class, none; two are needed"),
        ("list.csv", b"path,label\na.png,x\nb.png,x,y,z\n", "list.csv: not a CSV or Parquet table .*line 3"),
        ("list.parquet", b"hello", "list.parquet: not a CSV or Parquet table"),
        ("photo.png", png(), "photo.png: not "),
    ],
)
def test_a_file_that_is_no_table_gets_one_line(photos, name, content, message):
    Path(name).write_bytes(content)
    refused(message, *OWN, f"data.path={name}")


def test_an_unknown_column_for_slices_gets_one_line(photos):
    listed().to_csv("photos/list.csv", index=False)
    refused("no column camera", *OWN, "data.path=photos/list.csv", "data.slices=[camera]")


def test_too_few_photos_for_a_random_split_get_one_line(photos):
    for path in sorted(photos.rglob("*.png"))[6:-2]:
        path.unlink()
    refused("(single class|too few)", *OWN, "data.path=photos")
