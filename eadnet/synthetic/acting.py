"""What all drawn corpora have in common: a person says a line with an expression, and what was drawn is kept.

Draws nothing itself; ``save_truth`` writes the safetensors file that goes beside a drawn shard.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from eadnet.config.corpora import Movement
from eadnet.provenance import atomic_path
from eadnet.synthetic.expressions import LEVEL_STRENGTH, action_units, expression
from eadnet.synthetic.motion import Motion, animate
from eadnet.synthetic.people import Person
from eadnet.synthetic.script import Line, derived_seed
from eadnet.synthetic.speech import Speech, fit, join, prosody, silence, speak

TRUTH_FPS = 25
LEAD_SECONDS = (0.06, 0.36)  # silence before the first word: clips must not all start alike
PAUSE_SECONDS = (0.15, 0.8)  # silence between utterances of one clip, beside what espeak-ng leaves
ROOM_NOISE = 4e-4
CRF = 14  # x264 quality of drawn videos


def perform(person: Person, line: Line, seconds: float, key: str) -> Speech:
    """Speak a line in the person's voice and the emotion's prosody, in a quiet room, for exactly `seconds`."""
    generator = np.random.default_rng(derived_seed(0, key))
    lead = generator.uniform(*LEAD_SECONDS)
    spoken = fit(_say(person, line, seconds - lead, key), seconds, lead)
    noise = generator.normal(0, ROOM_NOISE, len(spoken.wave))
    return Speech(spoken.text, np.clip(spoken.wave + noise, -1, 1).astype(np.float32), spoken.phonemes)


def _say(person: Person, line: Line, seconds: float, key: str) -> Speech:
    """The line's utterances with pauses of uneven length between them, up to the one that ends after `seconds`."""
    voice = prosody(line.emotion, line.level, person.pitch_offset)
    pause = np.random.default_rng(derived_seed(2, key))
    parts = [speak(line.utterances[0], person.voice, voice)]
    for text in line.utterances[1:]:
        parts.append(silence(pause.uniform(*PAUSE_SECONDS)))
        if sum(part.seconds for part in parts) >= seconds:
            break
        parts.append(speak(text, person.voice, voice))
    return join(parts)


def moved(speech: Speech, times: np.ndarray, line: Line, seed: int, movement: Movement) -> Motion:
    """The motion of a speech at `times` (seconds) under the line's expression; the head sways by `seed`."""
    worn = expression(line.emotion, line.level)
    return animate(speech, times, worn.speech_gain, worn.rest_opening, seed, movement)


def record_facts(
    facts: dict[str, np.ndarray], notes: dict, clip_id: str, motion: Motion, line: Line, said: str
) -> None:
    """Keep what was drawn: curves at 25 fps, and words for the header."""
    for name, curve in vars(motion).items():
        if curve is not None:
            facts[f"{clip_id}/{name}"] = np.ascontiguousarray(curve)
    units = action_units(line.emotion, line.level)
    notes[clip_id] = {
        "text": " ".join(said.split()), "emotion": line.emotion, "level": line.level,
        "strength": LEVEL_STRENGTH[line.level], "action_units": units,
    }  # fmt: skip


def save_truth(path: Path, facts: dict[str, np.ndarray], notes: dict[str, dict]) -> None:
    """Write what was drawn: curves as tensors, words as JSON in the header."""
    with atomic_path(path) as temporary:
        save_file(facts, temporary, metadata={"notes": json.dumps(notes)})  # one key: safetensors shuffles several
