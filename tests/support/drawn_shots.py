"""The pictures of a recipe: numbers in large blocks, or drawn people before an empty wall."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from eadnet.synthetic.expressions import expression
from eadnet.synthetic.motion import Motion
from eadnet.synthetic.people import sample_person
from eadnet.synthetic.puppet import Framing, Puppet
from tests.support.plain_decoding import Shown, fitting
from tests.support.random_videos import Recipe, Shot

SPRITE = 120
"""Height and width of a drawn person, in pixels."""
POSES = 8
BLEND = 6
"""Pictures that a fade or a dissolve takes."""
DARK, BRIGHT = (45, 35, 40), (210, 220, 215)
BITS = 8
PEOPLE = ("W009", "M003")


def pictures_of(recipe: Recipe) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 upright pictures, one after another."""
    if not recipe.shots:
        for number in range(recipe.pictures):
            yield numbered(number, recipe.width, recipe.height)
        return
    yield from _played(recipe)


def faces_of(recipe: Recipe) -> list[bool | None]:
    """Whether each picture shows a whole face; None in a fade or a dissolve."""
    faces: list[bool | None] = []
    for number, shot in enumerate(recipe.shots):
        blended = min(BLEND, shot.pictures) if number and shot.entry != "cut" else 0
        faces += [None] * blended + [shot.person is not None] * (shot.pictures - blended)
    return faces


def numbered(number: int, width: int, height: int) -> np.ndarray:
    """A picture of eight blocks, two rows of four, bright where the bit of the number is set."""
    bits = (number >> np.arange(BITS)) & 1
    rows = np.minimum(np.arange(height) * 2 // height, 1)
    columns = np.arange(width) * 4 // width
    return np.array([DARK, BRIGHT], np.uint8)[bits[rows[:, None] * 4 + columns]]


def number_in(picture: np.ndarray) -> int:
    """The number that a (H, W, 3) picture shows, read in the middle of its blocks."""
    height, width = picture.shape[:2]
    middles = picture[[[height // 4], [height * 3 // 4]], [width * place // 8 for place in (1, 3, 5, 7)]]
    bright = middles.mean(axis=2).ravel() > 128
    return int(np.packbits(bright, bitorder="little")[0])


@cache
def person_sprites(person: int) -> np.ndarray:
    """(POSES, SPRITE, SPRITE, 3) uint8: a person of the drawn corpora who opens and closes the mouth."""
    name, still = PEOPLE[person], np.zeros(POSES)
    framing = Framing(SPRITE, SPRITE, 0.2 * SPRITE, SPRITE / 2 - 0.5, 0.44 * SPRITE)
    puppet = Puppet(sample_person(name, 1, female=name.startswith("W"), index=person), framing)
    opening = 0.15 - 0.15 * np.cos(2 * np.pi * np.arange(POSES) / POSES)
    sway = np.tile([0.0, 0.0, 0.0, 1.0], (POSES, 1))
    motion = Motion(opening, np.ones(POSES), still, still, still, still.astype(int), sway)
    return np.stack(list(puppet.wear(expression("neutral", 1)).frames(motion)))


def face_at(recipe: Recipe, shown: list[Shown], place: int) -> bool | None:
    """Whether frame `place` of the video at 25 frames a second shows a whole face; None where that is not sure."""
    shown_faces = {faces_of(recipe)[index] for index in fitting(shown, place, 25)}
    return shown_faces.pop() if len(shown_faces) == 1 else None


def _played(recipe: Recipe) -> Iterator[np.ndarray]:
    """Pictures of shots; a blend stands at the start of the shot that it leads into."""
    before = None
    for shot in recipe.shots:
        for number in range(shot.pictures):
            picture = _scene(shot, 0 if shot.still else number, recipe)
            share = (number + 1) / (BLEND + 1)
            if before is None or shot.entry == "cut" or number >= BLEND:
                yield picture
            elif shot.entry == "dissolve":
                yield _mixed(before, picture, share)
            else:
                black = np.zeros_like(picture)
                yield _mixed(before, black, 2 * share) if share < 0.5 else _mixed(black, picture, 2 * share - 1)
        before = picture


def _mixed(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    return np.rint(first * (1 - share) + second * np.float32(share)).astype(np.uint8)


def _scene(shot: Shot, number: int, recipe: Recipe) -> np.ndarray:
    """One picture of a shot: the person sways a few pixels before a wall of a colour of its own."""
    shade = 90 + 60 * (0 if shot.person is None else shot.person + 1)
    wall = np.full((recipe.height, recipe.width, 3), (shade, shade - 20, 200 - shade // 2), np.uint8)
    wall[:: max(recipe.height // 6, 1)] //= 2  # not all plain: a frame that was pasted over must show
    if shot.person is None:
        return wall
    top = (recipe.height - SPRITE) // 2
    left = (recipe.width - SPRITE) // 2 + round(3 * np.sin(number / 5))
    wall[top : top + SPRITE, left : left + SPRITE] = person_sprites(shot.person)[number % POSES]
    return wall
