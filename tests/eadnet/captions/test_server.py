"""The server engine against a real HTTP server on loopback: order, back-pressure, back-off, and every misbehaviour."""

import base64
import dataclasses
import gc
import io
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from PIL import Image

from eadnet.captions.engines.answers import read_answer
from eadnet.captions.engines.breaker import HOPELESS
from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.engines.replies import MAX_BODY
from eadnet.captions.engines.server import make_backend
from eadnet.captions.requests import CaptionError
from eadnet.captions.schema import answer_schema
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from tests.support.caption_server import Reply, completion, failure, question_of, serving
from tests.support.hostile_answers import good_record
from tests.support.server_engine import backend, echo, one_line, only, talks

PAUSE = 0.03  # seconds before the second try, instead of the client's half second


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", PAUSE)


def test_answers_come_in_order_and_never_too_many_are_under_way():
    def slower_first(request, before):
        return Reply(completion(question_of(request)), delay=0.15 if int(question_of(request)[4:]) % 3 == 0 else 0.08)

    with serving(slower_first) as server:
        answers = backend(server, concurrency=5).answer(talks(40))
    assert [answer.text for answer in answers] == [f"clip{index}" for index in range(40)]
    assert {answer.finish_reason for answer in answers} == {"stop"}
    assert server.most == 5


def test_one_at_a_time_gives_the_same_answers():
    with serving(lambda request, before: dataclasses.replace(echo(request, before), delay=0.02)) as server:
        alone, together = (backend(server, concurrency=number).answer(talks(12)) for number in (1, 8))
        assert server.most > 1
    assert alone == together


def test_the_request_is_what_the_server_must_hold_the_model_to():
    good = json.dumps(good_record())
    with serving(lambda request, before: Reply(completion(good))) as server:
        made = backend(server)
        (answer,) = made.answer([talks(1, images=2)[0].after("first", "correct it")])
    (asked,) = server.asked
    assert read_answer(answer).caption_short == good_record()["caption_short"]
    assert made.model == "tiny@127.0.0.1"
    assert (asked["model"], asked["temperature"], asked["seed"]) == ("tiny", 0, 0)
    assert asked["max_tokens"] == LanguageModel().max_answer
    assert asked["response_format"]["type"] == "json_schema"
    assert asked["response_format"]["json_schema"]["schema"] == answer_schema()
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "user"]
    first, _, text = asked["messages"][1]["content"]
    head, _, encoded = first["image_url"]["url"].partition(",")
    assert (head, text["text"]) == ("data:image/png;base64", "clip0")
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))
    np.testing.assert_array_equal(seen, talks(1, images=1)[0].images[0])


def test_pictures_are_encoded_only_once_a_place_is_free():
    """A lazy batch records when a conversation is taken: never more are alive than requests are running."""
    alive, most = set(), 0

    class Talk(Conversation):
        def __del__(self):
            alive.discard(self.clip_id)

    class Batch(list):
        def __getitem__(self, index):
            nonlocal most
            alive.add(f"clip{index}")
            most = max(most, len(alive))
            return Talk(f"clip{index}", "rules", f"clip{index}")

    with serving(echo) as server:
        answers = backend(server, concurrency=3).answer(Batch(range(30)))
    gc.collect()
    assert [answer.text for answer in answers] == [f"clip{index}" for index in range(30)]
    assert most <= 3 and not alive


FAULTS = {
    "429": lambda: failure(429, "slow down"),
    "500": lambda: failure(500, "engine dead"),
    "503 in html": lambda: Reply(b"<html>\r\n<h1>503</h1>", 503, {"Content-Type": "text/html"}),
    "drops the connection": lambda: Reply(completion("half"), drop=True),
    "hangs": lambda: Reply(completion("late"), delay=3),
    "drips": lambda: Reply(completion("slow"), drip=0.05),
    "no choices": lambda: Reply(completion("") | {"choices": []}),
    "null choices": lambda: Reply(completion("") | {"choices": None}),
    "broken JSON": lambda: Reply(b'{"choices": [{"mess'),
    "no JSON": lambda: Reply(b"<html>welcome</html>", 200, {"Content-Type": "text/html"}),
    "a list": lambda: Reply([1, 2]),
    "too deep": lambda: Reply(b"[" * 200_000),
    "not UTF-8": lambda: Reply(b'{"choices": "\xff\xfe"}'),
    "empty": lambda: Reply(b""),
    "content is a picture": lambda: Reply(completion([{"type": "image_url", "image_url": "x"}])),
    "content is a list of numbers": lambda: Reply(completion([1])),
    "broken off": lambda: Reply(completion("half", "abort")),
}


SLOW = ("hangs", "drips")


def patience(name):
    """A time-out that is short only where it is the point: this machine may be busy."""
    return 0.5 if name in SLOW else 10


@pytest.mark.parametrize("name", FAULTS)
def test_a_passing_fault_is_gone_at_the_second_try(name):
    def script(request, before):
        return FAULTS[name]() if before == 0 and question_of(request) == "clip1" else echo(request, before)

    with serving(script) as server:
        answers = backend(server, timeout=patience(name)).answer(talks(3))
    assert [answer.text for answer in answers] == ["clip0", "clip1", "clip2"]
    assert len(server.times["clip1"]) == 2


@pytest.mark.parametrize("name", FAULTS)
def test_a_lasting_fault_of_one_request_is_its_own_failure(name):
    """It is transient but for what the server does over this request alone: breaking down, and replying nonsense."""

    def script(request, before):
        return FAULTS[name]() if question_of(request) == "clip1" else echo(request, before)

    with serving(script) as server:
        first, second, third = backend(server, timeout=patience(name), attempts=2).answer(talks(3))
    assert (first.text, third.text) == ("clip0", "clip2")
    assert "no answer in 2 tries" in second.failure and one_line(second.failure)
    assert second.transient == (name in ("429", "503 in html", "drops the connection", "broken off", *SLOW))
    assert len(server.times["clip1"]) == 2


def test_a_server_that_breaks_down_over_all_is_no_fault_of_theirs():
    with serving(lambda request, before: failure(500, "engine dead")) as server:
        assert all(answer.transient for answer in backend(server, attempts=2).answer(talks(3)))


def test_everything_is_answered_by_a_server_that_fails_every_request_twice():
    def script(request, before):
        return failure(503, "loading") if before < 2 else echo(request, before)

    with serving(script) as server:
        answers = backend(server).answer(talks(20))
    assert [answer.text for answer in answers] == [f"clip{index}" for index in range(20)]


def test_a_server_that_fails_one_request_in_three_gives_the_answers_of_a_sound_one():
    faults = [FAULTS[name] for name in FAULTS if name not in SLOW]

    def script(request, before):
        number = int(question_of(request)[4:])
        return faults[number // 2 % len(faults)]() if number % 2 and not before else echo(request, before)

    with serving(script) as server:
        answers = backend(server, timeout=10).answer(talks(60))
    with serving(echo) as sound:
        assert answers == backend(sound).answer(talks(60))
    assert len(server.asked) == 90


def test_pauses_double_and_a_server_that_asks_for_more_gets_it():
    def script(request, before):
        asked = {"Retry_After": "0.4"} if before == 2 else {}
        return failure(429, "slow down", **asked) if before < 3 else echo(request, before)

    with serving(script) as server:
        (answer,) = backend(server, attempts=4).answer(talks(1))
    first, second, third = np.diff(server.times["clip0"])
    assert answer.text == "clip0"
    assert first >= 0.75 * PAUSE and second >= 1.5 * PAUSE  # the client shortens pauses by up to a quarter, by chance
    assert third >= 0.4


def test_a_wait_of_nonsense_is_none():
    waits = iter(("", "nan", "-3", "soon", format_datetime(datetime.now(UTC) - timedelta(seconds=30), usegmt=True)))

    def script(request, before):
        return failure(429, "slow down", Retry_After=next(waits)) if before < 5 else echo(request, before)

    with serving(script) as server:
        (answer,) = backend(server, attempts=6).answer(talks(1))
    assert answer.text == "clip0" and next(waits, None) is None


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_wait_of_an_hour_is_not_waited_for(form):
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    wait = "3600" if form == "seconds" else date
    answer, server = only(lambda request, before: failure(429, "daily limit", Retry_After=wait))
    assert answer.transient and f"Retry-After: {wait}" in answer.failure and "in 1 try" in answer.failure
    assert len(server.times["clip0"]) == 1


def test_a_refused_request_fails_alone_and_at_once():
    long = "This model's maximum context length is 4096 tokens.\n\x1b[31mHowever you asked for " + "9" * 5000

    def script(request, before):
        return failure(400, long) if question_of(request) == "clip1" else echo(request, before)

    with serving(script) as server:
        first, second, third = backend(server).answer(talks(3))
    assert (first.text, third.text) == ("clip0", "clip2")
    assert not second.transient and one_line(second.failure) and "maximum context length" in second.failure
    assert len(server.times["clip1"]) == 1


def test_nothing_but_refusals_is_no_engine():
    with serving(lambda request, before: failure(400, "response_format is unknown")) as server:
        with pytest.raises(CaptionError, match="response_format is unknown") as caught:
            backend(server).answer(talks(200))
    assert one_line(str(caught.value))
    assert HOPELESS <= len(server.asked) < HOPELESS + 4


def test_nothing_but_answers_in_another_field_is_no_engine():
    with serving(lambda request, before: Reply(completion(None, reasoning="{}"))) as server:
        with pytest.raises(CaptionError, match="put its answer into reasoning,.*--reasoning-parser") as caught:
            backend(server).answer(talks(200))
    assert one_line(str(caught.value))
    assert HOPELESS <= len(server.asked) < HOPELESS + 4


@pytest.mark.parametrize("status", [301, 401, 402, 403, 404, 405])
def test_a_status_that_concerns_every_request_ends_the_engine(status):
    with serving(lambda request, before: failure(status, f"no {status}", Location="/v2")) as server:
        with pytest.raises(CaptionError, match=f"127.0.0.1: {status} .*; check") as caught:
            backend(server).answer(talks(100))
    assert one_line(str(caught.value))
    assert len(server.asked) <= 4


def test_an_account_without_quota_is_not_asked_again():
    spent = failure(429, "You exceeded your current quota")
    spent.body["error"]["code"] = "insufficient_quota"
    with serving(lambda request, before: spent) as server, pytest.raises(CaptionError, match="current quota"):
        backend(server).answer(talks(1))
    assert len(server.asked) == 1


def test_a_refusal_differs_from_an_answer_cut_off():
    answer, _ = only(lambda request, before: Reply(completion(None, refusal="I will not\ndescribe people.")))
    assert (answer.finish_reason, answer.text, answer.failure) == ("refusal", "I will not describe people.", "")
    answer, _ = only(lambda request, before: Reply(completion('{"emotion": "ha', "length")))
    assert (answer.finish_reason, answer.text) == ("length", '{"emotion": "ha')
    answer, _ = only(lambda request, before: Reply(completion(None, "content_filter")))
    assert (answer.finish_reason, answer.text) == ("content_filter", "")


def test_half_a_character_can_be_quoted_in_the_next_question():
    with serving(lambda request, before: Reply(completion("half \ud83d of it"))) as server:
        made = backend(server)
        (talk,), (answer,) = talks(1), made.answer(talks(1))
        (again,) = made.answer([talk.after(answer.text, "correct it")])
    assert (answer.text, again.text) == ("half ? of it",) * 2
    assert server.asked[1]["messages"][2]["content"] == "half ? of it"


def test_ten_megabytes_are_not_read():
    answer, server = only(lambda request, before: Reply(completion("x" * 10_000_000)))
    assert not answer.transient and f"more than {MAX_BODY} bytes" in answer.failure
    assert len(server.asked) == 1
    answer, _ = only(lambda request, before: Reply(completion("y" * (MAX_BODY // 2))))
    assert len(answer.text) < 20_000 and not answer.failure


def test_a_hanging_server_is_given_up_early():
    """64 clips with 3 tries each would be 192 requests and as many time-outs."""
    with serving(lambda request, before: Reply(completion("late"), delay=5)) as server:
        made = backend(server)
        made.machine = made.machine.model_copy(update={"timeout": 0.1})
        answers = made.answer(talks(64))
        assert all(answer.transient and one_line(answer.failure) for answer in answers)
        assert sum(answer.failure.startswith("not asked") for answer in answers) == 60
        most = 4 * 3 + 1  # and the question whether it lives; on a busy machine one may be given up before it arrives
        assert len(server.asked) <= most
        again = made.answer(talks(64))
        assert len(server.asked) <= most + 1  # a later batch begins with that question
        assert all(answer.transient for answer in again)
        server.script, made.machine = echo, made.machine.model_copy(update={"timeout": 10})
        assert [answer.text for answer in made.answer(talks(2))] == ["clip0", "clip1"]


def test_a_server_that_goes_away_leaves_the_answers_it_gave():
    with serving(echo) as server:
        made = backend(server, attempts=2)
        given = made.answer(talks(2))
    lost = made.answer(talks(40))
    assert [answer.text for answer in given] == ["clip0", "clip1"]
    assert all(answer.transient and "127.0.0.1" in answer.failure for answer in lost)


def test_a_server_that_lives_but_answers_no_request_of_ours_is_given_up():
    """It says yes to the short question and breaks down over every clip."""

    def script(request, before):
        return echo(request, before) if request["max_tokens"] == 1 else failure(500, "CUDA error")

    with serving(script) as server:
        answers = backend(server, attempts=1).answer(talks(300))
    assert all(answer.transient for answer in answers)
    assert len(server.asked) < 3 * HOPELESS


def test_the_only_served_model_is_taken_and_others_must_be_named():
    with serving(echo, models=("one", "two")) as server:
        with pytest.raises(CaptionError, match="serves one, two: name one in language_model.served_model"):
            backend(server)
        named = LanguageModel(endpoint=server.address + "/", served_model="two")
        made = make_backend(named, Captioning(attempts=1))
        made.answer(talks(1))
    assert made.model == "two@127.0.0.1"
    assert server.asked[0]["model"] == "two"
    with serving(echo, models=()) as server, pytest.raises(CaptionError, match="serves no model"):
        backend(server)


def test_a_host_without_a_list_of_models_does_if_the_model_is_named():
    with serving(echo, models=failure(404, "no such page")) as server:
        with pytest.raises(CaptionError, match="404"):
            backend(server)
        named = LanguageModel(endpoint=server.address, served_model="two")
        assert make_backend(named, Captioning(attempts=1)).model == "two@127.0.0.1"


@pytest.mark.parametrize("body", [b"<html>", b'{"data": [', [1], {"data": [1]}, {"data": [{"name": "tiny"}]}, {}])
def test_a_list_of_models_that_is_none_is_one_line(body):
    with serving(echo, models=Reply(body)) as server, pytest.raises(CaptionError, match="models") as caught:
        backend(server, attempts=1)
    assert one_line(str(caught.value)) and "127.0.0.1" in str(caught.value)


def test_a_server_that_is_not_there_is_said_at_once():
    with serving(echo) as server:
        chosen = LanguageModel(endpoint=server.address)
    with pytest.raises(CaptionError, match="no connection .*vllm serve MODEL") as caught:
        make_backend(chosen, Captioning(attempts=1))
    assert one_line(str(caught.value))


def test_the_key_comes_from_the_environment_and_is_never_shown(monkeypatch):
    with serving(echo, key="sk-secret-123") as server:
        with pytest.raises(CaptionError, match="127.0.0.1: 401 .*check OPENAI_API_KEY"):
            backend(server)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-123")
        made = backend(server)
        assert made.answer(talks(1))[0].text == "clip0"
        server.key = "another"
        with pytest.raises(CaptionError, match="401") as caught:
            made.answer(talks(1))
    assert "sk-secret" not in str(caught.value) + repr(made) + made.model


def test_a_proxy_of_the_environment_is_not_for_this_machine(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with serving(echo) as server:
        assert backend(server).answer(talks(1))[0].text == "clip0"


def test_progress_and_giving_up_are_a_line_each_on_standard_error(capsys):
    with serving(echo) as server:
        made = backend(server, attempts=1)
        made.answer(talks(3))
    assert "3/3" in capsys.readouterr().err
    made.answer(talks(40))
    assert capsys.readouterr().err.count("no further requests: ") == 1
