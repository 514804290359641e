"""A fitted mixture as others use it: kept as files, without pickle, and applied to spectra that it never saw."""
