"""A JSON Patch does what RFC 6902 says, and what another implementation does."""

from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.refusals import AskedWrongError
from collector.sensorthings.patching import patched

VALUE = {"name": "a", "list": [1, 2, {"x": None}], "deep": {"a/b": 1, "m~n": 2, "": 3}}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/list/1", "value": 9}], {**VALUE, "list": [1, 9, 2, {"x": None}]}),
        ([{"op": "add", "path": "/list/-", "value": 9}], {**VALUE, "list": [1, 2, {"x": None}, 9]}),
        ([{"op": "add", "path": "", "value": {"b": 1}}], {"b": 1}),
        ([{"op": "replace", "path": "", "value": 5}], 5),
        ([{"op": "replace", "path": "/deep/a~1b", "value": 5}], {**VALUE, "deep": {"a/b": 5, "m~n": 2, "": 3}}),
        ([{"op": "remove", "path": "/deep/m~0n"}], {**VALUE, "deep": {"a/b": 1, "": 3}}),
        ([{"op": "remove", "path": "/deep/"}], {**VALUE, "deep": {"a/b": 1, "m~n": 2}}),
        ([{"op": "move", "from": "/list/0", "path": "/list/1"}], {**VALUE, "list": [2, 1, {"x": None}]}),
        ([{"op": "copy", "from": "/list/2", "path": "/copy"}], {**VALUE, "copy": {"x": None}}),
        ([{"op": "test", "path": "/list/2/x", "value": None}], VALUE),
    ],
)
def test_an_operation_does_what_it_says(operations: Any, expected: Any) -> None:
    before = repr(VALUE)
    assert patched(VALUE, operations) == expected
    assert repr(VALUE) == before


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ({}, "body: expected a list of operations"),
        ([{"op": "test", "path": ""}] * 1001, "body: at most 1000 operations"),
        (["x"], "operation 0: op: expected one of add"),
        ([{"op": "add", "path": "/a"}], "operation 0: value: missing"),
        ([{"op": "add", "value": 1}], "operation 0: path: missing"),
        ([{"op": "copy", "path": "/a"}], "operation 0: from: missing"),
        ([{"op": "copy", "path": "/a", "from": 1}], "operation 0: from: expected text"),
        ([{"op": "add", "path": "a", "value": 1}], "operation 0: a: a path begins with /"),
        ([{"op": "add", "path": "/list/01", "value": 1}], "operation 0: /list/01: nothing can stand there"),
        ([{"op": "add", "path": "/list/4", "value": 1}], "operation 0: /list/4: nothing can stand there"),
        ([{"op": "add", "path": "/name/x", "value": 1}], "operation 0: /name/x: nothing can stand there"),
        ([{"op": "add", "path": "/no/x", "value": 1}], "operation 0: /no: nothing stands there"),
        ([{"op": "remove", "path": "/no"}], "operation 0: /no: nothing stands there"),
        ([{"op": "remove", "path": ""}], "operation 0: path: the whole can't be removed"),
        ([{"op": "move", "from": "/deep", "path": "/deep/x"}], "operation 0: from: nothing can be moved into itself"),
        ([{"op": "test", "path": "/list/0", "value": True}], "operation 0: /list/0: another value stands there"),
        ([{"op": "test", "path": "/deep", "value": {}}], "operation 0: /deep: another value stands there"),
    ],
)
def test_what_cannot_be_done_is_named(operations: Any, message: str) -> None:
    with pytest.raises(AskedWrongError) as refused:
        patched(VALUE, operations)
    assert str(refused.value).startswith(message)


KEY = st.sampled_from(["a", "b", "a/b", "~", "0", ""])
JSON = st.recursive(
    st.integers(-3, 3) | st.booleans() | st.none() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3),
    max_leaves=12,
)


@given(JSON, JSON)
def test_a_patch_that_another_made_leads_where_it_should(one: Any, other: Any) -> None:
    made = jsonpatch.make_patch(one, other).patch
    assert repr(patched(one, made)) == repr(other) or patched(one, made) == other
