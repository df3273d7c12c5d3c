"""Reference frames of training windows: who is shown, and at which moment.

A reference near the window would show the network what it is to generate, so it keeps `GAP` frames away (LatentSync's
references, too, start at least 16 frames from the window's start). What is random comes from the caller.

Shape legend: B windows.
"""

import torch
from torch import Tensor

from eadnet.data.clip_set import ClipSet
from eadnet.features.latents import Latents

GAP = 16
"""Smallest distance of a reference from every frame of its window, in frames, where clips are long enough."""


class References:
    """Finds reference frames for the windows of a clip set.

    Args:
        clips: the set that windows are drawn from.
        usable: all usable clips; a speaker's reference clip may lie outside the set.
        latents: of all usable clips.
    """

    def __init__(self, clips: ClipSet, usable: ClipSet, latents: Latents) -> None:
        shown = [usable.position.get(clip.row["reference"], usable.position[clip.clip_id]) for clip in clips.clips]
        self.own = torch.tensor([usable.position[clip.clip_id] for clip in clips.clips])
        self.shown = torch.tensor(shown)
        self.lengths, self.offsets = usable.lengths, latents.offsets(usable)

    def rows(self, which: Tensor, first: Tensor, frames: int, elsewhere: Tensor, place: Tensor) -> Tensor:
        """Rows (B,) of the latents that show the speakers.

        A frame comes from the window's own clip, or from the speaker's reference clip where `elsewhere` is set or the
        own clip has no frame that is far enough. Where the own clip is all there is, it is the farthest frame.

        Args:
            which: (B,) positions of the windows' clips in the set.
            first: (B,) first frames of the windows.
            frames: of a window.
            elsewhere: (B,) bool, whether the speaker's reference clip is wanted.
            place: (B,) in [0, 1), which of the possible frames is taken.
        """
        own, shown = self.own[which], self.shown[which]
        length, past = self.lengths[own], first + frames
        before, after = (first - GAP + 1).clamp(min=0), (length - past - GAP + 1).clamp(min=0)
        another = (shown != own) & (elsewhere | (before + after == 0))
        count = torch.where(another, self.lengths[shown], before + after)
        frame = (place * count).long()
        frame = torch.where(another | (frame < before), frame, frame - before + past + GAP - 1)
        farthest = torch.where(first >= length - past, 0, length - 1)
        frame = torch.where(count > 0, frame, farthest)
        return self.offsets[torch.where(another, shown, own)] + frame
