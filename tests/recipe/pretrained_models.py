"""Tiny random pretrained encoders, one of each architecture, as transformers writes them."""

from pathlib import Path

import torch
import transformers

WAVEFORM = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8, 8],
    "conv_kernel": [10, 8],
    "conv_stride": [20, 16],
    "num_conv_pos_embedding_groups": 2,
}
WAV2VEC2 = {**WAVEFORM, "num_conv_pos_embeddings": 4}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WHISPER = {
    "d_model": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 16,
    "num_mel_bins": 20,
    "vocab_size": 50,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
}
MODELS = {
    "whisper": (transformers.WhisperModel, transformers.WhisperConfig, WHISPER),
    "wavlm": (
        transformers.WavLMModel,
        transformers.WavLMConfig,
        {**WAV2VEC2, "num_buckets": 8, "max_bucket_distance": 16},
    ),
    "hubert": (transformers.HubertModel, transformers.HubertConfig, WAV2VEC2),
    "wav2vec2": (transformers.Wav2Vec2Model, transformers.Wav2Vec2Config, WAV2VEC2),
    "wav2vec2-large": (
        transformers.Wav2Vec2ForCTC,  # its encoder's weights have a prefix, and others beside
        transformers.Wav2Vec2Config,
        {**WAV2VEC2, **LARGE},
    ),
    "data2vec-audio": (
        transformers.Data2VecAudioModel,
        transformers.Data2VecAudioConfig,
        {**WAVEFORM, "num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3},
    ),
}


def make_encoder(folder: Path, name: str, seed: int = 0) -> transformers.PreTrainedModel:
    """Write an encoder's folder; returns transformers' model."""
    kind, settings, fields = MODELS[name]
    torch.manual_seed(seed)
    model = kind(settings(**fields)).eval()
    model.save_pretrained(folder)
    if name == "whisper":
        extractor = transformers.WhisperFeatureExtractor(feature_size=20)
    else:
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=name != "wavlm")
    extractor.save_pretrained(folder)
    return model
