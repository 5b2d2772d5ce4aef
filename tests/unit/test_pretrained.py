"""Pretrained encoders: read by their config alone, a clip's own frames, a digest."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import soundfile
import torch
import transformers
from pretrained_models import MODELS, make_encoder

from softlabels.errors import InputError
from softlabels.features.frontends import feature_size, front_end_fingerprint
from softlabels.features.pretrained import PretrainedFrontEnd, encoder, open_checkpoint
from softlabels.features.pretrained.architectures import ARCHITECTURES, EncoderConfig
from softlabels.features.pretrained.checkpoint import write_checkpoint
from softlabels.features.pretrained.encoder import WINDOW, load_encoder
from softlabels.features.store import FeatureStore
from softlabels.models import FeatureNormalization, LayersEmbedding


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Name → folder and transformers' model."""
    parent = tmp_path_factory.mktemp("encoders")
    return {name: (parent / name, make_encoder(parent / name, name)) for name in MODELS}


def frames(folder, wav, layers="weighted"):
    """Layers [L, T, W] of a clip."""
    front_end = PretrainedFrontEnd(folder, layers, frames=True)
    return front_end(wav[None])[0].unflatten(1, (front_end.layers, -1)).transpose(0, 1)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "whisper"])
def test_an_encoder_of_the_waveform_is_transformers_own_on_the_clip_alone(encoders, name):
    folder, model = encoders[name]
    wav = torch.randn(4000)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    given = extractor(wav.numpy(), sampling_rate=16000, return_tensors="pt").input_values
    with torch.no_grad():
        alone = getattr(model, model.base_model_prefix, model)
        expected = alone(given, output_hidden_states=True).hidden_states
    assert torch.allclose(frames(folder, wav), torch.cat(expected), atol=1e-5)


def test_whisper_is_transformers_own_on_a_clip_of_its_whole_length(encoders):
    folder, model = encoders["whisper"]
    wav = 0.1 * torch.randn(WINDOW)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    given = extractor(wav.numpy(), sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        expected = model.encoder(given, output_hidden_states=True).hidden_states
    assert torch.allclose(frames(folder, wav), torch.cat(expected), atol=1e-4)


def test_whisper_has_no_more_frames_than_the_clip_and_its_first_positions(encoders):
    folder, model = encoders["whisper"]
    wav = 0.1 * torch.randn(40000)  # 2.5 s: 125 frames of 20 ms
    layers = frames(folder, wav)
    assert layers.shape == (3, 125, 16)
    silent = PretrainedFrontEnd(folder, 0, frames=True)(torch.zeros(1, 3200))[0]
    positions = model.encoder.embed_positions.weight[:10]
    # of silence all frames but the first and last are alike before positions are added
    differences = (silent - positions)[2:-1].diff(dim=0)
    assert torch.allclose(differences, torch.zeros_like(differences), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_long_recording_is_computed_in_windows(encoders, monkeypatch, name):
    folder, _ = encoders[name]
    monkeypatch.setattr(encoder, "WINDOW", 16000)
    load_encoder.cache_clear()
    wav = 0.1 * torch.randn(32001)
    mean = PretrainedFrontEnd(folder)(wav[None])[0]
    every = frames(folder, wav)
    load_encoder.cache_clear()
    assert torch.allclose(mean.unflatten(1, (3, -1))[0], every.mean(dim=1), atol=1e-5)
    if name == "whisper":  # which knows no mean of the whole: three windows, one after the other
        windows = [frames(folder, window) for window in wav.split(10880)]
        assert torch.allclose(every, torch.cat(windows, dim=1), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_is_each_clip_alone(encoders, name):
    layers_of = load_encoder(open_checkpoint(encoders[name][0]))
    clips = [0.1 * torch.randn(samples) for samples in (4000, 16001, 100, 9999, 16160)]
    with torch.no_grad():
        layers, frames, windows = layers_of.batch(clips, last=2)
    assert windows == [1] * 5
    for row, clip in enumerate(clips):
        alone = next(iter(layers_of.windows(clip[None], last=2)))
        assert frames[row] == alone[0].shape[1]
        for batched, expected in zip(layers, alone, strict=True):
            assert torch.allclose(batched[row, : frames[row]], expected[0], atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_clip_of_20_ms_or_less_has_one_frame(encoders, name):
    folder, _ = encoders[name]
    wav = 0.1 * torch.randn(320)
    for samples in (1, 320):
        assert frames(folder, wav[:samples]).shape == (3, 1, 16)
        assert torch.isfinite(PretrainedFrontEnd(folder)(wav[None, :samples])).all()


@pytest.mark.parametrize("name", ["whisper", "wavlm"])
@pytest.mark.parametrize(("layers", "chosen"), [("weighted", [0, 1, 2]), ("last", [2]), (1, [1])])
def test_layers_are_all_the_last_or_one(encoders, name, layers, chosen):
    folder, _ = encoders[name]
    wav = torch.randn(4000)
    front_end = PretrainedFrontEnd(folder, layers)
    assert front_end.size == feature_size(front_end) == 16 * len(chosen)
    expected = frames(folder, wav).mean(dim=1)[chosen].flatten()
    assert torch.allclose(front_end(wav[None])[0, 0], expected, atol=1e-5)


def test_mean_then_weighting_is_weighting_then_mean(encoders):
    """The stored mean, standardised and weighted, is what the frames would give anew."""
    folder, _ = encoders["whisper"]
    wav = torch.randn(1, 8000)
    mean, every = PretrainedFrontEnd(folder)(wav), PretrainedFrontEnd(folder, frames=True)(wav)
    normalization = FeatureNormalization(mean.shape[2])
    normalization.fit([torch.randn(20, mean.shape[2]) * torch.rand(mean.shape[2])])
    model = LayersEmbedding(mean.shape[2], layers=3).eval()
    with torch.no_grad():
        model.layer_weights.copy_(torch.tensor([0.3, -1.0, 2.0]))
    stored, anew = (model(normalization(each)) for each in (mean, every))
    assert torch.allclose(stored, anew, atol=1e-5)
    weights = model.layer_weights.softmax(0)
    by_hand = (weights[:, None] * normalization(every)[0].mean(0).unflatten(0, (3, 16))).sum(0)
    assert torch.allclose(stored[0], by_hand, atol=1e-5)


@pytest.mark.parametrize("head", ["linear", "attention", "blstm"])
def test_padding_changes_no_embedding(head):
    model = LayersEmbedding(12, layers=3, head=head, hidden_size=5, lstm_size=2).eval()
    features = torch.randn(1, 10, 12)
    padded = torch.cat([features, torch.full((1, 10, 12), torch.nan)], dim=1)
    assert torch.allclose(model(padded, torch.tensor([0.5])), model(features), atol=1e-6)


def test_the_fingerprint_is_of_weights_and_layers_and_not_of_the_place(encoders, tmp_path):
    folder, _ = encoders["wavlm"]
    shutil.copytree(folder, tmp_path / "elsewhere")
    of = {layers: front_end_fingerprint(PretrainedFrontEnd(folder, layers)) for layers in (0, 1)}
    assert of[0] != of[1]
    assert front_end_fingerprint(PretrainedFrontEnd(tmp_path / "elsewhere", 0)) == of[0]
    assert front_end_fingerprint(PretrainedFrontEnd(folder, 0, frames=True)) != of[0]


def test_another_checkpoint_under_the_same_name_is_another_store(tmp_path):
    make_encoder(tmp_path / "encoder", "wavlm")
    before = FeatureStore(PretrainedFrontEnd(tmp_path / "encoder")).folder
    make_encoder(tmp_path / "encoder", "wavlm", seed=1)
    after = FeatureStore(PretrainedFrontEnd(tmp_path / "encoder")).folder
    assert before != after


def test_a_checkpoint_swapped_while_a_process_runs_is_not_used(tmp_path):
    make_encoder(tmp_path / "encoder", "wavlm")
    front_end = PretrainedFrontEnd(tmp_path / "encoder")
    make_encoder(tmp_path / "encoder", "wavlm", seed=1)
    with pytest.raises(InputError, match="has changed since it was first read"):
        front_end(torch.randn(1, 4000))


def test_threads_that_begin_together_load_an_encoder_once(encoders, monkeypatch):
    built, build = [], encoder._build

    def slowly(config):
        built.append(config)
        time.sleep(0.2)
        return build(config)

    monkeypatch.setattr(encoder, "_build", slowly)
    load_encoder.cache_clear()
    front_end = PretrainedFrontEnd(encoders["whisper"][0])
    with ThreadPoolExecutor(2) as pool:
        a, b = pool.map(front_end, [torch.zeros(1, 3200)] * 2)
    assert len(built) == 1
    assert torch.equal(a, b)


@pytest.mark.parametrize("name", MODELS)
def test_an_encoder_written_alone_has_the_same_digest_and_layers(encoders, tmp_path, name):
    folder, _ = encoders[name]
    checkpoint = open_checkpoint(folder)
    write_checkpoint(checkpoint, tmp_path / "alone")
    assert open_checkpoint(tmp_path / "alone").digest == checkpoint.digest
    wav = torch.randn(4000)
    assert torch.equal(frames(tmp_path / "alone", wav), frames(folder, wav))


def test_weight_normalisation_by_its_old_names_is_read(encoders, tmp_path):
    from safetensors.torch import load_file, save_file

    folder, _ = encoders["wav2vec2"]
    shutil.copytree(folder, tmp_path / "old")
    weights = load_file(folder / "model.safetensors")
    names = {".parametrizations.weight.original0": ".weight_g"}
    names[".parametrizations.weight.original1"] = ".weight_v"
    for new, old in names.items():
        weights = {name.replace(new, old): each for name, each in weights.items()}
    assert any(name.endswith("weight_g") for name in weights)
    save_file(weights, tmp_path / "old/model.safetensors")
    wav = torch.randn(4000)
    assert torch.equal(frames(tmp_path / "old", wav), frames(folder, wav))


def test_features_in_the_store_are_those_of_the_clip_alone(encoders, tmp_path):
    front_end = PretrainedFrontEnd(encoders["wav2vec2"][0])
    files = []
    for index, samples in enumerate((1600, 3200, 4800)):
        wav = 0.1 * torch.randn(samples)
        files.append(str(tmp_path / f"{index}.wav"))
        soundfile.write(files[-1], wav.numpy(), 16000, subtype="FLOAT")
    store = FeatureStore(front_end, tmp_path / "store", workers=1)
    store.extract(files, progressbar=False)
    for file in files:
        wav = torch.from_numpy(soundfile.read(file, dtype="float32")[0])
        assert torch.allclose(store[file], front_end(wav[None])[0], atol=1e-5)


def test_defaults_are_transformers_own():
    configs = {
        "whisper": transformers.WhisperConfig,
        "wav2vec2": transformers.Wav2Vec2Config,
        "hubert": transformers.HubertConfig,
        "wavlm": transformers.WavLMConfig,
        "data2vec-audio": transformers.Data2VecAudioConfig,
    }
    for architecture, kind in configs.items():
        config = kind()
        for name, field in ARCHITECTURES[architecture].fields.items():
            default = getattr(config, name)
            default = list(default) if isinstance(default, tuple) else default
            assert default == field.default, (architecture, name)


@pytest.mark.parametrize(
    ("architecture", "fields", "message"),
    [
        ("bert", {}, "model_type must be one of"),
        ("wavlm", {"hidden_size": 10**9}, "hidden_size of wavlm must be a whole number"),
        ("wavlm", {"hidden_act": "eval"}, "hidden_act of wavlm must be one of"),
        ("wavlm", {"conv_dim": [8]}, "of one length"),
        ("whisper", {"auto_map": {}}, "fields must be among"),
        (
            "wavlm",
            {"conv_dim": [8] * 3, "conv_stride": [64] * 3, "conv_kernel": [1, 1, 64]},
            "a frame of 16000 samples at most; got 258049",
        ),
    ],
)
def test_a_config_of_other_values_is_refused(architecture, fields, message):
    with pytest.raises(ValueError, match=message):
        EncoderConfig(architecture, fields)


def test_what_cannot_be_used_is_named_with_the_remedy(encoders, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"there is no folder .*no/such/folder"):
        open_checkpoint(tmp_path / "no/such/folder")
    folder, _ = encoders["wavlm"]
    shutil.copytree(folder, tmp_path / "pickled")
    (tmp_path / "pickled/model.safetensors").rename(tmp_path / "pickled/pytorch_model.bin")
    with pytest.raises(InputError, match=r"has no model\*.safetensors.*save_pretrained"):
        open_checkpoint(tmp_path / "pickled")
    with pytest.raises(InputError, match="wavlm: layers must be 0 to 2 of this encoder; got 3"):
        PretrainedFrontEnd(folder, 3)
    shutil.copytree(folder, tmp_path / "wider")
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "wider/config.json").write_text(json.dumps({**config, "intermediate_size": 17}))
    with pytest.raises(InputError, match="the weights are not those of its config"):
        load_encoder(open_checkpoint(tmp_path / "wider"))
