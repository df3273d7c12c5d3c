"""Family ``emotion_fan``: is the wanted emotion seen, by the recogniser that judged EAT?"""

from metrics.specs.recognition import recogniser_specs
from metrics.specs.types import Family

FAN = "Meng et al., Frame Attention Networks, ICIP 2019; protocol of Gan et al., EAT, ICCV 2023"
REFERENCE = (
    "yuangan/evaluation_eat code/test_emotion_acc.py, code/_acc_test.py, code/emotionfan_basiccode, "
    "code/face_alignment_code@e39b004: eight classes, every frame with a face, one answer a video, the share of videos "
    "whose answer is their label"
)
INPUTS = (
    "dlib face chip (224 x 224, padding 0.25, black beyond the frame) of every frame with a face, cut from the whole "
    "frame in the true source's size by the mesh's eye corners and nose base; frame and chip stored as JPEG of quality "
    "95 as there; RGB in [0, 1], not normalised further"
)
DISAGREEMENT = (
    "EAT on MEAD: 41.56 (C-MET, retrained), 54 (KeyFace, own classifier), 64.40 (EDTalk), 68.21 (PC-Talk), 75.43 "
    "(Xemo-Talker, retrained); EDTalk: 41.99 to 81.02. The published evaluation weighs frames by the first attention "
    "above the line and by both below it, unlike the training; kept. What differs from it: the mesh finds the face and "
    "its five points, there dlib's detectors do; chips are resampled by cubic weights and area means, there by a "
    "pyramid; faces are seen at the source's size, EAT's own videos are 256 x 256"
)
AVOID = (
    "without the row of run ground_truth beside it (about 84 % with the published weights on the MEAD validation part, "
    "85.38 % in Xemo-Talker); on people it was trained on; on corpora other than MEAD"
)
EVALUATOR = "asset:emotion-fan/self_relation-attention_61_84.3655"

FAMILY = Family(
    "emotion_fan", 3, None,
    "Is the wanted emotion seen, by Emotion-FAN with the weights of EAT's evaluation?",
    assets=("emotion-fan",), extractor="emotion_fan",
)  # fmt: skip

SPECS = recogniser_specs(
    "emotion_fan", "emotion-fan", "Emotion-FAN",
    "the logit of the whole clip (frames weighed by self and relation attention)", FAN,
    inputs=INPUTS, reference=REFERENCE, disagreement=DISAGREEMENT, avoid=AVOID, evaluator=EVALUATOR,
)  # fmt: skip
