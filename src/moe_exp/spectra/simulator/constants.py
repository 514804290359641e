"""Physical constants (CODATA 2018, cgs) and the ranges within which the tables of this package are valid."""

BOLTZMANN_EV = 8.617333e-5  # eV / K
BOLTZMANN = 1.380649e-16  # erg / K
ATOMIC_MASS = 1.66054e-24  # g
SECOND_RADIATION = 1.438777e8  # h c / k in Angstrom K
SECOND_RADIATION_CM = 1.438777  # h c / k in cm K
CLASSICAL_CROSS_SECTION = 0.0265401  # pi e^2 / (m_e c) in cm^2 Hz
PHOTON_ENERGY = 12398.42  # h c in eV Angstrom
SPEED_OF_LIGHT = 2.99792458e10  # cm / s
SPEED_OF_LIGHT_KMS = 299_792.458
THOMSON = 6.652e-25  # cm^2
FWHM_PER_SIGMA = 2.354820

RYDBERG = 109677.58  # cm^-1, of hydrogen
AIR_INDEX = 1.000275  # refractive index of air, taken constant from 7000 to 9000 Angstrom
HELIUM_PER_HYDROGEN = 0.0851  # by number, 10^(10.93 - 12): Asplund et al. 2009
MASS_PER_HYDROGEN = 1.36  # u per hydrogen nucleus: 1.008 + 4.003 * 0.0851 + metals

REFERENCE_WAVELENGTH = 8000.0  # Angstrom: the optical depth scale refers to the continuum here
WAVELENGTH_LIMITS = (7060.0, 8890.0)  # Angstrom: what the line list covers
