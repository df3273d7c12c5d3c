"""The U-Net: shapes, equality with Stable Diffusion's, null paths, temporal modules inside it, parts."""

import published_weights
import pytest
import torch
from unet_cases import LATENT_CHANNELS, SHAPED, STRUCTURES, TINY, awakened, batch, make, renamed, stable_diffusion

from eadnet.models.extended import stda, tfrm
from eadnet.models.extended.fusion import DecoupledFusion
from eadnet.models.levels import Temporal
from eadnet.models.settings import Network
from eadnet.models.unet import PARTS, EADNet

LENGTHS = (1, 7, 16, 48, 128)
VARIANTS = [(name, "learned") for name in stda.VARIANTS] + [("strips", name) for name in ("none", *tfrm.VARIANTS)]


# -------------------------------------------------------------------------------------------------------- structure
@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_latent_is_predicted_for_every_frame(structure: str, frames: int):
    model = awakened(make(STRUCTURES[structure], "strips", "learned"))
    predicted = model(**batch(frames))
    assert predicted.shape == (2, frames, LATENT_CHANNELS, 16, 16) and predicted.isfinite().all()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_new_network_predicts_zero(structure: str):
    assert not make(STRUCTURES[structure], "strips", "learned")(**batch(2)).any()


def test_published_names_and_shapes_are_all_there_at_full_size():
    network = Network(**published_weights.SIZES["full"].settings()["backbone"]["network"])
    with torch.device("meta"):
        ours = EADNet(network, 4, "whisper", 768, Temporal("strips", "learned")).state_dict()
        theirs = renamed(stable_diffusion(network, 13, context=384).state_dict())
    wrong = [name for name, value in theirs.items() if name not in ours or ours[name].shape != value.shape]
    assert not wrong and len(theirs) == 686


def test_output_is_that_of_diffusers_unet_with_the_same_weights():
    model = make(SHAPED)
    theirs = awakened(stable_diffusion(SHAPED, model.inputs, context=SHAPED.audio_width))
    _, unknown = model.load_state_dict(renamed(theirs.state_dict()), strict=False)
    assert not unknown
    given = batch(3)
    with torch.no_grad():
        context = model.audio_encoder(given["audio_BTSC"].flatten(0, 1))
        times = given["timesteps_B"].repeat_interleave(3)
        expected = theirs(given["inputs_BTCHW"].flatten(0, 1), times, encoder_hidden_states=context).sample
        ours = model(**given).flatten(0, 1)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_gradients_reach_every_parameter(structure: str):
    model = awakened(make(STRUCTURES[structure], "strips", "learned"))
    (model(**batch(6)).square().mean() + model.graph_regulariser()).backward()
    assert not [name for name, value in model.named_parameters() if value.grad is None or not value.grad.any()]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs_BTCHW": torch.zeros(2, 3, 12, 16, 16)}, r"inputs \(B, T, 13, H, W\).*got \(2, 3, 12, 16, 16\)"),
        ({"inputs_BTCHW": torch.zeros(2, 3, 13, 16, 14)}, r"H and W multiples of 4, got \(2, 3, 13, 16, 14\)"),
        ({"inputs_BTCHW": torch.zeros(6, 13, 16, 16)}, r"inputs \(B, T, 13, H, W\)"),
        ({"timesteps_B": torch.zeros(6)}, r"timesteps \(2,\) with inputs of 2 clips and 3 frames, got \(6,\)"),
        ({"audio_BTSC": torch.zeros(2, 2, 23, 80)}, r"audio \(2, 3, S, C\).*got \(2, 2, 23, 80\)"),
        ({"text_BSC": torch.zeros(2, 6, 384)}, r"text \(2, S, 24\).*got \(2, 6, 384\)"),
        ({"text_mask_BS": torch.ones(1, 6, dtype=torch.bool)}, r"got \(2, 6, 24\)"),
    ],
)
def test_wrong_shapes_are_named(change: dict, words: str):
    with pytest.raises(ValueError, match=words):
        make()(**batch(3) | change)


def test_heads_that_do_not_divide_the_width_are_named():
    with pytest.raises(ValueError, match="width 24 is not a multiple of 5 heads"):
        make(TINY.model_copy(update={"heads": 5}))


# ----------------------------------------------------------------------------------------------- conditions and nulls
@pytest.mark.parametrize("structure", STRUCTURES)
def test_frames_are_independent_without_temporal_modules(structure: str):
    model, given = awakened(make(STRUCTURES[structure])), batch(4)
    alone = given | {name: given[name][:, 2:3] for name in ("inputs_BTCHW", "audio_BTSC")}
    torch.testing.assert_close(model(**given)[:, 2:3], model(**alone), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_condition_counts(structure: str):
    model, given = awakened(make(STRUCTURES[structure])), batch(2)
    before = model(**given)
    for name in ("inputs_BTCHW", "timesteps_B", "audio_BTSC", "text_BSC"):
        moved = (model(**given | {name: given[name].square() + 1}) - before)[0].abs().amax((1, 2, 3))
        assert (moved > 1e-4).all(), name


def test_dropped_text_is_null_text_whatever_it_said():
    model, given = awakened(make()), batch(2)
    dropped = given | {"text_mask_BS": torch.zeros_like(given["text_mask_BS"])}
    other = dropped | {"text_BSC": given["text_BSC"] + 1}
    assert torch.equal(model(**dropped), model(**other))
    assert torch.equal(model(**dropped)[1], model(**given)[1])
    assert not torch.equal(model(**dropped)[0], model(**given)[0])


def test_null_audio_is_the_same_whatever_the_encoder_would_say():
    model, given = awakened(make()), batch(2)
    given["audio_BTSC"][0] = 0
    before = model(**given)
    model.audio_encoder.norm.bias.data += 5
    after = model(**given)
    assert torch.equal(before[0], after[0]) and not torch.equal(before[1], after[1])


@pytest.mark.parametrize("structure", STRUCTURES)
def test_text_of_scale_zero_is_the_audio_only_network_to_the_bit(structure: str, monkeypatch: pytest.MonkeyPatch):
    model = awakened(make(STRUCTURES[structure]))
    model.embed_text.output.requires_grad_(False).weight.zero_()  # the text's other way in
    for module in model.modules():
        if isinstance(module, DecoupledFusion):
            module.text_scale.data.zero_()
    fused = model(**batch(2))
    monkeypatch.setattr(DecoupledFusion, "forward", lambda self, tokens, grid, audio, *text: self.audio(tokens, audio))
    assert torch.equal(fused, model(**batch(2)))


# -------------------------------------------------------------------------------------------------- temporal modules
@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize(("attention", "graph"), [("strips", "learned"), ("light", "dense"), ("full3d", "chain")])
def test_new_temporal_modules_leave_the_backbone_as_it_was(structure: str, attention: str, graph: str):
    backbone = awakened(make(STRUCTURES[structure]))
    model = make(STRUCTURES[structure], attention, graph)
    absent, unknown = model.load_state_dict(backbone.state_dict(), strict=False)
    assert absent and not unknown
    assert torch.equal(model(**batch(5)), backbone(**batch(5)))


@pytest.mark.parametrize(("attention", "graph"), VARIANTS)
def test_every_variant_runs_at_any_length_and_joins_the_frames(attention: str, graph: str):
    model = awakened(make(TINY, attention, graph))
    for frames in LENGTHS:
        given = batch(frames, clips=1, side=8)
        with torch.no_grad():
            predicted = model(**given)
            given["inputs_BTCHW"][:, -1] += 1
            moved = (model(**given) - predicted).abs().amax((0, 2, 3, 4))
        assert predicted.isfinite().all() and moved[-1] > 1e-3
        assert frames == 1 or moved[-2] > 1e-6


def test_frame_graphs_stand_in_the_middle_and_in_every_decoder_level():
    model = awakened(make(SHAPED, tfrm="learned"))
    assert [name for name, _ in model.graphs()] == ["middle", "up_0", "up_1", "up_2", "up_3"]
    model(**batch(6))
    penalties = [graph.regulariser for _, graph in model.graphs()]
    assert all(penalty > 0 for penalty in penalties)
    torch.testing.assert_close(model.graph_regulariser(), sum(penalties))


def test_without_frame_graphs_there_is_nothing_to_regularise():
    model = make(TINY, "strips")
    model(**batch(3))
    assert list(model.graphs()) == [] and model.graph_regulariser() == 0


# ------------------------------------------------------------------------------------------------------------- parts
def test_parts_hold_what_their_names_say():
    model = make(SHAPED, "strips", "learned")
    names = {id(value): name for name, value in model.named_parameters()}
    parts = {part: {names[id(value)] for value in model.part(part)} for part in PARTS}
    assert parts["all"] == set(names.values()) and parts["modules"] < parts["attention"] < parts["all"]
    published = set(renamed(stable_diffusion(SHAPED, model.inputs, SHAPED.audio_width).state_dict()))
    assert parts["all"] - published - parts["modules"] == {n for n in parts["all"] if n.startswith("audio_encoder.")}
    assert not parts["modules"] & published
    assert {name.split(".")[2] for name in parts["attention"] & published} == {"attentions", "0"}
    temporal = {names[id(value)] for value in model.temporal_parameters()}
    backbone = {name for name, _ in make(SHAPED).named_parameters()}
    assert temporal == parts["all"] - backbone
    assert {name.partition(".")[0] for name in parts["modules"] - temporal} == {
        "text_adapter", "embed_text", "down_blocks", "mid_block", "up_blocks",
    }  # fmt: skip


def test_activations_made_again_give_the_same_gradients():
    gradients = []
    for switch in (False, True):
        model = awakened(make(TINY, "strips", "learned")).train()
        model.checkpoint_gradients(switch)
        model(**batch(4)).square().mean().backward()
        gradients.append([value.grad for value in model.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))
