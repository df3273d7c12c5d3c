"""Speech with a known timeline: text and emotion in, 48 kHz wave and phonemes out.

``speak`` runs ``python -m eadnet.synthetic.espeak`` in a fresh process per utterance (state inside libespeak-ng would
change a second utterance) and turns its phonemes into the 14 visemes that drive the drawn mouth.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass

import numpy as np
import soxr

from eadnet.corpora.files import CorpusError

SAMPLE_RATE = 48000
VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "RR", "aa", "E", "ih", "oh", "ou")
NEUTRAL_SHARE = {0: 1.0, 1: 0.55, 2: 0.25, 3: 0.0}  # how much of the neutral voice is left at a level
PAUSE_SECONDS = 0.1
TOUCHING_SECONDS = 1e-3  # joined parts end on a sample, not exactly where their last sound does
FADE_SECONDS = 0.02

_SYMBOLS = {
    "PP": "p b m", "FF": "f v", "TH": "θ ð", "DD": "t d n l ɾ ɫ ʔ", "kk": "k ɡ g ŋ x h", "CH": "tʃ dʒ ʃ ʒ",
    "SS": "s z", "RR": "r ɹ ɚ ɜ ɝ", "aa": "a ɑ æ ʌ ɐ", "E": "e ɛ ə", "ih": "i ɪ j", "oh": "o ɔ ɒ", "ou": "u ʊ w",
}  # fmt: skip
_VISEME_OF = {symbol: viseme for viseme, symbols in _SYMBOLS.items() for symbol in symbols.split()}
_MARKS = "ˈˌːˑ̩ʲ̃ "


@dataclass(frozen=True)
class Prosody:
    """espeak-ng settings: `rate` in words per minute, `word_gap` in 10 ms, the others 0-100 (`volume` to 200)."""

    rate: float
    volume: float
    pitch: float
    pitch_range: float
    word_gap: float = 0


PROSODY = {
    "angry": Prosody(rate=195, volume=165, pitch=42, pitch_range=90),
    "calm": Prosody(rate=164, volume=92, pitch=47, pitch_range=30),
    "contempt": Prosody(rate=168, volume=90, pitch=40, pitch_range=22, word_gap=1),
    "disgusted": Prosody(rate=168, volume=100, pitch=36, pitch_range=60, word_gap=1),
    "fear": Prosody(rate=200, volume=95, pitch=74, pitch_range=60),
    "happy": Prosody(rate=185, volume=120, pitch=64, pitch_range=85),
    "neutral": Prosody(rate=172, volume=105, pitch=50, pitch_range=40),
    "sad": Prosody(rate=164, volume=70, pitch=38, pitch_range=15, word_gap=1),
    "surprised": Prosody(rate=178, volume=125, pitch=74, pitch_range=100),
}


@dataclass(frozen=True)
class Phoneme:
    """One mouth posture: seconds from the start of the wave, IPA symbol and viseme."""

    start: float
    end: float
    symbol: str
    viseme: str


@dataclass(frozen=True)
class Speech:
    """A spoken utterance. `wave` is (n,) float32 in [-1, 1] at 48 kHz; `phonemes` cover it in order."""

    text: str
    wave: np.ndarray
    phonemes: tuple[Phoneme, ...]

    @property
    def seconds(self) -> float:
        """Length of the wave in seconds."""
        return len(self.wave) / SAMPLE_RATE


def prosody(emotion: str, level: int, pitch_offset: float = 0) -> Prosody:
    """Prosody of an emotion at level 0-3; `pitch_offset` is the speaker's own, in espeak units."""
    strong, calm, share = asdict(PROSODY[emotion]), asdict(PROSODY["neutral"]), NEUTRAL_SHARE[level]
    mixed = {name: share * calm[name] + (1 - share) * strong[name] for name in strong}
    mixed["pitch"] = min(max(mixed["pitch"] + pitch_offset, 0), 99)
    return Prosody(**mixed)


def speak(text: str, voice: str, settings: Prosody) -> Speech:
    """Speak a text in a fresh process; equal arguments give equal samples.

    Args:
        text: English text.
        voice: espeak-ng voice and variant, e.g. ``en-us+f3``.
        settings: Rate, volume, pitch, range and word gap.

    Raises:
        CorpusError: espeak-ng cannot speak it; the message is its own line.
    """
    request = json.dumps({"text": text, "voice": voice, **asdict(settings)})
    command = [sys.executable, "-m", "eadnet.synthetic.espeak"]
    done = subprocess.run(command, input=request.encode(), capture_output=True)
    if done.returncode:
        raise CorpusError(done.stderr.decode(errors="replace").strip().removeprefix("error: ") or "espeak-ng crashed")
    header, pcm = done.stdout.split(b"\n", 1)
    fields = json.loads(header)
    wave = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
    phonemes = _timeline(fields["phonemes"], len(wave), fields["sample_rate"])
    return Speech(text, soxr.resample(wave, fields["sample_rate"], SAMPLE_RATE, quality="HQ"), phonemes)


def fit(speech: Speech, seconds: float, lead: float = 0.0) -> Speech:
    """Place speech after `lead` seconds of silence in exactly `seconds`; what does not fit is faded out and cut.

    Raises:
        CorpusError: `lead` leaves no room.
    """
    if not 0 <= lead < seconds:
        raise CorpusError(f"a lead of {lead} s does not fit {seconds} s")
    total, offset = round(seconds * SAMPLE_RATE), round(lead * SAMPLE_RATE)
    room = total - offset
    body = speech.wave[:room].copy()
    if len(speech.wave) > room:
        fade = min(round(FADE_SECONDS * SAMPLE_RATE), len(body))
        body[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    wave = np.zeros(total, np.float32)
    wave[offset : offset + len(body)] = body
    shifted = [
        Phoneme(p.start + lead, min(p.end + lead, seconds), p.symbol, p.viseme)
        for p in speech.phonemes
        if p.start + lead < seconds
    ]
    return Speech(speech.text, wave, _with_silence(shifted, lead, seconds))


def join(parts: list[Speech]) -> Speech:
    """Speech one after the other, on one timeline."""
    phonemes: list[Phoneme] = []
    start = 0.0
    for part in parts:
        phonemes += [Phoneme(p.start + start, p.end + start, p.symbol, p.viseme) for p in part.phonemes]
        start += part.seconds
    return Speech(" ".join(part.text for part in parts), np.concatenate([part.wave for part in parts]), tuple(phonemes))


def silence(seconds: float) -> Speech:
    """No one speaks."""
    wave = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    return Speech("", wave, (Phoneme(0.0, seconds, "", "sil"),))


def pauses(phonemes: tuple[Phoneme, ...]) -> list[tuple[float, float]]:
    """(start, end) in seconds of every silence of at least 100 ms that follows speech."""
    found: list[tuple[float, float]] = []
    spoken = False
    for phoneme in phonemes:
        if phoneme.viseme != "sil":
            spoken = True
        elif found and phoneme.start - found[-1][1] < TOUCHING_SECONDS:
            found[-1] = (found[-1][0], phoneme.end)
        elif spoken:
            found.append((phoneme.start, phoneme.end))
    return [(start, end) for start, end in found if end - start >= PAUSE_SECONDS]


def visemes_of(symbol: str) -> tuple[str, ...]:
    """Visemes of an IPA symbol: none spoken gives ``sil``, a diphthong gives two."""
    bare = "".join(letter for letter in symbol if letter not in _MARKS)
    if not bare:
        return ("sil",)
    if bare[:2] in _VISEME_OF:
        return (_VISEME_OF[bare[:2]],)
    known = [_VISEME_OF[letter] for letter in bare[:2] if letter in _VISEME_OF]
    return tuple(dict.fromkeys(known)) or ("E",)


def _timeline(events: list[list], n_samples: int, rate: int) -> tuple[Phoneme, ...]:
    starts = [sample for sample, _ in events] + [n_samples]
    phonemes = []
    for (start, symbol), end in zip(events, starts[1:], strict=True):
        visemes = visemes_of(symbol)
        edges = np.linspace(start, end, len(visemes) + 1) / rate
        for viseme, left, right in zip(visemes, edges, edges[1:], strict=False):
            if right > left:
                phonemes.append(Phoneme(float(left), float(right), symbol, viseme))
    return tuple(phonemes)


def _with_silence(phonemes: list[Phoneme], lead: float, seconds: float) -> tuple[Phoneme, ...]:
    """Fill the head and the tail of a timeline with explicit silence."""
    padded = list(phonemes)
    first = padded[0].start if padded else seconds
    if first > 0:
        padded.insert(0, Phoneme(0.0, first, "", "sil"))
    if padded[-1].end < seconds:
        padded.append(Phoneme(padded[-1].end, seconds, "", "sil"))
    return tuple(padded)
