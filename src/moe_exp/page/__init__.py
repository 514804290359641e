"""A page on which a file of spectra is dropped: labels of its stars, their flags, and the spectrum of one."""
