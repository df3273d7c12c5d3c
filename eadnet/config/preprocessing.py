"""The configuration of preprocessing: normalisation, alignment, and the gates that a clip must pass."""

from typing import Annotated, Literal

from pydantic import Field

from eadnet.config.networks import Weights
from eadnet.config.section import Positive, Section, Share, Weight

Template = Literal["eyes", "latentsync"]


class Preprocess(Section):
    """Normalisation, alignment and the gates that a clip must pass."""

    fps: Literal[25] = Field(25, description="Frames per second after normalisation.")
    sample_rate: Literal[16000] = Field(16000, description="Audio samples per second after normalisation, mono.")
    detector: Literal["mediapipe", "scrfd", "yunet"] = Field(
        "mediapipe", description="Face detector: MediaPipe (offline), InsightFace's SCRFD with 2d106, or YuNet."
    )
    template: Template = Field(
        "eyes", description="Position of the face in the crop: ours (eyes and nose bridge), or LatentSync's."
    )
    resolution: Positive = Field(96, description="Height and width of the aligned crop, in pixels.")
    smoothing: Weight = Field(
        3.0, description="Standard deviation of the temporal smoothing of the alignment, in frames."
    )
    shot_threshold: Weight = Field(
        3.0,
        description="Adaptive threshold of PySceneDetect. A video is cut at shots, fades and dissolves; 0: not at all.",
    )
    min_face: Positive = Field(
        48, description="Smallest usable face: inter-ocular distance times 2.5, in source pixels."
    )
    min_frames: Annotated[int, Field(ge=25)] = Field(25, description="Shortest usable clip, in frames.")
    min_detected: Share = Field(0.9, description="Smallest usable share of frames with a detected face.")
    max_gap: Annotated[int, Field(ge=0, le=24)] = Field(
        5,
        description="Longest gap inside a clip, in frames without a face; a longer one cuts it. Over 5 frames (.2 s)"
        " the interpolated alignment stays within what `smoothing` averages.",
    )
    max_second_face: Share = Field(
        0.1,
        description="Largest usable share of checked frames with a second face of at least half the first's height.",
    )
    max_blur: Share = Field(1.0, description="Largest usable blur of the crop, 0 sharp to 1 (Crete et al. 2007).")
    silence_db: float = Field(-60.0, description="A clip whose loudest 100 ms are below this (dBFS) counts as silent.")
    sync_weights: Weights = Field(
        None,
        description="Published SyncNet that measures the offset of sound and lips, and gates training and validation "
        "clips by it (test clips never); null does not measure it.",
    )
    max_offset: Annotated[int, Field(ge=0, le=15)] = Field(
        6, description="Largest offset that is corrected, in frames; a clip with more is rejected."
    )
    min_sync_confidence: Weight = Field(3.0, description="Smallest usable SyncNet confidence.")
    quality_weights: Literal["hyperiqa"] | None = Field(
        None, description="Published network that scores the quality of the crops; null does not measure it."
    )
    min_quality: float = Field(
        40.0, description="Smallest usable score of the crops, about 0 to 100; LatentSync's filter uses 40."
    )
    keep_crops: bool = Field(
        True,
        description="Whether the crops stay on the disk when the report is done; else they are made again when a job "
        "has to read them. Choose before the first run.",
    )
