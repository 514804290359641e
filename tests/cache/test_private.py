import os
import re

import pytest

from moe_exp.cache.private import _warn_once, make_private
from moe_exp.cache.stages import StageCache, in_use
from moe_exp.errors import InputError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes say who may write on POSIX only")


def test_folders_are_made_for_their_user_alone(tmp_path):
    StageCache(tmp_path / "cache" / "stages").get("experts", {}, lambda: 1)
    for folder in ("cache", "cache/stages", "cache/stages/experts"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_everybody_may_write_is_refused(tmp_path):
    tmp_path.chmod(0o1777)
    message = re.escape(f"Forbid it with `chmod o-w {tmp_path}`")
    with pytest.raises(InputError, match=message), in_use(tmp_path):
        pass
    with pytest.raises(InputError, match=message):
        StageCache(tmp_path.parent).get(tmp_path.name, {}, lambda: 1)


def test_a_folder_that_others_may_write_is_named(tmp_path, monkeypatch, caplog):
    _warn_once.cache_clear()
    tmp_path.chmod(0o770)
    make_private(tmp_path)
    assert not caplog.text  # the user's own group, as some systems have it
    monkeypatch.setattr(os, "getgid", lambda: 12345)
    for _ in range(2):
        make_private(tmp_path)
    assert caplog.text.count("may be written by a group") == 1
