"""Codes of messages: each is used and explained, and no refusal is without one."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.experiment.checks import check
from tests.conftest import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^### (MOE\d{3}) (.+)\n\n(.+)\n", re.MULTILINE)
REFUSALS = {"InputError", "NotComparableError"}
WARNINGS = {"log.warning", "log.error", "logger.warning", "warnings.warn"}
SOURCES = [*(PROJECT_ROOT / "src").rglob("*.py"), *(PROJECT_ROOT / "examples").glob("*.py"), PROJECT_ROOT / "train.py"]


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def calls(names: set[str]) -> list[ast.Call]:
    found = [node for path in SOURCES for node in nodes(path) if isinstance(node, ast.Call)]
    return [call for call in found if ast.unparse(call.func) in names]


def test_the_page_has_one_entry_for_each_code_in_order():
    assert re.findall(r"^### (\S+)", PAGE, re.MULTILINE) == [*Code] == sorted(Code)


def test_an_entry_says_in_three_sentences_what_it_is_how_it_is_found_and_what_to_do():
    entries = ENTRY.findall(PAGE)
    assert len(entries) == len(Code)
    assert [code for code, _, text in entries if len(re.findall(r"[.!?]`?(?= [A-Z`]|$)", text)) < 3] == []


def test_every_code_is_used():
    used = {
        node.attr
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Code"
    }
    assert used == set(Code.__members__)


def has_code(call: ast.Call) -> bool:
    """Whether what a refusal takes first is a member of `Code`, or the code of the error that it says again."""
    return re.fullmatch(r"Code\.\w+|error\.code", ast.unparse(call.args[0])) is not None


def test_no_refusal_is_without_a_code():
    refusals = calls(REFUSALS)
    assert len(refusals) > 200
    assert [ast.unparse(refusal) for refusal in refusals if not has_code(refusal)] == []


def quotes_an_error(call: ast.Call) -> bool:
    return any(ast.unparse(said) in ("error", "damage", "lost") for said in call.args[1:])


def test_no_warning_is_without_a_code_of_its_own_or_of_the_error_that_it_quotes():
    warnings = calls(WARNINGS)
    assert len(warnings) > 15
    assert [
        ast.unparse(call) for call in warnings if "tagged(Code." not in ast.unparse(call) and not quotes_an_error(call)
    ] == []


def test_an_error_ends_in_its_code_in_this_process_and_in_others():
    error = pickle.loads(pickle.dumps(InputError(Code.NO_FILE, "http://ada:pw@host is away")))
    assert (error.code, str(error)) == (Code.NO_FILE, "http://***@host is away (MOE020)")


def test_a_message_that_says_another_one_has_one_code(configure):
    claim = "hypotheses.h_12a.criteria=[{quantity:x,model:mlp,n_train:1,noise_level:1}]"
    with pytest.raises(InputError, match="hypothesis.criteria") as refused:
        check(configure("hypothesis=[h_12a]", claim))
    assert re.findall(r"MOE\d+", str(refused.value)) == [Code.HYPOTHESIS_UNFIT]
