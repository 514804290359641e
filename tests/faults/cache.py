"""Deliberate faults in what is kept for later runs, and under which keys."""

from .mutant import CODE_KEYS, Mutant

CODE = "tests/cache/test_code.py"
STAGES = "tests/cache/test_stages.py"

MUTANTS = [
    Mutant("libraries' versions not in the digest", "cache/code.py",
           "libraries.add(_top(imported))", "pass", f"{CODE} {CODE_KEYS} -k librar"),
    Mutant("the standard library taken for source", "cache/code.py",
           "return not (within or ", "return not (", f"{CODE} -k only_source"),
    Mutant("installed packages of unknown version taken for source", "cache/code.py",
           "INSTALLATION_FOLDERS & {*folder.parts}", "False", f"{CODE} -k without_a_version"),
    Mutant("packages that pip put elsewhere taken for source", "cache/code.py",
           ' or any(folder.glob("*.dist-info"))', "", f"{CODE} -k installed_library"),
    Mutant("infrastructure followed", "cache/code.py",
           " and not _is_infrastructure(imported)", "", f"{CODE} -k physics"),
    Mutant("data files not in the digest", "cache/code.py",
           "sources |= _data_files(spec)", "pass", f"{CODE} -k data_files"),
    Mutant("imports of names not followed to their modules", "cache/code.py",
           'yield f"{resolved}.{name}" if is_module else resolved', "yield resolved", f"{CODE} -k follows"),
    Mutant("arrays read as pickles", "cache/codec.py",
           "array = np.lib.format.read_array(file, allow_pickle=False)",
           "array = np.lib.format.read_array(file, allow_pickle=True)", f"{STAGES} -k pickles"),
    Mutant("arrays that lose their last digits", "cache/codec.py",
           "write_array(file, array, ", "write_array(file, array.astype(\"f4\"), ", "tests/cache/test_codec.py -k bit"),
    Mutant("a cache that everybody may write", "cache/private.py",
           "if found.st_mode & stat.S_IWOTH:", "if False:", "tests/cache/test_private.py"),
    Mutant("folders of a cache that others may read", "cache/private.py",
           "mkdir(mode=0o700, ", "mkdir(", "tests/cache/test_private.py"),
    Mutant("keys blind to the order of a mapping", "cache/stages.py",
           "json.dumps(identity, ", "json.dumps(identity, sort_keys=True, ", f"{STAGES} -k order"),
    Mutant("damaged results trusted", "cache/stages.py",
           "if _digest(kept[DIGEST_SIZE:]) != kept[:DIGEST_SIZE]", "if False", f"{STAGES} -k damaged"),
    Mutant("two processes make one result twice", "cache/stages.py",
           'FileLock(path.with_suffix(".lock"))', "contextlib.nullcontext()", f"{STAGES} -k two_processes"),
    Mutant("pruning removes what was just made", "cache/stages.py",
           "if path != keep:", "if True:", f"{STAGES} -k limit"),
    Mutant("the oldest result goes, not the least used", "cache/stages.py",
           "os.utime(path)", "path.stat()", f"{STAGES} -k least_recently"),
    Mutant("the most recently used result goes first", "cache/stages.py",
           "lambda entry: entry[1].st_mtime", "lambda entry: -entry[1].st_mtime", f"{STAGES} -k least_recently"),
]  # fmt: skip
