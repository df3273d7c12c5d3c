"""Random answers and replies: each is a record that keeps the schema, or a fault of a known kind, and nothing else."""

import json
import re
from collections.abc import Callable

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from eadnet.captions.engines.answers import FAULTS, Answer, AnswerError, read_answer
from eadnet.captions.engines.replies import read_completion
from eadnet.captions.plain_text import LETTERS
from eadnet.captions.schema import FULL_WORDS, SHORT_WORDS, AnsweredRecord, CaptionRecord, forbidden_content
from tests.support.caption_server import completion
from tests.support.hostile_answers import good_record

SHAPE = jsonschema.Draft202012Validator(AnsweredRecord.model_json_schema())
PLAIN = re.compile(f"[{LETTERS} ]*")

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)  # surrogates, too
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.sampled_from([10**4000, -(10**300)])
values = st.recursive(scalars, lambda part: st.lists(part, max_size=4) | st.dictionaries(any_text, part, max_size=4))
words = st.sampled_from(["calm", "smile", "The", "brows", "woman", "rise.", "lips", "\u00e9", "a-b"])
sentences = st.lists(words, max_size=8).map(" ".join) | st.integers(1, 70).map(lambda count: " ".join(["so"] * count))
shares = st.floats(-1.1, 1.1) | st.sampled_from([0, 1, -1])
fields = {
    **dict.fromkeys(("caption_short", "caption_full", "gaze"), sentences),
    **dict.fromkeys(("confidence", "valence", "arousal"), shares),
    "emotion": st.sampled_from(["happy", "calm", "sad", "HAPPY"]),
    "paraphrases": st.lists(sentences, min_size=2, max_size=4),
    "action_units": st.lists(st.sampled_from(["dimpler", "cheek raiser", "AU12"]), max_size=20),
    "head": values | st.fixed_dictionaries({"pose": sentences, "motion": sentences | any_text}),
}
changes = st.one_of([st.fixed_dictionaries({name: found}) for name, found in fields.items()])
odd = st.dictionaries(any_text | st.sampled_from(list(fields)), values, max_size=1)
unchanged = st.just({})
records = st.builds(lambda *parts: good_record() | parts[0] | parts[1], changes | unchanged, changes | odd | unchanged)
objects = st.builds(lambda found, ascii_: json.dumps(found, ensure_ascii=ascii_), records, st.booleans())


def _twice(text: str) -> str:
    """The first key of an object a second time."""
    return re.sub(r'^\{("(?:[^"\\]|\\.)*"): ', r"{\1: 1, \1: ", text)


wraps: list[Callable[[str, str], str]] = [
    lambda text, other: f"<think>{other}</think>\n{text}",
    lambda text, other: f"<think>{other}{text}",
    lambda text, other: f"{other}</think>{text}",
    lambda text, other: f"```json\n{text}\n```",
    lambda text, other: f"```json\n{text}",
    lambda text, other: f"{other} {text} {other}",
    lambda text, other: f"\ufeff{text}",
    lambda text, other: text[: len(other) * len(text) // 41],
    lambda text, other: text[:50] + other + text[50:],
    lambda text, other: text + text,
    lambda text, other: _twice(text),
    lambda text, other: f"[{text}]",
    lambda text, other: "[" * 2000 + text,
    lambda text, other: '{"a":' * 1500 + text + "}" * 1500,
    lambda text, other: text.replace(":", other, 1),
    lambda text, other: text.replace("0.9", "9" * 5000),
]
steps = st.lists(st.tuples(st.sampled_from(wraps), any_text), max_size=3)
finishes = st.sampled_from(["stop"] * 16 + ["length", "content_filter", "tool_calls", "none"])


def check(read: Callable[[], CaptionRecord]) -> CaptionRecord | None:
    """The record, which must keep every rule, or None after a fault, which must be a known one in one line."""
    try:
        record = read()
    except AnswerError as error:
        assert error.kind in FAULTS
        assert str(error) and error.explained.isprintable() and len(error.explained) < 500
        return None
    SHAPE.validate(json.loads(record.model_dump_json()))
    texts = (record.caption_short, record.caption_full, *record.paraphrases)
    assert all(PLAIN.fullmatch(text) and not forbidden_content(text) for text in texts)
    assert len(record.caption_short.split()) <= SHORT_WORDS and len(record.caption_full.split()) <= FULL_WORDS
    assert len(set(record.action_units)) == len(record.action_units)
    return record


@given(objects | values.map(json.dumps), steps, finishes, st.sampled_from(["", "reasoning"]))
def test_a_random_answer_is_a_valid_record_or_a_known_fault(text, made, finish, elsewhere):
    for wrap, other in made:
        text = wrap(text, other)
    check(lambda: read_answer(Answer(text, finish, elsewhere)))


@given(records, st.sampled_from(wraps[:7]), st.text("abc .,!?'\n", max_size=40))
def test_what_surrounds_one_object_changes_nothing(record, wrap, other):
    """A record is accepted within thinking, a fence or sentences just if it is accepted alone, and it is the same."""
    text = json.dumps(record)
    alone = check(lambda: read_answer(Answer(text)))
    assert check(lambda: read_answer(Answer(wrap(text, other)))) == alone


anything = values | st.lists(values, max_size=2)
kinds = st.sampled_from(["text", "output_text", "text", "thinking", "refusal", "x"])
parts = st.lists(st.fixed_dictionaries({"type": kinds, "text": objects}) | values, max_size=3)
messages = st.fixed_dictionaries(
    {"content": st.one_of(objects, objects, parts, anything)},
    optional=dict.fromkeys(("reasoning_content", "reasoning", "tool_calls", "refusal"), values),
)
choices = st.fixed_dictionaries({"message": messages | values, "finish_reason": st.one_of(finishes, finishes, values)})
bodies = st.one_of(
    choices.map(lambda choice: json.dumps(completion("") | {"choices": [choice]}).encode()),
    anything.map(lambda found: json.dumps(completion("") | {"choices": found}).encode()),
    values.map(lambda found: json.dumps(found).encode()),
    st.binary(max_size=60),
)


@given(bodies)
def test_a_random_reply_is_an_answer_or_a_known_fault(body):
    try:
        answer = read_completion(body)
    except AnswerError as error:
        assert error.kind in ("json", "unreachable") and str(error).isprintable()
    else:
        answer.text.encode()  # it may be sent back
        check(lambda: read_answer(answer))
