"""Deliberate faults in experts, gates, and the mixture of both."""

from .mutant import CALIBRATION, OWN, PIPELINE, WIRING, Mutant

GATES = "tests/model/test_gates.py"
LAYERS = "tests/model/test_layers.py"
TRAINING = "tests/model/test_training.py"

MUTANTS = [
    Mutant("folds that ignore the seed", "model/experts.py",
           'random_stream(seed, "folds"', 'random_stream(0, "folds"', WIRING),
    Mutant("experts of another kind that are never fitted", "model/experts.py",
           "self.fit_expert(stars, members, moments, seed=seed, device=device)",
           "self._ridge(device).fit_moments(moments)", f"{OWN} -k no_part"),
    Mutant("sweepers see the loss that training minimised", "model/gates/base.py",
           'self.curve_["holdout_loss"].min()', 'self.curve_["train_loss"].min()',
           "tests/sweeps/test_optimising_sweepers.py"),
    Mutant("hold-out measured in training mode", "model/gates/epochs.py",
           "    network.eval()\n    with", "    with", f"{GATES} {TRAINING} -k contract or measures"),
    Mutant("batches in evaluation mode", "model/gates/epochs.py",
           "network.train()", "network.eval()", f"{TRAINING} -k measures"),
    Mutant("the last weights are kept, not the best", "model/gates/epochs.py",
           "    network.load_state_dict(best)\n    network.eval()", "    network.eval()", f"{TRAINING} -k best"),
    Mutant("a gate that never left its start has converged", "model/gates/epochs.py",
           "if not improved:", "if False:", f"{TRAINING} -k start"),
    Mutant("a layer of the user's own taken for a linear one", "model/gates/layers.py",
           "type(layer) in kinds", "isinstance(layer, tuple(kinds))", LAYERS),
    Mutant("layers without their hooks", "model/gates/layers.py", "known and not hooked", "known", LAYERS),
    Mutant("training draws from torch's global state", "model/gates/softmax.py",
           "torch.manual_seed(int(rng.integers(2**63)))", "rng.integers(2**63)", f"{GATES} -k draws_does_not"),
    Mutant("a gate that draws its weights anew", "model/gates/softmax.py",
           "            network.load_state_dict(", "            dict(", f"{GATES} -k were_trained"),
    Mutant("gate trained on the predictions of other stars", "model/mixture.py",
           "expert_predictions=inputs.experts[covered]", "expert_predictions=inputs.experts[covered][::-1]", WIRING),
    Mutant("the mixture is not clipped", "model/mixture.py",
           "limited = limit(inputs, self.experts, clip=clip)", "limited = inputs", WIRING),
    Mutant("visits of a star on both sides of the gate's hold-out", "model/mixture.py",
           "        star=stars.star[covered],\n", "", f"{PIPELINE} -k stay_together"),
    Mutant("later spectra not preprocessed", "model/mixture.py",
           "self.preprocess(flux / np.float32(self.flux_unit))", "flux / np.float32(self.flux_unit)",
           f"{PIPELINE} -k preprocessed_alike"),
    Mutant("calibration stars that their gate was trained on", "model/mixture.py",
           "others = np.where(fold == number, -1, bin_index)", "others = bin_index", f"{CALIBRATION} -k never_saw"),
    Mutant("leave-one-out errors without the leverage", "model/ridge/leave_one_out.py",
           " / (1 - leverage)", "", "tests/model/ridge/test_leave_one_out.py"),
]  # fmt: skip
