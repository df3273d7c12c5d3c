"""The server engine at a scripted server: its conversations, and the answer to one of them."""

import numpy as np

from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.engines.server import make_backend
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from tests.support.caption_server import Reply, completion, question_of, serving


def talks(count, images=0):
    frame = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    return [Conversation(f"clip{index}", "rules", f"clip{index}", (frame,) * images) for index in range(count)]


def backend(server, **machine):
    machine = {"timeout": 5, "attempts": 3, "concurrency": 4} | machine
    return make_backend(LanguageModel(endpoint=server.address), Captioning(**machine), None, "")


def echo(request, before):
    return Reply(completion(question_of(request)))


def only(script):
    """The answer to one request under a script."""
    with serving(script) as server:
        return backend(server).answer(talks(1))[0], server


def one_line(text):
    return text and text.isprintable() and len(text) < 500
