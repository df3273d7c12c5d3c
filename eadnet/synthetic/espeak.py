"""One utterance by espeak-ng, in this process and no other.

libespeak-ng keeps state between calls, so a second utterance in one process has other samples; a fresh process is
exact to the bit. The library is GPL-3 and is therefore only ever loaded here, behind a process boundary.

Run as ``python -m eadnet.synthetic.espeak``: reads one JSON request from standard input (``text``, ``voice``, ``rate``
in words per minute, ``volume``, ``pitch``, ``pitch_range``, ``word_gap``); writes one JSON line (``sample_rate``,
``phonemes``: pairs of first sample and IPA symbol), then the samples as 16-bit little-endian PCM. Imports the
standard library and espeakng-loader only, so that it starts in a few hundredths of a second.
"""

import ctypes
import json
import sys

import espeakng_loader

RETRIEVAL_MODE = 1  # AUDIO_OUTPUT_RETRIEVAL: samples come through the callback, nothing is played
PHONEME_EVENTS, PHONEME_IPA, DONT_EXIT = 0x0001, 0x0002, 0x8000
UTF8_TEXT, END_PAUSE = 1, 0x1000
LIST_TERMINATED, PHONEME = 0, 7  # espeak_EVENT_TYPE
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "pitch_range": 4, "word_gap": 7}  # espeak_PARAMETER
NOISE_SEED = 1


class _Identifier(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identifier),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def synthesise(request: dict) -> tuple[int, list[tuple[int, str]], bytes]:
    """Speak one request; only the first call in a process is reproducible.

    Returns:
        Sample rate in Hz, (first sample, IPA symbol) of every phoneme, and 16-bit mono PCM.

    Raises:
        ValueError: the library does not start, or has no such voice.
    """
    library, sample_rate = _start()
    phonemes: list[tuple[int, str]] = []
    pcm: list[bytes] = []

    def receive(wave: "ctypes._Pointer", count: int, events: "ctypes._Pointer") -> int:
        if wave and count > 0:
            pcm.append(ctypes.string_at(wave, 2 * count))
        index = 0
        while events and events[index].type != LIST_TERMINATED:
            event = events[index]
            if event.type == PHONEME:
                symbol = bytes(event.id.string).split(b"\0")[0].decode("utf-8", "replace")
                phonemes.append((event.sample, symbol))
            index += 1
        return 0

    callback = _Callback(receive)  # kept alive until the call has ended
    library.espeak_SetSynthCallback(callback)
    _set_voice(library, request)
    text = request["text"].encode()
    if library.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF8_TEXT | END_PAUSE, None, None):
        raise ValueError("espeak_Synth failed")
    library.espeak_Synchronize()
    return sample_rate, phonemes, b"".join(pcm)


def _start() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_void_p, ctypes.c_void_p,
    ]  # fmt: skip
    options = PHONEME_EVENTS | PHONEME_IPA | DONT_EXIT
    sample_rate = library.espeak_Initialize(RETRIEVAL_MODE, 0, espeakng_loader.get_data_path().encode(), options)
    if sample_rate <= 0:
        raise ValueError(f"espeak_Initialize returned {sample_rate}; reinstall espeakng-loader")
    return library, sample_rate


def _set_voice(library: ctypes.CDLL, request: dict) -> None:
    if library.espeak_SetVoiceByName(request["voice"].encode()):
        raise ValueError(f"espeak-ng has no voice {request['voice']!r}")
    for name, number in PARAMETERS.items():
        library.espeak_SetParameter(number, int(request[name]), 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(NOISE_SEED))


def main() -> int:
    """Read a request from standard input, write header and samples to standard output."""
    try:
        sample_rate, phonemes, pcm = synthesise(json.load(sys.stdin))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    header = json.dumps({"sample_rate": sample_rate, "phonemes": phonemes})
    sys.stdout.buffer.write(header.encode() + b"\n" + pcm)
    return 0


if __name__ == "__main__":
    sys.exit(main())
