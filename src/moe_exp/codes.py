"""Which kinds of trouble users are told of: each refusal and each warning has a code, explained in docs/messages.md."""

from enum import StrEnum


class Code(StrEnum):
    """Codes of refusals and warnings, one for whatever a user would look up as one entry.

    They are never reused: that of a message that is gone stays out of use. A new one takes the next free number of its
    area, and an entry in docs/messages.md.
    """

    # Options and configuration
    UNKNOWN_OPTION = "MOE001"
    UNREADABLE_VALUE = "MOE002"
    WRONG_TYPE = "MOE003"
    NOT_COMPOSED = "MOE004"
    GROUP_IS_NULL = "MOE005"
    OUT_OF_RANGE = "MOE006"
    UNKNOWN_CHOICE = "MOE007"
    NO_CUDA = "MOE008"
    UNTRUSTED_MODULE = "MOE009"
    NO_SUCH_CLASS = "MOE010"
    METRIC_NAME_TAKEN = "MOE011"
    NO_PROJECT = "MOE012"
    OUT_OF_MEMORY = "MOE013"
    DISK_FULL = "MOE014"
    CREDENTIALS_TYPED = "MOE015"

    # Files of stars
    NO_FILE = "MOE020"
    FILE_TWICE = "MOE021"
    NOT_HDF5 = "MOE022"
    SLOW_LAYOUT = "MOE023"
    DATASETS_MISSING = "MOE024"
    DATASETS_UNFIT = "MOE025"
    BAD_WAVELENGTHS = "MOE026"
    WAVELENGTH_UNIT = "MOE027"
    GRIDS_DIFFER = "MOE028"
    MEDIA_DIFFER = "MOE029"
    MEDIUM_CONTRADICTED = "MOE030"
    MEDIUM_UNKNOWN = "MOE031"
    LABEL_TABLE_UNFIT = "MOE032"
    LABELS_SHUFFLED = "MOE033"
    IMPOSSIBLE_LABEL = "MOE034"
    NO_SUCH_COLUMN = "MOE035"
    BAD_STAR_IDS = "MOE036"
    REPEATED_STARS = "MOE037"
    VISITS_ACROSS_SPLITS = "MOE038"
    POSSIBLE_VISITS = "MOE039"
    IMPOSSIBLE_SPECTRUM = "MOE040"
    NO_CONTINUUM = "MOE041"
    STARS_TOO_MASKED = "MOE042"
    PIXELS_MASKED = "MOE043"
    FILE_DAMAGED = "MOE044"
    FILE_CHANGED = "MOE045"
    SPLIT_SIZE = "MOE046"
    FILES_TOO_SMALL = "MOE047"
    EXTERNAL_GRID = "MOE048"
    EXTERNAL_TRAINED = "MOE049"

    # Simulator, noise, preprocessing
    SIMULATOR_SETTINGS = "MOE050"
    NOISE_CORRELATION = "MOE051"
    LINE_WIDTH = "MOE052"
    CONTINUUM_SCALE = "MOE053"

    # Model and gates
    TOO_FEW_COVERED = "MOE060"
    TOO_FEW_TO_FIT = "MOE061"
    TOO_FEW_FOR_GATE = "MOE062"
    BIN_EDGES = "MOE063"
    BIN_NAMES = "MOE064"
    FEATURE_WINDOWS = "MOE065"
    WINDOWS_OFF_GRID = "MOE066"
    NOT_FINITE = "MOE067"
    SHAPES_DISAGREE = "MOE068"
    PENALTY_TOO_SMALL = "MOE069"
    PENALTY_AT_EDGE = "MOE070"
    TOO_MANY_COMPONENTS = "MOE071"
    NOT_CONVERGED = "MOE072"
    PART_NOT_KEPT = "MOE073"

    # Scores, comparison, hypotheses
    NOT_TRUSTED = "MOE080"
    FEW_STARS = "MOE081"
    PREDICTIONS_UNFIT = "MOE082"
    NOT_COMPARABLE = "MOE083"
    NO_FINISHED_RUN = "MOE084"
    RUN_NOT_FINISHED = "MOE085"
    RUNS_CONTRADICT = "MOE086"
    SEVERAL_COMPARISONS = "MOE087"
    OTHER_VERSION = "MOE088"
    NO_SUCH_HYPOTHESIS = "MOE089"
    HYPOTHESIS_UNFIT = "MOE090"
    HYPOTHESIS_NOT_IN_RUNS = "MOE091"
    HYPOTHESIS_DOUBTED = "MOE092"
    NOTHING_TO_DRAW = "MOE093"
    TRAININGS_ALIKE = "MOE094"

    # Tracking and its store
    STORE_UNUSABLE = "MOE100"
    STORE_AWAY = "MOE101"
    STORE_HALF_MADE = "MOE102"
    ARTIFACTS_ELSEWHERE = "MOE103"
    NO_SUCH_EXPERIMENT = "MOE104"
    NO_SUCH_RUN = "MOE105"
    FILTER_UNREADABLE = "MOE106"
    ARTIFACT_MISSING = "MOE107"
    NO_MODEL = "MOE108"
    NOT_LOGGED = "MOE109"
    COMMIT_UNKNOWN = "MOE110"

    # Cache
    CODE_UNREADABLE = "MOE120"
    OPEN_TO_OTHERS = "MOE121"
    CACHE_IN_USE = "MOE122"
    CACHE_DAMAGED = "MOE123"
    NOT_CACHED = "MOE124"

    # Sweeps
    JOBS_MISSING = "MOE130"

    # Predicting
    SPECTRA_UNREADABLE = "MOE140"
    NO_USABLE_SPECTRUM = "MOE141"
    OUTPUT_NAME = "MOE142"
    MODEL_UNFIT = "MOE143"
    MODEL_DAMAGED = "MOE144"
    RESOLUTION_NOT_TAKEN = "MOE145"

    # Runs made again, bundles, predictions of others, champions
    RERUN_UNTRUSTED = "MOE150"
    RERUN_IMPOSSIBLE = "MOE151"
    RERUN_FAILED = "MOE152"
    BUNDLE_UNREADABLE = "MOE153"
    BUNDLE_UNSAFE = "MOE154"
    BUNDLE_CHANGED = "MOE155"
    BUNDLE_SCHEMA = "MOE156"
    IMPORTED_ALREADY = "MOE157"
    IMPORT_NAME = "MOE158"
    IMPORT_TABLE = "MOE159"
    IMPORT_STARS = "MOE160"
    NO_CHAMPION = "MOE161"


def tagged(code: Code, text: str) -> str:
    """Return a message, or the format of one, with its code at the end."""
    return f"{text} ({code})"
