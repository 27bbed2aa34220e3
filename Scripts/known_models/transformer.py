"""Tiny transformers: the configurations of the package `transformers` with two layers and weights from a seed.

A network gets word numbers, pictures or sounds, and gives its last hidden states or its scores. Words and masks are inputs of whole numbers.
"""
import numpy as np
import torch

from . import torch_export  # before transformers, which imports torchvision

import transformers  # isort: skip

WORDS, LENGTH, WIDTH, HEADS = 120, 12, 32, 4
ENCODER = {"vocab_size": WORDS, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": 64}
SMALL = {**ENCODER, "max_position_embeddings": 64, "initializer_range": 0.15}
DECODER = {**SMALL, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
PICTURE = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": 64, "image_size": 32, "patch_size": 8,
           "initializer_range": 0.15}
SOUND = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": 64, "conv_dim": (16, 16, 16),
         "conv_kernel": (10, 3, 3), "conv_stride": (5, 2, 2), "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4,
         "vocab_size": 32, "initializer_range": 0.15}
BOTH = {"vocab_size": WORDS, "d_model": WIDTH, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS,
        "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64, "init_std": 0.15, "pad_token_id": 0, "bos_token_id": 1,
        "eos_token_id": 2, "decoder_start_token_id": 1, "forced_eos_token_id": None}
T5 = {"vocab_size": WORDS, "d_model": WIDTH, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 2, "num_heads": HEADS, "decoder_start_token_id": 0}

# name: (class, its configuration, what goes in)
NETWORKS = {
    "bert": ("BertForSequenceClassification", SMALL, "words mask types"),
    "roberta": ("RobertaForSequenceClassification", {**SMALL, "pad_token_id": 1}, "words mask"),
    "distilbert": ("DistilBertForSequenceClassification", {"vocab_size": WORDS, "dim": WIDTH, "n_layers": 2, "n_heads": HEADS, "hidden_dim": 64,
                                                           "max_position_embeddings": 64, "initializer_range": 0.15}, "words mask"),
    "albert": ("AlbertForSequenceClassification", {**SMALL, "embedding_size": 16}, "words mask types"),
    "electra": ("ElectraForSequenceClassification", {**SMALL, "embedding_size": 16}, "words mask types"),
    "mpnet": ("MPNetForSequenceClassification", SMALL, "words mask"),
    "deberta-v2": ("DebertaV2ForSequenceClassification", {**SMALL, "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "position_buckets": 8,
                                                          "max_relative_positions": 16, "type_vocab_size": 0, "norm_rel_ebd": "layer_norm",
                                                          "share_att_key": True}, "words mask"),
    "xlm-roberta": ("XLMRobertaForTokenClassification", {**SMALL, "pad_token_id": 1}, "words mask"),
    "funnel": ("FunnelForSequenceClassification", {"vocab_size": WORDS, "block_sizes": [1, 1], "d_model": WIDTH, "n_head": HEADS, "d_head": 8, "d_inner": 64,
                                                   "num_decoder_layers": 1, "initializer_std": 0.15}, "words mask"),
    "squeezebert": ("SqueezeBertForSequenceClassification", {**SMALL, "embedding_size": WIDTH, "q_groups": 2, "k_groups": 2, "v_groups": 2, "post_attention_groups": 1,
                                                             "intermediate_groups": 2, "output_groups": 2}, "words mask"),
    "mobilebert": ("MobileBertForSequenceClassification", {**SMALL, "embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16}, "words mask types"),
    "layoutlm": ("LayoutLMForTokenClassification", {**SMALL, "max_2d_position_embeddings": 32}, "words boxes mask"),
    "gpt2": ("GPT2LMHeadModel", {"vocab_size": WORDS, "n_embd": WIDTH, "n_layer": 2, "n_head": HEADS, "n_positions": 64, "initializer_range": 0.15}, "words mask"),
    "gpt-neo": ("GPTNeoForCausalLM", {"vocab_size": WORDS, "hidden_size": WIDTH, "num_layers": 2, "num_heads": HEADS, "intermediate_size": 64, "max_position_embeddings": 64,
                                      "attention_types": [[["global", "local"], 1]], "window_size": 4, "initializer_range": 0.15}, "words mask"),
    "gpt-neox": ("GPTNeoXForCausalLM", {**SMALL, "rotary_pct": 0.5}, "words mask"),
    "opt": ("OPTForCausalLM", {"vocab_size": WORDS, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "ffn_dim": 64,
                               "max_position_embeddings": 64, "word_embed_proj_dim": WIDTH, "init_std": 0.15}, "words mask"),
    "bloom": ("BloomForCausalLM", {"vocab_size": WORDS, "hidden_size": WIDTH, "n_layer": 2, "n_head": HEADS, "initializer_range": 0.15}, "words mask"),
    "llama": ("LlamaForCausalLM", DECODER, "words mask"),
    "mistral": ("MistralForCausalLM", {**DECODER, "sliding_window": 6}, "words mask"),
    "qwen2": ("Qwen2ForCausalLM", DECODER, "words mask"),
    "gemma": ("GemmaForCausalLM", {**DECODER, "head_dim": 8}, "words mask"),
    "phi": ("PhiForCausalLM", {**DECODER, "num_key_value_heads": HEADS, "partial_rotary_factor": 0.5}, "words mask"),
    "falcon": ("FalconForCausalLM", {"vocab_size": WORDS, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": HEADS, "initializer_range": 0.15}, "words mask"),
    "t5-encoder": ("T5EncoderModel", T5, "words mask"),
    "t5": ("T5ForConditionalGeneration", T5, "words mask decoded"),
    "bart": ("BartForConditionalGeneration", BOTH, "words mask decoded"),
    "marian": ("MarianMTModel", BOTH, "words mask decoded"),
    "vit": ("ViTForImageClassification", PICTURE, "picture"),
    "deit": ("DeiTForImageClassification", PICTURE, "picture"),
    "beit": ("BeitForImageClassification", {**PICTURE, "use_relative_position_bias": True, "layer_scale_init_value": 0.5}, "picture"),
    "swin": ("SwinForImageClassification", {"image_size": 32, "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4], "window_size": 4,
                                            "initializer_range": 0.15}, "picture"),
    "dinov2": ("Dinov2ForImageClassification", {**{k: v for k, v in PICTURE.items() if k != "intermediate_size"}, "mlp_ratio": 2}, "picture"),
    "segformer": ("SegformerForSemanticSegmentation", {"num_encoder_blocks": 2, "depths": [1, 1], "sr_ratios": [2, 1], "hidden_sizes": [16, 32], "patch_sizes": [7, 3],
                                                       "strides": [4, 2], "num_attention_heads": [2, 4], "mlp_ratios": [2, 2], "decoder_hidden_size": 32,
                                                       "initializer_range": 0.15}, "picture"),
    "clip-text": ("CLIPTextModelWithProjection", {**SMALL, "projection_dim": 16, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "initializer_factor": 4.0},
                  "words mask"),
    "clip-vision": ("CLIPVisionModelWithProjection", {**PICTURE, "projection_dim": 16, "initializer_factor": 4.0}, "picture"),
    "wav2vec2": ("Wav2Vec2ForCTC", SOUND, "sound"),
    "hubert": ("HubertForCTC", SOUND, "sound"),
    "whisper-encoder": ("WhisperModel", {"vocab_size": WORDS, "num_mel_bins": 16, "d_model": WIDTH, "encoder_layers": 2, "decoder_layers": 2,
                                         "encoder_attention_heads": HEADS, "decoder_attention_heads": HEADS, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
                                         "max_source_positions": 20, "max_target_positions": 20, "init_std": 0.15, "pad_token_id": 0, "bos_token_id": 1,
                                         "eos_token_id": 2, "decoder_start_token_id": 1}, "spectrum"),
}

# What onnxruntime's tool for transformers calls them.
FUSED_AS = {"bert": "bert", "roberta": "bert", "distilbert": "bert", "albert": "bert", "electra": "bert", "xlm-roberta": "bert", "gpt2": "gpt2",
            "t5-encoder": "t5", "bart": "bart", "vit": "vit", "swin": "swin", "clip-text": "clip", "clip-vision": "clip"}

NAMES = {"words": "input_ids", "mask": "attention_mask", "types": "token_type_ids", "boxes": "bbox", "decoded": "decoder_input_ids",
         "picture": "pixel_values", "sound": "input_values", "spectrum": "input_features"}
FREE = {"words": {0: "batch", 1: "sequence"}, "mask": {0: "batch", 1: "sequence"}, "types": {0: "batch", 1: "sequence"}, "boxes": {0: "batch", 1: "sequence"},
        "decoded": {0: "batch", 1: "decoded"}, "picture": {0: "batch"}, "sound": {0: "batch"}, "spectrum": {0: "batch"}}


class Named(torch.nn.Module):
    """Passes inputs by name, and gives the first result alone."""

    def __init__(self, network, names, is_encoder_alone):
        super().__init__()
        self.network, self.names, self.is_encoder_alone = network, names, is_encoder_alone

    def forward(self, *inputs):
        given = dict(zip(self.names, inputs))
        network = self.network.encoder if self.is_encoder_alone else self.network
        if "input_ids" in given and hasattr(self.network.config, "use_cache"):
            given["use_cache"] = False
        return network(**given, return_dict=False)[0]


def numbers(kind, generator):
    """One input, two of its last words being padding where there is a mask."""
    if kind in ("words", "decoded"):
        ids = torch.randint(3, WORDS, (1, LENGTH if kind == "words" else LENGTH // 2), generator=generator)
        ids[0, -1] = 2  # the end, where some networks look for it
        return ids
    if kind == "mask":
        mask = torch.ones(1, LENGTH, dtype=torch.int64)
        mask[0, -2:] = 0
        return mask
    if kind == "types":
        return (torch.arange(LENGTH) > LENGTH // 2).long()[None]
    if kind == "boxes":
        low = torch.randint(0, 16, (1, LENGTH, 2), generator=generator)
        return torch.cat([low, low + torch.randint(0, 15, (1, LENGTH, 2), generator=generator)], -1)
    shape = {"picture": (1, 3, 32, 32), "sound": (1, 800), "spectrum": (1, 16, 40)}[kind]
    return torch.randn(shape, generator=generator)


def build(name, seed):
    kind, configuration, inputs = NETWORKS[name]
    network_class = getattr(transformers, kind)
    torch.manual_seed(seed)
    network = network_class(network_class.config_class(**configuration, attn_implementation="eager"))
    torch_export.give_weights(network, seed)
    network.eval()
    generator = torch.Generator().manual_seed(seed)
    kinds = inputs.split()
    names = [NAMES[k] for k in kinds]
    given = [numbers(k, generator) for k in kinds]
    if name == "clip-text":
        given[0][0, -1] = 2
    return Named(network, names, name == "whisper-encoder").eval(), given, names, {NAMES[k]: FREE[k] for k in kinds}


def export(tried, path, seed):
    """Writes the file; returns its inputs by name, and its results in double precision."""
    transformers.logging.set_verbosity_error()
    network, inputs, names, free = build(tried.model, seed)
    results = torch_export.expected(network, inputs)
    torch_export.export(network, inputs, names, tried.exporter, path, free)
    return {name: np.asarray(x) for name, x in zip(names, inputs)}, results
