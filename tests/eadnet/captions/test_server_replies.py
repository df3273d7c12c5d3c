"""Replies of a server whose text is not where it belongs: read where that is safe, else named with the fix."""

import json

import pytest

from eadnet.captions.engines.answers import AnswerError, read_answer
from tests.support.caption_server import Reply, completion
from tests.support.hostile_answers import good_record
from tests.support.server_engine import one_line, only

THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "A smile."}]}
CALLED = [{"id": "1", "type": "function", "function": {"name": "caption", "arguments": json.dumps(good_record())}}]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "tool_calls"])
@pytest.mark.parametrize("content", [None, "", " \n"])
def test_an_answer_in_another_field_is_named_with_the_fix(name, content):
    """As vLLM does with a parser of reasoning, or of tool calls, that takes the whole answer."""
    put = CALLED if name == "tool_calls" else json.dumps(good_record())
    finish = name if name == "tool_calls" and content is None else "stop"
    answer, _ = only(lambda request, before: Reply(completion(content, finish, **{name: put})))
    with pytest.raises(AnswerError, match=f"put its answer into {name}") as caught:
        read_answer(answer)
    assert caught.value.kind == "misplaced" and "vllm serve: without --" in caught.value.explained


@pytest.mark.parametrize("beside", [None, "", "The person smiles."])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_a_text_in_parts_is_read_and_thinking_beside_it_is_not(beside, parts):
    text = json.dumps(good_record())
    size = len(text) // parts + 1
    pieces = [{"type": "text", "text": text[place : place + size]} for place in range(0, len(text), size)]
    answer, _ = only(lambda request, before: Reply(completion([THOUGHT, *pieces], reasoning_content=beside)))
    assert read_answer(answer).caption_short == good_record()["caption_short"]


@pytest.mark.parametrize(
    ("content", "finish", "kind", "fix"),
    [
        (None, "stop", "empty", "server's log"),
        ([], "stop", "empty", "server's log"),
        ([THOUGHT], "stop", "empty", "server's log"),
        ("", "length", "unfinished", "max_answer"),
        ([{"type": "refusal", "refusal": "I will not."}], "stop", "refusal", ""),
    ],
)
def test_a_reply_without_a_text_is_named(content, finish, kind, fix):
    answer, _ = only(lambda request, before: Reply(completion(content, finish)))
    with pytest.raises(AnswerError) as caught:
        read_answer(answer)
    assert caught.value.kind == kind and fix in caught.value.explained and one_line(caught.value.explained)


def test_an_error_with_the_status_of_a_success_is_quoted():
    answer, _ = only(lambda request, before: Reply({"error": {"message": "out of\nmemory", "code": 502}}))
    assert answer.transient and "no chat completion" in answer.failure and "memory" in answer.failure
    assert one_line(answer.failure)
