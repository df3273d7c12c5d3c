"""The model card in a pipeline's folder: what the network is, what it was trained on, and what it is not for."""

from collections.abc import Collection
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from eadnet.tables import CLIPS, TableError, read_rows

if TYPE_CHECKING:
    from eadnet.inference.pipeline_index import PipelineIndex

REGIONS = {
    "lower": "the lower half of the face; eyes and brows stay the source's",
    "wide_lower": "the lower half of the face; eyes and brows stay the source's",
    "latentsync": "cheeks, tip of the nose, mouth and chin; eyes, brows and surroundings stay the source's",
    "wide_face": "the face from the brows down; hair, pose and surroundings stay the source's",
    "face": "the face from the brows down; hair, pose and surroundings stay the source's",
    "full": "the whole aligned crop, from one reference frame",
}
CARD = Template("""---
license: apache-2.0
library_name: eadnet
tags: [talking-head, lip-sync, emotion, latent-diffusion]
---

# EAD-Net, run `$run` (seed $seed)

A latent-diffusion U-Net that makes a face speak: LatentSync's, driven by sound, with what EAD-Net (arXiv 2604.23325)
adds to it, strip attention in the residual blocks (STDA), a chain of frames in the middle block (TFRM) and text added
to the audio. A reproduction: the weights are ours, not the authors'.

```python
from eadnet.pipeline import EADNetPipeline

pipeline = EADNetPipeline.from_pretrained("this/folder")
pipeline(image="face.png", audio="speech.wav", text="smiles broadly, brows raised", output="out.mp4")
```

## What it is

| | |
|---|---|
| generates | $region |
| size | $resolution x $resolution pixels of the aligned face, 25 frames per second |
| audio input | $audio |
| text input | $text_encoder token states; in training the text was: $text |
| STDA, TFRM, fusion of text | $stda, $tfrm, $fusion (`published` and `added` are the paper's, `none` is LatentSync) |
| sampling by default | $solver, $steps steps, guidance $audio_guidance (audio) and $text_guidance (text) |

## What it was trained on

$trained_on

Stage 2 took $steps_trained optimiser steps; code at commit `$commit`. The full settings are in `unet/config.json`.

## What it is for, and what it is not

For research on talking heads and for comparison with other methods under one protocol.

* **Consent.** Animate only faces of people who agreed to it, and say that the video is synthetic wherever it is shown.
  Not for impersonation, fraud, harassment or political deception, nor for anything that the law where you are forbids.
* **No metric is claimed here.** Scores belong to the run, the corpora and the protocol that gave them; see the tables
  of the run's results.
* It knows the faces, voices and languages it was trained on. Others may come out blurred, out of step or with another
  expression than the text says; side views, hands before the mouth and several faces are not handled.
* A model trained with mask `lower` or `face` moves neither head nor hair; from a single picture it moves the face only.

## Licence

Code and these weights: Apache-2.0. The corpora keep their own terms (MEAD: research only; HDTF: CC BY 4.0), as do
published weights that the network started from or that stand in `audio/` and `text/`; whoever passes the folder on
passes those terms on.
""")


def model_card(config: dict[str, Any], index: "PipelineIndex") -> str:
    """The card's Markdown.

    Args:
        config: of the run (``unet/config.json``).
        index: of the pipeline.
    """
    training, sampling = config["training"], index.synthesis
    return CARD.substitute(
        run=config.get("run", "unknown"),
        seed=config.get("seed", "unknown"),
        region=f"{REGIONS[config['mask']]} (mask `{config['mask']}`)",
        resolution=index.resolution,
        audio=_audio(config),
        text_encoder=index.text_encoder,
        text=training["text"],
        stda=training["stda"],
        tfrm=training["tfrm"],
        fusion="none" if training["text"] == "none" else training["fusion"],
        solver=sampling.solver,
        steps=sampling.steps,
        audio_guidance=f"{sampling.audio_guidance:g}",
        text_guidance=f"{sampling.text_guidance:g}",
        trained_on=index.trained_on,
        steps_trained=config.get("steps", "unknown"),
        commit=config.get("commit", "unknown"),
    )


def describe_clips(table: Path, learned: Collection[str] = ()) -> str:
    """A sentence about the training clips of a workflow's clips table; where there is none, it states that.

    Args:
        table: of clips.
        learned: corpora that the run learned from; empty: all.
    """
    try:
        rows = [row for row in read_rows(table, CLIPS) if row["status"] == "ok" and row["split"] == "train"]
        rows = [row for row in rows if not learned or row["corpus"] in learned]
    except TableError:
        return "The table of training clips was not at hand when this folder was written."
    people = {(row["corpus"], row["speaker"]) for row in rows}
    seconds = sum(row["n_frames"] / (row["fps"] or 25) for row in rows)
    corpora = ", ".join(sorted({row["corpus"] for row in rows}))
    return (
        f"{len(rows)} clips of {len(people)} people, {seconds / 3600:.2f} hours in all; corpora: {corpora}. The "
        "default configuration draws its corpora, so the people may be drawings; the run's configuration says which."
    )


def _audio(config: dict[str, Any]) -> str:
    if config["audio"] == "whisper":
        return "Whisper tiny's states (`audio/`)"
    return f"a log-mel spectrogram, {config['training']['visible']} of the 23 columns around each frame"
