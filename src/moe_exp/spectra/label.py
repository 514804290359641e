"""The label that is predicted: where files have it, and how it is written."""

from dataclasses import dataclass

from moe_exp.spectra.files import FILE_LABELS, REQUIRED_LABELS

KNOWN = {
    "log_g": ("log g", "dex", "Surface gravity (log g)"),
    "T_eff": ("Teff", "K", "Effective temperature (Teff)"),
    "M_H": ("[M/H]", "dex", "Metallicity ([M/H])"),
    "a_M": ("[α/M]", "dex", "Alpha enhancement ([α/M])"),
    "C_M": ("[C/M]", "dex", "Carbon enhancement ([C/M])"),
    "mag": ("magnitude", "mag", "Apparent magnitude"),
    "rv": ("radial velocity", "km/s", "Radial velocity"),
}
"""Name, unit and meaning of the labels that are known by the name of their column."""


@dataclass(frozen=True)
class Label:
    """A column of the label table that experts regress.

    Attributes
    ----------
    option : str
        Its name in files, as `data.label` has it.
    """

    option: str = "log_g"

    @property
    def column(self) -> str:
        """Its name in the tables of this project."""
        return FILE_LABELS.get(self.option, self.option)

    @property
    def always_there(self) -> bool:
        """Whether every file has it, and checksums of stars know its values."""
        return self.option in REQUIRED_LABELS

    @property
    def name(self) -> str:
        """What a sentence calls it."""
        return KNOWN[self.option][0] if self.option in KNOWN else self.option

    @property
    def meaning(self) -> str:
        """What it is, to begin a sentence with."""
        return KNOWN[self.option][2] if self.option in KNOWN else f"The label {self.option}"

    @property
    def unit(self) -> str:
        """Its unit; empty for a column that is not known."""
        return KNOWN[self.option][1] if self.option in KNOWN else ""

    def in_unit(self, text: str, brackets: str = "[]") -> str:
        """Return a text followed by the unit in brackets, if there is one."""
        return f"{text} {brackets[0]}{self.unit}{brackets[1]}" if self.unit else text

    def amount(self, number: str) -> str:
        """Return a number with its unit."""
        return f"{number} {self.unit}".rstrip()


LOG_G = Label()
