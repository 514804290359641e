from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from moe_exp.comparison import Comparison, RunRecord, compare
from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import Predictions
from moe_exp.evaluation.results import Evaluation
from moe_exp.evaluation.scores import r2
from tests.comparison.made_up import BIN_NAMES, make_record, make_stars

GRID = [
    make_record(gate, n_train=n_train, noise_level=noise_level)
    for gate in ("mlp", "linear", "classify")
    for n_train in (32_000, 100_000)
    for noise_level in (0.2, 0.5)
]
COMPARED = compare(GRID, n_resamples=300)


def pick(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def with_soft(record: RunRecord, soft: np.ndarray) -> RunRecord:
    predictions = record.predictions
    changed = {"clipped": {**predictions.clipped, "soft": np.clip(soft, 1, 5)}}
    changed["unclipped"] = {**predictions.unclipped, "soft": soft}
    return replace(record, predictions=replace(predictions, **changed))


def same_tables(one: Comparison, other: Comparison) -> None:
    for name in ("scores", "bin_scores", "gate_errors", "pairs", "bin_pairs", "influence", "levels", "replicates"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert one.notes == other.notes


def test_every_pair_differs_in_one_factor() -> None:
    assert len(COMPARED.pairs) == 3 * 4 + 3 * 2 + 3 * 2
    assert len(COMPARED.bin_pairs) == 9 * len(COMPARED.pairs)
    for row in COMPARED.pairs.to_dict("records"):
        names = {"gate": ("model", "reference")}
        names |= {name: (name, f"reference_{name}") for name in ("n_train", "noise_level")}
        assert [factor for factor, (a, b) in names.items() if row[a] != row[b]] == [row["factor"]]


def test_differences_point_from_the_later_to_the_earlier() -> None:
    contrasts = COMPARED.pairs.groupby("factor")["contrast"].unique().to_dict()
    assert contrasts["gate"].tolist() == ["linear - classify", "mlp - classify", "mlp - linear"]
    assert contrasts["n_train"].tolist() == ["n_train 100000 - 32000"]
    assert contrasts["noise_level"].tolist() == ["noise_level 0.5 - 0.2"]
    assert (pick(COMPARED.pairs, factor="n_train", model="mlp")["delta_r2"] > 0).all()
    assert (pick(COMPARED.pairs, factor="noise_level")["delta_r2"] < 0).all()


def test_a_comparison_of_one_run_says_what_the_run_itself_says() -> None:
    record = make_record("mlp")
    results = Evaluation(n_resamples=300).evaluate(record.predictions, seed=0)
    compared = compare([record], n_resamples=300, seed=0)
    pair = compared.pairs.iloc[0]
    assert results.delta is not None
    assert pair["contrast"] == "mlp - classify"
    assert tuple(pair[["delta_r2", "delta_r2_ci_low", "delta_r2_ci_high"]]) == results.delta.interval
    score = pick(compared.scores, model="oracle").iloc[0]
    assert tuple(score[["r2", "r2_ci_low", "r2_ci_high"]]) == results.pooled.r2("oracle")
    own, theirs = compared.bin_pairs, results.bins
    for end in ("", "_ci_low", "_ci_high"):
        np.testing.assert_array_equal(own[f"delta_r2{end}"], theirs[f"delta_r2{end}"])


def test_which_runs_are_beside_it_changes_no_interval() -> None:
    alone = compare(GRID[:2], n_resamples=300)
    for name in ("scores", "pairs", "bin_pairs"):
        few = getattr(alone, name).drop(columns=["p_holm", "verdict", "verdict_without"], errors="ignore")
        keys = [column for column in few if few[column].dtype.kind not in "fb"] + ["noise_level"]
        both = few.merge(getattr(COMPARED, name), on=keys, suffixes=("", "_all"))
        assert len(both) == len(few)
        numbers = [column for column in few if f"{column}_all" in both]
        assert numbers
        for column in numbers:
            np.testing.assert_array_equal(both[column], both[f"{column}_all"])


def test_the_order_of_the_runs_does_not_matter() -> None:
    shuffled = [GRID[place] for place in np.random.default_rng(0).permutation(len(GRID))]
    same_tables(compare(shuffled, n_resamples=300), COMPARED)


def test_a_run_against_itself_differs_by_nothing() -> None:
    record = make_record("mlp")
    twin = replace(record, run_id="twin", gate="copy")
    pair = pick(compare([record, twin], n_resamples=200).pairs, contrast="mlp - copy").iloc[0]
    numbers = ["delta_r2", "delta_r2_ci_low", "delta_r2_ci_high", "delta_r2_without"]
    assert pair[numbers].tolist() == [0, 0, 0, 0]
    assert (pair["p"], pair["p_holm"], pair["verdict"]) == (1, 1, "no difference shown")
    assert not pair["star_changes_sign"]


def test_clipped_and_unclipped_stand_side_by_side() -> None:
    unclipped = compare([replace(r, clip=False, run_id=f"{r.run_id} free") for r in GRID[:1]], n_resamples=300)
    clipped = compare(GRID[:1], n_resamples=300)
    for compared, variant in ((clipped, "clipped"), (unclipped, "unclipped")):
        np.testing.assert_array_equal(compared.scores["r2"], compared.scores[f"r2_{variant}"])
        for end in ("", "_ci_low", "_ci_high"):
            np.testing.assert_array_equal(compared.pairs[f"delta_r2{end}"], compared.pairs[f"delta_r2_{variant}{end}"])
    assert (clipped.scores["r2_clipped"] > clipped.scores["r2_unclipped"]).all()
    np.testing.assert_array_equal(clipped.scores["r2_unclipped"], unclipped.scores["r2_unclipped"])


def test_scores_are_those_of_covered_stars() -> None:
    predictions = GRID[0].predictions
    covered = predictions.covered
    score = pick(COMPARED.scores, model="mlp hard", n_train=32_000, noise_level=0.2).iloc[0]
    assert score["r2"] == r2(predictions.y[covered], predictions.clipped["hard"][covered])
    assert score["n_stars"] == covered.sum()
    in_bin = predictions.bin_index == 4
    score = pick(COMPARED.bin_scores, model="mlp", n_train=32_000, noise_level=0.2, bin="Mid Solar").iloc[0]
    assert score["r2"] == pytest.approx(r2(predictions.y[in_bin], predictions.clipped["soft"][in_bin]))


def test_one_wild_star_is_named_as_what_decides() -> None:
    mlp, linear = make_record("mlp"), make_record("linear", clip=False)
    mlp = replace(mlp, clip=False, run_id="free")
    star = int(np.flatnonzero(mlp.predictions.covered)[7])
    soft = mlp.predictions.unclipped["soft"].copy()
    soft[star] += 15
    compared = compare([with_soft(mlp, soft), linear], n_resamples=1000)
    pair = pick(compared.pairs, contrast="mlp - linear").iloc[0]
    assert pair["deciding_star"] == mlp.predictions.stars["star_index"][star]
    assert pair["delta_r2"] < 0 < pair["delta_r2_without"]
    assert pair["star_changes_sign"]
    assert (pair["verdict"], pair["verdict_without"]) == ("not decidable here", "not decidable here")
    assert pair["mark"].startswith("carried by 1 star")
    rows = pick(compared.influence, contrast="mlp - linear")
    assert rows["rank"].tolist() == [1, 2, 3, 4, 5]
    assert rows["changes_sign"].tolist() == [True, False, False, False, False]
    assert rows["error"].iloc[0] > 14
    assert (rows["bin"] == np.array(BIN_NAMES)[rows["bin_index"]]).all()


def test_a_star_that_carries_a_difference_within_limits_changes_its_verdict() -> None:
    mlp = make_record("mlp")
    logg, soft = mlp.predictions.y, mlp.predictions.y + 0.1
    wild = np.flatnonzero(mlp.predictions.covered)[:4]
    soft[wild] = np.where(logg[wild] < 3, 5, 1)
    predictions = replace(mlp.predictions, clipped={**mlp.predictions.clipped, "soft": soft, "classify": logg + 0.12})
    pair = compare([replace(mlp, predictions=predictions)], n_resamples=500).pairs.iloc[0]
    assert (pair["verdict"], pair["trusted"]) == ("not decidable here", False)
    assert pair["n_carriers"] < 10
    assert pair["delta_mae"] == pytest.approx(np.mean(np.abs(soft - logg)[mlp.predictions.covered]) - 0.12)


def test_nothing_is_decided_by_predictions_without_limit() -> None:
    unlimited = [make_record(gate, clip=False) for gate in ("mlp", "linear")]
    free, limited = (compare(runs, n_resamples=100).pairs for runs in (unlimited, GRID[:1]))
    assert set(free["verdict"]) == {"not decidable here"}
    assert set(free["mark"]) == {"predictions without limit: not to be trusted"}
    assert limited["trusted"].all()
    assert (limited["mark"] == "").all()


def test_what_carries_a_pair_is_what_its_run_says() -> None:
    record = make_record("mlp")
    delta = Evaluation(n_resamples=50).evaluate(record.predictions, seed=0).delta
    pair = compare([record], n_resamples=50).pairs.iloc[0]
    assert delta is not None
    assert (pair["n_carriers"], pair["tail_index"]) == pytest.approx(delta.carriers[:2])
    assert pair["delta_mae"] == pytest.approx(delta.mae)


def test_without_the_star_p_is_that_of_resamples_without_it() -> None:
    record = make_record("mlp")
    compared = compare([record], n_resamples=4000)
    pair = compared.pairs.iloc[0]
    kept = (record.predictions.stars["star_index"] != pair["deciding_star"]).to_numpy()
    predictions = record.predictions
    fewer = replace(
        predictions,
        stars=predictions.stars[kept],
        clipped={model: values[kept] for model, values in predictions.clipped.items()},
        unclipped={model: values[kept] for model, values in predictions.unclipped.items()},
        gate_weights=predictions.gate_weights[kept],
        classify_weights=predictions.classify_weights[kept],
    )
    again = compare([replace(record, predictions=fewer)], n_resamples=4000).pairs.iloc[0]
    assert pair["delta_r2_without"] == pytest.approx(again["delta_r2"], abs=1e-12)
    assert np.log10(pair["p_without"]) == pytest.approx(np.log10(again["p"]), rel=0.2)


def test_designs_are_told_apart_by_what_differs_and_never_paired() -> None:
    records = [
        make_record("mlp", design={"training": training, "features": "pca", "gate.hidden": "64"}, n_train=n_train)
        for training in ("published", "converged")
        for n_train in (32_000, 100_000)
    ]
    compared = compare(records, n_resamples=100)
    assert set(compared.scores["design"]) == {"training=published", "training=converged"}
    assert len(compared.pairs) == 2 * (2 + 2)
    assert set(COMPARED.scores["design"]) == {""}


def test_options_of_a_gate_belong_to_the_gate() -> None:
    records = [make_record("mlp", design={"gate.hidden": hidden}) for hidden in ("64", "128")]
    records.append(make_record("linear", design={"gate.other": "1"}))
    gates = pick(compare(records, n_resamples=100).scores, kind="gate")["model"].tolist()
    assert gates == ["classify", "linear", "mlp hidden=128", "mlp hidden=64"]


def test_a_baseline_is_no_part_of_the_design() -> None:
    alone = make_record("mlp", design={"baseline": "none"})
    trees = [
        make_record(gate, models=["lightgbm"], design={"baseline": "lightgbm", "baseline.n_trees": n_trees})
        for gate, n_trees in (("mlp", "500"), ("classify", "50"))
    ]
    scores = compare([alone, trees[0]], n_resamples=100).scores
    assert pick(scores, kind="reference")["model"].tolist() == ["global_ridge", "lightgbm", "oracle"]
    compared = compare([alone, *trees], n_resamples=100)
    assert set(compared.scores["design"]) == {""}
    assert compared.pairs["contrast"].tolist() == ["mlp - classify"]
    baselines = [model for model in compared.scores["model"] if model.startswith("lightgbm")]
    assert baselines == ["lightgbm n_trees=50", "lightgbm n_trees=500"]


def test_the_classify_gate_with_its_defaults_is_the_reference_of_the_others() -> None:
    own = make_record("classify", design={"gate.C": "1.0"})
    other = make_record("classify", design={"gate.C": "10.0"})
    other = with_soft(other, other.predictions.unclipped["soft"] + 0.1)
    for records in ([own, other, make_record("mlp")], [other, make_record("mlp")]):
        gates = pick(compare(records, n_resamples=100).scores, kind="gate")["model"]
        assert gates.tolist() == ["classify", "classify C=10.0", "mlp"]


def test_runs_that_clip_and_runs_that_do_not_are_two_designs() -> None:
    compared = compare([make_record("mlp"), make_record("mlp", clip=False)], n_resamples=100)
    assert set(compared.scores["design"]) == {"experts.clip=True", "experts.clip=False"}
    assert set(compared.pairs["contrast"]) == {"mlp - classify"}


def test_a_gates_own_run_comes_before_a_reference_and_a_disagreement_is_said() -> None:
    mlp, classify = make_record("mlp"), make_record("classify")
    moved = with_soft(classify, classify.predictions.unclipped["soft"] + 0.5)
    covered = mlp.predictions.covered
    expected = r2(mlp.predictions.y[covered], moved.predictions.clipped["soft"][covered])
    compared = compare([mlp, moved], n_resamples=100)
    assert pick(compared.scores, model="classify")["r2"].tolist() == [expected]
    assert any("classify" in note and "those of 'classify n=32000" in note for note in compared.notes)
    assert not any("differ by" in note for note in compare([mlp, classify], n_resamples=100).notes)


def test_a_classify_run_alone_has_no_pairs() -> None:
    compared = compare([make_record("classify")], n_resamples=50)
    assert len(compared.pairs) == len(compared.bin_pairs) == len(compared.influence) == 0
    assert {"factor", "delta_r2", "verdict"} <= set(compared.pairs)
    assert len(compared.scores) == 4


def repeat_stars(predictions: Predictions, times: int) -> Predictions:
    """Return predictions in which every star was seen several times, and predicted alike each time."""
    rows = np.repeat(np.arange(len(predictions)), times)
    stars = predictions.stars.iloc[rows].assign(star_index=np.arange(len(rows))).reset_index(drop=True)
    clipped, unclipped = (
        {model: values[rows] for model, values in each.items()} for each in (predictions.clipped, predictions.unclipped)
    )
    weights = {name: getattr(predictions, name)[rows] for name in ("gate_weights", "classify_weights")}
    return replace(predictions, stars=stars, clipped=clipped, unclipped=unclipped, **weights)


def test_visits_of_a_star_are_resampled_and_left_out_together() -> None:
    records = [make_record("mlp"), make_record("linear")]
    once = compare(records, n_resamples=200)
    seen_often = [replace(record, predictions=repeat_stars(record.predictions, 3)) for record in records]
    visits = compare(seen_often, n_resamples=200)
    for name in ("scores", "bin_scores", "gate_errors", "pairs", "bin_pairs", "influence"):
        expected, found = (getattr(each, name).drop(columns="star_index", errors="ignore") for each in (once, visits))
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


def test_a_mean_over_data_seeds_of_too_few_stars_each_has_no_interval() -> None:
    few = [make_record("mlp", data_seed=seed, n_stars=8) for seed in range(3)]
    pair = compare(few, n_resamples=50).pairs.iloc[0]
    assert pair["n_data_seeds"] == 3
    assert pair["n_stars"] > 10
    assert pair[["delta_r2_ci_low", "p", "p_without"]].isna().all()
    assert (pair["verdict"], pair["verdict_without"]) == ("too few stars", "too few stars")


@pytest.mark.parametrize("n_left", [1, 2, 9])
def test_a_bin_of_fewer_than_ten_stars_has_no_interval_no_p_and_no_verdict(n_left: int) -> None:
    record = make_record("mlp")
    bin_index = record.predictions.bin_index.copy()
    bin_index[np.flatnonzero(bin_index == 5)[n_left:]] = -1
    stars = make_stars(400).assign(bin_index=bin_index)
    table = compare([replace(record, predictions=replace(record.predictions, stars=stars))], n_resamples=50).bin_pairs
    row = pick(table, bin_index=5).iloc[0]
    assert row["verdict"] == "too few stars"
    assert row[["delta_r2_ci_low", "delta_r2_ci_high", "p"]].isna().all()
    assert table["p_holm"].isna().sum() == 1


@pytest.mark.parametrize(
    ("options", "message"), [({"n_resamples": 0}, "n_resamples=0"), ({"confidence": 2.0}, "confidence=2.0")]
)
def test_options_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(GRID[:1], **options)  # type: ignore[arg-type]


def test_too_few_covered_stars_are_refused() -> None:
    record = make_record("mlp")
    outside = replace(record.predictions, stars=record.predictions.stars.assign(bin_index=-1))
    with pytest.raises(InputError, match="data.seed=0: 0 of 400 test stars lie in a bin"):
        compare([replace(record, predictions=outside)])


def test_runs_that_contradict_each_other_in_a_reference_are_refused() -> None:
    """Same configuration, same stars, and yet another global Ridge: the noise or the code was another."""
    mlp, linear = make_record("mlp"), make_record("linear")
    moved = {
        variant: getattr(linear.predictions, variant) | {"global_ridge": getattr(mlp.predictions, variant)["soft"]}
        for variant in ("clipped", "unclipped")
    }
    with pytest.raises(InputError, match="were made alike, but their global_ridge predicts other values, by up to"):
        compare([mlp, replace(linear, predictions=replace(linear.predictions, **moved))], n_resamples=20)
