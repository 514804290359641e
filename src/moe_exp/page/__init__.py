"""A page on which a file of spectra is dropped: log g of its stars, their flags, and the spectrum of one."""
