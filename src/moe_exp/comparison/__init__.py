"""Runs side by side: which may be compared, what each scores, where two differ, and which stars decide it.

`compare` takes the records of finished runs. Runs of one data seed share their test stars and are paired on the same
resamples; runs of other data seeds are replicates, summarised but never paired.
"""

from moe_exp.comparison.comparability import check_comparable
from moe_exp.comparison.contenders import Contender
from moe_exp.comparison.records import RunRecord
from moe_exp.comparison.summary import Comparison, compare

__all__ = ["Comparison", "Contender", "RunRecord", "check_comparable", "compare"]
