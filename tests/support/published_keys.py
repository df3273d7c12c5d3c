"""Tensor names and shapes inside the published weights, written down from the code that published them.

Every function returns ``{name: shape}`` and takes the sizes that the published model fixes, so that the same names can
be had at a width that a test can afford. Nothing here knows the classes of ``eadnet.models``: this is the outside world
that their loaders have to read. Sources: diffusers (``UNet2DConditionModel``, ``AutoencoderKL`` with the attention
names of 0.4), bytedance/LatentSync ``latentsync/models``, openai/whisper ``model.py``, transformers (CLIP, T5),
OpenGVLab/VideoMAEv2 ``modeling_finetune.py``, torchvision ``vgg16``, richzhang/PerceptualSimilarity ``lpips.py``.
"""

from collections.abc import Sequence

Shapes = dict[str, tuple[int, ...]]
VGG16_CONVOLUTIONS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256} | dict.fromkeys(
    (17, 19, 21, 24, 26, 28), 512
)


def prefixed(prefix: str, shapes: Shapes) -> Shapes:
    """The same tensors as members of a submodule."""
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def norm(width: int) -> Shapes:
    """A group or layer norm."""
    return {"weight": (width,), "bias": (width,)}


def linear(inputs: int, outputs: int, bias: bool = True) -> Shapes:
    """A linear layer."""
    return {"weight": (outputs, inputs)} | ({"bias": (outputs,)} if bias else {})


def convolution(inputs: int, outputs: int, side: int = 3) -> Shapes:
    """A two-dimensional convolution."""
    return {"weight": (outputs, inputs, side, side), "bias": (outputs,)}


def members(parts: dict[str, Shapes]) -> Shapes:
    """One module's tensors out of those of its named submodules."""
    return {name: shape for prefix, part in parts.items() for name, shape in prefixed(prefix, part).items()}


def attention(width: int, context: int, bias: bool = False) -> Shapes:
    """Query, key, value and output projections."""
    return members(
        {
            "to_q": linear(width, width, bias),
            "to_k": linear(context, width, bias),
            "to_v": linear(context, width, bias),
            "to_out.0": linear(width, width),
        }
    )


def feed_forward(width: int) -> Shapes:
    """GEGLU of four widths."""
    return members({"net.0.proj": linear(width, 8 * width), "net.2": linear(4 * width, width)})


def resnet(inputs: int, outputs: int, embedding: int | None = None) -> Shapes:
    """A residual block of diffusers; `embedding` is the width of the time embedding."""
    parts = {"norm1": norm(inputs), "conv1": convolution(inputs, outputs)}
    if embedding:
        parts["time_emb_proj"] = linear(embedding, outputs)
    parts |= {"norm2": norm(outputs), "conv2": convolution(outputs, outputs)}
    if inputs != outputs:
        parts["conv_shortcut"] = convolution(inputs, outputs, 1)
    return members(parts)


def spatial_transformer(width: int, context: int) -> Shapes:
    """Self-attention, cross-attention to `context` channels and feed-forward of one feature map."""
    block = {"norm1": norm(width), "attn1": attention(width, width), "norm2": norm(width)}
    block |= {"attn2": attention(width, context), "norm3": norm(width), "ff": feed_forward(width)}
    return members(
        {
            "norm": norm(width),
            "proj_in": convolution(width, width, 1),
            "transformer_blocks.0": members(block),
            "proj_out": convolution(width, width, 1),
        }
    )


def motion_module(width: int) -> Shapes:
    """Two temporal self-attentions with stored sinusoidal positions (AnimateDiff's vanilla module)."""
    block = {}
    for number in range(2):
        block[f"attention_blocks.{number}"] = attention(width, width) | {"pos_encoder.pe": (1, 24, width)}
        block[f"norms.{number}"] = norm(width)
    block |= {"ff": feed_forward(width), "ff_norm": norm(width)}
    parts = {"norm": norm(width), "proj_in": linear(width, width), "transformer_blocks.0": members(block)}
    return prefixed("temporal_transformer", members(parts | {"proj_out": linear(width, width)}))


def unet(widths: Sequence[int], layers: int, channels: int, context: int, motion: bool) -> Shapes:
    """The U-Net of Stable Diffusion 1.5, or with `motion` the one of LatentSync: all levels attend but the coarsest."""
    embedding, last = 4 * widths[0], len(widths) - 1
    parts: dict[str, Shapes] = {
        "conv_in": convolution(channels, widths[0]),
        "time_embedding.linear_1": linear(widths[0], embedding),
        "time_embedding.linear_2": linear(embedding, embedding),
    }

    def add_layer(block: str, number: int, inputs: int, outputs: int, attends: bool) -> None:
        parts[f"{block}.resnets.{number}"] = resnet(inputs, outputs, embedding)
        if attends:
            parts[f"{block}.attentions.{number}"] = spatial_transformer(outputs, context)
        if motion:
            parts[f"{block}.motion_modules.{number}"] = motion_module(outputs)

    for level, width in enumerate(widths):
        for number in range(layers):
            inputs = width if number else widths[max(level - 1, 0)]
            add_layer(f"down_blocks.{level}", number, inputs, width, level < last)
        if level < last:
            parts[f"down_blocks.{level}.downsamplers.0.conv"] = convolution(width, width)
    parts["mid_block.attentions.0"] = spatial_transformer(widths[-1], context)
    for number in range(2):
        parts[f"mid_block.resnets.{number}"] = resnet(widths[-1], widths[-1], embedding)
    for step, level in enumerate(range(last, -1, -1)):
        width, coarser, finer = widths[level], widths[min(level + 1, last)], widths[max(level - 1, 0)]
        for number in range(layers + 1):
            inputs = (width if number else coarser) + (finer if number == layers else width)
            add_layer(f"up_blocks.{step}", number, inputs, width, level < last)
        if level:
            parts[f"up_blocks.{step}.upsamplers.0.conv"] = convolution(width, width)
    return members(parts | {"conv_norm_out": norm(widths[0]), "conv_out": convolution(widths[0], 4)})


def autoencoder_kl(widths: Sequence[int], layers: int, latents: int = 4) -> Shapes:
    """AutoencoderKL as stabilityai/sd-vae-ft-mse stores it, with the old names of the mid-block attention."""
    last, top = len(widths) - 1, widths[-1]
    names = ("query", "key", "value", "proj_attn")
    middle = {"mid_block.attentions.0.group_norm": norm(top)}
    middle |= {f"mid_block.attentions.0.{name}": linear(top, top) for name in names}
    middle |= {f"mid_block.resnets.{number}": resnet(top, top) for number in range(2)}
    encoder = {"conv_in": convolution(3, widths[0])} | middle
    decoder = {"conv_in": convolution(latents, top)} | middle
    for level, width in enumerate(widths):
        for number in range(layers):
            inputs = width if number else widths[max(level - 1, 0)]
            encoder[f"down_blocks.{level}.resnets.{number}"] = resnet(inputs, width)
        if level < last:
            encoder[f"down_blocks.{level}.downsamplers.0.conv"] = convolution(width, width)
    for step, level in enumerate(range(last, -1, -1)):
        width = widths[level]
        for number in range(layers + 1):
            inputs = width if number else widths[min(level + 1, last)]
            decoder[f"up_blocks.{step}.resnets.{number}"] = resnet(inputs, width)
        if level:
            decoder[f"up_blocks.{step}.upsamplers.0.conv"] = convolution(width, width)
    encoder |= {"conv_norm_out": norm(top), "conv_out": convolution(top, 2 * latents)}
    decoder |= {"conv_norm_out": norm(widths[0]), "conv_out": convolution(widths[0], 3)}
    quantisers = {
        "quant_conv": convolution(2 * latents, 2 * latents, 1),
        "post_quant_conv": convolution(latents, latents, 1),
    }
    return members({"encoder": members(encoder), "decoder": members(decoder)} | quantisers)


def stable_syncnet(width: int) -> Shapes:
    """StableSyncNet of ``syncnet_16_pixel_attn.yaml``: pixels of 16 half faces and mel; published width 32."""
    audio = [width * factor for factor in (1, 2, 4, 8, 16, 32, 64)]
    visual = [width * factor for factor in (2, 4, 8, 8, 16, 32, 64, 64)]
    encoders = {
        "audio_encoder": _down_encoder(1, audio, (3, 4), (3,)),
        "visual_encoder": _down_encoder(48, visual, (4, 5)),
    }
    return members(encoders)


def _down_encoder(
    channels: int, widths: Sequence[int], attending: Sequence[int], keeping: Sequence[int] = ()
) -> Shapes:
    """Levels `attending` hold attention; levels `keeping` keep their size and hold no strided convolution."""
    parts = {"conv_in": convolution(channels, widths[0])}
    inputs, position = widths[0], 0
    for level, width in enumerate(widths):
        parts[f"down_blocks.{position}"] = resnet(inputs, width)
        if level not in keeping:
            parts[f"down_blocks.{position}.downsample_conv"] = convolution(width, width)
        if level in attending:
            position += 1
            parts[f"down_blocks.{position}"] = _attention_block(width)
        inputs, position = width, position + 1
    return members(parts | {"norm_out": norm(widths[-1])})


def _attention_block(width: int) -> Shapes:
    parts = {f"norm{number}": norm(width) for number in (1, 2, 3)} | {"ff": feed_forward(width)}
    parts |= {"conv_in": convolution(width, width, 1), "conv_out": convolution(width, width, 1)}
    return members(parts | {"attn": attention(width, width, bias=True)})


def whisper(
    width: int, layers: int, words: int, context: int = 1500, text_context: int = 448, mels: int = 80
) -> Shapes:
    """OpenAI's Whisper, encoder and decoder."""
    encoder = {
        "conv1": {"weight": (width, mels, 3), "bias": (width,)},
        "conv2": {"weight": (width, width, 3), "bias": (width,)},
        "ln_post": norm(width),
    }
    encoder |= {f"blocks.{number}": _whisper_block(width, ("attn",)) for number in range(layers)}
    decoder = {f"blocks.{number}": _whisper_block(width, ("attn", "cross_attn")) for number in range(layers)}
    decoder |= {"token_embedding": {"weight": (words, width)}, "ln": norm(width)}
    positions = {
        "encoder.positional_embedding": (context, width),
        "decoder.positional_embedding": (text_context, width),
    }
    return positions | members({"encoder": members(encoder), "decoder": members(decoder)})


def _whisper_block(width: int, attentions: Sequence[str]) -> Shapes:
    parts = {}
    for name in attentions:
        projections = {part: linear(width, width, bias=part != "key") for part in ("query", "key", "value", "out")}
        parts |= {name: members(projections), f"{name}_ln": norm(width)}
    mlp = members({"0": linear(width, 4 * width), "2": linear(4 * width, width)})
    return members(parts | {"mlp": mlp, "mlp_ln": norm(width)})


def clip(text: dict[str, int], vision: dict[str, int], projection: int) -> Shapes:
    """CLIP, both towers; `text` and `vision` are their sections of the model's ``config.json``."""
    width, side = vision["hidden_size"], vision["patch_size"]
    places = (vision["image_size"] // side) ** 2 + 1
    text_embeddings = {
        "token_embedding.weight": (text["vocab_size"], text["hidden_size"]),
        "position_embedding.weight": (text["max_position_embeddings"], text["hidden_size"]),
        "position_ids": (1, text["max_position_embeddings"]),
    }
    vision_embeddings = {
        "class_embedding": (width,),
        "patch_embedding.weight": (width, 3, side, side),
        "position_embedding.weight": (places, width),
        "position_ids": (1, places),
    }
    text_parts = {"embeddings": text_embeddings, "final_layer_norm": norm(text["hidden_size"])}
    vision_parts = {"embeddings": vision_embeddings, "pre_layrnorm": norm(width), "post_layernorm": norm(width)}
    towers = {
        "text_model": members(text_parts | _clip_layers(text)),
        "vision_model": members(vision_parts | _clip_layers(vision)),
        "text_projection": linear(text["hidden_size"], projection, bias=False),
        "visual_projection": linear(width, projection, bias=False),
    }
    return members(towers) | {"logit_scale": ()}


def _clip_layers(tower: dict[str, int]) -> dict[str, Shapes]:
    width, hidden = tower["hidden_size"], tower["intermediate_size"]
    layer = {f"self_attn.{name}_proj": linear(width, width) for name in ("q", "k", "v", "out")}
    layer |= {"layer_norm1": norm(width), "layer_norm2": norm(width)}
    layer |= {"mlp.fc1": linear(width, hidden), "mlp.fc2": linear(hidden, width)}
    return {f"encoder.layers.{number}": members(layer) for number in range(tower["num_hidden_layers"])}


def t5(config: dict[str, int]) -> Shapes:
    """T5, encoder and decoder, with one embedding for both."""
    width, inner = config["d_model"], config["num_heads"] * config["d_kv"]
    shapes: Shapes = {"shared.weight": (config["vocab_size"], width)}
    for stack, attentions in (("encoder", ["SelfAttention"]), ("decoder", ["SelfAttention", "EncDecAttention"])):
        for number in range(config["num_layers"]):
            parts = {}
            for place, name in enumerate(attentions):
                projections = {part: linear(width, inner, bias=False) for part in "qkv"}
                parts[f"layer.{place}.{name}"] = members(projections | {"o": linear(inner, width, bias=False)})
            mlp = {"wi": linear(width, config["d_ff"], bias=False), "wo": linear(config["d_ff"], width, bias=False)}
            parts[f"layer.{len(attentions)}.DenseReluDense"] = members(mlp)
            parts |= {f"layer.{place}.layer_norm": {"weight": (width,)} for place in range(len(attentions) + 1)}
            shapes |= prefixed(f"{stack}.block.{number}", members(parts))
        bias = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        shapes[bias] = (config["relative_attention_num_buckets"], config["num_heads"])
        shapes[f"{stack}.final_layer_norm.weight"] = (width,)
    return shapes


def videomae_v2(width: int, depth: int, mlp: int, patch: int, classes: int = 174) -> Shapes:
    """The fine-tuned encoder of VideoMAE v2; its sinusoidal positions are not stored."""
    shapes = {"patch_embed.proj.weight": (width, 3, 2, patch, patch), "patch_embed.proj.bias": (width,)}
    for number in range(depth):
        parts = {"norm1": norm(width), "norm2": norm(width), "attn.qkv": linear(width, 3 * width, bias=False)}
        parts |= {"attn.proj": linear(width, width), "mlp.fc1": linear(width, mlp), "mlp.fc2": linear(mlp, width)}
        biases = {"attn.q_bias": (width,), "attn.v_bias": (width,)}
        shapes |= prefixed(f"blocks.{number}", members(parts) | biases)
    return shapes | members({"fc_norm": norm(width), "head": linear(width, classes)})


def vgg16(hidden: int) -> Shapes:
    """Torchvision's VGG-16; `hidden` is the width of the classifier, published 4096. The trunk has one size only."""
    parts, inputs = {}, 3
    for number, width in VGG16_CONVOLUTIONS.items():
        parts[f"features.{number}"] = convolution(inputs, width)
        inputs = width
    classifier = {"0": linear(512 * 7 * 7, hidden), "3": linear(hidden, hidden), "6": linear(hidden, 1000)}
    return members(parts | {"classifier": members(classifier)})


def lpips_vgg() -> Shapes:
    """The linear heads of LPIPS v0.1 over five stages of VGG-16."""
    return {f"lin{stage}.model.1.weight": (1, width, 1, 1) for stage, width in enumerate((64, 128, 256, 512, 512))}
