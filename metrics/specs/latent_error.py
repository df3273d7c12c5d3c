"""Family ``latent_error``: how far a network's one-step estimate lies from the true latents of validation clips."""

from metrics.specs.types import INFINITY, Family, MetricSpec

REGIONS = {
    "eyes": "the rows of eyes and brows (eadnet.training.losses.EYE_ROWS)",
    "mouth": "the mouth's ellipse (eadnet.faces.regions)",
    "face": "the whole generated region",
}
TIMESTEPS = (300, 600)

FAMILY = Family(
    "latent_error", 1, None,
    "How far does a network's one-step estimate lie from the true latents of validation clips? Deterministic, since "
    "nothing is sampled: a validation measure of trained runs and of variants that only filter. Made of tables of "
    "`python -m eadnet measure-latents` by `python -m metrics score-latents`; no video is read. Rows are of split "
    "`validation`, so that settings can be chosen by it; baselines and methods of other authors have none.",
    of="networks", needs="nothing", uses_gpu=True,
)  # fmt: skip


def _spec(region: str, timestep: int) -> MetricSpec:
    return MetricSpec(
        f"latent_error@{region}-t{timestep}", "latent_error", "clip", "ratio", False, (0, INFINITY),
        f"Error of the latents that the network finds in one step at timestep {timestep}: {region}.",
        f"x_t is made of the clip's true latents x_0 at t = {timestep} of 1000, with Gaussian noise of its own for "
        "every frame that is the same for all runs and seeds. The network's estimate of x_0 (no guidance; text, audio "
        "and reference frame of synthesis; consecutive windows as long as those of training, of which the last ends "
        "with the clip and counts only frames that are in no other) goes through the source's filter over time, if it "
        f"has one. Mean squared error over frames, channels and the generated cells of {REGIONS[region]}, over the "
        "variance there of the clip's x_0 around each channel's mean: 0 is perfect, and 1 is that mean everywhere.",
        "this benchmark; x_0 by DDIM's eq. 9 (Song et al., arXiv 2010.02502)",
        inputs="stored latents of validation clips, in float16, in the corpora that the run learns from",
        reference="none",
        disagreement="diffusion papers report the loss over random timesteps, in the space that the network predicts",
        avoid="alone, to say that a video looks better: it is the error of one step from true latents, and sampling "
        "takes several from noise; between runs with other autoencoders; noise is of single frames, so a run trained "
        "with shared noise is at a disadvantage",
        smallest=0.02, why_smallest="a convention: 2 % of the level of the run compared with", smallest_is_share=True,
    )  # fmt: skip


SPECS = tuple(_spec(region, timestep) for region in REGIONS for timestep in TIMESTEPS)
