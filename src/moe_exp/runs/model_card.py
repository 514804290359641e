"""The card of a run's model: what it is, what it was made from, how well it does, and what it must not be used for."""

from dataclasses import asdict

from moe_exp.experiment.pipeline import Outcome
from moe_exp.prediction.flags import REASONS
from moe_exp.report.document import Bullets, Code, Document, Listing, Section, Table, number_sections
from moe_exp.report.formats import level, score
from moe_exp.report.markdown import to_markdown

COVERAGE_COLUMNS = ("coverage_68", "coverage_95", "mean_width_95")

USE = """\
import mlflow
from moe_exp import Mixture

model = mlflow.pyfunc.load_model("runs:/{run_id}/{name}")   # with the store's MLFLOW_TRACKING_URI
model = Mixture.load("the folder that this file lies in")   # the same without MLflow
table = model.predict(flux)  # (n_stars, {n_pixels}) in; {label}, its error, a flag, weights out"""


def write_card(outcome: Outcome, *, run_id: str, name: str) -> str:
    """Return the card of the model `name` of a run, in Markdown."""
    sections = (
        Section("Use", (Listing(_use(outcome, run_id, name)),)),
        Section("What goes in", (_input(outcome),)),
        Section("What it was made from", (_data(outcome),)),
        Section("How well it does", (_scores(outcome), _bins(outcome))),
        Section("Error bars and flags", (_coverage(outcome), _flags())),
        Section("Limits of use", (_limits(outcome),)),
    )
    return to_markdown(
        Document(
            title=f"{outcome.mixture.label.name} from spectra, gate {outcome.results.gate}",
            subtitle="A mixture of Ridge experts, one for each bin of effective temperature and metallicity, whose "
            "predictions a gate mixes.",
            opening=(),
            sections=number_sections(sections),
        )
    )


def _use(outcome: Outcome, run_id: str, name: str) -> str:
    mixture = outcome.mixture
    return USE.format(run_id=run_id, name=name, n_pixels=len(mixture.wavelength), label=mixture.label.option)


def _input(outcome: Outcome) -> Bullets:
    mixture = outcome.mixture
    low, high = mixture.wavelength[0], mixture.wavelength[-1]
    return Bullets(
        (
            (
                f"Flux of {len(mixture.wavelength):,} pixels, {low:.2f} to {high:.2f} Å in "
                f"{mixture.medium or 'a medium that nothing tells'}, stars at rest; the grid is ",
                Code("spectra/wavelength"),
                " of the file ",
                Code("numbers.npz"),
            ),
            (f"Its unit is that of the training stars, whose median flux is {mixture.flux_unit:.4g}.",),
            (f"Preprocessing, done by the model itself: {outcome.experiment.choices['preprocessing']}.",),
            ("Pixels that are NaN or infinite are filled from the mean of training stars.",),
        )
    )


def _data(outcome: Outcome) -> Bullets:
    dataset = outcome.dataset
    splits = {"experts": dataset.train, "gate": dataset.gate, "test": dataset.test}
    sizes = ", ".join(f"{name} {len(stars):,} ({stars.digest})" for name, stars in splits.items())
    return Bullets(
        (
            (f"Stars: {dataset.name}, {outcome.experiment.choices['data']}.",),
            (f"Splits, with digests: {sizes}.",),
            (
                f"Noise ({_noise(outcome)}) of {dataset.train.noise_level:g} times each pixel's error was added to the "
                f"flux.",
            ),
        )
    )


def _noise(outcome: Outcome) -> str:
    """Return what drew the noise, with its options."""
    options = [f"{name} {value}" for name, value in asdict(outcome.experiment.noise).items()]
    return ", ".join([outcome.experiment.choices["noise"], *options])


def _scores(outcome: Outcome) -> Table:
    """Return the scores of the model and of those it has to beat."""
    results = outcome.results
    rows = [
        (str(model), score(row["r2"], row["r2_ci_low"], row["r2_ci_high"]), score(row["rmse"]), score(row["bias"]))
        for model, row in results.scores.to_dict("index").items()
    ]
    percent = level(results.settings.confidence)
    return Table(
        f"On {results.n_stars:,} test stars within the bins, with {percent} intervals; soft is this model.",
        ("model", "R²", *map(results.predictions.label.in_unit, ("RMSE", "bias"))),
        rows,
    )


def _bins(outcome: Outcome) -> Table:
    bins = outcome.mixture.bins
    rows = [
        (
            str(row["name"]),
            where,
            f"{n_train:,}",
            f"{row['n_stars']:,}",
            score(row["r2"], row["r2_ci_low"], row["r2_ci_high"]),
        )
        for row, where, n_train in zip(
            outcome.results.bins.to_dict("records"), bins.describe(), outcome.mixture.experts.n_stars, strict=True
        )
    ]
    columns = ("bin", "where", "training stars", "test stars", "R²")
    return Table("The bins, each with an expert of its own.", columns, rows)


def _coverage(outcome: Outcome) -> Table:
    """Return how often intervals hold the label, in all groups of stars."""
    rows = [
        (str(row["group"]), f"{row['n_stars']:,}", *(score(row[name]) for name in COVERAGE_COLUMNS))
        for row in outcome.coverage.table.to_dict("records")
    ]
    label = outcome.mixture.label
    return Table(
        f"Share of test stars within the bins whose {label.name} lies in the 1-sigma and in the 95 % interval, and the "
        "mean width of the latter; by bin, and by tenths of signal to noise from the noisiest on.",
        ("stars", "number", "within 1 sigma", "within 95 %", label.in_unit("width")),
        rows,
    )


def _flags() -> Bullets:
    return Bullets(tuple((f"{flag.value}: {reason}.",) for flag, reason in REASONS.items()))


def _limits(outcome: Outcome) -> Bullets:
    low, high = outcome.mixture.experts.label_range
    name = outcome.mixture.label.name
    items = [
        (f"Training stars have {name} {low:.2f} to {high:.2f}; nothing is known of others, or outside the bins.",),
        ("Scores hold for stars like the test stars, with noise like theirs.",),
    ]
    if outcome.experiment.choices["data"].startswith("simulated"):
        items.insert(0, (f"The stars are simulated: never take the {name} of a real star from this model.",))
    return Bullets(tuple(items))
