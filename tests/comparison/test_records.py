from dataclasses import replace

import pytest

from moe_exp.comparison import RunRecord, check_comparable
from moe_exp.errors import InputError
from tests.comparison.made_up import make_record

MLP, LINEAR = make_record("mlp"), make_record("linear")


def with_stars(record: RunRecord, **columns: object) -> RunRecord:
    stars = record.predictions.stars.assign(**columns)
    return replace(record, predictions=replace(record.predictions, stars=stars))


def test_runs_of_the_same_stars_may_be_compared_at_any_noise_level() -> None:
    check_comparable([MLP, LINEAR, make_record("mlp", noise_level=0.5), make_record("mlp", n_train=100_000)])


def test_data_seeds_need_not_share_stars() -> None:
    check_comparable([MLP, make_record("mlp", data_seed=1, n_stars=300)])


STARS = LINEAR.predictions.stars


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            replace(LINEAR, test_digest="abc"),
            r"data.seed=0: the test stars differ: digest abc: 'linear n=32000.*\(linear-3\); digest stars0: 'mlp",
        ),
        (make_record("linear", n_stars=300), "the test stars or their order differ"),
        (with_stars(LINEAR, star_index=STARS["star_index"].to_numpy()[::-1]), "the test stars or their order differ"),
        (with_stars(LINEAR, logg=STARS["logg"] + 1e-9), "the labels differ"),
        (with_stars(LINEAR, bin_index=0), "the bins differ, so that other stars are covered"),
        (replace(LINEAR, train_digest="abc"), "the training stars at n_train=32000 differ: digest abc: 'linear"),
        (replace(LINEAR, gate_digest="abc"), "the gate's stars at data.n_val=None differ: digest abc: 'linear"),
        (replace(LINEAR, noise_draw="other"), "the noise draws differ: other: 'linear.*; data.seed=0 noise test: 'mlp"),
    ],
)
def test_unfair_comparisons_are_refused(other: RunRecord, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_comparable([MLP, other])


def test_all_reasons_are_given_at_once() -> None:
    others = [replace(LINEAR, noise_draw="other"), make_record("mlp", data_seed=1)]
    others.append(replace(make_record("linear", data_seed=1), test_digest="abc"))
    with pytest.raises(InputError, match=r"data.seed=0: the noise draws differ.* data.seed=1: the test stars differ"):
        check_comparable([MLP, *others])


def test_two_runs_of_one_configuration_must_agree() -> None:
    check_comparable([MLP, replace(MLP, run_id="again")])
    predictions = replace(MLP.predictions, clipped={**MLP.predictions.clipped, "soft": MLP.predictions.clipped["hard"]})
    with pytest.raises(InputError, match=r"\(again\).*one configuration, but different predictions. Keep one of them"):
        check_comparable([MLP, replace(MLP, run_id="again", predictions=predictions)])


def test_no_run_is_refused() -> None:
    with pytest.raises(InputError, match="There is no run to compare"):
        check_comparable([])
