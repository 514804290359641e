import h5py
import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.labels import read_labels


def rewrite_labels(path, change):
    table = pd.read_hdf(path)
    change(table).to_hdf(path, key="dataset/params", format="table", mode="a")


def test_missing_label_lists_what_is_there(stars_file):
    rewrite_labels(stars_file, lambda table: table.drop(columns="log_g"))
    with pytest.raises(InputError, match="lacks log_g; it has T_eff, M_H, mag"):
        read_labels(stars_file)


def test_bad_label_is_counted(stars_file):
    rewrite_labels(stars_file, lambda table: table.assign(M_H=table["M_H"].where(table.index != 7)))
    with pytest.raises(InputError, match=r"1 of 50 stars have a NaN or infinite.*row 7"):
        read_labels(stars_file)


def test_labels_that_are_text_are_refused(stars_file):
    rewrite_labels(stars_file, lambda table: table.assign(log_g=table["log_g"].map("{:.2f}".format)))
    with pytest.raises(InputError, match=r"stars\.h5: labels must be numbers, but log_g is"):
        read_labels(stars_file)


def test_labels_that_are_complex_are_refused(stars_file):
    rewrite_labels(stars_file, lambda table: table.assign(log_g=table["log_g"].astype(complex)))
    with pytest.raises(InputError, match=r"stars\.h5: labels must be numbers, but log_g is complex128"):
        read_labels(stars_file)


def test_two_columns_of_one_name_are_refused(stars_file):
    rewrite_labels(stars_file, lambda table: pd.concat([table, table[["log_g", "mag"]]], axis=1))
    with pytest.raises(InputError, match=r"stars\.h5: the label table has several columns named log_g, mag;"):
        read_labels(stars_file)


def test_columns_with_names_of_ours_give_way_and_text_is_kept(stars_file):
    before = read_labels(stars_file)
    rewrite_labels(stars_file, lambda table: table.assign(teff=1.0, star_index=7, name="HD 1"))
    pd.testing.assert_frame_equal(read_labels(stars_file), before.assign(name="HD 1"))


@pytest.mark.parametrize("number", [0, -9999, 1e7])
@pytest.mark.parametrize(("column", "what"), [("T_eff", "T_eff outside 300 to 300000"), ("log_g", "log_g outside -2")])
def test_labels_that_no_star_has_are_refused(stars_file, column, what, number):
    if (column, number) == ("log_g", 0):
        number = 99.0
    rewrite_labels(stars_file, lambda table: table.assign(**{column: table[column].where(table.index < 48, number)}))
    with pytest.raises(InputError, match=rf"2 of 50 stars have {what}.*first: row 48"):
        read_labels(stars_file)


def test_all_bad_labels_are_said_at_once(stars_file):
    def spoil(table):
        return table.assign(M_H=-99.0, T_eff=table["T_eff"].where(table.index != 3), log_g=11.0)

    rewrite_labels(stars_file, spoil)
    with pytest.raises(InputError, match=r"1 of 50 stars have a NaN.*row 3\).*; 49 of .* log_g.*; 49 of .* M_H"):
        read_labels(stars_file)


def test_a_table_saved_after_a_sort_is_refused_with_both_readings(stars_file):
    rewrite_labels(stars_file, lambda table: table.sort_values("log_g"))
    message = r"Either row (\d+) belongs to spectrum \1: .*reset_index\(drop=True\); or .*sort_index\(\)"
    with pytest.raises(InputError, match=message):
        read_labels(stars_file)


@pytest.mark.parametrize(
    "index",
    [np.arange(50) + 1, np.arange(50) * 3, [*range(20), *range(30)], [f"HD {(7 * i) % 50}" for i in range(50)]],
    ids=["from one", "with gaps", "of joined tables", "of names"],
)
def test_an_index_that_says_nothing_else_is_read_by_place(stars_file, index):
    before = read_labels(stars_file)
    rewrite_labels(stars_file, lambda table: table.set_axis(index))
    pd.testing.assert_frame_equal(read_labels(stars_file), before)


@pytest.mark.parametrize("index", [[*range(49, -1, -1)], [*range(25, 50), *range(25)], [49, *range(49)]])
def test_numbers_in_another_order_are_refused(stars_file, index):
    rewrite_labels(stars_file, lambda table: table.set_axis(index))
    with pytest.raises(InputError, match="the label table was sorted or shuffled"):
        read_labels(stars_file)


def test_file_without_labels_is_refused(stars_file):
    with h5py.File(stars_file, "a") as file:
        del file["dataset/params"]
    with pytest.raises(InputError, match="label table cannot be read"):
        read_labels(stars_file)
