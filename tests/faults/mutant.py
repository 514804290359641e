"""What a deliberate fault is, and tests that notice faults in more than one part."""

from typing import NamedTuple

CALIBRATION = "tests/prediction/test_calibration.py"
CODE_KEYS = "tests/experiment/test_code_keys.py"
CREDENTIALS = "tests/test_credentials.py"
ELSEWHERE = "tests/runs/test_elsewhere.py"
IDENTITIES = "tests/experiment/test_stage_keys.py"
LABELS = "tests/test_labels.py"
MODELS = "tests/runs/test_models.py"
OWN = "tests/test_own_parts.py"
PIPELINE = "tests/experiment/test_pipeline.py"
WIRING = "tests/experiment/test_wiring.py"


class Mutant(NamedTuple):
    """One fault: in this file of the package, this text, found once, becomes that one; these tests fail."""

    fault: str
    file: str
    old: str
    new: str
    tests: str
