"""Sizes that cannot work, and values of the wrong kind: refused before any memory is asked for, in one line."""

import re

import pytest

from moe_exp.errors import InputError
from moe_exp.experiment.checks import check
from moe_exp.machine import require_memory


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.n_train=1e11", "data.n_train=100000000000: the spectra would need 3,276,801 GB in "),
        ("evaluation.n_resamples=5000000", "at most 1,000,000. These would need some 5 GB of memory"),
        ("gate.hidden=1000000000", "weights (gate.hidden=1000000000) would need 640 GB of memory; there are "),
        ("experts.n_alphas=1000000000", "experts.n_alphas=1000000000 with experts.n_folds=5 would need 163,840 GB"),
        ("experts.n_folds=1000000000", "experts.n_alphas=9 with experts.n_folds=1000000000 would need 294,912 GB"),
        ("data.simulator.m_h=[3000,5000,1e999]", "data.simulator.m_h=[3000.0, 5000.0, inf]: give two numbers, not 3."),
        ("data.simulator.teff=[4000]", "data.simulator.teff=[4000.0]: give two numbers, not 1."),
        ("baseline=null", "baseline=null: name a file of conf/baseline"),
        ("hypothesis=null", "hypothesis=null: give a list of h_12a, more_stars, same_loss, or hypothesis=[] for none."),
        ("gate.hidden=${nowhere.x}", "gate.hidden (typed, or in conf/gate/mlp.yaml): Interpolation key 'nowhere.x'"),
        ("cache_limit_gb=nan", "cache_limit_gb=nan: give 0 or more, or inf."),
        ("cache_limit_gb=-1", "cache_limit_gb=-1.0: give 0 or more, or inf."),
        ("cache_dir='~nobody-here/x'", "cache_dir=~nobody-here/x: there is no such home folder."),
        ("cache_dir=${nowhere}", "cache_dir: Interpolation key 'nowhere' not found"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(configure, override, message):
    with pytest.raises(InputError, match=re.escape(message)) as found:
        check(configure(override))
    assert len(str(found.value).splitlines()) == 1


def test_what_works_is_not_refused(configure):
    check(configure("evaluation.n_resamples=1000000", "gate.hidden=4096", "experts.n_alphas=1000", "data.n_train=2e5"))


def test_what_was_typed_is_kept_as_it_was_typed(configure):
    assert configure("training.max_epochs=${gate.hidden}").overrides[-1] == "training.max_epochs=${gate.hidden}"


def test_memory_is_asked_for_up_to_what_there_is():
    require_memory(1e6, "A", "B")
    with pytest.raises(InputError, match=r"^A would need 1,000,000,000 GB of memory; there are \d+\. B \(MOE013\)$"):
        require_memory(1e18, "A", "B")
