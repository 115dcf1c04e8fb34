"""La Haute Borne: measurements of four turbines and ERA5 weather as one tidy table.

The one module that knows the starter's data; your own data goes through inputs.py alone.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig

MEASURED, WEATHER = "la-haute-borne-data-2014-2015.csv", "era5_wind_la_haute_borne.csv"
SEASONS = {12: "winter", 1: "winter", 2: "winter", 3: "spring", 4: "spring", 5: "spring"}
SEASONS |= {6: "summer", 7: "summer", 8: "summer", 9: "autumn", 10: "autumn", 11: "autumn"}


def tidy(source: Path, data: DictConfig) -> pd.DataFrame:
    """One row a turbine and ten minutes: time (UTC), turbine, power (kW), weather, season, strength.

    wind, east and north (m/s) and temperature (C) are the turbine's; farm_power (kW) and farm_wind
    (m/s) the mean of all; era_wind, era_east, era_north (m/s, 100 m) and era_pressure (hPa) the
    reanalysis of the last full hour.
    """
    table = measured(source / MEASURED)
    table = pd.merge_asof(table.sort_values("time"), weather(source / WEATHER), on="time")
    for name in ("power", "wind"):
        table[f"farm_{name}"] = table.groupby("time")[name].transform("mean")
    table["season"] = table.time.dt.month.map(SEASONS)
    edges, names = [-np.inf, 5, 9, np.inf], ["calm", "middle wind", "strong wind"]
    table["strength"] = pd.cut(table.wind, edges, labels=names).astype(str)
    return table.sort_values(["turbine", "time"]).reset_index(drop=True)


def measured(path: Path) -> pd.DataFrame:
    """The turbines' ten-minute means.

    The offset of a stamp is left out and its clock read as UTC: so read, wind and temperature keep
    step with ERA5 the whole year, and the gap of October closes. 24 pairs of rows each March share a
    stamp; which is which cannot be told, so both go.
    """
    raw = pd.read_csv(path)
    raw["time"] = pd.to_datetime(raw.Date_time.str[:16]).astype("datetime64[us]")
    raw = raw[~raw.duplicated(["Wind_turbine_name", "time"], keep=False)]
    angle = np.deg2rad(raw.Wa_avg)
    return pd.DataFrame(
        {
            "time": raw.time,
            "turbine": raw.Wind_turbine_name,
            "power": raw.P_avg,
            "wind": raw.Ws_avg,
            "east": -raw.Ws_avg * np.sin(angle),
            "north": -raw.Ws_avg * np.cos(angle),
            "temperature": raw.Ot_avg.where(raw.Ot_avg > -50),  # -273 is a sensor without a signal
        }
    )


def weather(path: Path) -> pd.DataFrame:
    """ERA5 by the hour, in UTC."""
    raw = pd.read_csv(path)
    return pd.DataFrame(
        {
            "time": pd.to_datetime(raw.datetime).astype("datetime64[us]"),
            "era_wind": raw.ws_100m,
            "era_east": raw.u_100,
            "era_north": raw.v_100,
            "era_pressure": raw.surf_pres / 100,
        }
    )
