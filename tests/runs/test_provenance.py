import subprocess
from pathlib import Path

from moe_exp.runs.provenance import git_diff, git_tags, version_tags


def make_checkout(folder: Path) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    folder.mkdir(exist_ok=True)
    for command in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "start"]):
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
        "empty.txt": "",
        "form.txt": "a\x0cb\r\n",
    }
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes(text.encode())
    (checkout / "stars.h5").write_bytes(bytes([0, 255]) * 10)
    (checkout / "nested" / "inner.py").write_text("inner = 1\n")
    (checkout / "gone.py").symlink_to("nowhere.py")
    diff = git_diff(checkout)
    for name in ("stars.h5", "nested/", "gone.py"):
        assert f"# not kept: {name}\n" in diff
    subprocess.run(["git", "apply", "-"], cwd=other, input=diff.encode(), check=True)
    assert {name: (other / name).read_bytes().decode() for name in files} == files


def test_versions_name_the_packages():
    assert {"version.torch", "version.numpy", "version.mlflow"} <= set(version_tags())
