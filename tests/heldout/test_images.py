"""A stranger's photos: single files, folders of classes, lists."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from heldout import InputError, images
from PIL import Image


def photo_file(size: tuple[int, int] = (120, 100), mode: str = "L", kind: str = "png") -> bytes:
    """The bytes of a photo of noise; size is (width, height)."""
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0]), np.uint8)
    image = Image.fromarray(noise.astype(np.uint16)) if mode == "I;16" else Image.fromarray(noise)
    with io.BytesIO() as buffer:
        (image if mode == "I;16" else image.convert(mode)).save(buffer, kind)
        return buffer.getvalue()


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """A folder with 4 photos of class bad and 8 of class good, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        path = Path("photos", "bad" if number % 3 == 0 else "good", f"{number:02}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo_file((40 + number, 40)))
    return Path("photos")


def read(source: str | Path, **settings: object) -> pd.DataFrame:
    defaults = {"label": "label", "group": "group", "slices": [], "positive": "good"}
    return images.image_table(Path(source), **{**defaults, **settings})


def refusal(source: str | Path, **settings: object) -> str:
    with pytest.raises(InputError) as raised:
        images.stack_images(read(source, **settings).path, 32)
    assert "\n" not in str(raised.value)
    return str(raised.value)


# One photo


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK"])
def test_photo_of_any_mode(tmp_path, mode, channels):
    path = tmp_path / "photo"
    path.write_bytes(photo_file(mode=mode, kind="tiff" if mode == "CMYK" else "png"))
    photo = images.image_batch(path, {"channels": channels, "size": 64})
    assert photo.dtype == np.uint8
    assert photo.shape == ((1, 64, 64) if channels == 1 else (1, 64, 64, 3))


def test_photo_is_upright(tmp_path):
    orientation = Image.Exif()
    orientation[0x0112] = 6  # a quarter turn
    photo = np.arange(40 * 50, dtype=np.uint8).reshape(40, 50)
    Image.fromarray(photo).save(tmp_path / "photo.png", exif=orientation)
    assert np.array_equal(images.load_image(tmp_path / "photo.png"), np.rot90(photo, -1))


BAD_FILES = [
    (b"", " cannot be read as a PNG or JPEG photo: cannot identify"),
    (b"hello", " cannot be read as a PNG or JPEG photo: cannot identify"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", " cannot be read as"),  # a program
    (photo_file()[:500], " cannot be read as a PNG or JPEG photo: "),
    (photo_file(kind="jpeg")[:3000], " cannot be read as a PNG or JPEG photo: image file is trunc"),
    (photo_file(mode="I;16"), ": more than 8 bit"),
    (photo_file((8, 8)), ": 8 x 8 pixels; each side must have 32 to 4096"),
    (photo_file((5000, 40)), ": 5000 x 40 pixels; each side must have 32 to 4096"),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_file_that_is_no_photo(photos, content, message):
    (photos / "bad/00.png").write_bytes(content)
    assert refusal("photos").startswith(f"photos/bad/00.png{message}")


def test_missing_photo_and_folder(tmp_path):
    for path, reason in ((tmp_path / "none.png", "not found, or private"), (tmp_path, "Is a dir")):
        with pytest.raises(InputError, match=f"cannot be read as a PNG or JPEG photo: .*{reason}"):
            images.load_image(path)


def test_overlay_is_orange_where_heat_is():
    heat = np.array([[0, 1], [0, -1]], np.float32)
    for photo in (np.full((40, 60), 100, np.uint8), np.full((40, 60, 3), 100, np.uint8)):
        colored = images.overlay(photo, heat)
        assert colored.shape == (40, 60, 3) and colored.dtype == np.uint8
        assert np.allclose(colored[-1, 0], 100, atol=3) and colored[0, -1, 0] > 170 > 40 > colored[0, -1, 2]
    assert (images.overlay(photo, np.zeros((2, 2))) == 100).all()


# A folder per class


def test_folder_of_mixed_sizes_and_colors(photos):
    (photos / "good/note.txt").write_text("no photo")
    for name in ("preview.png", ".hidden/1.png", "__MACOSX/good/1.png"):  # in no class
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b"")
    table = read("photos")
    assert table.id.tolist() == sorted(table.id) and len(table) == 12 and "group" not in table
    assert (table.label == table.id.str.startswith("good")).all()
    gray = images.stack_images(table.path, 32)
    assert gray.shape == (12, 32, 32) and gray.dtype == np.uint8
    (photos / "bad/00.png").write_bytes(photo_file((90, 33), "RGB"))
    assert images.stack_images(table.path, 32).shape == (12, 32, 32, 3)
    (photos / "bad/03.png").write_bytes((photos / "good/01.png").read_bytes())
    assert len(set(images.content_hashes(images.stack_images(table.path, 32)))) == 11
    photos.rename("train")
    assert len(read(".")) == 12  # the layout of Kaggle's competitions


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"positive": None}, "photos: classes bad, good; name the positive one, data.positive"),
        ({"positive": "ugly"}, "photos: classes bad, good; name the positive one"),
        ({"slices": ["camera"]}, "photos: no column camera (data.slices); there are path, label"),
        ({"group": "patient"}, "photos: no column patient (data.group); there are path, label"),
        ({"label": "klass"}, "photos: no column klass (data.label); there are path, label"),
    ],
)
def test_wrong_folder(photos, settings, message):
    assert refusal("photos", **settings).startswith(message)


def test_folder_of_a_single_class(photos):
    assert refusal("photos/bad").startswith("photos/bad: classes: none; give a folder with one folder")
    (photos / "bad").rename("elsewhere")
    assert refusal("photos").startswith("photos: classes: good; give a folder with one folder per")
    Path("conf").mkdir()
    assert refusal("conf").startswith("conf: no photo inside; give PNG or JPEG files")
    with pytest.raises(InputError, match=r"data.size=9: give a number of pixels from 32 to 4096"):
        images.stack_images([], 9)


# A list of photos


def photo_list(**columns: object) -> pd.DataFrame:
    """One row per photo, with these columns changed; a column of None is left out."""
    paths = sorted(path.relative_to("photos") for path in Path("photos").rglob("*.png"))
    table = pd.DataFrame({"path": [path.as_posix() for path in paths]})
    table["label"] = [path.parts[0] for path in paths]
    return table.assign(**columns).dropna(axis=1, how="all")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_list_with_groups_and_slices(photos, suffix):
    patients = [f"patient {number // 2}" for number in range(12)]
    table = photo_list(patient=patients, camera=["old", "new", "new"] * 4, note="not used")
    if suffix == "csv":
        table.to_csv("photos/list.csv", index=False)
    else:
        table.to_parquet("photos/list.parquet")
    rows = read(f"photos/list.{suffix}", group="patient", slices=["camera"], positive="bad")
    assert rows.group.tolist() == patients and rows.camera.tolist() == table.camera.tolist()
    assert (rows.label == (table.label == "bad")).all() and rows.id.equals(table.path)
    assert set(rows) == {"id", "path", "label", "group", "camera"}
    assert images.stack_images(rows.path, 32).shape == (12, 32, 32)


def test_list_with_numbers_as_labels(photos):
    photo_list(rating=[0, 1] * 6, id=0, source=1).to_csv("photos/list.csv", index=False)
    assert read("photos/list.csv", label="rating", positive=None).label.tolist() == [0, 1] * 6
    assert read("photos/list.csv", label="rating", positive=0).label.tolist() == [1, 0] * 6


@pytest.mark.parametrize(
    ("columns", "settings", "message"),
    [
        ({"path": None}, {}, "no column path (data.path); there are label"),
        ({"label": None}, {}, "no column label (data.label); there are path"),
        ({}, {"label": "klass"}, "no column klass (data.label); there are path, label"),
        ({}, {"group": "patiant"}, "no column patiant (data.group); there are path, label"),
        ({}, {"slices": ["camera"]}, "no column camera (data.slices); there are path, label"),
        ({"label": ["bad", None] * 6}, {}, "row 3, column label: empty, NA, None or null"),
        ({"path": [None, "bad/00.png"] * 6}, {}, "row 2, column path: empty, NA, None or null"),
        ({"group": ["a", None] * 6}, {}, "row 3, column group: empty, NA, None or null"),
        ({"path": ["bad/00.png"] * 12}, {}, "row 3, column path: bad/00.png occurs twice"),
        ({"label": "good"}, {}, "classes: good; give a folder with one folder per class, or a table"),
    ],
)
def test_wrong_list(photos, columns, settings, message):
    photo_list(**columns).to_csv("photos/list.csv", index=False)
    assert refusal("photos/list.csv", **settings).startswith(f"photos/list.csv: {message}")


def test_list_of_missing_photos_and_without_rows(photos):
    photo_list(path=range(12)).to_csv("photos/list.csv", index=False)
    assert refusal("photos/list.csv").startswith("photos/0 cannot be read as a PNG or JPEG photo: ")
    Path("photos/list.csv").write_text("path,label\n")
    assert refusal("photos/list.csv") == "photos/list.csv: no row; give at least one"
    assert refusal("photos/bad/00.png").startswith("photos/bad/00.png: not ")
