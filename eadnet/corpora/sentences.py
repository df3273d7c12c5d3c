"""What the drawn people say: short sentences with one natural pause, apart for training and for testing.

A clip of a little over two seconds holds each of them at every emotional speaking rate. Together the training
sentences hold every viseme; no held-out sentence shares a clause with a training sentence.
"""

TRAIN_SENTENCES = (
    "Well, my father bought a farm.",
    "No, we should move the boat.",
    "Listen, the bell is above you.",
    "Look, five apples fell down.",
    "Mum, she made a blue coat.",
    "Today, I saw both of them.",
    "Before noon, we may leave.",
    "If you want, we go home.",
    "Yes, put the lamp over there.",
    "Maybe, but who knows why?",
    "At home, Bob plays the piano.",
    "Oh, what a beautiful phone.",
    "Thank you, that was warm.",
    "Above all, they love music.",
    "One day, you will be famous.",
    "Sure, he moved to a valley.",
    "Wait, your bag is open.",
    "Up there, the moon is full.",
    "Sadly, my watch fell off.",
    "For me, it is far too much.",
    "Now, think about the show.",
    "Every week, we buy a map.",
    "By the way, I owe you some.",
    "Look up, the wolf ran away.",
)
TEST_SENTENCES = (
    "Hello, may I borrow a book?",
    "In fact, nobody found it.",
    "Please, give them more food.",
    "Outside, a small bird sang.",
    "Perhaps, my brother will wave.",
    "Again, you forgot the cheese.",
)
