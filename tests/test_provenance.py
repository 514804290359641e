import subprocess

from moe_exp.provenance import git_diff, git_tags, version_tags


def test_git_state_is_read_from_a_checkout(tmp_path):
    assert git_tags(tmp_path) == {}
    assert git_diff(tmp_path) == ""
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "start"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert git_tags(tmp_path)["git.dirty"] == "false"
    (tmp_path / "new.txt").write_text("new")
    subprocess.run(["git", "add", "new.txt"], cwd=tmp_path, check=True)
    assert git_tags(tmp_path)["git.dirty"] == "true"
    assert "+new" in git_diff(tmp_path)


def test_versions_name_the_packages():
    assert {"version.torch", "version.numpy", "version.mlflow"} <= set(version_tags())
