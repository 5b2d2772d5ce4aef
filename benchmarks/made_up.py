"""A release of any size, and pretrained encoders with random weights, made up in seconds."""

import os
from pathlib import Path

import numpy as np
import soundfile

RECIPE = Path(__file__).resolve().parents[1] / "recipes/IEMOCAP"
LABELS = np.array(["Neutral", "Happiness", "Sadness", "Anger", "Frustration", "Excited", "Other"])
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY |= {"intermediate_size": 16, "conv_dim": [8] * 7, "num_conv_pos_embedding_groups": 2}
TINY_WHISPER = {"d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2}
WHISPER = {"d_model": 512, "encoder_layers": 6, "encoder_attention_heads": 8}
DECODER = {"decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16}


def write_release(release, utterances, seconds, files, dialog=100):
    """Write a release in IEMOCAP's layout; returns its folder.

    Two of three annotators agree at least in half of the utterances. There are so
    many ``files`` of noise, each under several names where that is fewer than
    ``utterances``; features are computed for each name all the same. ``seconds`` is
    one length for all files, or a list of each one's; ``dialog`` so many utterances.
    """
    random = np.random.default_rng(0)
    release.mkdir(parents=True)
    samples = np.broadcast_to(np.round(16000 * np.asarray(seconds)).astype(int), files)
    noise = 0.1 * random.standard_normal(samples.max() + files)
    for index, length in enumerate(samples):
        soundfile.write(release / f"noise{index}.wav", noise[index : index + length], 16000)
    for start in range(0, utterances, dialog):
        session = release / f"Session{start // dialog % 5 + 1}"
        title = f"Ses0{start // dialog % 5 + 1}F_impro{start // dialog:04d}"
        wavs = session / "sentences/wav" / title
        text = session / "dialog/EmoEvaluation" / f"{title}.txt"
        for folder in (wavs, text.parent):
            folder.mkdir(parents=True, exist_ok=True)
        blocks = []
        for index in range(start, min(start + dialog, utterances)):
            name = f"{title}_{'FM'[index % 2]}{index % dialog:03d}"
            os.link(release / f"noise{index % files}.wav", wavs / f"{name}.wav")
            votes = LABELS[random.integers(len(LABELS), size=3)]
            votes[1] = votes[0] if random.random() < 0.5 else votes[1]
            lines = [f"C-E{n}:\t{label};\t()" for n, label in enumerate(votes, start=2)]
            head = f"[6.2901 - 8.2357]\t{name}\txxx\t[2.5000, 2.5000, 2.5000]"
            blocks.append("\n".join([head, *lines]))
        text.write_text("\n\n".join(blocks) + "\n")
    return release


def write_encoder(name, folder, miniature):
    """Write a WavLM base or Whisper base with random weights, or a tiny one."""
    import transformers

    if name == "whisper":
        sizes = {**(TINY_WHISPER if miniature else WHISPER), **DECODER}
        sizes["encoder_ffn_dim"] = 4 * sizes["d_model"]
        model = transformers.WhisperModel(transformers.WhisperConfig(**sizes))
        extractor = transformers.WhisperFeatureExtractor()
    else:
        sizes = TINY if miniature else {}
        # with layers dropped SpeechBrain's wrapper would give fewer than there are
        model = transformers.WavLMModel(transformers.WavLMConfig(**sizes, layerdrop=0.0))
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=False)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
