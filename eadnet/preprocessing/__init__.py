"""One shard of a corpus becomes clips: 25 fps, 16 kHz mono, one aligned face.

``shard`` is where to begin: it hands every source to a worker (``workers``), which decodes it once and cuts it at its
shots (``pieces``, ``shots``), finds the face (``framing``), measures (``measurements``), judges (``gates``) and stores
what passed (``parts``).
"""
