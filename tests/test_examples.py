"""The notebooks of examples/ do what they show: their cells are run, in their order."""

import json

import numpy as np

from tests.conftest import PROJECT_ROOT, write_stars


def run_cells(name: str) -> dict:
    notebook = json.loads((PROJECT_ROOT / "examples" / name).read_text(encoding="utf-8"))
    names: dict = {}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            assert not cell["outputs"]
            exec(compile("".join(cell["source"]), f"{name}, cell {number}", "exec"), names)
    return names


def test_the_notebook_goes_from_a_file_to_a_table_and_a_plot(model, model_folder, tmp_path, monkeypatch):
    (tmp_path / "mixture").symlink_to(model_folder)
    write_stars(tmp_path / "stars.h5", 50, seed=3)
    monkeypatch.chdir(tmp_path)
    names = run_cells("predict.ipynb")
    table = names["table"]
    assert list(table.columns) == list(model.columns)
    flux = np.concatenate([block.flux for block in names["blocks"]])
    np.testing.assert_array_equal(table["log_g"], model.predict(flux)["log_g"])
    [axes] = names["figure"].axes
    assert sum(len(line.get_xdata()) for line in axes.lines) == 50
