"""SpeechBrain's own modules on pretrained encoders, put together as its recipes do."""

import torch
from speechbrain.integrations.huggingface.wavlm import WavLM
from speechbrain.integrations.huggingface.whisper import Whisper
from torch.nn.functional import layer_norm

from softlabels.models import LayersEmbedding

RATE = 16000


class StockNetwork(torch.nn.Module):
    """SpeechBrain's wrapper of an encoder under our head: audio [B, N, 1] → embeddings."""

    def __init__(self, name, folder, like):
        super().__init__()
        place = str(folder / "speechbrain")
        if name == "whisper":
            self.encoder = Whisper(str(folder), place, encoder_only=True, output_all_hiddens=True)
            self.encoder.model.decoder = None
        else:
            options = {"output_all_hiddens": True, "freeze_feature_extractor": True}
            self.encoder = WavLM(str(folder), place, **options)
        self.whisper = name == "whisper"
        count = like.last - like.first + 1
        self.on_layers = LayersEmbedding(count * like.embedding_size, count)

    def forward(self, audio, lengths):
        wavs = audio[..., 0]
        if self.whisper:  # which it pads to 30 s
            layers, lengths = self.encoder(wavs), lengths * wavs.shape[1] / (30 * RATE)
        else:
            layers = self.encoder(wavs, lengths)
        normed = layer_norm(layers.float(), layers.shape[-1:])
        return self.on_layers(normed.permute(1, 2, 0, 3).flatten(2), lengths)
