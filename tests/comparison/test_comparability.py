from dataclasses import replace

import numpy as np
import pytest

from moe_exp.comparison import RunRecord, check_comparable, compare
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


def moved(record: RunRecord, by: float, *, made_on: str) -> RunRecord:
    """Return the run as another device might have made it: each prediction off by a scatter of its own."""
    rng = np.random.default_rng(3)
    clipped = {
        model: values + by * (1 if model in ("soft", "hard") else 1e-3) * rng.standard_normal(len(values))
        for model, values in record.predictions.clipped.items()
    }
    return replace(
        record, run_id=f"on {made_on}", made_on=made_on, predictions=replace(record.predictions, clipped=clipped)
    )


def test_a_configuration_may_differ_between_devices_as_far_as_their_last_bits_carry() -> None:
    check_comparable([MLP, moved(MLP, 0.02, made_on="cuda")])
    for other in (moved(MLP, 0.02, made_on=MLP.made_on), moved(MLP, 0.4, made_on="cuda")):
        with pytest.raises(InputError, match="one configuration, but different predictions"):
            check_comparable([MLP, other])


def test_two_devices_count_as_one_run() -> None:
    compared = compare([MLP, moved(MLP, 0.02, made_on="cuda"), LINEAR], n_resamples=50)
    alone = compare([MLP, LINEAR], n_resamples=50)
    assert compared.scores["n_seeds"].tolist() == alone.scores["n_seeds"].tolist()
    assert set(compared.pairs["contrast"]) == set(alone.pairs["contrast"])
    assert any("those of" in note for note in compared.notes)


def test_no_run_is_refused() -> None:
    with pytest.raises(InputError, match="There is no run to compare"):
        check_comparable([])


def test_what_a_run_predicts_besides_is_no_design_of_its_own_but_what_is_done_to_spectra_is() -> None:
    plain = make_record("mlp", design={"preprocessing": "none"})
    with_stars = make_record("mlp", design={"preprocessing": "none", "externals.stelib.path": "stelib.h5"})
    assert with_stars.configuration == plain.configuration
    assert make_record("mlp", design={"preprocessing": "continuum"}).configuration != plain.configuration
