"""One face of many pictures: linked by overlap, the one that is largest and longest there. Numpy only."""

from dataclasses import dataclass

import numpy as np

from eadnet.faces.detectors.interface import Face
from eadnet.media.decoding import Window

MIN_OVERLAP = 0.2  # intersection over union of one face in neighbouring looks; a nod between two looks halves it
MAX_GAP = 3  # looks in which a followed face may be missed
RIVAL = 0.5  # a second face counts from this share of the first one's height
BOX_TO_WINDOW = 2.2  # side of the kept square over the detected box: hair, chin and room for sway


@dataclass(frozen=True)
class Track:
    """The followed face: `boxes` (N, 4) left, top, right, bottom in pixels, NaN where it was not found.

    `second_face` is the share of the N looks that show another face of at least half its height, beside it or instead.
    """

    boxes: np.ndarray
    second_face: float

    @property
    def found(self) -> bool:
        """Whether any look shows the face."""
        return bool(np.isfinite(self.boxes).any())


def follow(looks: list[list[Face]]) -> Track:
    """Follow the main face through the faces found in each of N pictures.

    Faces of neighbouring looks are linked by their overlap, the best pair first; the chain with the largest sum of
    areas wins, so that a passer-by close to the camera does not take over, and neither does a smaller listener.
    """
    chains = _chains(looks)
    boxes = np.full((len(looks), 4), np.nan, np.float32)
    if not chains:
        return Track(boxes, 0.0)
    main = max(chains, key=lambda chain: sum(face.area for face in chain.values()))
    for moment, face in main.items():
        boxes[moment] = face.box
    rival = RIVAL * float(np.median([face.height for face in main.values()]))
    others = [[face for face in faces if face is not main.get(moment)] for moment, faces in enumerate(looks)]
    shared = sum(any(face.height >= rival for face in faces) for faces in others)
    return Track(boxes, shared / len(looks))


def window_around(track: Track, shape: tuple[int, int], zoom: float = 1.0, max_height: int = 512) -> Window | None:
    """A square that holds the followed face in every look, with room around it.

    Args:
        track: the followed face, in the pixels of the looks.
        shape: height and width of the looks.
        zoom: pixels of the source per pixel of the looks.
        max_height: the square is scaled down to this where it is larger (and small faces up, to half of it).

    Returns:
        An even square window in source pixels, inside the picture; None where no look shows the face.
    """
    if not track.found:
        return None
    height, width = (int(side * zoom) for side in shape)
    scale = np.array((width, height)) / (shape[1], shape[0])
    boxes = track.boxes[np.isfinite(track.boxes[:, 0])] * np.tile(scale, 2)
    sides = boxes[:, 2:] - boxes[:, :2]
    spread = np.ptp((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0).max()
    side = int(min(np.median(sides.max(axis=1)) * BOX_TO_WINDOW + spread, height, width)) // 2 * 2
    middle = (boxes[:, :2].min(axis=0) + boxes[:, 2:].max(axis=0)) / 2
    x, y = (int(np.clip(at - side / 2, 0, limit - side)) for at, limit in zip(middle, (width, height), strict=True))
    scaled = int(np.clip(side, max_height // 2, max_height)) // 2 * 2
    return Window(x, y, side, side, scaled)


def _chains(looks: list[list[Face]]) -> list[dict[int, Face]]:
    """Faces of different looks that belong together, each chain by moment."""
    chains: list[dict[int, Face]] = []
    for moment, faces in enumerate(looks):
        near = [chain for chain in chains if moment - max(chain) <= MAX_GAP]
        pairs = [(shared_area(chain[max(chain)].box, face.box), chain, face) for chain in near for face in faces]
        placed: list[Face] = []
        for overlap, chain, face in sorted(pairs, key=lambda pair: -pair[0]):
            if overlap >= MIN_OVERLAP and moment not in chain and face not in placed:
                chain[moment] = face
                placed.append(face)
        chains += [{moment: face} for face in faces if face not in placed]
    return chains


def shared_area(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes (4,), 0 to 1."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = sum(float(np.prod(box[2:] - box[:2])) for box in (first, second))
    return shared / max(areas - shared, 1e-6)
