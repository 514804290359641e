"""Every parameter, tag, metric and artifact that a reader looks for, by name: once.

Readers are comparison, report, resume and the user's own MLflow filters; a name that changes here makes older runs
unreadable to them.
"""

from uuid import NAMESPACE_OID, uuid5

PARAMETERS = {
    "gate": "gate",
    "noise_level": "data.noise_level",
    "seed": "seed",
    "data_seed": "data.seed",
    "n_resamples": "evaluation.n_resamples",
    "confidence": "evaluation.confidence",
}
"""Parameters that a comparison reads of every run: the names of the options, by what they are called there."""

# tags of MLflow's own
TAG_COMMIT = "mlflow.source.git.commit"
TAG_DESCRIPTION = "mlflow.note.content"
TAG_PARENT = "mlflow.parentRunId"

# tags of a run
TAG_BUNDLED = "bundle.run_id"
"""of a run that was brought from another store: its id there"""
TAG_CONVERGED = "gate.converged"
TAG_DATA_DIGEST = "data.digest"
TAG_DATA_RUN = "elsewhere.data_run"
"""of predictions that were made elsewhere: the run whose test stars they are of"""
TAG_DEVICE = "device"
"""what computed: ``cpu`` or ``cuda``"""
TAG_DIRTY = "git.dirty"
TAG_ERROR = "error"
TAG_FLUX_UNIT = "data.flux_unit"
"""what flux, as the files have it, is divided by"""
TAG_GATE = "gate"
TAG_GATE_SAID = "gate.description"
"""the first line of the docstring of the gate's class"""
TAG_BINS_SAID = "bins.description"
"""where each bin lies"""
TAG_DATA_SAID = "data.description"
"""grid and ranges of labels of the training stars"""
TAG_GATE_DIGEST = "data.gate_digest"
TAG_BOOT = "process.boot"
TAG_HEARTBEAT = "process.heartbeat"
"""when the process last gave a sign of life, in seconds since 1970 and since the machine's boot"""
TAG_HOST = "process.host"
TAG_IDENTITY = "identity"
"""what decides a run's numbers, as a hash"""
TAG_MEDIUM = "data.medium"
"""air or vacuum"""
TAG_MEDIUM_SOURCE = "data.medium_source"
"""what told it"""
TAGS_METRIC = "metric."
"""followed by the name of a metric beside those that every run has: what a table calls it"""
TAG_MODEL = "model.uri"
"""what `mlflow.pyfunc.load_model` takes to load the run's model"""
TAG_N_TRAIN = "data.n_train"
TAG_PIXELS_LEFT_OUT = "data.pixels_left_out"
"""how many pixels no model sees, as most training stars have them masked"""
TAGS_FILLED = "data.filled_pixels."
"""followed by train, gate or test: how many masked pixels of its stars are filled"""
TAGS_STARS_LEFT_OUT = "data.stars_left_out."
"""followed by train, gate or test: how many of its stars have too many pixels masked"""
TAG_NOISE_DRAW = "data.noise_draw"
TAG_OPENING = "process.opening"
"""what tells whether a run was created when the store's answer did not come"""
TAG_PID = "process.pid"
TAG_PID_NAMESPACE = "process.pid_namespace"
TAG_PREDICTIONS_DIGEST = "predictions.digest"
TAG_PROCESS_STARTED = "process.started"
TAG_TEST_DIGEST = "data.test_digest"
TAG_TRAIN_DIGEST = "data.train_digest"
TAG_TRAINED_FOR = "gate.trained_for"
TAG_PROCESSOR = "machine.processor"
TAGS_MACHINE = "machine."
"""what each tag about the machine begins with"""
TAG_RECALLED = "stages.recalled"
"""stages whose results came from the cache, separated by spaces: their times are those of reading"""
TAGS_VERSION = "version."

# tags of a sweep's parent run
TAG_COMPARISON = "comparison"
"""why the jobs were not compared"""
TAG_FAMILY = "sweep.family"
"""which jobs seeds are added to, as a hash"""
TAG_LOOKS = "sweep.looks"
"""of a sweep that adds seeds: the looks that it may take, and how many it took"""
TAG_OVERRIDES = "sweep.overrides"
TAG_STOPPED = "sweep.stopped"
"""why no more seeds were added"""
TAGS_HYPOTHESIS = "hypothesis."
TAGS_JOB = "job."
"""followed by the identity of a job that has finished; the value is the id of its run"""

# metrics
METRIC_CONVERGED = "gate/converged"
METRIC_BEST_HOLDOUT_LOSS = "gate/best_holdout_loss"
"""what a sweeper may minimise: no test star has a part in it"""
METRIC_COVERAGE = "interval/coverage"
"""share of covered test stars whose 95 % interval holds the label"""
METRIC_COVERAGE_68 = "interval/coverage_68"
METRIC_WIDTH = "interval/mean_width"
METRIC_COVERAGE_NOISIER = "interval/coverage_noisier"
"""the same where the noise is half as strong again"""
METRIC_WIDTH_NOISIER = "interval/mean_width_noisier"
METRIC_FLAGGED_NOISIER = "flag/share_noisier"
METRICS_COVERAGE = "interval_coverage/"
"""followed by the key of a bin, or by snr_ and a tenth, from the noisiest on"""
METRIC_FLAGGED = "flag/share"
METRIC_FLAG_RATIO = "flag/rmse_ratio"
METRICS_FLAG = "flag_share/"
"""followed by the name of a flag"""
METRIC_N_EPOCHS = "gate/n_epochs"
METRIC_N_FINISHED = "sweep/n_finished"
METRIC_N_JOBS = "sweep/n_jobs"
METRIC_N_LOOKS = "sweep/n_looks"
METRIC_LOOK_CONFIDENCE = "sweep/look_confidence"
METRIC_SPENT = "sweep/alpha_spent"
"""chance of a false verdict that the looks so far have spent"""
METRIC_PEAK_MEMORY = "memory/peak_gb"
METRIC_R2 = "test/r2"
METRICS_TEST = "test/"
METRICS_REFERENCE = "reference/"
METRICS_CURVE = "gate/"
METRICS_SWEEP_R2 = "r2/"
METRICS_SWEEP_DELTA = "delta_r2/"
"""followed by gate, condition and _minus_ the other gate"""
METRICS_SWEEP_ENDS = "r2_intervals/"
"""the ends of both, _ci_low and _ci_high: MLflow charts what stands behind an earlier word first"""


def external_metric(stars: str, quantity: str) -> str:
    """Return the metric that holds what was measured on a set of external stars."""
    return f"{EXTERNAL}{stars}/{quantity}"


def external_of(metric: str) -> tuple[str, str] | None:
    """Return the set of external stars, and the quantity, that a metric holds; None for other metrics."""
    stars, slash, quantity = metric.removeprefix(EXTERNAL).partition("/")
    return (stars, quantity) if metric.startswith(EXTERNAL) and slash else None


def stage_seconds(stage: str) -> str:
    """Return the metric that holds the wall time of a stage [s]."""
    return f"time/{stage}_s"


def stage_of(metric: str) -> str | None:
    """Return the stage whose wall time a metric holds; None for other metrics."""
    head, tail = "time/", "_s"
    timed = metric.startswith(head) and metric.endswith(tail)
    return metric.removeprefix(head).removesuffix(tail) if timed else None


# artifacts
EXTERNAL = "external_"
"""what metrics, tables and figures of external stars begin with; the name of the set follows"""
CONFIG_FILE = "config.yaml"
DIFF_FILE = "uncommitted.diff"
PREDICTIONS_FILE = "predictions.parquet"
TABLE_FROM_ELSEWHERE = "elsewhere"
"""followed by its ending: a table of predictions as it was imported"""
MODEL = "mixture"
"""what a run's model is called in MLflow"""
MODEL_CARD_FILE = "README.md"
REPORT_FILE = "report.html"
REPORT_MARKDOWN_FILE = "report.md"
REPORT_PAPER_FILE = "paper.tex"
FIGURES_FOLDER = "figures"
TABLES_FOLDER = "tables"
COMPARISON_FOLDER = "comparison"
IMAGES_FOLDER = "images"
"""where MLflow's image charts look, which find pictures by the names of their files"""


def image_stem(name: str) -> str:
    """Return what the file of a picture is called in `IMAGES_FOLDER`, without its ending.

    MLflow tells several pictures of a name by step, time and id; here a run has one, whose file can be found again.
    """
    return f"{name}+step+0+timestamp+1+{uuid5(NAMESPACE_OID, name)}"
