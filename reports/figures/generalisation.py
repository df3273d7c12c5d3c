"""Generalisation: people and recordings of a corpus that nothing was trained on.

Each block is one clip of a corpus for testing only (RAVDESS); its rows are the truth and the runs that were tried on
it as they are, at the same frames, beside the reference frame that supplied the appearance. Clips are picked by name
and label, never by score.
"""

from matplotlib.figure import Figure

from eadnet.config.corpora import TEST_ONLY
from reports.figures import samples
from reports.load import EmptyInputs, Inputs, spread
from reports.style import is_baseline, order_runs

CLIPS = 4


def draw(inputs: Inputs) -> Figure:
    """Fetch crops of the first clips and draw them.

    Raises:
        EmptyInputs: no clip of such a corpus was measured for the truth and a run.
    """
    clips = inputs.clips[inputs.clips.corpus.isin(TEST_ONLY)]
    runs = [
        run
        for run in order_runs(inputs.measured)
        if (not is_baseline(run) or run == "ground_truth")
        and any(inputs.has_generated(run, clip) for clip in clips.index)
    ]
    common = [clip for clip in clips.index if all(inputs.has_generated(run, clip) for run in runs)]
    if not common or len(runs) < 2:
        raise EmptyInputs("no clip of a corpus for testing only was made by a run; switch corpora.ravdess on")
    chosen = spread(clips.loc[common], turns=("speaker", "emotion")).head(CLIPS)
    return samples.build([samples.strip(inputs, row, runs) for row in chosen.to_dict("records")])
