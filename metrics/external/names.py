"""Which reference a video's name is about; the rules, and the names that leave it open.

1. The same path, or failing that the same file name, without suffix.
2. A name that begins with one reference's, of several of that name the one in its folder (``happy_01_mymethod`` is
   about ``happy_01``); a person's name before the clip's own (``M003_M003_hap_1_001``, as EAT's test writes it); a
   clip on both sides of ``##``.
3. A name that holds two references, each between separators (``001_002``), leaves open which is its truth: it shows one
   and says the words of the other. So does ``SOURCE##AUDIO``, where the two differ, and a name whose rest is built like
   a reference's (``001_002`` beside ``001`` alone), unless all videos end in that same rest.

Names are compared in Unicode's composed form, since file systems differ in it, and only where nothing fits without
regard to capital letters.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

SEPARATORS = "_-. #+@&,"
CROSSED = "##"
"""Between the picture's name and the sound's in names that some methods give."""


@dataclass(frozen=True)
class Fit:
    """References, by key, that a video's name fits; `doubt` is why the only one need not be its truth.

    `rest` is what the name says beside the reference's.
    """

    keys: tuple[str, ...] = ()
    doubt: str | None = None
    rest: str = ""


def key_of(name: str) -> str:
    """A file's relative path without its suffix."""
    return str(PurePosixPath(name).with_suffix(""))


def fits_of(videos: Iterable[str], references: tuple[str, ...]) -> dict[str, Fit]:
    """What each video fits, by its name.

    Args:
        videos: relative paths.
        references: keys, relative paths without suffix.
    """
    indexes = [_Index(references, form) for form in (_composed, _caseless)]
    fits = {}
    for name in videos:
        found = (_fit(key_of(name), index) for index in indexes)
        fits[name] = next((fit for fit in found if fit.keys), Fit())
    rests = [fit.rest for fit in fits.values() if fit.rest]
    shared = len(rests) > 1 and len(set(rests)) == 1  # the mark of a method, not the name of a clip
    shapes = {_shape(last) for last in indexes[0].by_last}
    return {name: fit if shared or fit.doubt else _doubted(fit, shapes) for name, fit in fits.items()}


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


class _Index:
    """References by path and by file name, in one form of spelling."""

    def __init__(self, keys: Iterable[str], form: Callable[[str], str]) -> None:
        self.form, self.keys = form, frozenset(keys)
        self.by_path: dict[str, list[str]] = {}
        self.by_last: dict[str, list[str]] = {}
        for key in keys:
            self.by_path.setdefault(form(key), []).append(key)
            self.by_last.setdefault(_last(form(key)), []).append(key)


def _last(key: str) -> str:
    """A file's name, of its path, without spaces around it."""
    return PurePosixPath(key).name.strip()


def _fit(key: str, index: _Index) -> Fit:
    if key in index.keys:
        return Fit((key,))
    path, stem = index.form(key), _last(index.form(key))
    same = index.by_path.get(path) or index.by_last.get(stem)
    if same:
        return Fit(tuple(same))
    held = _held(stem, index.by_last)
    keys = tuple(key for last in sorted(held) for key in _nearest(index.by_last[last], path, index.form))
    return _single(stem, *held, keys) if len(held) == 1 else Fit(keys)


def _nearest(keys: list[str], path: str, form: Callable[[str], str]) -> list[str]:
    """Of references of one file name those in the video's own folder, where there are any."""
    own = [key for key in keys if PurePosixPath(form(key)).parent == PurePosixPath(path).parent]
    return own or keys


def _held(stem: str, names: Iterable[str]) -> set[str]:
    """Names that stand in a stem between separators, but those that only stand inside a longer one."""
    spans = {place.span(): name for name in names if name and name in stem for place in _places(stem, name)}
    return {name for span, name in spans.items() if not any(_inside(span, other) for other in spans)}


def _inside(span: tuple[int, int], other: tuple[int, int]) -> bool:
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def _places(stem: str, name: str) -> Iterable[re.Match]:
    side = re.escape(SEPARATORS)
    return re.finditer(f"(?:(?<=[{side}])|^){re.escape(name)}(?=[{side}]|$)", stem)


def _single(stem: str, name: str, keys: tuple[str, ...]) -> Fit:
    """The fit of a stem that holds one reference's name."""
    person = re.split(f"[{re.escape(SEPARATORS)}]", name)[0]
    alone = re.fullmatch(f"{re.escape(person)}[{re.escape(SEPARATORS)}]+{re.escape(name)}", stem)
    if person != name and alone:
        return Fit(keys)
    if CROSSED in stem.replace(name, ""):
        if all(part == name or part.startswith(tuple(name + sign for sign in SEPARATORS)) for part in _parts(stem)):
            return Fit(keys)
        return Fit(keys, f"reads SOURCE{CROSSED}AUDIO of two recordings, so that no video is its truth")
    return Fit(keys, rest=_without(stem, name)) if stem.startswith(name) else Fit()


def _without(stem: str, name: str) -> str:
    """What a stem says beside a name, however often it holds it."""
    for place in reversed(list(_places(stem, name))):
        stem = stem[: place.start()] + stem[place.end() :]
    return stem.strip(SEPARATORS)


def _parts(stem: str) -> list[str]:
    return [part for part in stem.split(CROSSED) if part]


def _doubted(fit: Fit, shapes: set[str]) -> Fit:
    """A fit whose rest holds something built like a reference's name, with its doubt."""
    rest = _shape(fit.rest)
    if len(fit.keys) != 1 or not any("9" in shape and any(_places(rest, shape)) for shape in shapes):
        return fit
    return replace(fit, doubt=f"may be about {fit.keys[0]} or, by its sound, about {fit.rest}")


def _shape(text: str) -> str:
    """Letters and digits by their kind."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))
