"""Speech: the same samples twice, a timeline that covers the wave, pauses where the commas are."""

import numpy as np
import pytest

from eadnet.corpora.files import CorpusError
from eadnet.synthetic.sentences import TEST_SENTENCES, TRAIN_SENTENCES, books
from eadnet.synthetic.speech import SAMPLE_RATE, VISEMES, Speech, fit, join, pauses, prosody, silence, speak, visemes_of
from eadnet.tables import EMOTIONS


@pytest.fixture(scope="module")
def spoken() -> Speech:
    return speak(TRAIN_SENTENCES[0], "en-us+f3", prosody("neutral", 1))


def test_two_fresh_processes_give_the_same_samples(spoken: Speech) -> None:
    again = speak(TRAIN_SENTENCES[0], "en-us+f3", prosody("neutral", 1))
    assert np.array_equal(spoken.wave, again.wave)
    assert spoken.phonemes == again.phonemes


def test_timeline_covers_the_wave_without_gaps(spoken: Speech) -> None:
    starts = [phoneme.start for phoneme in spoken.phonemes]
    ends = [phoneme.end for phoneme in spoken.phonemes]
    assert starts[1:] == pytest.approx(ends[:-1])
    assert starts[0] == 0 and ends[-1] == pytest.approx(spoken.seconds, abs=0.01)
    assert {phoneme.viseme for phoneme in spoken.phonemes} <= set(VISEMES)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_the_comma_is_a_silent_pause_in_every_emotion(emotion: str) -> None:
    speech = fit(speak(TRAIN_SENTENCES[0], "en-us+m3", prosody(emotion, 3)), 2.2, lead=0.12)
    start, end = pauses(speech.phonemes)[0]
    assert 0.3 < start < 1.2
    middle = speech.wave[round((start + 0.05) * SAMPLE_RATE) : round((end - 0.03) * SAMPLE_RATE)]
    assert np.abs(middle).max() < 0.05 * np.abs(speech.wave).max()


def test_emotions_differ_in_pitch_or_pace() -> None:
    assert len({prosody(emotion, 3) for emotion in EMOTIONS}) == len(EMOTIONS)
    mild, strong, calm = prosody("sad", 1), prosody("sad", 3), prosody("neutral", 1)
    assert strong.rate < mild.rate < calm.rate


@pytest.mark.parametrize("seconds", (1.0, 2.2, 4.0))
def test_fit_gives_the_exact_length(spoken: Speech, seconds: float) -> None:
    fitted = fit(spoken, seconds, lead=0.12)
    assert len(fitted.wave) == round(seconds * SAMPLE_RATE)
    assert not fitted.wave[: round(0.12 * SAMPLE_RATE)].any()
    assert fitted.phonemes[0].viseme == "sil" and fitted.phonemes[-1].end == pytest.approx(seconds)


def test_join_shifts_the_timeline(spoken: Speech) -> None:
    whole = join([silence(1.0), spoken])
    assert whole.seconds == pytest.approx(1 + spoken.seconds)
    assert whole.phonemes[1].start == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("symbol", "visemes"),
    [("ˈaɪ", ("aa", "ih")), ("oʊ", ("oh", "ou")), ("tʃ", ("CH",)), ("m", ("PP",)), ("", ("sil",))],
)
def test_symbols_become_visemes(symbol: str, visemes: tuple[str, ...]) -> None:
    assert visemes_of(symbol) == visemes


def test_sentences_are_distinct_and_hold_a_pause() -> None:
    assert len(set(TRAIN_SENTENCES)) >= 24 and len(set(TEST_SENTENCES)) == 6
    assert not set(TRAIN_SENTENCES) & set(TEST_SENTENCES)
    assert all("," in sentence for sentence in TRAIN_SENTENCES + TEST_SENTENCES)


def test_training_sentences_hold_every_viseme() -> None:
    heard: set[str] = set()
    for sentence in TRAIN_SENTENCES[:8]:
        heard |= {phoneme.viseme for phoneme in speak(sentence, "en-us+f2", prosody("neutral", 1)).phonemes}
    assert heard == set(VISEMES)


def test_many_sentences_are_distinct_and_share_no_clause() -> None:
    training, held_out = books("many")
    assert len(set(training)) == len(training) >= 250 and len(set(held_out)) == len(held_out) >= 40
    trained, tested = ({c.strip(" .").lower() for s in book for c in s.split(",")} for book in (training, held_out))
    assert not trained & tested
    assert all(sentence.count(",") == 1 and sentence[0].isupper() for sentence in training + held_out)
    acted = [max((c.strip(" .").lower() for c in s.split(",")), key=len) for s in training]
    assert len(set(acted)) > 250  # nearly every sentence has a clause that no other one has


def test_many_sentences_hold_every_viseme_and_can_be_spoken() -> None:
    for book in books("many"):
        spoken = [speak(sentence, "en-us+f2", prosody("neutral", 1)) for sentence in book[:: len(book) // 8]]
        assert {phoneme.viseme for speech in spoken for phoneme in speech.phonemes} == set(VISEMES)
        assert all(2 < speech.seconds < 5 and pauses(speech.phonemes) for speech in spoken)


def test_a_silence_joined_to_speech_is_one_pause(spoken: Speech) -> None:
    tail = pauses(spoken.phonemes)[-1]
    whole = join([spoken, silence(0.7), spoken])
    assert len(pauses(whole.phonemes)) == 2 * len(pauses(spoken.phonemes))
    assert any(start == pytest.approx(tail[0]) and end - start > 0.7 for start, end in pauses(whole.phonemes))


def test_an_unknown_voice_is_one_clear_line() -> None:
    with pytest.raises(CorpusError, match="no voice 'xx-nowhere'"):
        speak("Hello.", "xx-nowhere", prosody("neutral", 1))


def test_a_lead_longer_than_the_clip_is_refused(spoken: Speech) -> None:
    with pytest.raises(CorpusError, match="lead"):
        fit(spoken, 1.0, lead=1.5)
