from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from moe_exp.cache.codec import NotStorableError, decode, encode, storable


@storable
class Point(NamedTuple):
    where: np.ndarray
    name: str | None


@storable
@dataclass(frozen=True)
class Line:
    ends: tuple[Point, ...]
    table: pd.DataFrame


@storable
class Estimator:
    def __init__(self) -> None:
        self.alpha_, self.n_ = np.float64(0.1), np.int64(3)


def back(value):
    return decode(encode(value))


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.1 + 0.2, float("inf"), "Å", [1, (2, "3")], {"a": {"b": ()}}, np.float32(0.1), np.int64(7)],
)
def test_plain_values_come_back_with_their_types(value):
    again = back(value)
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[1.0, np.nan], [-0.0, np.inf]]),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(3, np.uint8),
        np.array(["a", "bc"]),
        np.zeros((0, 4), np.float32),
        np.array([True]),
    ],
)
def test_arrays_come_back_bit_for_bit_in_their_order(array):
    again = back(array)
    assert (again.dtype, again.shape, again.flags.f_contiguous) == (array.dtype, array.shape, array.flags.f_contiguous)
    assert again.tobytes() == array.tobytes()
    assert again.flags.aligned
    assert again.flags.writeable


def test_tables_come_back_with_the_types_of_their_columns():
    table = pd.DataFrame({"a": np.array([1, 2], np.int16), "b": [0.1, np.nan], "c": ["x", "y"], "d": [True, False]})
    again = back(table)
    pd.testing.assert_frame_equal(again, table)


def test_objects_of_known_classes_come_back():
    points = (Point(np.arange(3), "a"), Point(np.zeros((2, 2)), None))
    line = back(Line(points, pd.DataFrame({"a": [1.5]})))
    assert type(line) is Line
    assert [point.name for point in line.ends] == ["a", None]
    np.testing.assert_array_equal(line.ends[0].where, np.arange(3))
    assert vars(back(Estimator())) == {"alpha_": 0.1, "n_": 3}


class Unknown(NamedTuple):
    a: int


@pytest.mark.parametrize(
    "value",
    [object(), Unknown(1), {1: 2}, {"a": {1}}, lambda: 1, np.array([object()]), pd.DataFrame({"a": [1, "x", None]})],
)
def test_other_things_are_not_kept(value):
    with pytest.raises(NotStorableError, match="kept in files"):
        encode(value)


def test_a_class_with_other_fields_is_not_filled():
    def define(field):
        return storable(dataclass(type("Changed", (), {"__annotations__": {field: int}, field: 1})))

    content = encode(define("before")())
    assert decode(content).before == 1
    define("after")
    with pytest.raises(ValueError, match="Changed has other fields by now"):
        decode(content)
