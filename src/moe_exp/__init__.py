"""Mixtures of Ridge experts for log g, compared fairly.

The way of the data, room by room: stars come from HDF5 files or from the simulator that writes them (`spectra`); bins,
experts, gate features and gates are fitted (`model`); predictions of the test stars are scored (`evaluation`); many
runs stand side by side (`comparison`) and are drawn and told (`figures`, `report`). `experiment` puts the stages of one
run in order, `runs` keeps it in MLflow, `sweeps` does so for many, `cli` is for the terminal. Below them all lie
`tracking`, the only room that knows MLflow, `cache`, and the names that runs are written and read by (`names`).
"""
