from dataclasses import replace

import pytest
import yaml

from moe_exp.comparison import compare
from moe_exp.comparison.hypotheses import Criterion, Hypothesis, judge, judge_interval
from moe_exp.errors import InputError
from moe_exp.evaluation.bootstrap import Interval
from moe_exp.experiment.config import make_stage
from tests.comparison.made_up import make_record
from tests.conftest import PROJECT_ROOT

FILES = sorted((PROJECT_ROOT / "conf" / "hypothesis").glob("*.yaml"))
RECORDS = [make_record("mlp", n_train=n_train, models=["lightgbm"]) for n_train in (32_000, 100_000)]
RECORDS += [make_record("mlp_classify", n_train=100_000, models=["lightgbm"])]
COMPARED = compare(RECORDS, n_resamples=300)


def state(**values: object) -> Hypothesis:
    values = {"quantity": "r2", "model": "mlp", "n_train": 100_000, "noise_level": 0.2} | values
    return Hypothesis(name="H", statement="It holds.", date="2026-01-31", criteria=[Criterion(**values)])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_hypothesis_that_is_shipped_can_be_judged(path) -> None:
    hypothesis = make_stage("hypothesis", yaml.safe_load(path.read_text()))
    judgement = judge(hypothesis, COMPARED)
    assert len(judgement.criteria) == len(hypothesis.criteria)
    assert judgement.verdict in ("supported", "refuted", "undecided")


def test_h_12a_is_what_was_published() -> None:
    hypothesis = make_stage("hypothesis", yaml.safe_load((PROJECT_ROOT / "conf/hypothesis/h_12a.yaml").read_text()))
    assert [str(criterion) for criterion in hypothesis.criteria] == [
        "R² of mlp at n_train=100000, noise_level=0.2 is at least 0.93",
        "ΔR² of mlp minus classify at n_train=100000, noise_level=0.2 is above 0",
        "ΔR² of mlp minus lightgbm at n_train=100000, noise_level=0.2 is above 0",
    ]


@pytest.mark.parametrize(
    ("kind", "low", "high", "expected"),
    [
        ("above", 0.1, 0.2, "supported"),
        ("above", 0.0, 0.2, "undecided"),
        ("above", -0.2, 0.0, "refuted"),
        ("above", -0.1, 0.2, "undecided"),
        ("at_least", 0.0, 0.2, "supported"),
        ("at_least", -0.1, 0.0, "undecided"),
        ("at_least", -0.2, -0.1, "refuted"),
        ("below", -0.2, -0.1, "supported"),
        ("below", -0.2, 0.0, "undecided"),
        ("below", 0.0, 0.1, "refuted"),
        ("at_most", -0.2, 0.0, "supported"),
        ("at_most", 0.1, 0.2, "refuted"),
        ("at_most", float("nan"), float("nan"), "undecided"),
    ],
)
def test_an_interval_keeps_breaks_or_straddles_a_bound(kind: str, low: float, high: float, expected: str) -> None:
    assert judge_interval(Interval(0.0, low, high), kind, 0.0) == expected


def test_the_numbers_are_those_of_the_comparison() -> None:
    row = judge(state(quantity="delta_r2", reference="classify", above=0.0), COMPARED).criteria.iloc[0]
    pair = COMPARED.pairs[(COMPARED.pairs["contrast"] == "mlp - classify") & (COMPARED.pairs["n_train"] == 100_000)]
    names = ["delta_r2", "delta_r2_ci_low", "delta_r2_ci_high"]
    assert row[["value", "value_ci_low", "value_ci_high"]].tolist() == pair.iloc[0][names].tolist()
    more = state(quantity="delta_r2", reference="mlp", reference_n_train=32_000, above=0.0)
    pair = COMPARED.pairs[(COMPARED.pairs["factor"] == "n_train") & (COMPARED.pairs["model"] == "mlp")]
    assert judge(more, COMPARED).criteria["value"].tolist() == pair["delta_r2"].tolist()


def test_a_hypothesis_holds_when_all_its_criteria_do() -> None:
    holds, fails = state(at_least=0.5).criteria[0], state(at_least=0.999).criteria[0]
    score = COMPARED.scores[(COMPARED.scores["model"] == "mlp") & (COMPARED.scores["n_train"] == 100_000)].iloc[0]
    open_ = state(at_least=float(score["r2"])).criteria[0]
    for criteria, expected in (
        ([holds], "supported"),
        ([holds, open_], "undecided"),
        ([open_, fails, holds], "refuted"),
    ):
        assert judge(replace(state(above=0.0), criteria=criteria), COMPARED).verdict == expected


def test_what_is_not_to_be_trusted_decides_nothing() -> None:
    compared = compare([make_record("mlp", clip=False)], n_resamples=100)
    claim = state(quantity="delta_r2", reference="classify", n_train=32_000, above=0.0)
    found = judge(claim, compared)
    assert found.verdict == "not decidable here"
    assert found.criteria["mark"].tolist() == ["predictions without limit: not to be trusted"]


def test_the_mean_over_data_seeds_is_judged() -> None:
    records = [make_record("mlp", n_train=100_000, data_seed=seed) for seed in (0, 1, 2)]
    compared = compare(records, n_resamples=200)
    score = compared.scores[compared.scores["model"] == "mlp"].iloc[0]
    criterion = judge(state(at_least=0.5), compared).criteria.iloc[0]
    assert (criterion["n_data_seeds"], criterion["scatter"]) == (3, "data seeds")
    names = ["r2", "r2_ci_low", "r2_ci_high"]
    assert criterion[["value", "value_ci_low", "value_ci_high"]].tolist() == score[names].tolist()
    single = [compare([record], n_resamples=20).scores.set_index("model").loc["mlp", "r2"] for record in records]
    assert criterion["by_data_seed"] == dict(enumerate(single))
    lowest = min(single)
    assert score["r2_ci_low"] < lowest < score["r2"]
    assert judge(state(at_least=score["r2_ci_low"]), compared).verdict == "supported"
    assert judge(state(at_least=score["r2"]), compared).verdict == "undecided"


def test_seeds_that_the_reference_lacks_are_left_out() -> None:
    records = [make_record("mlp", seed=seed, models=["lightgbm"] if seed else []) for seed in (0, 1, 2)]
    compared = compare(records, n_resamples=100)
    found = judge(state(n_train=32_000, quantity="delta_r2", reference="lightgbm", above=0.0), compared).criteria
    same = compare([r for r in records if r.seed in (1, 2)], n_resamples=100)
    alone = judge(state(n_train=32_000, quantity="delta_r2", reference="lightgbm", above=0.0), same).criteria
    assert found["n_seeds"].tolist() == [2]
    assert found.to_dict() == alone.to_dict()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "mpl", "above": 0}, r"criteria\[0\] of H: no data seed has mpl at n_train=100000.* There are class"),
        ({"n_train": 7, "above": 0}, "no data seed has mlp at n_train=7, noise_level=0.2. .*mlp.* at n_train=32000"),
        ({"quantity": "rmse", "above": 0}, "quantity=rmse is unknown; choose r2 or delta_r2"),
        ({}, "needs one of above, at_least, below, at_most, equivalent_within; it has none"),
        (
            {"quantity": "delta_r2", "reference": "oracle", "equivalent_within": -0.002},
            "-0.002: a margin is above zero",
        ),
        ({"equivalent_within": 0.002}, "quantity=r2, equivalent_within=0.002: .* belongs to delta_r2"),
        ({"quantity": "delta_r2", "reference": "oracle", "equivalent_within": 1, "above": 0}, "it has above and equiv"),
        ({"above": 0, "below": 1}, "it has above and below"),
        ({"quantity": "delta_r2", "above": 0}, "quantity=delta_r2, reference=None: a reference belongs to delta_r2"),
        ({"reference": "oracle", "above": 0}, "quantity=r2, reference=oracle"),
    ],
)
def test_what_cannot_be_judged_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        judge(state(**values), COMPARED)


def test_an_ambiguous_design_is_refused() -> None:
    records = [make_record("mlp", n_train=100_000, design={"training": name}) for name in ("published", "converged")]
    compared = compare(records, n_resamples=50)
    with pytest.raises(InputError, match="2 designs have mlp: training=converged; training=published. Name one"):
        judge(state(above=0.0), compared)
    assert judge(state(above=0.0, design="training=published"), compared).verdict == "supported"


def test_models_without_a_common_seed_are_refused() -> None:
    records = [make_record("mlp", seed=0), make_record("mlp", n_train=100_000, seed=1)]
    more = state(quantity="delta_r2", reference="mlp", reference_n_train=32_000, above=0.0)
    with pytest.raises(InputError, match="no training seed in common"):
        judge(more, compare(records, n_resamples=50))


def test_dates_and_criteria_are_checked() -> None:
    with pytest.raises(InputError, match="hypothesis.date=yesterday of H is not a day"):
        replace(state(above=0.0), date="yesterday").check()
    with pytest.raises(InputError, match="hypothesis.criteria of H is empty"):
        replace(state(above=0.0), criteria=[]).check()
