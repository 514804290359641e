import importlib
import importlib.util
import shutil
import sys
import types
from importlib.metadata import packages_distributions

import pytest

from moe_exp.cache import code
from moe_exp.cache.code import code_digest
from moe_exp.errors import InputError

IMPORTS = "from somewhere.b import f\nfrom . import d\nimport helpers\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    package = tmp_path / "home" / "somewhere"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('never to be imported')\n")
    (package / "a.py").write_text(f'"""A."""\n{IMPORTS}')
    (package / "b.py").write_text("def f(): return 1\n")
    (package / "c.py").write_text("unrelated = 1\n")
    (package / "d.py").write_text("value = 1\n")
    (package.parent / "helpers.py").write_text("import json, numpy\nvalue = 1\n")
    monkeypatch.syspath_prepend(package.parent)
    forget()
    return package


def forget() -> None:
    """Forget what was found before files and paths changed."""
    importlib.invalidate_caches()
    for remembered in (code._read, code._find, code._lies_outside_installations, code._version):
        remembered.cache_clear()


def digest_of(module: str) -> str:
    forget()
    return code_digest.__wrapped__(module)


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("a.py", f'"""Another docstring."""\n# and a comment\n{IMPORTS}', False),
        ("b.py", "def f(): return 2\n", True),
        ("c.py", "unrelated = 2\n", False),
        ("d.py", "value = 2\n", True),
        ("__init__.py", "raise ImportError('nor this')\n", False),
        ("../helpers.py", "value = 2\n", True),
    ],
)
def test_the_digest_follows_code_that_is_imported(project, file, text, changes):
    before = digest_of("somewhere.a")
    (project / file).write_text(text)
    assert (digest_of("somewhere.a") != before) == changes


def test_only_source_is_followed(project):
    sources, libraries = code._follow("somewhere.a")
    assert set(sources) == {"somewhere.a", "somewhere.b", "somewhere.d", "helpers"}
    assert libraries == {"numpy"}


def test_data_files_of_a_package_count(project):
    before = digest_of("somewhere")
    (project / "lines.csv").write_text("1,2\n")
    assert digest_of("somewhere") != before


def test_a_moved_project_has_the_same_digest(project, tmp_path, monkeypatch):
    before = digest_of("somewhere.a")
    shutil.move(project.parent, tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert digest_of("somewhere.a") == before


def test_a_folder_without_an_init_file_is_a_package_too(project):
    (project / "__init__.py").unlink()
    before = digest_of("somewhere.a")
    (project / "b.py").write_text("def f(): return 2\n")
    assert digest_of("somewhere.a") != before


@pytest.mark.parametrize("text", [b"def f(: return 1\n", b"name = '\xe4'\n", b"value = 1\0\n"])
def test_a_file_that_is_no_python_counts_as_it_is(project, text):
    (project / "b.py").write_bytes(text)
    before = digest_of("somewhere.a")
    (project / "b.py").write_bytes(text + b"# more\n")
    assert digest_of("somewhere.a") != before


def install(folder, version="1.0", text="value = 1\n", metadata=True):
    """Put a library into a folder as pip does."""
    (folder / "fastlib").mkdir(parents=True, exist_ok=True)
    (folder / "fastlib" / "__init__.py").write_text(f"raise ImportError('never to be imported')\n{text}")
    if metadata:
        described = folder / f"fastlib-{version}.dist-info"
        described.mkdir(exist_ok=True)
        (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fastlib\nVersion: {version}\n")


@pytest.mark.parametrize("place", ["lib/site-packages", "lib/dist-packages", "target", "home/.venv/lib/site-packages"])
def test_an_installed_library_counts_by_its_version_wherever_it_lies(project, tmp_path, monkeypatch, place):
    folder = tmp_path / place
    monkeypatch.syspath_prepend(folder)
    (project / "b.py").write_text("from fastlib.deep import f\n")
    without = digest_of("somewhere.a")
    install(folder)
    first, unrelated = digest_of("somewhere.a"), digest_of("somewhere.c")
    install(folder, text="value = 2\n")
    assert digest_of("somewhere.a") == first != without
    shutil.rmtree(folder)
    install(folder, version="1.1")
    assert digest_of("somewhere.a") != first
    assert digest_of("somewhere.c") == unrelated


def test_a_library_without_a_version_counts_by_its_file(project, tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(folder)
    (project / "b.py").write_text("import fastlib\n")
    install(folder, metadata=False)
    first = digest_of("somewhere.a")
    assert code._follow("somewhere.a")[1] == {"fastlib", "numpy"}
    install(folder, metadata=False, text="value = 2\n")
    assert digest_of("somewhere.a") != first


def test_code_of_the_users_counts_wherever_python_finds_it(project, tmp_path, monkeypatch):
    folder = tmp_path / "on_the_path"
    install(folder, metadata=False)
    monkeypatch.syspath_prepend(folder)
    (project / "b.py").write_text("import fastlib.deep\n")
    before = digest_of("somewhere.a")
    (folder / "fastlib" / "deep.py").write_text("value = 2\n")
    assert digest_of("somewhere.a") != before


def test_an_installed_module_counts_by_its_file_when_it_is_asked_for(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(folder)
    digests = set()
    for version, text in [("1.0", "value = 1\n"), ("1.0", "value = 2\n"), ("1.1", "value = 2\n")]:
        shutil.rmtree(folder, ignore_errors=True)
        install(folder, version, text)
        digests.add(digest_of("fastlib"))
    assert len(digests) == 3


def test_code_without_a_file_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "notebook_of_mine", types.ModuleType("notebook_of_mine"))
    with pytest.raises(InputError, match="notebook_of_mine: its code cannot be read"):
        digest_of("notebook_of_mine")


@pytest.mark.parametrize(
    ("module", "used", "not_used"),
    [
        ("moe_exp.spectra.simulator", {"numpy", "scipy", "torch"}, {"filelock", "lightgbm", "psutil", "sklearn"}),
        ("moe_exp.model.baselines", {"h5py", "lightgbm", "numpy", "pandas"}, {"sklearn", "torch"}),
        ("moe_exp.model.experts", {"numpy", "pandas", "torch"}, {"lightgbm"}),
        ("moe_exp.spectra.inspection", {"h5py", "numpy", "pandas"}, {"lightgbm", "sklearn", "torch"}),
    ],
)
def test_a_stage_depends_on_the_libraries_that_its_own_code_imports(module, used, not_used):
    libraries = code._follow(module)[1]
    assert used <= libraries
    assert not not_used & libraries


def test_nothing_but_physics_makes_the_stars_anew():
    followed = {name for name in code._follow("moe_exp.spectra.simulator")[0] if not name.endswith(".csv")}
    beside = {name for name in followed if not name.startswith("moe_exp.spectra.simulator")}
    assert beside == {"moe_exp.random_streams"}
    assert "moe_exp.workers" not in followed
    assert "moe_exp.spectra.simulator.synthesis" in followed


@pytest.mark.parametrize("module", code.INFRASTRUCTURE)
def test_infrastructure_exists(module):
    assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("library", code.DISTRIBUTIONS)
def test_libraries_of_another_name_are_installed_under_that_name(library):
    assert packages_distributions()[library] == [code.DISTRIBUTIONS[library]]
