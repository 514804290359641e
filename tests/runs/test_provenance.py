import os
import subprocess
from pathlib import Path

import pytest

from moe_exp import names
from moe_exp.runs.provenance import git_diff, git_tags, version_tags


def make_checkout(folder: Path) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    folder.mkdir(exist_ok=True)
    for command in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", f"start of {folder}"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def test_git_state_is_read_from_a_checkout(tmp_path):
    assert git_tags(tmp_path) == {}
    assert git_diff(tmp_path) == ""
    make_checkout(tmp_path)
    assert git_tags(tmp_path)["git.dirty"] == "false"
    (tmp_path / "new.txt").write_text("new")
    subprocess.run(["git", "add", "new.txt"], cwd=tmp_path, check=True)
    assert git_tags(tmp_path)["git.dirty"] == "true"
    assert "+new" in git_diff(tmp_path)


def test_new_files_are_kept_too(tmp_path):
    checkout, other = tmp_path / "one", tmp_path / "other"
    for folder in (checkout, other, checkout / "nested"):
        make_checkout(folder)
    files = {
        "my_gates.py": "class Gate:\n    pass",
        "conf/gate/mine.yaml": "_target_: my_gates.Gate\n",
        "empty.py": "",
        "form.yaml": "a\x0cb\r\n",
    }
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes(text.encode())
    (checkout / "stars.h5").write_bytes(bytes([0, 255]) * 10)
    (checkout / "nested" / "inner.py").write_text("inner = 1\n")
    (checkout / "gone.py").symlink_to("nowhere.py")
    diff = git_diff(checkout)
    for name in ("stars.h5", "nested/", "gone.py"):
        assert f"# not kept: {name} (" in diff
    subprocess.run(["git", "apply", "-"], cwd=other, input=diff.encode(), check=True)
    assert {name: (other / name).read_bytes().decode() for name in files} == files


USERS = (
    "diff.noprefix=true", "diff.mnemonicPrefix=true", "diff.context=0", "color.ui=always", "color.diff=always",
)  # fmt: skip
"""What a user's configuration may say of diffs that people read."""


@pytest.mark.parametrize("user", USERS)
def test_what_was_changed_is_restored_whatever_the_user_configured(tmp_path, user):
    checkout, other = tmp_path / "one", tmp_path / "other"
    make_checkout(checkout)
    lines = [f"x{number} = {number}" for number in range(20)]
    files = {"unix.py": "\n".join(lines).encode(), "dos.py": "\r\n".join(lines).encode()}
    unkept = {"latin.py": b"# caf\xe9\n", "page.png": bytes(range(256))}
    for name, content in {**files, **unkept}.items():
        (checkout / name).write_bytes(content)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for command in (("add", "."), (*identity, "commit", "-qm", "x"), ("worktree", "add", "-q", "--detach", other)):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    subprocess.run(["git", "config", *user.split("=")], cwd=checkout, check=True)
    for name, content in unkept.items():
        (checkout / name).write_bytes(content + b"\xe8\n")
    for name, content in files.items():
        (checkout / name).write_bytes(content.replace(b"10 = 10", b"10 = 11"))
    diff = git_diff(checkout)
    assert diff.startswith("# not kept: latin.py (it is not text in UTF-8)")
    assert "# not kept: page.png (it is binary)" in diff
    subprocess.run(["git", "apply", "-"], cwd=other, input=diff.encode(), check=True)
    assert {name: (other / name).read_bytes() for name in files} == {
        name: content.replace(b"10 = 10", b"10 = 11") for name, content in files.items()
    }


SECRETS = (
    ".env", ".env.local", "prod.env", "id_rsa", "keys/server.pem", "api.key", ".netrc", "conf/credentials.yaml",
    "my_token.toml", ".ssh/config.cfg", "secrets/db.yaml",
)  # fmt: skip


def test_nothing_that_looks_like_a_secret_is_kept(tmp_path):
    make_checkout(tmp_path)
    for name in SECRETS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("geheim")
    (tmp_path / "notes.md").write_text("geheim")
    (tmp_path / "inline.py").write_text('KEY = """-----BEGIN OPENSSH PRIVATE KEY-----\ngeheim"""')
    (tmp_path / "link.yaml").symlink_to(".env")
    (tmp_path / "tokens.py").write_text("class Token: pass\n")
    (tmp_path / "server.yaml").write_text("uri: postgresql://ada:geheim@host/runs\n")
    for added in ((), ("-f", ".env", "id_rsa", "inline.py", "server.yaml")):
        if added:
            subprocess.run(["git", "add", *added], cwd=tmp_path, check=True)
        diff = git_diff(tmp_path)
        assert "geheim" not in diff
        for name in (*SECRETS, "notes.md", "inline.py", "link.yaml"):
            assert f"# not kept: {name} (" in diff
        assert "+class Token: pass" in diff
        assert "+uri: postgresql://***@host/runs" in diff


def test_a_checkout_below_a_folder_of_secrets_keeps_its_source(tmp_path):
    folder = tmp_path / "secrets" / "checkout"
    folder.mkdir(parents=True)
    make_checkout(folder)
    (folder / "new.py").write_text("x = 1\n")
    assert "+x = 1" in git_diff(folder)


def test_what_is_kept_is_limited_in_all(tmp_path):
    make_checkout(tmp_path)
    for number in range(300):
        (tmp_path / f"{number:03d}.py").write_text(f"# {'x' * 20_000}\n")
    (tmp_path / "large.py").write_text("x" * 200_001)
    diff = git_diff(tmp_path)
    assert 950_000 < len(diff) < 1_050_000
    assert "b/048.py" in diff
    assert "# not kept: 050.py (all would be more than 1,000,000 bytes)" in diff
    assert "# not kept: 202 more\n" in diff


@pytest.fixture
def bare_git(monkeypatch) -> None:
    """Let git know nothing of this user's settings."""
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)


def test_the_commit_of_another_repository_is_not_taken(tmp_path, caplog, monkeypatch):
    make_checkout(tmp_path / "other")
    (tmp_path / "other" / "new.txt").touch()
    project = tmp_path / "other" / "project"
    project.mkdir()
    assert git_tags(project) == {}
    assert git_diff(project) == ""
    assert caplog.text.count(f"the commit of {project} is unknown") == 1
    assert f"in the checkout {tmp_path}/other, which is another project's" in caplog.text
    make_checkout(project)
    commit = git_tags(project)[names.TAG_COMMIT]
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))  # as within a git hook
    assert git_tags(project)[names.TAG_COMMIT] == commit != git_tags(tmp_path / "other")[names.TAG_COMMIT]


def test_a_checkout_that_git_does_not_trust_is_said_once(tmp_path, caplog, monkeypatch, bare_git):
    make_checkout(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for _ in range(2):
        assert git_tags(tmp_path) == {}
        assert git_diff(tmp_path) == ""
    assert caplog.text.count("dubious ownership") == 1
    assert "safe.directory" in caplog.text


def test_without_git_the_commit_is_unknown(tmp_path, caplog, monkeypatch):
    make_checkout(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_tags(tmp_path) == {}
    assert "git cannot be run (No such file or directory)" in caplog.text


def test_versions_name_the_packages():
    assert {"version.torch", "version.numpy", "version.mlflow"} <= set(version_tags())
