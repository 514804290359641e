"""Where stars come from: HDF5 files, the simulator that writes such files, noise and splits."""
