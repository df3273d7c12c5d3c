"""One look for every table and figure: names, colours and order of the methods, and the figures' typography.

Colours are Okabe and Ito's colour-blind safe set (Color Universal Design, 2008). Reads and writes nothing but the
figure files of `save` and `write`.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from eadnet.config.configuration import BASELINES
from eadnet.provenance import atomic_path
from eadnet.tables import EMOTIONS
from metrics.spec import MetricSpec, direction, family_specs
from metrics.tables import ALL

WIDTH = 9.6
"""Width of a full-page figure, in inches."""

INK, MUTED, RULE, PAPER = "#1b1e23", "#5d6570", "#d9dde3", "#ffffff"
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = (
    "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#f0e442"
)  # fmt: skip
BLUES = LinearSegmentedColormap.from_list("paper-to-blue", ["#f3f5f8", BLUE])
CYCLE = (ORANGE, GREEN, VERMILION, PURPLE, SKY, "#8c6d1f", "#4d4d4d", YELLOW)

LABELS = {
    "ground_truth": "Ground truth",
    "reconstruction": "Autoencoder (ceiling)",
    "still": "Still reference",
    "shuffled_audio": "Shuffled audio",
    "full": "EAD-Net (full)",
    "full_again": "null row: full, another seed",
    "no_stda": "without STDA",
    "no_tfrm": "without TFRM",
    "no_text": "without text",
    "label_text": "label for text",
    "no_trepa": "without TREPA",
    "no_sync": "without SyncNet loss",
    "latentsync": "LatentSync (none of the three)",
    "extended": "our extensions",
    "no_temporal": "independent frames",
    "filtered": "independent frames, filtered",
    "shared_noise": "independent frames, one noise",
    "equal_time": "independent frames, trained as long",
    "motion_only": "motion modules alone",
    "with_trepa": "full, with TREPA",
    "velocity_only": "full, with the velocity loss",
    "hidden_none": "independent frames, 12 s",
    "hidden_motion": "motion modules alone, 12 s",
    "hidden_full": "full, 12 s",
    "hidden_full_windows": "full, 12 s in windows",
    "hidden_extended": "our extensions, 12 s",
    "hidden_extended_windows": "our extensions, 12 s in windows",
    "only_stda": "STDA alone",
    "only_tfrm": "TFRM alone",
    "only_text": "text alone",
    "hdtf": "EAD-Net on HDTF",
    "hdtf_only_stda": "STDA alone, on HDTF",
    "hdtf_only_tfrm": "TFRM alone, on HDTF",
    "hdtf_latentsync": "LatentSync, on HDTF",
    "hdtf_no_trepa": "without TREPA, on HDTF",
}
NAME_LABELS = {
    "psnr": "PSNR", "ssim": "SSIM", "lpips": "LPIPS", "tlp": "tLP", "csim": "CSIM", "fid": "FID", "kid": "KID",
    "fid_infinity": "FID∞", "fvd": "FVD", "kvd": "KVD", "fvd_infinity": "FVD∞", "efid": "E-FID", "aed": "AED",
    "lse_c": "LSE-C", "lse_d": "LSE-D", "sync_offset": "Sync offset", "lip_cosine": "Lip cosine",
    "lipscore": "LipScore", "m_lmd": "M-LMD", "f_lmd": "F-LMD", "m_lmd_px": "M-LMD (px)", "f_lmd_px": "F-LMD (px)",
    "mouth_correlation": "Mouth r", "blink_correlation": "Blink r", "forbidden": "Forbidden content",
    "distinct": "Distinct captions", "acc_emo": "Emotion accuracy", "macro_f1_emo": "Emotion macro-F1", "tof": "tOF",
    "emotion_right": "Emotion right", "emotion_macro_f1": "Macro-F1 of emotions",
    "intensity_rank_correlation": "Intensity, rank r", "unit_micro_f1": "Units, micro-F1",
    "unit_macro_f1": "Units, macro-F1", "brisque": "BRISQUE", "brisque_ratio": "BRISQUE ratio", "piqe": "PIQE",
    "piqe_ratio": "PIQE ratio", "cpbd": "CPBD", "cpbd_ratio": "CPBD ratio", "musiq": "MUSIQ",
    "musiq_ratio": "MUSIQ ratio",
    "topiq": "TOPIQ", "topiq_ratio": "TOPIQ ratio", "niqe": "NIQE", "niqe_ratio": "NIQE ratio", "hyperiqa": "HyperIQA",
    "hyperiqa_ratio": "HyperIQA ratio", "m_lvd": "M-LVD", "f_lvd": "F-LVD", "mouth_dtw": "Mouth shape, DTW",
    "mouth_frame": "Mouth shape, by frame", "mod": "Mouth opening diff.", "fdd": "Upper-face dynamics", "apd": "APD",
    "gaze_correlation": "Gaze r", "lid_correlation": "Lid r", "brow_correlation": "Brow r", "pfid": "P-FID",
    "landmark_jitter_ratio": "Landm. jitter ratio", "latent_error": "Latent error, validation",
    "path_struct": "Path structure, error", "path_roughness": "Path roughness", "path_amplitude": "Path amplitude",
    "path_excursions": "Path outliers", "mouth_struct": "Mouth structure, error",
    "gaze_struct": "Gaze structure, error",
}  # fmt: skip
"""Names of metrics whatever the variant; one that is not here reads as its key."""
USUAL = ("region", "corpus-v1", "mediapipe", "farneback-128", "answers", "texts", "r3", "r0", "brows-lids", "eyes")
"""Variants that a short name leaves out."""
FAMILY_LABELS = {
    "image": "Picture",
    "frames": "Picture, whole frame",
    "quality": "Picture, without reference",
    "pyiqa": "Picture, learned judges",
    "perceptual": "Perceptual distance",
    "inception": "Distribution (Inception)",
    "identity": "Identity",
    "insightface": "Identity (InsightFace)",
    "lip_sync": "Lip sync",
    "syncnet": "Lip sync (SyncNet)",
    "syncnet_python": "Lip sync (syncnet-python)",
    "stable_syncnet": "Lip sync (StableSyncNet, a supervisor)",
    "lipscore": "Lip reading",
    "landmarks": "Landmarks",
    "mouth": "Mouth shape",
    "gaze": "Eyes, brows and mouth over time",
    "paths": "Jumps, reach and steps over time",
    "eat": "EAT's evaluation",
    "frechet": "Distribution",
    "i3d": "Distribution (I3D)",
    "videomae": "Distribution (VideoMAE)",
    "emotion": "Emotion",
    "emotion_fan": "Emotion (Emotion-FAN)",
    "hsemotion": "Emotion (HSEmotion)",
    "expression": "Expression",
    "memory": "Memory of the expression",
    "blendshapes": "Expression (blendshapes)",
    "pose": "Head pose",
    "temporal": "Steadiness",
    "eyes": "Eyes and face, flicker and sharpness",
    "flicker": "Flicker (VBench)",
    "motion": "Motion",
    "theval": "THEval",
    "voice": "Mouth and loudness",
    "latent_error": "Latents in one step (validation clips)",
    "captions": "Captions",
}
SLICE_LABELS = {
    "all": "All people",
    "seen_people": "Seen people",
    "unseen_people": "Unseen people",
    "level_1": "Emotion level 1",
    "level_2": "Emotion level 2",
    "level_3": "Emotion level 3",
}
BASELINE_COLOURS = {"ground_truth": INK, "reconstruction": MUTED, "still": "#9aa2ad", "shuffled_audio": VERMILION}
NULL_COLOUR = "#8fb8d6"
"""Of `full` trained again: paler than its own."""
ROW_ORDER = ("ground_truth", "still", "shuffled_audio", "reconstruction", "full", "full_again")

_SETTINGS = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "figure.facecolor": PAPER,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "svg.hashsalt": "eadnet",
    "svg.fonttype": "path",
    "image.interpolation": "antialiased",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Apply the house style to figures made inside the block; nothing leaks out of it."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def run_label(run: str) -> str:
    """The name that a person reads for a run or a baseline; an unknown run keeps its own name."""
    return LABELS.get(run, run.replace("_", " "))


def metric_label(key: str) -> str:
    """The short name of a metric, its variant in brackets unless it is the usual one."""
    name, _, variant = key.partition("@")
    if variant in USUAL:
        return NAME_LABELS.get(name) or name.replace("_", " ").capitalize()
    return f"{name_label(name)} ({'mesh' if variant == 'mesh-v1' else variant})"


def metric_variant(key: str) -> str:
    """What stands after the ``@`` of a metric's key."""
    return key.partition("@")[2]


def name_label(name: str) -> str:
    """The short name of a metric, whatever its variant."""
    return NAME_LABELS.get(name, name.replace("_", " "))


def family_label(family: str) -> str:
    """The heading of a family of metrics."""
    return FAMILY_LABELS.get(family, family)


def specs_in(family: str, metrics: Iterable[str]) -> list[MetricSpec]:
    """The metrics of a family that are among some keys, in the order of tables."""
    known = set(metrics)
    return [spec for spec in family_specs(family) if spec.key in known]


def metric_heading(spec: MetricSpec) -> str:
    """A metric's short name, its decibels if it has them, and the arrow or target of its direction."""
    unit = " (dB)" if spec.unit == "dB" else ""
    return f"{metric_label(spec.key)}{unit} {direction(spec)}".strip()


def is_baseline(run: str) -> bool:
    """Whether a row is a baseline or a ceiling rather than a trained run."""
    return run in BASELINES


def order_runs(runs: Iterable[str]) -> list[str]:
    """Runs in the order of every table: truth, floors, ceiling, full and the ablations.

    What is not known here comes last, by name: runs of the user's own and other people's methods.
    """
    rank = {name: place for place, name in enumerate(dict.fromkeys([*ROW_ORDER, *LABELS]))}
    return sorted(set(runs), key=lambda run: (rank.get(run, len(rank)), run))


def run_colours(runs: Iterable[str]) -> dict[str, str]:
    """A colour for each run: greys for baselines, blues for `full` and the null row, the cycle for the rest."""
    ordered, known = order_runs(runs), BASELINE_COLOURS | {"full": BLUE, "full_again": NULL_COLOUR}
    others = [run for run in ordered if run not in known]
    colours = known | {run: CYCLE[i % len(CYCLE)] for i, run in enumerate(others)}
    return {run: colours[run] for run in ordered}


def overall(summary: pd.DataFrame) -> pd.DataFrame:
    """Rows of a summary that are a metric's headline: one a run and metric (``metrics.summary.headlines``)."""
    return summary[summary.headline.eq(True)]


def headline_heading(spec: MetricSpec, rows: pd.DataFrame) -> str:
    """A metric's heading, with corpus and people where its headline is not of all clips; `rows` are headlines."""
    return f"{metric_heading(spec)}{headline_place(spec.key, rows)}"


def headline_place(metric: str, rows: pd.DataFrame) -> str:
    """`` (corpus, people)`` of a metric's headline; "" where it is of all clips."""
    own = rows[rows.metric == metric].iloc[0]
    parts = [own.corpus if own.corpus != ALL else "", SLICE_LABELS[own.slice].lower() if own.slice != ALL else ""]
    return f" ({', '.join(filter(None, parts))})" if any(parts) else ""


def by_rank(frame: pd.DataFrame, **orders: Iterable[str]) -> pd.DataFrame:
    """Rows sorted by some columns, each in the order of the names given for it; unknown names come last."""
    ranks = {column: dict(zip(dict.fromkeys(names), count(), strict=False)) for column, names in orders.items()}
    return frame.sort_values(list(ranks), key=lambda column: column.map(ranks[column.name]), kind="stable")


def by_emotion(names: Iterable[str]) -> list[str]:
    """Emotions in the order of ``eadnet.tables.EMOTIONS``, others by name after them; each once."""
    rank = {name: place for place, name in enumerate(EMOTIONS)}
    return sorted(set(names), key=lambda name: (rank.get(name, len(rank)), name))


def panel_grid(panels: int, columns: int, height: Callable[[int], float], **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure with axes for some panels, in lines of `columns`; axes that are left over are hidden.

    Args:
        panels: how many.
        columns: panels side by side.
        height: inches, by the number of lines.
        **options: further ones of ``Figure.subplots``.
    """
    lines = math.ceil(panels / columns)
    figure = Figure(figsize=(WIDTH, height(lines)), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, **options)
    for axes in grid.flat[panels:]:
        axes.set_visible(False)
    return figure, list(grid.flat[:panels])


def bare(axes: Axes) -> Axes:
    """Take ticks and frame away, for axes that hold a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return axes


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as SVG at `path` and as PNG beside it; the same figure gives the same bytes.

    Raises:
        ValueError: `path` does not end in ``.svg``.
    """
    path = Path(path)
    if path.suffix != ".svg":
        raise ValueError(f"{path}: a figure is written as .svg (its .png goes beside it)")
    for target in (path, path.with_suffix(".png")):
        write(figure, target)


def write(figure: Figure, path: Path, dpi: float | None = None) -> None:
    """Write a figure in the form of the path's suffix, all or nothing; the same figure gives the same bytes.

    Args:
        figure: what to write.
        path: ends in ``.svg`` or ``.png``.
        dpi: pixels an inch, of a PNG; None for the style's.
    """
    metadata = {"Software": None} if path.suffix.lower() == ".png" else {"Date": None, "Creator": None}
    with figure_style(), atomic_path(path) as temporary:
        figure.savefig(temporary, metadata=metadata, dpi=dpi)
