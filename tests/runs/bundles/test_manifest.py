"""What a bundle says of itself, whatever stands there."""

import json
import zipfile

import pytest

from moe_exp.errors import InputError
from moe_exp.runs.bundles.archive import unpacked
from moe_exp.runs.bundles.manifest import BUNDLE_FILE, SCHEMA, Manifest

SOUND = {
    "sweep": None,
    "runs": [],
    "command": "",
    "settings": {"n_resamples": 10, "confidence": 0.95, "noise_level": None},
    "verdicts": {},
    "files": {},
    "made_with": {},
    "schema": SCHEMA,
}


@pytest.mark.parametrize(
    "spoiled",
    [
        {"files": None},
        {"files": {"a": 1}},
        {"command": 3},
        {"settings": {"n_resamples": "ten", "confidence": 0.95, "noise_level": None}},
        {"settings": {}},
        {"runs": [{}]},
        {"sweep": [1]},
    ],
)
def test_a_manifest_with_a_value_of_another_type_is_refused(spoiled):
    Manifest.from_json(json.dumps(SOUND).encode(), "x.zip")
    with pytest.raises(InputError, match="x.zip: bundle.json lacks something, or has too much"):
        Manifest.from_json(json.dumps(SOUND | spoiled).encode(), "x.zip")


def test_the_schema_counts_before_all_else():
    with pytest.raises(InputError, match="moe_exp that wrote it: unknown"):
        Manifest.from_json(json.dumps(SOUND | {"schema": SCHEMA + 1, "made_with": None}).encode(), "x.zip")


def test_a_zip_file_whose_directory_is_nowhere_is_refused(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(BUNDLE_FILE, json.dumps(SOUND))
    content = bytearray(path.read_bytes())
    content[-7] = 0x77  # of the place where the directory begins
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.zip cannot be read as a zip file"), unpacked(path):
        pass
