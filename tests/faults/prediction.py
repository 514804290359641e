"""Deliberate faults in the model that a run keeps, its error bars and flags."""

from .mutant import Mutant

ADAPTING = "tests/prediction/test_adapting.py"
FLAGS = "tests/prediction/test_flags.py"
INTERVALS = "tests/prediction/test_intervals.py"
READERS = "tests/prediction/test_readers.py"
STORAGE = "tests/prediction/test_storage.py"

MUTANTS = [
    Mutant("stars at rest resampled for those beside them", "prediction/adapting.py",
           "np.flatnonzero(given != 0)", "np.arange(n_stars if given.any() else 0)",
           "tests/prediction/test_adapting.py -k whatever"),
    Mutant("stars that are moved the wrong way", "prediction/adapting.py",
           "wavelength / (1 + shift / KMS)", "wavelength * (1 + shift / KMS)", f"{ADAPTING} -k another_grid"),
    Mutant("bridged pixels taken for known", "prediction/adapting.py",
           "known_share(wavelength, to, known)", "known_share(wavelength, to, known | True)",
           f"{ADAPTING} -k half_unknown"),
    Mutant("a model that runs what its file names", "prediction/blueprints.py",
           "if not is_dataclass(made_by):", "if False:", f"{STORAGE} -k refused"),
    Mutant("noise that is only flagged when large", "prediction/flags.py",
           "(evidence.noise < low) | ", "", f"{FLAGS} -k what_it_is_for"),
    Mutant("as few uncertain stars as may be", "prediction/flags.py",
           "        if not every.all() and", "        if True or", f"{FLAGS} -k three_times"),
    Mutant("difficulty learnt from the star's own error", "prediction/intervals.py",
           "others = np.flatnonzero(fold != number)", "others = np.arange(len(fold))", f"{INTERVALS} -k own_error"),
    Mutant("quantiles that forget the new star", "prediction/intervals.py",
           "(len(scores) + 1) * LEVELS", "len(scores) * LEVELS", f"{INTERVALS} -k new_star"),
    Mutant("quantiles of uncovered stars too", "prediction/intervals.py",
           "everyone = _quantiles(scores[covered])", "everyone = _quantiles(scores)", f"{INTERVALS} -k outside"),
    Mutant("doubtful values of STPARAM trusted", "prediction/layouts.py",
           '"flag": bits != 0', '"flag": bits < 0', "tests/cli/test_predict.py -k parameters"),
    Mutant("the parameters of a star apart from each other", "prediction/layouts.py",
           'rows.sort_index(level="row", kind="stable")', "rows", "tests/cli/test_predict.py -k parameters"),
    Mutant("files that grow while they are read", "prediction/readers/__init__.py",
           "if path.stat().st_size != size:", "if False:", f"{READERS} -k grows"),
    Mutant("flux per frequency taken for flux per Å", "prediction/readers/pfs.py",
           "scale = (wavelength / wavelength.mean()) ** 2", "scale = 1.0", f"{READERS} -k pfs"),
    Mutant("flags that only warn taken for bad pixels", "prediction/readers/pfs.py",
           "if name in BAD]", "]", f"{READERS} -k names_of_flags"),
    Mutant("a model whose numbers are not held to their digest", "prediction/storage.py",
           "_digest(path) != digests.get(path.name)", "False", f"{STORAGE} -k refused"),
    Mutant("a model without its preprocessing", "prediction/storage.py",
           '"gate": Gate, "preprocessing": Preprocessing}', '"gate": Gate}', STORAGE),
    Mutant("models of any format", "prediction/storage.py",
           "    if found != FORMAT:", "    if False:", f"{STORAGE} -k another_format"),
    Mutant("rows of a file none of whose spectra can be used", "prediction/streaming.py",
           "        if usable:", "        if True:", "tests/cli/test_predict.py -k leaves_no_row"),
]  # fmt: skip
