"""What the drawn people say: sentences with one natural pause, apart for training and for testing.

A clip of a little over two seconds holds each of the few at every emotional speaking rate; the many
(``eadnet.synthetic.sentences``) take two to four seconds each. Together the training sentences hold every viseme; no
held-out sentence shares a clause with a training sentence.
"""

from itertools import product

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


SUBJECTS = (
    "my brother", "the old farmer", "our teacher", "a young woman", "the captain", "his cousin", "the two boys",
    "her grandmother", "nobody", "the baker", "my best friend", "a stranger", "the whole family", "the nurse",
    "your uncle", "the painter", "everybody", "the new girl", "their father", "a clever thief", "the judge",
    "my neighbour", "the choir",
)  # fmt: skip
TRAIN_FRAMES = (
    "after a long walk", "as far as I know", "before breakfast", "by the way", "early in the morning", "every summer",
    "for a good reason", "from time to time", "if you must know", "in the end", "just before noon", "last Thursday",
    "like a fool", "much to my surprise", "no matter what", "of course", "on the other hand", "one cold evening",
    "quite by chance", "since you ask", "some years ago", "thank goodness", "to be fair", "to my great joy",
    "under a full moon", "until the bell rang", "when the rain stopped", "while we were away", "with a happy smile",
    "without a word", "when the film was over", "because of the fog", "at the very last moment", "above all",
    "in a foul mood",
)  # fmt: skip
TEST_FRAMES = (
    "as you can see", "before we left", "in broad daylight", "late at night", "more than once", "on my birthday",
    "so I was told", "the other day", "though it was hot", "to tell the truth", "very slowly",
)  # fmt: skip
TRAIN_ACTIONS = (
    (("mended", "painted", "carried", "measured"),
     ("the wooden gate", "a kitchen table", "the broken chair", "an old ladder", "the garden fence", "every shelf")),
    (("cooked", "burned", "served", "ordered"),
     ("a bowl of soup", "the fresh fish", "some fried eggs", "apple pie", "five potatoes", "the evening meal")),
    (("left", "crossed", "reached", "avoided"),
     ("the village", "a narrow bridge", "the market square", "the dark forest", "the harbour", "that muddy field")),
    (("wrote", "tore up", "posted", "hid"),
     ("a thank you note", "the first chapter", "her love letter", "an angry reply", "the shopping list", "his will")),
    (("washed", "folded", "borrowed", "ruined"),
     ("a blue shirt", "the woollen coat", "both pairs of boots", "a silk scarf", "the warm blanket", "my best hat")),
    (("fed", "chased", "sold", "followed"),
     ("the black pony", "three white sheep", "a lazy cat", "the wild geese", "that huge dog", "a mother duck")),
    (("opened", "smashed", "cleaned", "noticed"),
     ("the bathroom window", "a glass jar", "the green bottle", "the front door", "an empty box", "the mirror")),
    (("played", "hummed", "practised", "enjoyed"),
     ("a quiet waltz", "the violin part", "an Irish jig", "that famous march", "the opening song", "a slow blues")),
    (("planted", "watered", "picked", "drew"),
     ("a row of beans", "the yellow roses", "some wild berries", "two plum trees", "the purple tulips", "a few herbs")),
    (("repaired", "drove", "pushed", "parked"),
     ("the school bus", "a rusty bicycle", "the fire engine", "her motor boat", "that grey van", "a toy train")),
    (("told us", "made up", "believed", "forgot"),
     ("a funny joke", "the whole story", "every single word", "a strange tale", "the easy answer", "a silly rumour")),
    (("counted", "stole", "saved", "spent"),
     ("the ticket money", "forty pounds", "a month of wages", "the last coin", "all our savings", "the prize")),
)  # fmt: skip
TEST_ACTIONS = (
    (("climbed", "photographed", "described", "painted over"),
     ("the steep hill", "a church tower", "the snowy mountain", "the castle wall", "a tall oak", "the lighthouse")),
    (("brewed", "poured", "spilled", "tasted"),
     ("some strong coffee", "a jug of milk", "the ginger tea", "a cup of cocoa", "the orange juice", "cold beer")),
    (("lost", "found", "wrapped", "gave away"),
     ("the house key", "a gold watch", "the birthday gift", "an umbrella", "the leather purse", "two pearl earrings")),
)  # fmt: skip


def books(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Training and held-out sentences, `few` or `many`."""
    if kind == "few":
        return TRAIN_SENTENCES, TEST_SENTENCES
    return compose(TRAIN_ACTIONS, TRAIN_FRAMES), compose(TEST_ACTIONS, TEST_FRAMES)


def compose(actions: tuple, frames: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence for every verb phrase; subjects and frames take turns, and every third frame comes last."""
    phrases = [f"{verb} {thing}" for verbs, things in actions for thing, verb in product(things, verbs)]
    return tuple(
        _sentence(f"{SUBJECTS[place % len(SUBJECTS)]} {phrase}", frames[place % len(frames)], last=place % 3 == 2)
        for place, phrase in enumerate(phrases)
    )


def _sentence(clause: str, frame: str, last: bool) -> str:
    first, second = (clause, frame) if last else (frame, clause)
    return f"{first[0].upper()}{first[1:]}, {second}."
