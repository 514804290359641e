import sys

import pytest

from moe_exp.cache import code
from moe_exp.cache.code import code_digest

IMPORTS = "from somewhere.b import f\nfrom . import d\nimport helpers\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    package = tmp_path / "somewhere"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text(f'"""A."""\n{IMPORTS}')
    (package / "b.py").write_text("def f(): return 1\n")
    (package / "c.py").write_text("unrelated = 1\n")
    (package / "d.py").write_text("value = 1\n")
    (tmp_path / "helpers.py").write_text("import json, numpy\nvalue = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(code, "PACKAGE", "somewhere")
    yield package
    for name in [name for name in sys.modules if name.startswith(("somewhere", "helpers"))]:
        del sys.modules[name]


def digest_of(module: str) -> str:
    code._read_source.cache_clear()
    code._is_own.cache_clear()
    return code_digest.__wrapped__(module)


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("a.py", f'"""Another docstring."""\n# and a comment\n{IMPORTS}', False),
        ("b.py", "def f(): return 2\n", True),
        ("c.py", "unrelated = 2\n", False),
        ("d.py", "value = 2\n", True),
        ("../helpers.py", "value = 2\n", True),
    ],
)
def test_the_digest_follows_code_that_is_imported(project, file, text, changes):
    before = digest_of("somewhere.a")
    (project / file).write_text(text)
    assert (digest_of("somewhere.a") != before) == changes


def test_data_files_of_a_package_count(project):
    before = digest_of("somewhere")
    (project / "lines.csv").write_text("1,2\n")
    assert digest_of("somewhere") != before
