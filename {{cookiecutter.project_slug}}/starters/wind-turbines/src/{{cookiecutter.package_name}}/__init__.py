"""Forecasts the power of wind turbines one hour ahead, with its uncertainty."""
