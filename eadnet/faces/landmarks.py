"""What MediaPipe's landmarks show of a face: its scale, and how far mouth and eyes are open. Numpy only."""

import numpy as np

RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)  # corners: they stay put when the eye closes
RIGHT_LIDS, LEFT_LIDS = (159, 145), (386, 374)
INNER_LIPS = (13, 14)


def interocular(landmarks: np.ndarray) -> np.ndarray:
    """(T,) distance of the eye centres in pixels, from (T, 478, 2) landmarks; NaN where those are."""
    right, left = (landmarks[:, list(corners)].mean(axis=1) for corners in (RIGHT_EYE, LEFT_EYE))
    return np.linalg.norm(left - right, axis=-1)


def mouth_opening(landmarks: np.ndarray) -> np.ndarray:
    """(T,) gap of the inner lips (points 13 and 14) over the inter-ocular distance; 0 closed, about 0.4 wide open."""
    upper, lower = INNER_LIPS
    return np.linalg.norm(landmarks[:, lower] - landmarks[:, upper], axis=-1) / interocular(landmarks)


def eye_opening(landmarks: np.ndarray) -> np.ndarray:
    """(T,) gap of the lids over the eye's width, mean of both eyes; about 0.3 open, below 0.15 in a blink."""
    eyes = ((RIGHT_EYE, RIGHT_LIDS), (LEFT_EYE, LEFT_LIDS))
    ratios = [_length(landmarks, *lids) / _length(landmarks, *corners) for corners, lids in eyes]
    return np.mean(ratios, axis=0)


def _length(landmarks: np.ndarray, first: int, second: int) -> np.ndarray:
    return np.linalg.norm(landmarks[:, first] - landmarks[:, second], axis=-1)


def restful_frame(landmarks_TK2: np.ndarray) -> int:
    """The most restful frame of a clip: lips closest among the frames with open eyes, from (T, 478, 2) landmarks."""
    eyes, lips = eye_opening(landmarks_TK2), mouth_opening(landmarks_TK2)
    return int(np.nanargmin(np.where(eyes >= np.nanmedian(eyes), lips, np.inf)))
