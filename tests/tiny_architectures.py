"""Every causal architecture of transformers, as its default configuration with all sizes made small."""

from __future__ import annotations

from typing import Any

from transformers import CONFIG_MAPPING, PretrainedConfig

VOCABULARY = 64
_SIZES: dict[int, str] = {
    VOCABULARY: "vocab_size vocab_size_per_layer_input index_topk",
    32: "hidden_size d_model n_embd dim dim_model emb_dim embedding_size word_embed_proj_dim input_embedding_size "
    "output_embedding_size",
    48: "intermediate_size d_inner ffn_dim decoder_ffn_dim encoder_ffn_dim dff n_inner dim_ff ffn_hidden_size",
    16: "moe_intermediate_size shared_expert_intermediate_size moe_shared_expert_intermediate_size q_lora_rank "
    "kv_lora_rank qk_head_dim index_head_dim mamba_head_dim",
    8: "head_dim qk_nope_head_dim qk_rope_head_dim v_head_dim hidden_size_per_layer_input linear_key_head_dim "
    "linear_value_head_dim linear_head_dim",
    4: "num_attention_heads n_head n_heads num_heads decoder_attention_heads encoder_attention_heads attention_heads "
    "num_key_value_heads num_experts num_local_experts n_routed_experts moe_num_experts mamba_n_heads mamba_num_heads "
    "linear_num_heads rotary_dim",
    2: "num_hidden_layers n_layer n_layers num_layers decoder_layers num_decoder_layers num_experts_per_tok "
    "num_experts_per_token moe_k moe_topk linear_num_key_heads linear_num_value_heads index_n_heads",
    1: "encoder_layers num_encoder_layers n_group topk_group num_expert_group n_groups mamba_n_groups",
    0: "num_kv_shared_layers",
}
SMALL = {name: size for size, names in _SIZES.items() for name in names.split()}
_PER_LAYER = {"layer_types", "layers_block_type", "mlp_layer_types"}

_ROPE = {"rope_type": "default", "rope_theta": 10000.0}

BESIDE: dict[str, dict[str, Any]] = {
    "cohere_compass_text": {"rope_parameters": dict.fromkeys(("full_attention", "sliding_attention"), _ROPE)},
    "dbrx": {
        "attn_config": {"kv_n_heads": 2, "rope_theta": 10000.0, "clip_qkv": 8},
        "ffn_config": {"hidden_size": 32, "ffn_hidden_size": 48},
    },
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dots1": {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1},
    "falcon_h1": {"mamba_d_ssm": 32, "mamba_d_head": 8, "mamba_d_state": 16},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "longcat_flash": {"expert_ffn_hidden_size": 16, "zero_expert_num": 2},
    "mamba2": {"num_heads": 8},
    "mimo_v2_flash": {"head_dim": 24, "num_key_value_heads": 2},
    "minicpm3": {"dim_model_base": 32},
    "ministral": {"head_dim": 8},
    "nemotron": {"head_dim": 8, "num_key_value_heads": 4},
    "qwen4_exp_text": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 64,
        "indexer_compress_ratio": 4,
    },
    "reformer": {"is_decoder": True, "axial_pos_embds": False},
    "xmod": {"default_language": "en_XX", "is_decoder": True},
    "zamba": {"num_hidden_layers": 4, "layers_block_type": ["linear_attention", "hybrid"] * 2},
    "zaya": {"num_experts_per_tok": 1},
}
"""What fits the small sizes, or has no default."""


def tiny_config(model_type: str, **changes: Any) -> PretrainedConfig:
    """The architecture's default configuration, two layers deep and 32 wide."""
    default = CONFIG_MAPPING[model_type]()
    return type(default)(**_shrunk(default.to_dict()) | BESIDE.get(model_type, {}) | changes)


def _shrunk(values: dict[str, Any]) -> dict[str, Any]:
    small: dict[str, Any] = {}
    for name, value in values.items():
        if name in SMALL and type(value) is int:
            small[name] = SMALL[name]
        elif name in _PER_LAYER and isinstance(value, list | tuple):
            small[name] = [*dict.fromkeys(value), *value[:1]][:2]
        elif name.endswith("_token_id") and isinstance(value, int | list):
            small[name] = min(value, VOCABULARY - 1) if isinstance(value, int) else 1
        elif isinstance(value, dict) and "model_type" in value:
            kind = value["model_type"]
            small[name] = {**_shrunk(value), **BESIDE.get(kind, {}), "model_type": kind}
    return small
