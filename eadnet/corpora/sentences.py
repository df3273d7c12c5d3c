"""What the drawn people say: sentences with one natural pause, apart for training and for testing.

A clip of a little over two seconds holds each of the few at every emotional speaking rate; the many
(``eadnet.corpora.phrases``) take two to four seconds each. Together the training sentences hold every viseme; no
held-out sentence shares a clause with a training sentence.
"""

from eadnet.corpora.phrases import TEST_ACTIONS, TEST_FRAMES, TRAIN_ACTIONS, TRAIN_FRAMES, compose

TRAIN_SENTENCES = (
    "Well, my father bought a farm.",
    "We should move the boat, now.",
    "Listen, the bell is above you.",
    "Five apples fell, look down.",
    "She made a blue coat, mum.",
    "Today, I saw both of them.",
    "We may leave, before noon.",
    "If you want, we go home.",
    "Put the lamp over there, yes.",
    "But who knows why, maybe?",
    "Bob plays at home, the piano.",
    "Oh, what a beautiful phone.",
    "That was warm, thank you.",
    "Above all, they love music.",
    "You will be famous, one day.",
    "He moved to a valley, sure.",
    "Wait, your bag is open.",
    "The moon is up, it is full.",
    "My watch fell off, sadly.",
    "For me, it is far too much.",
    "Think about it, the show.",
    "Every week, we buy a map.",
    "I owe you some, by the way.",
    "The wolf ran, look up there.",
)
TEST_SENTENCES = (
    "Hello, may I borrow a book?",
    "Nobody found the key, in fact.",
    "Give them more, please, more food.",
    "A small bird sang, outside.",
    "My brother, perhaps, will wave.",
    "Again, you forgot the cheese.",
)


def books(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Training and held-out sentences, `few` or `many`."""
    if kind == "few":
        return TRAIN_SENTENCES, TEST_SENTENCES
    return compose(TRAIN_ACTIONS, TRAIN_FRAMES), compose(TEST_ACTIONS, TEST_FRAMES)
