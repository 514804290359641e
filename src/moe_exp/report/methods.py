"""How the numbers were made: data, noise, bins, models, training, clipping and intervals."""

from collections.abc import Iterator

from moe_exp import names
from moe_exp.report import formats
from moe_exp.report.context import ReportContext
from moe_exp.report.document import Block, Bullets, Code, Strong, paragraph
from moe_exp.report.selection import Selection, model_name

Item = tuple[str, ...]

GATES = {
    "classify": "multinomial logistic regression of the bin (cross-entropy)",
    "mlp_classify": "one hidden layer, trained to classify the bin (cross-entropy)",
    "linear": "softmax of a linear map, trained for the squared error of the mixed prediction",
    "mlp": "softmax of one hidden layer, trained for the squared error of the mixed prediction",
}
"""How the gates that come with the project are trained."""

MADE_ELSEWHERE = "a model of others, whose predictions of the same test stars were imported"

REFERENCES = {
    "oracle": "the expert of the star's true bin",
    "global_ridge": "one Ridge on all training stars",
    "lightgbm": "gradient-boosted trees on the fluxes",
}


def design_blocks(selection: Selection, context: ReportContext) -> Iterator[Block]:
    """Yield the design; what the runs do not say is left out."""
    parts = {
        "Data": _data(context),
        "Splits": _splits(selection, context),
        "Noise": _noise(selection),
        "Preprocessing": _preprocessing(context),
        "Bins": _bins(selection, context),
        "Experts": _experts(context),
        "Gates": _gates(selection, context),
        "Gate features": _options(context, "features", ("n_components", "continuum_percentile")),
        "Training of the gates": _options(
            context,
            "training",
            ("learning_rate", "n_lr_drops", "batch_size", "max_epochs", "patience", "holdout_fraction"),
        ),
        "References": _references(selection),
        "Clipping": _clipping(context),
        "Intervals": _intervals(selection),
        "Seeds": _seeds(selection, context),
    }
    yield Bullets(tuple((Strong(f"{name}: "), *item) for name, item in parts.items() if item))
    letters = {design: name for design, name in selection.design_names.items() if name != design}
    if "design" in selection.keys and letters:
        yield paragraph("Designs differ in more than gate, train size and noise:")
        yield Bullets(tuple((Strong(name), " — ", Code(design)) for design, name in letters.items()))


def _values(context: ReportContext, key: str) -> str:
    """Return the values of a parameter in words; empty where the runs do not have it."""
    found = [value for value in context.parameters(key) if value not in ("None", "")]
    return formats.enumerate_words(_number(value) for value in found) if found else ""


def _number(value: str) -> str:
    return f"{int(value):,}" if value.isdecimal() and len(value) > 4 else value


def _data(context: ReportContext) -> Item:
    kinds = _values(context, "data")
    if not kinds:
        return ()
    ranges = []
    for key, words in {
        "n_pixels": "{} pixels",
        "wavelength_min": "from {} Å (air)",
        "wavelength_max": "to {} Å",
        "resolution": "resolving power {}",
        "teff": "Teff {} K",
        "logg": "surface gravity {} dex",
        "m_h": "[M/H] {} dex",
        "mag": "magnitude {}",
    }.items():
        value = _values(context, f"data.simulator.{key}")
        if value:
            ranges.append(words.format(value))
    ranges += [f"{key} {_values(context, f'data.{key}')}" for key in ("path", "val_path", "test_path")
               if _values(context, f"data.{key}")]  # fmt: skip
    if not kinds.startswith("simulated"):
        ranges += context.tags(names.TAG_DATA_SAID)
    return (f"{kinds} spectra{'; ' if ranges else ''}{', '.join(ranges)}.",)


def _splits(selection: Selection, context: ReportContext) -> Item:
    scores = selection.comparison.scores
    sizes = formats.enumerate_words(f"{size:,}" for size in sorted(scores["n_train"].unique()))
    parts = [f"{sizes} training stars for the experts"]
    gate, test = _values(context, "data.n_val"), _values(context, "data.n_test")
    parts += [f"{gate} other stars for the gates"] if gate else []
    covered = formats.enumerate_words(f"{n:,}" for n in sorted(scores["n_stars"].unique()))
    stars = {record.data_seed: len(record.predictions) for record in context.records}
    total = f"{sum(stars.values()):,}" if stars else test
    of_total = f" of {total} test stars" if total else " test stars"
    of_seeds = f", those of {len(stars)} data seeds together," if len(stars) > 1 else ""
    parts.append(f"{covered}{of_total}{of_seeds} lie in a bin and are scored, the same for every model")
    return ("; ".join(parts) + ".",)


def _noise(selection: Selection) -> Item:
    levels = formats.enumerate_words(
        f"{level:g}" for level in sorted(selection.comparison.scores["noise_level"].unique())
    )
    return (
        f"noise level {levels}: this multiple of each pixel's 1-sigma error times a standard normal number is added to "
        f"the flux; the same numbers at every level.",
    )


def _preprocessing(context: ReportContext) -> Item:
    """Return what was done to noisy spectra, with its options."""
    chosen = context.parameters("preprocessing")
    if chosen in ([], ["none"]):
        return ()
    options = {key: None for run in context.runs for key in run.parameters if key.startswith("preprocessing.")}
    return _options(context, "preprocessing", tuple(key.removeprefix("preprocessing.") for key in options))


def _bins(selection: Selection, context: ReportContext) -> Item:
    bins = selection.comparison.bin_names
    edges = [
        f"{label} {_values(context, f'bins.{key}')} {unit}"
        for key, label, unit in (("teff_edges", "Teff edges", "K"), ("m_h_edges", "[M/H] edges", "dex"))
        if _values(context, f"bins.{key}")
    ]
    kind = _values(context, "bins")
    where = [] if edges else context.tags(names.TAG_BINS_SAID)
    parts = [f"{len(bins)} ({kind})" if kind else f"{len(bins)}", *edges, formats.enumerate_words(bins), *where]
    return ("; ".join(parts) + ". A star outside every bin is not scored.",)


def _experts(context: ReportContext) -> Item:
    low, high, number, folds = (
        _values(context, f"experts.{key}") for key in ("alpha_min", "alpha_max", "n_alphas", "n_folds")
    )
    if not low:
        return ("one Ridge regression on the noisy fluxes for each bin.",)
    return (
        f"one Ridge regression on the noisy fluxes for each bin, alpha by {folds}-fold cross-validation on the "
        f"expert's own training stars among {number} values from {low} to {high}.",
    )


def _gates(selection: Selection, context: ReportContext) -> Item:
    scores = selection.comparison.scores
    gates = list(dict.fromkeys(scores.loc[scores["kind"] == "gate", "model"]))
    said = {run.tags.get(names.TAG_GATE, ""): run.tags.get(names.TAG_GATE_SAID, "").rstrip(".") for run in context.runs}
    known = (
        {gate: text for gate, text in said.items() if text}
        | GATES
        | {record.gate: MADE_ELSEWHERE for record in context.records if not record.predictions.has_gate}
    )
    described = (f"{gate} — {known[gate.split()[0]]}" if gate.split()[0] in known else gate for gate in gates)
    return (
        "; ".join(described) + ". Soft routing: the experts' mean, weighted by the gate; hard: its largest weight.",
    )


def _references(selection: Selection) -> Item:
    scores = selection.comparison.scores
    names = dict.fromkeys(scores.loc[scores["kind"] == "reference", "model"])
    return ("; ".join(f"{model_name(n)} — {REFERENCES[n]}" if n in REFERENCES else n for n in names) + ".",)


def _options(context: ReportContext, group: str, keys: tuple[str, ...]) -> Item:
    """Return which file of a group was chosen, with some of its values."""
    chosen = _values(context, group)
    if not chosen:
        return ()
    values = [f"{key}={_values(context, f'{group}.{key}')}" for key in keys if _values(context, f"{group}.{key}")]
    return (Code(chosen), *([" (", ", ".join(values), ")"] if values else []), ".")


def _clipping(context: ReportContext) -> Item:
    configured = context.parameters("experts.clip") or sorted({str(record.clip) for record in context.records})
    words = {
        ("True",): "on: experts' predictions are limited to the range of their training labels",
        ("False",): "off: experts extrapolate freely",
        ("False", "True"): "on in some runs and off in others",
    }.get(tuple(configured), "")
    return (f"{words}. Every model is scored with and without it; gates were trained as configured.",) if words else ()


def _intervals(selection: Selection) -> Item:
    n_resamples, confidence, seed = selection.comparison.settings
    seeds = selection.comparison.scores["n_seeds"].max() > 1
    scatter = " To them the scatter between training seeds is added, where there are several." if seeds else ""
    if len(selection.comparison.data_seeds) > 1:
        scatter += (
            " Where several data seeds have a value, its interval is Student's t of their mean: that of the effect "
            "when training stars, test stars, noise and trainings are all drawn anew."
        )
    return (
        f"{formats.level(confidence)} percentile intervals from {n_resamples:,} bootstrap resamples of the test stars "
        f"(seed {seed}), the same resamples for all models, so that differences are paired; widened from the normal to "
        f"Student's t, as the kurtosis of the stars' influence asks.{scatter}",
    )


def _seeds(selection: Selection, context: ReportContext) -> Item:
    data_seeds = formats.enumerate_words(map(str, selection.comparison.data_seeds))
    trained = _values(context, "seed")
    parts = [Code("data.seed"), f" (stars and noise) {data_seeds}"]
    return (*parts, *((", ", Code("seed"), f" (everything that is trained) {trained}") if trained else ()), ".")
