import os
import subprocess
import sys

from moe_exp.experiment.composition import compose_in
from moe_exp.runs.identity import identify
from tests.conftest import PROJECT_ROOT

IDENTIFY = """
from pathlib import Path
from sys import argv

from moe_exp.experiment.composition import compose_in
from moe_exp.runs.identity import identify

print(identify(compose_in(Path(argv[1]), ["experiment=smoke"])))
"""


def test_every_process_gives_a_run_the_same_identity():
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", IDENTIFY, str(PROJECT_ROOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == identify(compose_in(PROJECT_ROOT, ["experiment=smoke"]))
