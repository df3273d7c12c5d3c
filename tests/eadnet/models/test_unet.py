"""The U-Net: shapes, equality with Stable Diffusion's, null paths, temporal modules inside it, parts."""

import pytest
import torch

from eadnet.config.networks import Network
from eadnet.config.section import parse
from eadnet.config.training import Training
from eadnet.models.extended import stda, tfrm
from eadnet.models.extended.fusion import TextAttention
from eadnet.models.unet.levels import LATENTSYNC, Modules, run_modules
from eadnet.models.unet.unet import PARTS, EADNet
from tests.support import published_weights
from tests.support.unet_cases import (
    LATENT_CHANNELS,
    OURS,
    PAPER,
    SHAPED,
    STRUCTURES,
    TINY,
    awakened,
    batch,
    make,
    stable_diffusion,
)

LENGTHS = (1, 2, 7, 16, 48)
VARIANTS = [
    LATENTSYNC,
    PAPER,
    OURS,
    *(Modules(stda=name) for name in ("published", *stda.VARIANTS)),
    *(Modules(tfrm=name) for name in ("published", *tfrm.VARIANTS)),
]


def called(modules: Modules) -> str:
    """Name of a case."""
    return "-".join((modules.stda, modules.tfrm, modules.fusion))


# -------------------------------------------------------------------------------------------------------- structure
@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_latent_is_predicted_for_every_frame(structure: str, frames: int):
    model = awakened(make(STRUCTURES[structure], PAPER))
    predicted = model(**batch(frames))
    assert predicted.shape == (2, frames, LATENT_CHANNELS, 16, 16) and predicted.isfinite().all()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_new_network_predicts_zero(structure: str):
    assert not make(STRUCTURES[structure], PAPER)(**batch(2)).any()


def test_published_names_and_shapes_are_all_there_at_full_size():
    network = Network(**published_weights.SIZES["full"].settings()["backbone"]["network"])
    with torch.device("meta"):
        ours = EADNet(network, 4, "whisper", 768, PAPER).state_dict()
        theirs = stable_diffusion(network, 13, context=384).state_dict()
    wrong = [name for name, value in theirs.items() if name not in ours or ours[name].shape != value.shape]
    assert not wrong and len(theirs) == 686


def test_output_on_single_frames_is_that_of_diffusers_unet_with_the_same_weights():
    model = make(SHAPED, LATENTSYNC)
    model.framewise = True
    theirs = awakened(stable_diffusion(SHAPED, model.inputs, context=SHAPED.audio_width))
    _, unknown = model.load_state_dict(theirs.state_dict(), strict=False)
    assert not unknown
    given = batch(1, clips=3)
    with torch.no_grad():
        context = model.audio_encoder(given["audio_BTSC"].flatten(0, 1))
        inputs, times = given["inputs_BTCHW"].flatten(0, 1), given["timesteps_B"]
        expected = theirs(inputs, times, encoder_hidden_states=context).sample
        ours = model(**given).flatten(0, 1)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("modules", [PAPER, OURS], ids=called)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_gradients_reach_every_parameter(structure: str, modules: Modules):
    model = awakened(make(STRUCTURES[structure], modules))
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
def test_a_framewise_network_has_no_attention_between_frames(structure: str):
    model, given = awakened(make(STRUCTURES[structure])), batch(1, clips=4)
    joined = {name: given[name].transpose(0, 1) for name in ("inputs_BTCHW", "audio_BTSC")}
    joined |= {name: given[name][:1] for name in ("timesteps_B", "text_BSC", "text_mask_BS")}
    same = {name: value.expand(4, *value.shape[1:]) for name, value in joined.items()}
    alone = {**same, **{name: given[name] for name in ("inputs_BTCHW", "audio_BTSC")}}
    assert (model(**joined)[0] - model(**alone)[:, 0]).abs().max() > 1e-3
    model.framewise = True
    assert (model(**joined)[0] - model(**alone)[:, 0]).abs().max() > 1e-3, "norms of whole clips connect frames, too"
    model.alone = True
    torch.testing.assert_close(model(**joined)[0], model(**alone)[:, 0], atol=1e-4, rtol=1e-4)


def test_a_run_without_motion_modules_is_framewise_unless_tfrm_connects_its_frames():
    base = {"stda": "published", "tfrm": "none", "motion": False}
    for change, connected in (({}, False), ({"tfrm": "published"}, True), ({"motion": True}, True)):
        model = awakened(make(TINY, run_modules(parse(Training, base | change))))
        given = batch(4)
        before = model(**given)
        given["inputs_BTCHW"][:, 2] += 1  # the graph passes messages two frames far
        moved = (model(**given) - before)[:, 0].abs().max()
        assert (moved > 1e-4) == connected, change


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
def test_without_its_text_the_network_is_the_audio_only_one_to_the_bit(structure: str):
    reads = awakened(make(STRUCTURES[structure], Modules(fusion="decoupled")))
    deaf = make(STRUCTURES[structure], LATENTSYNC)
    deaf.load_state_dict({k: v for k, v in reads.state_dict().items() if k in deaf.state_dict()})
    reads.text_fusion.scale.data.zero_()
    for module in reads.modules():
        if isinstance(module, TextAttention):
            module.scale.data.zero_()
    assert torch.equal(reads(**batch(2)), deaf(**batch(2)))


# --------------------------------------------------------------------------------------------------- EAD-Net's modules
@pytest.mark.parametrize("modules", [PAPER, OURS, Modules("extended_light", "dense"), Modules("full3d")], ids=called)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_new_modules_leave_latentsync_as_it_was(structure: str, modules: Modules):
    latentsync, model = awakened(make(STRUCTURES[structure], LATENTSYNC)), make(STRUCTURES[structure], modules)
    absent, unknown = model.load_state_dict(latentsync.state_dict(), strict=False)
    assert absent and not unknown
    assert torch.equal(model(**batch(5)), latentsync(**batch(5)))


@pytest.mark.parametrize("modules", VARIANTS, ids=called)
def test_every_variant_runs_at_any_length_and_joins_the_frames(modules: Modules):
    model = awakened(make(TINY, modules))
    for frames in LENGTHS:
        given = batch(frames, clips=1, side=8)
        with torch.no_grad():
            predicted = model(**given)
            given["inputs_BTCHW"][:, -1] += 1
            moved = (model(**given) - predicted).abs().amax((0, 2, 3, 4))
        assert predicted.isfinite().all() and moved[-1] > 1e-3
        assert frames == 1 or moved[-2] > 1e-6


@pytest.mark.parametrize(("height", "width"), [(4, 4), (4, 12), (20, 8)])
def test_any_grid_runs_that_the_levels_can_halve(height: int, width: int):
    given = batch(3)
    given["inputs_BTCHW"] = torch.randn(2, 3, 13, height, width)
    assert awakened(make(TINY, PAPER))(**given).shape == (2, 3, LATENT_CHANNELS, height, width)


def test_the_papers_modules_stand_where_the_paper_puts_them():
    names = [name for name, _ in make(SHAPED, PAPER).named_modules()]
    blocks = [name for name in names if name.endswith(tuple(f"resnets.{n}" for n in range(3)))]
    assert [name for name in names if name.endswith(".stda")] == [f"{name}.stda" for name in blocks] and len(
        blocks
    ) == 22
    assert [name for name in names if name.endswith("tfrm")] == ["mid_block.tfrm"]
    assert not [name for name in names if "motion_modules" in name and name.startswith("mid_block.motion_modules.")]


def test_tfrm_acts_between_the_middles_attention_and_its_second_residual_block():
    model, order = awakened(make(TINY, PAPER)), []
    for name in ("resnets.0", "attentions.0", "tfrm", "resnets.1"):
        module = model.mid_block.get_submodule(name)
        module.register_forward_hook(lambda *_, name=name: order.append(name))
    model(**batch(2))
    assert order == ["resnets.0", "attentions.0", "tfrm", "resnets.1"]


def test_object_features_reach_the_output():
    network = TINY.model_copy(update={"graph_object_width": 6})
    model, given = awakened(make(network, PAPER)), batch(3)
    objects = torch.randn(2, 3, 4, 6)
    assert (model(**given, object_features_BTOD=objects) - model(**given)).abs().max() > 1e-4


def test_frame_graphs_stand_in_the_middle_and_in_every_decoder_level():
    model = awakened(make(SHAPED, Modules(tfrm="extended")))
    assert [name for name, _ in model.graphs()] == ["middle", "up_0", "up_1", "up_2", "up_3"]
    model(**batch(6))
    penalties = [graph.regulariser for _, graph in model.graphs()]
    assert all(penalty > 0 for penalty in penalties)
    torch.testing.assert_close(model.graph_regulariser(), sum(penalties))


def test_without_frame_graphs_there_is_nothing_to_regularise():
    model = make(TINY, PAPER)
    model(**batch(3))
    assert list(model.graphs()) == [] and model.graph_regulariser() == 0


# ------------------------------------------------------------------------------------------------------------- parts
@pytest.mark.parametrize("modules", [PAPER, OURS], ids=called)
def test_parts_hold_what_their_names_say(modules: Modules):
    model = make(SHAPED, modules)
    names = {id(value): name for name, value in model.named_parameters()}
    parts = {part: {names[id(value)] for value in model.part(part)} for part in PARTS}
    latentsync = {name for name, _ in make(SHAPED, LATENTSYNC).named_parameters()}
    assert parts["all"] == set(names.values()) and parts["modules"] == parts["all"] - latentsync
    still = {name for name in latentsync if "attentions." in name or "motion_modules." in name}
    assert parts["attention"] == parts["modules"] | still


@pytest.mark.parametrize("modules", [PAPER, OURS], ids=called)
def test_activations_made_again_give_the_same_gradients(modules: Modules):
    gradients = []
    for switch in (False, True):
        model = awakened(make(TINY, modules)).train()
        model.checkpoint_gradients(switch)
        model(**batch(4)).square().mean().backward()
        gradients.append([value.grad for value in model.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))
