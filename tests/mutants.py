"""Deliberate faults, one at a time, in what holds a run together; the tests that are named with each have to notice it.

``make mutants`` applies each to a copy of the tree and runs its tests there, which pass without it. It ends with
status 1 if a fault survives, and with status 2 if the code has changed so that a fault cannot be applied or its tests
cannot be run.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path("src/moe_exp")
TIMEOUT_S = 600

IDENTITIES = "tests/experiment/test_stage_keys.py"
CODE_KEYS = "tests/experiment/test_code_keys.py"
WIRING = "tests/experiment/test_wiring.py"
CODE = "tests/cache/test_code.py"
MASKS = "tests/spectra/test_masks.py"
MASKED_FILES = "tests/spectra/test_masked_files.py"
USED_PIXELS = "tests/spectra/test_used_pixels.py"
STAGES = "tests/cache/test_stages.py"
GATES = "tests/model/test_gates.py"
SIMULATOR = "tests/spectra/simulator"
TRAINING = "tests/model/test_training.py"
TAGS = "tests/test_train.py::test_tags_tell_which_stars_and_which_noise"
PIXELS = "tests/spectra/test_pixels.py"
PIPELINE = "tests/experiment/test_pipeline.py"
EXTERNAL = "tests/spectra/test_external.py"
TRACKING = "tests/tracking/test_tracking.py"
CREDENTIALS = "tests/test_credentials.py"
CALIBRATION = "tests/prediction/test_calibration.py"
INTERVALS = "tests/prediction/test_intervals.py"
FLAGS = "tests/prediction/test_flags.py"
READERS = "tests/prediction/test_readers.py"
ADAPTING = "tests/prediction/test_adapting.py"
STORAGE = "tests/prediction/test_storage.py"
MODELS = "tests/runs/test_models.py"
BUNDLES = "tests/runs/bundles"
LATEX = "tests/report/test_latex.py"
AGAIN = "tests/runs/test_again.py"
ELSEWHERE = "tests/runs/test_elsewhere.py"
LEVELS = "tests/comparison/test_levels.py"
CREATION = "tests/tracking/test_creation.py"
LABELS = "tests/test_labels.py"
OWN = "tests/test_own_parts.py"
CONFIG = "tests/experiment/test_config.py"
OUTBOX = "tests/tracking/test_outbox.py"


class Mutant(NamedTuple):
    """One fault: in this file of the package, this text, found once, becomes that one; these tests fail."""

    fault: str
    file: str
    old: str
    new: str
    tests: str


MUTANTS = [
    Mutant(
        "a bundle's files are not held against their digests",
        "runs/bundles/archive.py",
        "if found.hexdigest() != digest:",
        "if not digest:",
        BUNDLES,
    ),
    Mutant(
        "a bundle may write outside of its folder",
        "runs/bundles/archive.py",
        "if unsafe:",
        "if unsafe and not entries:",
        BUNDLES,
    ),
    Mutant(
        "what a bundle tells is held against itself",
        "runs/bundles/check.py",
        "for place in (folder / names.COMPARISON_FOLDER, again))",
        "for place in (folder / names.COMPARISON_FOLDER, folder / names.COMPARISON_FOLDER))",
        BUNDLES,
    ),
    Mutant(
        "runs of a bundle begin when they are imported",
        "runs/bundles/load.py",
        "started=run.started,",
        "started=None,",
        BUNDLES,
    ),
    Mutant(
        "the report forgets the configured noise level",
        "report/assembly.py",
        "Selection(comparison, context.noise_level)",
        "Selection(comparison)",
        LATEX,
    ),
    Mutant(
        "a run is made again without its uncommitted diff",
        "runs/again.py",
        'if "diff --git" not in diff.read_text(encoding="utf-8"):',
        'if "diff --git" in diff.read_text(encoding="utf-8"):',
        AGAIN,
    ),
    Mutant(
        "a stranger's code is run for the asking",
        "cli/rerun.py",
        "    if not trust:",
        "    if trust:",
        AGAIN,
    ),
    Mutant(
        "a run is made again as a job of the sweep that this process works for",
        "runs/again.py",
        "if key != PARENT_VARIABLE",
        'if key != "PARENT_VARIABLE"',
        AGAIN,
    ),
    Mutant(
        "predictions that differ are not told",
        "runs/agreement.py",
        "elif not one[column].equals(other[column]):",
        "elif len(one[column]) != len(other[column]):",
        AGAIN,
    ),
    Mutant(
        "predictions of others are taken in the order of their table",
        "evaluation/elsewhere.py",
        "table = table.set_index(key).loc[stars[key]].reset_index()",
        "table = table.reset_index()",
        ELSEWHERE,
    ),
    Mutant(
        "predictions of others are not clipped as those of the runs beside them",
        "runs/elsewhere.py",
        'clipped={"soft": np.clip(predicted, *limits)}',
        'clipped={"soft": predicted}',
        ELSEWHERE,
    ),
    Mutant(
        "how a star goes with the training counts as scatter of trainings",
        "comparison/levels.py",
        "of_training = of_training - rest.value * per_star",
        "of_training = of_training + 0 * rest.value",
        LEVELS,
    ),
    Mutant(
        "what stars explain is not taken off the scatter of data seeds",
        "comparison/levels.py",
        "of_data_seed - of_star * per_star -",
        "of_data_seed -",
        LEVELS,
    ),
    Mutant(
        "a star's influence leaves out the variation of the labels",
        "comparison/scoring.py",
        "(gain - delta * distance) / variation",
        "(gain - np.mean(gain, axis=0)) / variation",
        LEVELS,
    ),
    # what the keys of stages hold
    Mutant("experts' key without what their fit is called with", "experiment/stage_keys.py",
           '.hexdigest()],\n        **arguments,', ".hexdigest()],", f"{IDENTITIES} -k seed"),
    Mutant("baseline's key without its seed", "experiment/stage_keys.py",
           '"stars": identify_stars(stars), **arguments}', '"stars": identify_stars(stars)}', f"{IDENTITIES} -k seed"),
    Mutant("experts' key without the bins of the stars", "experiment/stage_keys.py",
           'hashlib.sha256(bin_index.astype("<i8").tobytes()).hexdigest()', "", f"{IDENTITIES} -k edges"),
    Mutant("experts' key without the names of the bins", "experiment/stage_keys.py",
           '"bins": [*names, ', '"bins": [', f"{IDENTITIES} -k names"),
    Mutant("experts' key with what does not matter to them", "experiment/stage_keys.py",
           'OPTIONS_OF_THE_MIXTURE = {"clip"}', "OPTIONS_OF_THE_MIXTURE = set()", f"{IDENTITIES} -k clip"),
    Mutant("keys without options, alphas among them", "experiment/stage_keys.py",
           '"options": asdict(worker)', '"options": {}', f"{IDENTITIES} -k alpha"),
    Mutant("keys without the class", "experiment/stage_keys.py",
           '"class": f"{made_by.__module__}.{made_by.__qualname__}", ', "", f"{CODE_KEYS} -k two_classes"),
    Mutant("keys without code", "experiment/stage_keys.py",
           '"code": code_digest(made_by.__module__)', '"code": ""', f"{CODE_KEYS} -k other_code"),
    Mutant("gate inputs' key without the code that takes them", "experiment/stage_keys.py",
           '"code": code_digest(gate_inputs.__name__),', "", f"{CODE_KEYS} -k other_code"),
    Mutant("gate inputs' key without the experts", "experiment/stage_keys.py",
           '"experts": experts,\n        "stars"', '"stars"', f"{IDENTITIES} -k alpha"),
    Mutant("baseline's key without the stars", "experiment/stage_keys.py",
           '"stars": identify_stars(stars), **arguments', "**arguments", f"{IDENTITIES} -k n_train"),
    Mutant("stars' identity without their values", "experiment/stage_keys.py",
           ", **stars.identity, ", ", ", f"{IDENTITIES} -k noise_level"),
    Mutant("stars' identity without the noise level", "spectra/dataset.py",
           '{self.noise_level:.17g} {self.seed}', "{self.seed}", f"{IDENTITIES} -k noise_level"),
    Mutant("stars' identity without the seed of the noise", "spectra/dataset.py",
           ':.17g} {self.seed} ', ":.17g} ", f"{IDENTITIES} -k seed"),
    Mutant("stars' digest without their spectra", "spectra/dataset.py",
           "self.checksums.tobytes() + ", "", f"{IDENTITIES} -k path"),
    Mutant("simulated stars' key without seed", "spectra/simulated_files.py",
           '"seed": seed,', "", f"{IDENTITIES} -k seed"),
    Mutant("simulated stars' key without code", "spectra/simulated_files.py",
           '"code": code_digest("moe_exp.spectra.simulator")', '"code": ""', f"{CODE_KEYS} -k synthesis"),
    Mutant("keys blind to the order of a mapping", "cache/stages.py",
           "json.dumps(identity, ", "json.dumps(identity, sort_keys=True, ", f"{STAGES} -k order"),
    # the same bits on any machine of a kind
    Mutant("products of matrices cut by threads", "experiment/pipeline.py",
           "@one_blas_thread()\n", "", "tests/experiment/test_cores.py"),
    Mutant("more cores used than a launcher gave", "machine.py",
           "return max(1, min(_cores(), int(told))) if told.isdecimal() else _cores()", "return _cores()",
           "tests/sweeps/test_launchers.py"),
    # what reaches a store
    Mutant("a line marked as sent before it was", "tracking/sending.py",
           "        send(client, outbox, line)\n        outbox.mark_sent()",
           "        outbox.mark_sent()\n        send(client, outbox, line)", f"{OUTBOX} -k waits"),
    Mutant("damaged files sent", "tracking/outbox.py",
           '_checksums(folder) != line["checksums"]', "False", f"{OUTBOX} -k damaged"),
    Mutant("another store's outbox sent", "tracking/sending.py",
           'outbox.about["store"] != store', "False", f"{OUTBOX} -k another_store"),
    Mutant("a run settled before its result is sent", "tracking/opening.py",
           "    send_left_behind(tracking)\n    nested", "    nested", f"{OUTBOX} -k next_start"),
    Mutant("a model made twice", "tracking/sending.py",
           "model = known[0] if known else client", "model = client", f"{OUTBOX} -k drops"),
    # whose code runs
    Mutant("every module trusted", "experiment/trusted.py",
           "if not any(", "if False and any(", f"{CONFIG} -k not_trusted"),
    Mutant("a module trusted that begins like a trusted one", "experiment/trusted.py",
           'f"{module}."', "module", f"{CONFIG} -k not_trusted"),
    Mutant("a configuration's list not told to its groups", "experiment/config.py",
           "_make(group, values[group], trusted)", "_make(group, values[group], [])", f"{CONFIG} -k trusted_package"),
    Mutant("run's identity with the modules that are trusted", "runs/identity.py",
           '"trusted_modules", ', "", f"{IDENTITIES} -k trusted"),
    # what a run's identity holds
    Mutant("run's identity without seed", "runs/identity.py",
           'apart = (', 'apart = ("seed", ', f"{IDENTITIES} -k seed"),
    Mutant("run's identity without its data", "runs/identity.py",
           'apart = (', 'apart = ("data", ', f"{IDENTITIES} -k data"),
    Mutant("run's identity without the files", "runs/identity.py",
           "experiment.data.fingerprint()", "[]", f"{IDENTITIES} -k other_stars"),
    Mutant("run's identity without code", "runs/identity.py",
           '"code": code', '"code": {}', f"{CODE_KEYS} -k other_code"),
    Mutant("run's identity with the place where it is tracked", "runs/identity.py",
           '"tracking", ', "", f"{IDENTITIES} -k tracking"),
    # which code counts
    Mutant("libraries' versions not in the digest", "cache/code.py",
           "libraries.add(_top(imported))", "pass", f"{CODE} {CODE_KEYS} -k librar"),
    Mutant("the standard library taken for source", "cache/code.py",
           "return not (within or ", "return not (", f"{CODE} -k only_source"),
    Mutant("installed packages of unknown version taken for source", "cache/code.py",
           "INSTALLATION_FOLDERS & {*folder.parts}", "False", f"{CODE} -k without_a_version"),
    Mutant("packages that pip put elsewhere taken for source", "cache/code.py",
           ' or any(folder.glob("*.dist-info"))', "", f"{CODE} -k installed_library"),
    Mutant("infrastructure followed", "cache/code.py",
           " and not _is_infrastructure(imported)", "", f"{CODE} -k physics"),
    Mutant("data files not in the digest", "cache/code.py",
           "sources |= _data_files(spec)", "pass", f"{CODE} -k data_files"),
    Mutant("imports of names not followed to their modules", "cache/code.py",
           'yield f"{resolved}.{name}" if is_module else resolved', "yield resolved", f"{CODE} -k follows"),
    # what is kept, and for how long
    Mutant("damaged results trusted", "cache/stages.py",
           "if _digest(kept[DIGEST_SIZE:]) != kept[:DIGEST_SIZE]", "if False", f"{STAGES} -k damaged"),
    Mutant("two processes make one result twice", "cache/stages.py",
           'FileLock(path.with_suffix(".lock"))', "contextlib.nullcontext()", f"{STAGES} -k two_processes"),
    Mutant("pruning removes what was just made", "cache/stages.py",
           "if path != keep:", "if True:", f"{STAGES} -k limit"),
    Mutant("the oldest result goes, not the least used", "cache/stages.py",
           "os.utime(path)", "path.stat()", f"{STAGES} -k least_recently"),
    Mutant("the most recently used result goes first", "cache/stages.py",
           "lambda entry: entry[1].st_mtime", "lambda entry: -entry[1].st_mtime", f"{STAGES} -k least_recently"),
    Mutant("a job whose cache may be cleared", "runs/job.py",
           ", in_use(experiment.cache_dir)", "", "tests/runs/test_job.py"),
    # what must not leave the machine
    Mutant("parameters with the store's password", "experiment/config.py",
           "values=redact(values)", "values=values", f"{CREDENTIALS} -k plain_values"),
    Mutant("tags with the store's password", "tracking/writing.py",
           "RunTag(name, redact(value))", "RunTag(name, value)", f"{CREDENTIALS} -k tag"),
    Mutant("a typed password that Hydra writes down", "sweeps/callback.py",
           "if redact(text) != text:", "if False:", f"{CREDENTIALS} -k typed"),
    Mutant("secrets kept when they are tracked", "runs/provenance.py",
           'if SECRET.search(f"/{name}") else', 'if name in new and SECRET.search(f"/{name}") else',
           "tests/runs/test_provenance.py -k secret"),
    Mutant("uncommitted files without a limit", "runs/provenance.py",
           "if size > MOST_KEPT else", "if False else", "tests/runs/test_provenance.py -k limited"),
    # whom a cache trusts
    Mutant("arrays read as pickles", "cache/codec.py",
           "array = np.lib.format.read_array(file, allow_pickle=False)",
           "array = np.lib.format.read_array(file, allow_pickle=True)", f"{STAGES} -k pickles"),
    Mutant("arrays that lose their last digits", "cache/codec.py",
           "write_array(file, array, ", "write_array(file, array.astype(\"f4\"), ", "tests/cache/test_codec.py -k bit"),
    Mutant("a cache that everybody may write", "cache/private.py",
           "if found.st_mode & stat.S_IWOTH:", "if False:", "tests/cache/test_private.py"),
    Mutant("folders of a cache that others may read", "cache/private.py",
           "mkdir(mode=0o700, ", "mkdir(", "tests/cache/test_private.py"),
    # stores that have to be made first
    Mutant("a store that has its name before it is whole", "tracking/creation.py",
           'SqlAlchemyStore(f"sqlite:///{partial}"', 'SqlAlchemyStore(f"sqlite:///{database}"', f"{CREATION} -k whole"),
    Mutant("half-made stores trusted", "tracking/creation.py",
           "return [version for (version,) in versions] == [_get_latest_schema_revision()]", "return True",
           f"{CREATION} -k half_made"),
    Mutant("stores with runs made again", "tracking/creation.py",
           'if "runs" in tables and ', 'if False and ', f"{CREATION} -k left_alone"),
    Mutant("starts on a fresh server that do not wait", "tracking/creation.py",
           "SELECT pg_advisory_lock(:number)", "SELECT :number", f"{CREATION} -k server"),
    # which runs are dead
    Mutant("processes of other PID namespaces looked up in this one", "tracking/processes.py",
           "if within and tags[names.TAG_PID_NAMESPACE] == _pid_namespace():", "if within:",
           f"{TRACKING} -k not_before"),
    Mutant("a lease by a clock that may be set", "tracking/processes.py",
           "_since_boot() - seen_since_boot if within else time.time() - seen", "time.time() - seen",
           f"{TRACKING} -k not_before"),
    Mutant("runs that show no life", "tracking/processes.py",
           'threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()', "pass",
           f"{TRACKING} -k shows_that"),
    # what is refused before it takes memory or time
    Mutant("sizes that no machine has", "machine.py",
           "if n_bytes > there:", "if False:", "tests/experiment/test_bounds.py -k memory"),
    Mutant("more stars than the disk holds", "experiment/checks.py",
           "    experiment.data.check(experiment.cache_dir)\n", "", "tests/experiment/test_bounds.py -k train"),
    Mutant("gate stars of which too few calibrate", "experiment/pipeline.py",
           "    check_folds(experiment, bins, dataset.gate)\n", "", f"{PIPELINE} -k calibrate"),
    Mutant("penalties without a bound", "experiment/checks.py",
           "    experiment.experts.check(grid.wavelength.size)\n", "", "tests/experiment/test_bounds.py -k alphas"),
    # which stars, which seed and which limits a stage gets
    Mutant("gate's and test stars' inputs swapped", "experiment/pipeline.py",
           "(dataset.gate, dataset.test, noisy_test)", "(dataset.test, dataset.gate, noisy_test)", WIRING),
    Mutant("gate's inputs recalled for the test stars", "experiment/cached_stages.py",
           '"gate_inputs", identity', '"gate_inputs", self.identities', WIRING),
    Mutant("gate trained with another seed", "experiment/pipeline.py",
           "fit_gate(gate, dataset.gate, bin_index, limited, seed=seed)",
           "fit_gate(gate, dataset.gate, bin_index, limited, seed=0)", WIRING),
    Mutant("gate trained on unclipped predictions", "experiment/pipeline.py",
           "limit(gate_inputs, experts, clip=clip)", "limit(gate_inputs, experts, clip=False)", WIRING),
    Mutant("gate trained with the default recipe", "experiment/pipeline.py",
           "gate = replace(gate, training=experiment.training)", "gate = replace(gate)", WIRING),
    Mutant("gate trained on the predictions of other stars", "model/mixture.py",
           "expert_predictions=inputs.experts[covered]", "expert_predictions=inputs.experts[covered][::-1]", WIRING),
    Mutant("experts fitted with another seed", "experiment/cached_stages.py",
           '"seed": seed, "device"', '"seed": 0, "device"', WIRING),
    Mutant("folds that ignore the seed", "model/experts.py",
           'random_stream(seed, "folds"', 'random_stream(0, "folds"', WIRING),
    Mutant("clip limits from the test stars", "experiment/prediction.py",
           "limits = mixture.experts.label_range",
           'limits = tuple(labels["logg"].agg(["min", "max"]))', WIRING),
    Mutant("clipped predictions that are not", "experiment/prediction.py",
           "clipped=route(clip=True)", "clipped=route(clip=False)", WIRING),
    Mutant("the mixture is not clipped", "model/mixture.py",
           "limited = limit(inputs, self.experts, clip=clip)", "limited = inputs", WIRING),
    Mutant("baseline trained on the test stars", "experiment/cached_stages.py",
           "baseline.fit, self.dataset.train, ", "baseline.fit, self.dataset.gate, ", WIRING),
    Mutant("one noise stream for stars of several files", "spectra/sources.py",
           'return f"noise {option}"', 'return "noise"', "tests/spectra/test_sources.py"),
    Mutant("noise that ignores the star", "spectra/noise.py",
           "random_stream(seed, stage, index)", "random_stream(seed, stage)", "tests/spectra/test_noise.py"),
    Mutant("noise whose first pixels know its last", "spectra/noise.py",
           "next_fast_len(len(error) + 2)", "len(error)", "tests/spectra/test_noise.py -k ends"),
    Mutant("noise that is white whatever was asked for", "spectra/noise.py",
           "if not any(given):", "if True:", "tests/spectra/test_noise.py -k ends"),
    Mutant("splits that overlap", "spectra/splits.py",
           "order[start:end]", "order[:end]", "tests/spectra/test_splits.py"),
    # what becomes of bad pixels
    Mutant("a rule without flags", "spectra/masks.py",
           "masked |= flags != 0", "pass", MASKS),
    Mutant("a rule that lets negative errors through", "spectra/masks.py",
           "np.isfinite(error) & (error > 0)", "np.isfinite(error) & (error != 0)", MASKS),
    Mutant("sentinels as limits", "spectra/masks.py",
           "flux == sentinel", "flux <= sentinel", MASKS),
    Mutant("findings kept whatever the rule", "spectra/inspection.py",
           '"layout": repr(layout), ', "", f"{MASKED_FILES} -k findings"),
    Mutant("checksums of what lies in masked pixels", "spectra/inspection.py",
           "blank(flux, error, masked)", "pass", f"{MASKED_FILES} -k same"),
    Mutant("masks that are not turned with their spectra", "spectra/star_reader.py",
           "bands.of[name], turned=turned)", "bands.of[name], turned=turned and name != layout.mask)",
           f"{MASKED_FILES} -k turned"),
    Mutant("masks of a later file that are taken for the first one's", "spectra/dataset.py",
           "each.masks.shift(start)", "each.masks.shift(0)", f"{MASKED_FILES} -k several"),
    Mutant("a scale from all of a star", "spectra/used_pixels.py",
           "NEIGHBOURS = 16", "NEIGHBOURS = 10**6", USED_PIXELS),
    Mutant("a mean of which bright stars have more", "spectra/used_pixels.py",
           "(levels.astype(float) @ known)", "known.sum(axis=0) / levels.mean()", USED_PIXELS),
    Mutant("pixels left out by what half of the stars lack", "spectra/used_pixels.py",
           "<= MOST * len(seen)", "< MOST * len(seen)", USED_PIXELS),
    Mutant("pixels chosen by all stars", "spectra/assembling.py",
           "choose_pixels(files.masks, candidates[:FIRST_STARS])",
           "choose_pixels(files.masks, np.arange(files.n_stars))", f"{MASKED_FILES} -k training"),
    Mutant("a mean that knows the test stars", "spectra/assembling.py",
           'files.read(np.sort(rows["data.n_train"][:FIRST_STARS]))',
           "files.read(np.arange(files.n_stars))", f"{MASKED_FILES} -k alone"),
    Mutant("stars' identity without what fills them", "spectra/dataset.py",
           '"design": self.used.digest,', "", f"{MASKED_FILES} -k something"),
    Mutant("stars with too many masked pixels that stay", "spectra/masked_stars.py",
           "rows[~bad[option]]", "rows", f"{MASKED_FILES} -k dropped"),
    Mutant("pixels that are left out count against a star", "spectra/masked_stars.py",
           "count_pixels(rows, pixels)", "count_pixels(rows, np.ones_like(pixels))", f"{MASKED_FILES} -k no_split"),
    Mutant("windows that are not checked against the pixels that are left", "experiment/pipeline.py",
           "    experiment.features.check_wavelength(dataset.wavelength, medium=dataset.medium)\n", "",
           "tests/experiment/test_masked_runs.py -k window"),
    Mutant("pixels beside a gap that stand for it", "spectra/pixels.py",
           "steps >= GAP * usual", "steps >= 1e9 * usual", PIXELS),
    Mutant("a lone pixel between two gaps as wide as these", "spectra/pixels.py",
           "NEIGHBOURS = 7", "NEIGHBOURS = 1", PIXELS),
    Mutant("knots of a continuum where there are no pixels", "spectra/preprocessing/continuum.py",
           "if n_between > DEGREE:", "if n_between >= 0:", "tests/spectra/preprocessing/test_continuum.py -k bridges"),
    Mutant("visits of an external star that count as many", "evaluation/external.py",
           "        star=predictions.star[members],\n", "", "tests/evaluation/test_external.py -k visits"),
    Mutant("visits of a star on both sides of the gate's hold-out", "model/mixture.py",
           "        star=stars.star[covered],\n", "", f"{PIPELINE} -k stay_together"),
    # what simulated spectra are made of
    Mutant("temperatures against optical depth itself, not its logarithm", "spectra/simulator/temperature.py",
           "torch.log10(tau)", "tau", f"{SIMULATOR}/test_atmosphere.py -k blanketed"),
    Mutant("lines that dissolve into nothing", "spectra/simulator/hydrogen.py",
           "gaunt(3, x)\n    return total + STATISTICAL", "gaunt(3, x)\n    return total + 0 * STATISTICAL",
           f"{SIMULATOR}/test_hydrogen.py -k without_a_step"),
    Mutant("Stark widths of ions without electrons", "spectra/simulator/hydrogen.py",
           "(2 * density)", "(density)", f"{SIMULATOR}/test_hydrogen.py -k unified_theory"),
    Mutant("shares of faint lines too small by their scatter", "spectra/simulator/haze.py",
           "shares * wanted.sum() / (weighted @ shares).sum()", "shares * 0.91", f"{SIMULATOR}/test_haze.py"),
    # how gates are trained
    Mutant("hold-out measured in training mode", "model/gates/training.py",
           "    network.eval()\n    with", "    with", f"{GATES} {TRAINING} -k contract or measures"),
    Mutant("batches in evaluation mode", "model/gates/training.py",
           "network.train()", "network.eval()", f"{TRAINING} -k measures"),
    Mutant("training draws from torch's global state", "model/gates/softmax.py",
           "torch.manual_seed(int(rng.integers(2**63)))", "rng.integers(2**63)", f"{GATES} -k draws_does_not"),
    Mutant("the last weights are kept, not the best", "model/gates/training.py",
           "    network.load_state_dict(best)\n        network.eval()", "    network.eval()", f"{TRAINING} -k best"),
    Mutant("a gate that never left its start has converged", "model/gates/training.py",
           "if not improved:", "if False:", f"{TRAINING} -k start"),
    # what is done to spectra, and to stars of other libraries
    Mutant("stars' key without the preprocessing", "experiment/stage_keys.py",
           ', "preprocessing": identify_worker(stars.preprocessing)', "", f"{IDENTITIES} -k preprocessing"),
    Mutant("stars' key without what draws their noise", "experiment/stage_keys.py",
           '"drawn_by": identify_worker(stars.noise), ', "", f"{CODE_KEYS} -k MyNoise"),
    Mutant("noise of another kind that is not drawn", "experiment/pipeline.py",
           "dataset.observed(experiment.noise, ", "dataset.observed(dataset.train.noise, ", f"{OWN} -k no_part"),
    Mutant("a noise draw that does not know what draws", "spectra/dataset.py",
           "star_index=self.rows, noise=self.noise)", "star_index=self.rows)", f"{OWN} -k refused"),
    Mutant("a digest of stars that does not know their own label", "spectra/dataset.py",
           'b"" if self.label.always_there else ', 'b"" if True else ', f"{LABELS} -k own_column"),
    Mutant("stars' identity without the label", "spectra/dataset.py",
           '"label": self.label.option,', "", f"{IDENTITIES} -k data.label"),
    Mutant("a mixture that calls its label log g", "experiment/pipeline.py",
           "label=dataset.train.label,", "", f"{LABELS} -k log_g"),
    Mutant("experts of another kind that are never fitted", "model/experts.py",
           "self.fit_expert(stars, members, moments, seed=seed, device=device)",
           "self._ridge(device).fit_moments(moments)", f"{OWN} -k no_part"),
    Mutant("metrics of one's own on all stars", "evaluation/tables.py",
           "metric.measure(y[covered], configured[covered])", "metric.measure(y, configured)",
           "tests/evaluation/test_results.py -k further"),
    Mutant("later spectra not preprocessed", "model/mixture.py",
           "self.preprocess(flux / np.float32(self.flux_unit))", "flux / np.float32(self.flux_unit)",
           f"{PIPELINE} -k preprocessed_alike"),
    Mutant("training stars alone preprocessed", "spectra/dataset.py",
           "replace(self, train=train, gate=gate, test=test)", "replace(self, train=train)",
           f"{PIPELINE} -k preprocessed_alike"),
    Mutant("a continuum that follows lines", "spectra/preprocessing/continuum.py",
           "weight = np.where(kept, 1.0, CLIPPED_WEIGHT)", "weight = np.ones_like(flux)",
           "tests/spectra/preprocessing/test_continuum.py -k depth"),
    Mutant("sums over pixels in numpy's order", "spectra/preprocessing/continuum.py",
           "return (sparse.csr_array(np.ones((1, len(values)))) @ values)[0]", "return values.sum(axis=0)",
           "tests/spectra/preprocessing/test_continuum.py -k last_bit"),
    Mutant("widths of lines that add up", "spectra/preprocessing/resolution.py",
           "np.sqrt(np.maximum(self.fwhm**2 - self.native.at(wavelength) ** 2, 0))",
           "self.fwhm - self.native.at(wavelength)", "tests/spectra/preprocessing/test_resolution.py"),
    Mutant("flux per pixel taken for flux per Å", "spectra/resampling.py",
           "np.cumsum(bridged * np.diff(old)", "np.cumsum(bridged", "tests/spectra/test_resampling.py"),
    Mutant("external stars at the training stars' resolution", "spectra/external.py",
           "preprocessing.seen_by(self.instrument).prepare(", "preprocessing.prepare(", f"{EXTERNAL} -k resolution"),
    Mutant("external stars in another medium", "spectra/external.py",
           "return convert(grid.wavelength, medium=own, to=medium)", "return grid.wavelength",
           f"{EXTERNAL} -k vacuum"),
    Mutant("external stars that were trained on", "spectra/external.py",
           "if known.any():", "if False:", f"{EXTERNAL} -k trained_on"),
    Mutant("stars outside the training range scored", "evaluation/external.py",
           "within = predictions.covered & np.all(", "within = predictions.covered | np.all(",
           "tests/evaluation/test_external.py -k groups"),
    Mutant("a ceiling that blames one catalogue", "evaluation/external.py",
           "self.disagreement**2 / 2 / variance", "self.disagreement**2 / variance",
           "tests/evaluation/test_external.py -k ceiling"),
    Mutant("a run's identity without the files of external stars", "runs/identity.py",
           "[experiment.data.fingerprint(), files]", "experiment.data.fingerprint()",
           f"{IDENTITIES} -k only_predicted"),
    # the model that a run keeps
    Mutant("a model whose numbers are not held to their digest", "prediction/storage.py",
           "if _digest(path) != digest:", "if False:", f"{STORAGE} -k refused"),
    Mutant("a model that runs what its file names", "prediction/blueprints.py",
           "if not is_dataclass(made_by):", "if False:", f"{STORAGE} -k refused"),
    Mutant("a model without its preprocessing", "prediction/storage.py",
           'PARTS = ("bins", "features", "gate", "preprocessing")', 'PARTS = ("bins", "features", "gate")', STORAGE),
    Mutant("stars at rest resampled for those beside them", "prediction/adapting.py",
           "np.flatnonzero(given != 0)", "np.arange(n_stars if given.any() else 0)",
           "tests/prediction/test_adapting.py -k whatever"),
    Mutant("models of any format", "prediction/storage.py",
           "    if found != FORMAT:", "    if False:", f"{STORAGE} -k another_format"),
    Mutant("a gate that draws its weights anew", "model/gates/softmax.py",
           "        self.network_.load_state_dict(", "        dict(", f"{GATES} -k made_again"),
    Mutant("a model without the code of a user's gate", "runs/models.py",
           ", *(type(part).__module__ for part in parts)", "", f"{MODELS} -k holds"),
    Mutant("the commit of a project around taken for this one's", "runs/provenance.py",
           "        if not inside:\n", "        if True:\n", "tests/runs/test_provenance.py -k another"),
    Mutant("the repository of a git hook asked", "runs/provenance.py",
           "if name not in NAMED_REPOSITORY}", "if name}", "tests/runs/test_provenance.py"),
    Mutant("a warning at every run of an unknown commit", "runs/provenance.py",
           "@cache\ndef _say_once", "def _say_once", "tests/runs/test_provenance.py -k once"),
    Mutant("artifacts of runs that stay behind when a store moves", "tracking/moved.py",
           "for run_id in here],", "for run_id in run_ids[:0]],", "tests/tracking/test_moved.py"),
    Mutant("a store without its artifacts written on", "tracking/moved.py",
           "if run_ids and not here:", "if False:", "tests/tracking/test_moved.py -k without"),
    Mutant("relative stores where a job is", "program.py",
           'os.environ.get(START_VARIABLE, ".")', '"."', "tests/test_checkouts.py -k relative"),
    Mutant("output that a locale's encoding ends", "program.py",
           'reconfigure(errors="replace")', 'reconfigure(errors="strict")', "tests/test_checkouts.py -k any_name"),
    Mutant("champions without support", "runs/champion.py",
           "if verdict == SUPPORTED or force:", "if verdict or force:", "tests/runs/test_champion.py -k unless"),
    Mutant("a champion of another gate", "runs/champion.py",
           "if _place(run) == claimed.places[0]]", "]", "tests/runs/test_champion.py -k alias"),
    Mutant("models that stay behind when a store moves", "tracking/moved.py",
           "if (folder / MODELS_FOLDER / model_id).is_dir()", "if False", f"{MODELS} -k moves"),
    # error bars and flags
    Mutant("calibration stars that their gate was trained on", "model/mixture.py",
           "others = np.where(fold == number, -1, bin_index)", "others = bin_index", f"{CALIBRATION} -k never_saw"),
    Mutant("difficulty learnt from the star's own error", "prediction/intervals.py",
           "others = np.flatnonzero(fold != number)", "others = np.arange(len(fold))", f"{INTERVALS} -k own_error"),
    Mutant("quantiles that forget the new star", "prediction/intervals.py",
           "(len(scores) + 1) * LEVELS", "len(scores) * LEVELS", f"{INTERVALS} -k new_star"),
    Mutant("quantiles of uncovered stars too", "prediction/intervals.py",
           "everyone = _quantiles(scores[covered])", "everyone = _quantiles(scores)", f"{INTERVALS} -k outside"),
    Mutant("noise that is only flagged when large", "prediction/flags.py",
           "(evidence.noise < low) | ", "", f"{FLAGS} -k what_it_is_for"),
    Mutant("as few uncertain stars as may be", "prediction/flags.py",
           "        if not every.all() and", "        if True or", f"{FLAGS} -k three_times"),
    Mutant("noisier stars with the noise of the others", "experiment/prediction.py",
           "noise_level=NOISIER * stars.noise_level", "noise_level=stars.noise_level", f"{CALIBRATION} -k noise"),
    Mutant("coverage of stars outside every bin", "evaluation/coverage.py",
           '{"all": self.covered, ', '{"all": self.covered | True, ', f"{CALIBRATION} -k tenths"),
    # files of others
    Mutant("flux per frequency taken for flux per Å", "prediction/readers/pfs.py",
           "scale = (wavelength / wavelength.mean()) ** 2", "scale = 1.0", f"{READERS} -k pfs"),
    Mutant("flags that only warn taken for bad pixels", "prediction/readers/pfs.py",
           "if name in BAD]", "]", f"{READERS} -k names_of_flags"),
    Mutant("files that grow while they are read", "prediction/readers/__init__.py",
           "if path.stat().st_size != size:", "if False:", f"{READERS} -k grows"),
    Mutant("stars that are moved the wrong way", "prediction/adapting.py",
           "wavelength / (1 + shift / KMS)", "wavelength * (1 + shift / KMS)", f"{ADAPTING} -k another_grid"),
    Mutant("bridged pixels taken for known", "prediction/adapting.py",
           "known_share(wavelength, to, known)", "known_share(wavelength, to, known | True)",
           f"{ADAPTING} -k half_unknown"),
    Mutant("rows of a file none of whose spectra can be used", "prediction/streaming.py",
           "        if usable:", "        if True:", "tests/cli/test_predict.py -k leaves_no_row"),
    Mutant("requests of any size", "page/server.py",
           "elif int(length) > self.server.most_bytes:", "elif False:", "tests/page -k cannot_be_answered"),
    Mutant("requests that other pages make a browser send", "page/server.py",
           'if self.headers.get("Host") in self.server.hosts:', "if True:", "tests/page -k cannot_be_answered"),
    Mutant("names of stars taken for HTML", "page/answers.py",
           "autoescape=True", "autoescape=False", "tests/page -k chosen_one"),
    Mutant("doubtful values of STPARAM trusted", "prediction/layouts.py",
           '"flag": bits != 0', '"flag": bits < 0', "tests/cli/test_predict.py -k parameters"),
    Mutant("the parameters of a star apart from each other", "prediction/layouts.py",
           'rows.sort_index(level="row", kind="stable")', "rows", "tests/cli/test_predict.py -k parameters"),
    Mutant("bad files that pass unnoticed", "cli/predict.py",
           "context.exit(1 if failed else 0)", "context.exit(0)", "tests/cli/test_predict.py -k told"),
    # what many runs conclude
    Mutant("one degree of freedom too many over data seeds", "comparison/data_seeds.py",
           "stats.t.ppf((1 + confidence) / 2, len(values) - 1)", "stats.t.ppf((1 + confidence) / 2, len(values))",
           "tests/comparison/test_data_seeds.py"),
    Mutant("the deciding star of the first data seed", "comparison/tables.py",
           "place = int(np.argmax(np.nan_to_num(sizes, nan=-1)))", "place = 0", "tests/comparison/test_data_seeds.py"),
    Mutant("published values beside a user's own stars", "comparison/published.py",
           '"data": "simulated",', "", "tests/comparison/test_published.py"),
    Mutant("one device's runs may differ as two devices' do", "comparison/comparability.py",
           "if one.made_on == other.made_on or", "if False or", "tests/comparison/test_comparability.py"),
    Mutant("of one identity the last given", "runs/membership.py",
           "by_start = sorted(runs, key=lambda run: run.started)", "by_start = list(runs)",
           "tests/runs/test_hypothesis_dates.py"),
    Mutant("a job counted once a look", "runs/membership.py",
           "entry = names.TAGS_JOB + identity", "entry = names.TAGS_JOB + run_id", "tests/runs/test_membership.py"),
    Mutant("looks that cost nothing", "comparison/looks.py",
           "1 - _round_down(level) for level", "self.overall for _", "tests/comparison/test_looks.py"),
    Mutant("a round that failed is looked at", "sweeps/until.py",
           'yield [[*job, f"{self.looks.option}={seed}"] for seed in added for job in self.grid]\n'
           "            self.looks = self.looks.next()",
           "self.looks = self.looks.next()\n"
           '            yield [[*job, f"{self.looks.option}={seed}"] for seed in added for job in self.grid]',
           "tests/sweeps/test_until.py -k breaks_off"),
    Mutant("comparisons that forget how often runs were looked at", "runs/conclusions.py",
           "looks=looks or looks_at(tracking, runs)", "looks=looks", "tests/sweeps/test_until.py -k forgets"),
    Mutant("bundles that forget it", "runs/bundles/export.py",
           "            looks_at(tracking, runs),\n", "", "tests/sweeps/test_until.py -k bundle"),
    Mutant("another plan spends again", "runs/looks.py",
           "if _family(parent) == family and not same:", "if False:", "tests/sweeps/test_until.py -k spent_again"),
    Mutant("sweepers see the loss that training minimised", "model/gates/base.py",
           'self.curve_["holdout_loss"].min()', 'self.curve_["train_loss"].min()',
           "tests/sweeps/test_optimising_sweepers.py"),
    Mutant("unlimited predictions trusted", "comparison/scoring.py",
           "limited=all(", "limited=any([True]) or all(", "tests/comparison/test_comparison.py -k without_limit"),
    Mutant("configured predictions taken for clipped ones", "comparison/contenders.py",
           "clipped if record.clip else unclipped, record.clip)", "clipped if record.clip else unclipped, True)",
           "tests/comparison/test_comparison.py -k without_limit"),
    Mutant("a run's own predictions taken for limited", "evaluation/results.py",
           "limited=predictions.clip", "limited=True", "tests/evaluation/test_results.py -k trusted"),
    Mutant("a pair's intervals not expanded", "comparison/scoring.py",
           "expand_ratio(draws, by_star, distance)", "draws", "tests/comparison/test_comparison.py -k itself"),
    Mutant("criteria judged whatever carries them", "comparison/hypotheses.py",
           "if not found.carriers.trusted:", "if False:", "tests/comparison/test_hypotheses.py -k trusted"),
    Mutant("a plan for data seeds that are as sure of their scatter as of a known one", "comparison/planning.py",
           "t = stats.t(n - 1)", "t = stats.norm()", "tests/comparison/test_planning.py -k data_seeds"),
    Mutant("equivalence by one of its two tests", "comparison/equivalence.py",
           "-margin < within.low and ", "", "tests/comparison/test_equivalence.py"),
    Mutant("equivalence at half its level", "comparison/equivalence.py",
           "confidence=2 * confidence - 1", "confidence=confidence", "tests/comparison/test_equivalence.py"),
    Mutant("Holm without its maximum", "comparison/multiplicity.py",
           "np.maximum.accumulate(", "(", "tests/comparison/test_multiplicity.py -k holm"),
    Mutant("Holm without counting down", "comparison/multiplicity.py",
           "np.arange(len(order), 0, -1)", "len(order)", "tests/comparison/test_multiplicity.py -k holm"),
    Mutant("a one-sided p", "comparison/multiplicity.py",
           "min(1.0, 2 * (beyond", "min(1.0, 1 * (beyond", "tests/comparison/test_multiplicity.py -k p_is"),
    # what a run says of itself
    Mutant("test stars' digest tagged as the gate's", "runs/recording.py",
           "names.TAG_GATE_DIGEST: dataset.gate.digest", "names.TAG_GATE_DIGEST: dataset.test.digest", TAGS),
    Mutant("training stars' digest tagged as the test's", "runs/recording.py",
           "names.TAG_TEST_DIGEST: dataset.test.digest", "names.TAG_TEST_DIGEST: dataset.train.digest", TAGS),
    Mutant("another split's noise tagged", "runs/recording.py",
           "dataset.test.noise_draw", "dataset.train.noise_draw", TAGS),
    Mutant("living runs settled", "tracking/processes.py",
           "not is_alive(run.data.tags, run.info.start_time / 1000)", "True", f"{TRACKING} -k living"),
    Mutant("runs of other programs settled", "tracking/processes.py",
           "if names.TAG_PID in run.data.tags and", "if", f"{TRACKING} -k older_version"),
    Mutant("a process taken for an earlier one of its number", "tracking/processes.py",
           "_started(int(tags[names.TAG_PID])) == tags[names.TAG_PROCESS_STARTED]",
           "_started(int(tags[names.TAG_PID])) is not None", "tests/tracking/test_processes.py"),
    Mutant("processes that fill one fresh store at a time", "tracking/creation.py",
           'with FileLock(database.with_name(f"{database.name}.lock")):', "if True:",
           f"{TRACKING} -k start_together"),
]  # fmt: skip


class Verdict(Enum):
    """What became of a fault."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"


def copy_tree(folder: Path) -> None:
    """Copy what git would keep of the tree, changes that are not committed included."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    for name in filter(None, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def run_tests(tests: str, folder: Path) -> tuple[int | None, str]:
    """Run tests of a copy, given as they are for pytest, with what follows -k as one expression.

    Return the exit status, None where they took too long, and what they said.
    """
    paths, _, expression = tests.partition(" -k ")
    arguments = ["-x", "-q", "-n0", "-p", "no:cacheprovider", *paths.split()]
    arguments += ["-k", expression] if expression else []
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as said:
        process = READY.Process(target=become_pytest, args=(arguments, folder, Path(said.name)))
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
        return process.exitcode, said.read()


READY = multiprocessing.get_context("forkserver")
READY.set_forkserver_preload(
    ["pytest", "lightgbm", "matplotlib.figure", "mlflow.store.tracking.sqlalchemy_store", "torch"]
)


def become_pytest(arguments: list[str], folder: Path, said: Path) -> None:
    """Turn this process, which has the libraries and nothing of this package, into one that tests a copy of it."""
    import pytest

    for stream in (1, 2):
        os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND), stream)
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder / "src")
    sys.path[:0] = [str(folder), str(folder / "src")]
    sys.exit(pytest.main(arguments))


def try_mutant(mutant: Mutant) -> tuple[Verdict, str]:
    """Apply a fault to a copy of the tree and run its tests; return what they say where it was not noticed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        path = folder / PACKAGE / mutant.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if text.count(mutant.old) != 1:
            return Verdict.BROKEN, f"{mutant.file} holds {mutant.old!r} {text.count(mutant.old)} times, not once."
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        status, said = run_tests(mutant.tests, folder)
        known = {0: Verdict.SURVIVED, 1: Verdict.KILLED, None: Verdict.KILLED}
        verdict = known.get(status, Verdict.BROKEN)
        return verdict, "" if verdict == Verdict.KILLED else said[-2000:]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try all faults, or those whose description or file holds a text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="?", default="", help="only faults whose description or file holds it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="faults tried at the same time")
    options = parser.parse_args(arguments)
    chosen = [mutant for mutant in MUTANTS if options.text in f"{mutant.fault} {mutant.file}"]
    found = dict.fromkeys(Verdict, 0)
    with ThreadPoolExecutor(options.jobs) as threads:
        for mutant, (verdict, said) in zip(chosen, threads.map(try_mutant, chosen), strict=True):
            found[verdict] += 1
            print(f"{verdict.value:8}  {mutant.fault} ({mutant.file})", *filter(None, [said]), sep="\n", flush=True)
    print(", ".join(f"{number} {verdict.value}" for verdict, number in found.items()))
    return 2 if found[Verdict.BROKEN] else 1 if found[Verdict.SURVIVED] else 0


if __name__ == "__main__":
    sys.exit(main())
