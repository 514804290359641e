import os
import subprocess
import sys

from tests.conftest import PROJECT_ROOT

IDENTIFY = """
from pathlib import Path
from sys import argv

from moe_exp.experiment.composition import compose_in
from moe_exp.runs.identity import identify

print(identify(compose_in(Path(argv[1]), ["experiment=smoke"])))
"""


def identify_in_process(hash_seed: int) -> str:
    environment = os.environ | {"PYTHONHASHSEED": str(hash_seed)}
    command = [sys.executable, "-c", IDENTIFY, str(PROJECT_ROOT)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_every_process_gives_a_run_the_same_identity():
    assert identify_in_process(1) == identify_in_process(2)
