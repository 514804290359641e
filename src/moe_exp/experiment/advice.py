"""What to type instead: Hydra says what it does not know, and not what there is."""

import re
from difflib import get_close_matches
from pathlib import Path

from omegaconf import OmegaConf

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.experiment.config import GROUPS, LISTS, flatten

UNKNOWN_OPTION = re.compile(r"Could not override '([^']+)'")
UNREADABLE = re.compile(r"(.*?)\s*\^?\s*See \S+override_grammar", re.DOTALL)
UNKNOWN_FILE = re.compile(r"Could not (?:find|load) '([\w/]+)/([^'/]+)'")


def advise(said: str, conf: Path) -> InputError:
    """Return what to type instead where Hydra knows no such name or cannot read a value; else what it said.

    Parameters
    ----------
    said : str
    conf : path
        Folder of the YAML files.
    """
    if found := UNKNOWN_OPTION.search(said):
        name = found[1]
        beside = [each for each in known_options(conf) if each.rpartition(".")[0] == name.rpartition(".")[0]]
        return InputError(Code.UNKNOWN_OPTION, f"{name}: there is no such option. {_offer(name, beside)}")
    if found := UNKNOWN_FILE.search(said):
        group, name = found.groups()
        known = sorted(path.stem for path in (conf / group).glob("*.yaml"))
        if known:
            text = f"{group}={name}: conf/{group} has no {name}.yaml. {_offer(name, known)}"
            return InputError(Code.UNKNOWN_OPTION, text)
    if found := UNREADABLE.match(said):
        return InputError(
            Code.UNREADABLE_VALUE,
            f"{' '.join(found[1].split())}: that cannot be read. A value with other characters than plain letters, "
            "digits and ./:-_ stands between quotes within quotes: 'data.path=\"/ä/stars (1).h5\"'.",
        )
    return InputError(Code.NOT_COMPOSED, said)


def known_options(conf: Path) -> list[str]:
    """Return groups, and the options of their YAML files by names with dots, in alphabetical order."""
    found = {*GROUPS, *LISTS}
    for path in [conf / "config.yaml", *(path for group in GROUPS for path in (conf / group).glob("*.yaml"))]:
        values = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        assert isinstance(values, dict)
        options = {str(key): value for key, value in values.items() if key not in ("defaults", "hydra")}
        found |= set(flatten(options, {}, "" if path.parent == conf else f"{path.parent.name}."))
    return sorted(found)


def _offer(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    choices = f"There are {', '.join(known)}." if known else "`python train.py --help` lists what there is."
    return (f"Did you mean {near[0]}? " if near else "") + choices
