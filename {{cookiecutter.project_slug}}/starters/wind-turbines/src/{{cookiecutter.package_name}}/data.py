"""La Haute Borne: wind turbines -> windows and the train/val/test split. `dvc repro prepare`.

windows.npy      float32 (n, history, channels): the last hours of one turbine, in raw units
samples.parquet  id, label (power one hour later), group (turbine), start and end of the sample,
                 block (week), the columns of slices, one column per split
schema.json      the channels and steps of a window; travels inside the ONNX file
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from heldout import config, fetch, prepared, series, splits, stage
from heldout.errors import prefix_errors
from omegaconf import DictConfig, OmegaConf

from .windows import make_windows

PREPARED = Path("data/prepared")
TURBINES, WEATHER = "la-haute-borne-data-2014-2015.csv", "era5_wind_la_haute_borne.csv"
SEASONS = ["winter", "spring", "summer", "autumn"]  # winter: December, January, February
# Display names in figures and demo of channels whose column name is not readable.
CHANNEL_NAMES = {
    "east": "eastward wind",
    "north": "northward wind",
    "farm_power": "farm-average power",
    "farm_wind": "farm-average wind",
    "era_wind": "ERA5 wind",
    "era_east": "ERA5 eastward wind",
    "era_north": "ERA5 northward wind",
    "era_pressure": "ERA5 pressure",
}


@stage
def main(cfg: DictConfig) -> None:
    """Writes windows, targets and the frozen splits to data/prepared/."""
    data = cfg.data
    source, sha256 = fetch.source(data)
    if data.starter:
        table = load_haute_borne(source)
    else:
        columns = {key: data[key] for key in ("time", "target", "series", "drop", "slices")}
        table = series.read_series(source, **columns)
    with prefix_errors(source):  # an error names file, row and column
        windows, samples, window_schema = make_windows(table, data)
    split_samples(samples, data)
    schema = {
        "task": "regression",
        **window_schema,
        "column_names": CHANNEL_NAMES if data.starter else {},
        "names": OmegaConf.to_container(data.names, resolve=True),
    }
    # conf/ first: if this process is killed here, `dvc repro` prepares the data again.
    config.record_own_data(data, sha256)
    prepared.write(PREPARED, {"windows": windows}, samples, schema)
    print(splits.summary(samples, data.split))


def split_samples(samples: pd.DataFrame, data: DictConfig) -> None:
    """Adds one column per split strategy, and the unit that confidence intervals resample."""
    # First training, then validation, then the test, as a forecast is used. A window that crosses
    # a split boundary is in none of them ("gap").
    samples["time"] = splits.by_time(samples.end, samples.start, data.shares, borders=data.borders)
    # Windows overlap, so this split puts almost the same hours on both sides: it shows by how much
    # a random split understates the error.
    samples["random"] = splits.random(samples.label, data.shares, data.split_seed, stratify=False)
    splits.check_split(samples[data.split], samples.label, "regression")
    splits.verify_frozen(samples, ["time", "random"], data.split_sha256)
    # All turbines share the same weather: intervals resample weeks, never single forecasts.
    samples["block"] = splits.time_blocks(samples.end, within=samples[data.split] == "test")


def load_haute_borne(folder: Path) -> pd.DataFrame:
    """One row per turbine and ten minutes, in UTC, with slices: season and wind class.

    Per turbine: power (kW), wind, east, north (m/s), temperature (C). Farm average: farm_power,
    farm_wind. Most recent hourly ERA5: era_wind, era_east, era_north (m/s), era_pressure (hPa).
    """
    table = load_turbines(folder / TURBINES).sort_values("time")
    table = pd.merge_asof(table, load_weather(folder / WEATHER), on="time")
    farm = table.groupby("time")[["power", "wind"]].transform("mean")
    table["farm_power"], table["farm_wind"] = farm.power, farm.wind
    table["season"] = np.array(SEASONS, object)[table.time.dt.month % 12 // 3]
    bins, classes = [-np.inf, 5, 9, np.inf], ["calm", "medium wind", "strong wind"]  # m/s
    table["wind_class"] = pd.cut(table.wind, bins, labels=classes).astype(str)
    return table.sort_values(["turbine", "time"]).reset_index(drop=True)


def load_turbines(path: Path) -> pd.DataFrame:
    """Ten-minute means of the four turbines."""
    raw = pd.read_csv(path)
    # The offset of a time stamp is ignored and its clock read as UTC, an inference: so read, it is
    # at most 20 minutes off ERA5 all year. Each March, 24 pairs of rows share a stamp: drop both.
    raw["time"] = pd.to_datetime(raw.Date_time.str[:16]).astype("datetime64[us]")
    raw = raw[~raw.duplicated(["Wind_turbine_name", "time"], keep=False)]
    table = raw[["time"]].assign(turbine=raw.Wind_turbine_name, power=raw.P_avg, wind=raw.Ws_avg)
    angle = np.deg2rad(raw.Wa_avg)  # where the wind comes from, clockwise from north
    table["east"] = -raw.Ws_avg * np.sin(angle)
    table["north"] = -raw.Ws_avg * np.cos(angle)
    table["temperature"] = raw.Ot_avg.where(raw.Ot_avg > -50)  # -273: a sensor without a signal
    return table


def load_weather(path: Path) -> pd.DataFrame:
    """ERA5 reanalysis at the site, by the hour, in UTC."""
    raw = pd.read_csv(path)
    table = pd.DataFrame({"time": pd.to_datetime(raw.datetime).astype("datetime64[us]")})
    table = table.assign(era_wind=raw.ws_100m, era_east=raw.u_100, era_north=raw.v_100)
    table["era_pressure"] = raw.surf_pres / 100  # Pa -> hPa
    return table


def load_prepared() -> tuple[np.ndarray, pd.DataFrame, dict]:
    """Windows (n, history, channels) float32, memory-mapped, the table of samples, the schema."""
    windows = np.load(PREPARED / "windows.npy", mmap_mode="c")  # "c": read when used, never written
    schema = json.loads((PREPARED / "schema.json").read_text(encoding="utf-8"))
    return windows, pd.read_parquet(PREPARED / "samples.parquet"), schema


if __name__ == "__main__":
    main()
