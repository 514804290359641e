"""Mixtures of Ridge experts for log g, compared fairly.

The stages of a run in their order: stars come from HDF5 files or from the simulator that writes them (`spectra`); bins,
experts, gate features and gates are fitted (`model`); predictions of the test stars are scored (`evaluation`) and
drawn (`figures`). `pipeline` puts the stages in order, `record` says what is kept, `tracking` writes it to MLflow.
"""
