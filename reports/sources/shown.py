"""What the pictures of an experiment show: one clip, its sources, and what was measured on their videos of it."""

from dataclasses import dataclass

import numpy as np

from eadnet.faces.landmarks import LEFT_EYE, RIGHT_EYE
from reports.load import EmptyInputs, Inputs, ReportError, spread

TRUE = "ground_truth"
MOST = 6
"""Sources that are shown where section `evidence.page` names none."""
BESIDE, ABOVE = 0.3, 0.22
"""Room around the outer corners of the eyes, in distances between them."""


@dataclass(frozen=True)
class Shown:
    """One clip as its sources made it.

    Attributes:
        clip: its row of the CLIPS table.
        frames: (T, H, W, 3) uint8 aligned crops of every source, the truth first; all of one length.
        landmarks: (T, 478, 2) points of every source, in pixels of the source video.
        eyes: rows and columns of the crop around both eyes, the same in all frames and sources.
        first: where the neighbouring frames of the strip begin.
        count: how many they are.
    """

    clip: dict
    frames: dict[str, np.ndarray]
    landmarks: dict[str, np.ndarray]
    eyes: tuple[slice, slice]
    first: int
    count: int

    @property
    def title(self) -> str:
        """The clip's name, its emotion and whether training clips show the person."""
        person = "person seen in training" if self.clip["seen_speaker"] else "unseen person"
        return "  ·  ".join(filter(None, [self.clip["clip_id"], self.clip["emotion"], person]))


def sources(inputs: Inputs) -> list[str]:
    """The truth, then the sources that the configuration wants shown: by default those of its questions."""
    section = inputs.questions
    asked = [side for question in section.asked.values() for side in (question.run, question.rival)]
    chosen = section.page.sources or tuple(dict.fromkeys(asked))[:MOST]
    return [TRUE, *(source for source in chosen if source != TRUE)]


def shown(inputs: Inputs) -> Shown:
    """Read the clip of the page: the one that the configuration names, or the first by name that all sources have.

    The strip's frames are in the middle of the clip. No clip and no frame is chosen by its score.

    Raises:
        ReportError: a source was not measured.
        EmptyInputs: no clip, or not the one that is named, was measured for all sources.
    """
    names = sources(inputs)
    for name in names:
        if name not in inputs.measured:
            raise ReportError(f"--measurements lacks {name}; pass results/measurements/{name}/<seed>")
    clip = _clip(inputs, names)
    made = {name: inputs.generated(name, clip["clip_id"]) for name in names}
    length = min(len(one.crops) for one in made.values())
    count = min(inputs.questions.page.frames, length)
    truth = inputs.truth(clip["clip_id"])
    first = (length - count) // 2
    return Shown(
        clip,
        {name: one.crops[:length] for name, one in made.items()},
        {name: one.landmarks[:length] for name, one in made.items()},
        eye_region(
            truth.landmarks[first : first + count], truth.transforms[first : first + count], made[TRUE].crops.shape[1]
        ),
        first,
        count,
    )


def eye_region(landmarks: np.ndarray, transforms: np.ndarray, side: int) -> tuple[slice, slice]:
    """Rows and columns of a crop around both eyes, from the median place of their corners.

    Args:
        landmarks: (T, 478, 2) in pixels of the source.
        transforms: (T, 2, 3) from these to pixels of the crop.
        side: height and width of the crop, in pixels.

    Raises:
        EmptyInputs: no frame shows a face.
    """
    corners = landmarks[:, [*RIGHT_EYE, *LEFT_EYE]]
    placed = np.einsum("tij,tkj->tki", transforms[:, :, :2], corners) + transforms[:, None, :, 2]
    if not np.isfinite(placed).all(axis=(1, 2)).any():
        raise EmptyInputs("the frames that are shown hold no face")
    points = np.nanmedian(placed, axis=0)
    (left, top), (right, bottom) = points.min(0), points.max(0)
    width = right - left
    rows = _within(top - ABOVE * width, bottom + ABOVE * width, side)
    return rows, _within(left - BESIDE * width, right + BESIDE * width, side)


def _clip(inputs: Inputs, names: list[str]) -> dict:
    usable = [clip for clip in inputs.clips.index if all(inputs.has_generated(name, clip) for name in names)]
    wanted = inputs.questions.page.clip
    if wanted is not None and wanted not in usable:
        raise EmptyInputs(f"{wanted} was not measured for all of {', '.join(names)}; see the measurements' reasons")
    if not usable:
        raise EmptyInputs(f"no clip was measured for all of {', '.join(names)}; see the measurements' reasons")
    chosen = inputs.clips.loc[[wanted]] if wanted else spread(inputs.clips.loc[usable], first=1)
    return chosen.iloc[0].to_dict()


def _within(low: float, high: float, side: int) -> slice:
    """Whole pixels inside the crop, at least four of them."""
    start = int(np.clip(np.floor(low), 0, side - 4))
    return slice(start, int(np.clip(np.ceil(high), start + 4, side)))
