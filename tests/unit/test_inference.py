"""Classifying: any audio gives the right result or a clear error; hostile folders are refused."""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import save

from softlabels.features.audio import read_mono
from softlabels.features.frontends import feature_size
from softlabels.inference.classifier import SoftLabelClassifier
from softlabels.inference.loading import UnsafeModelError, load_model
from softlabels.inference.settings import ModelSettings
from softlabels.inference.windows import OVERLAP, WINDOW, batches, windows

NETWORK = {"kind": "blstm_attention", "hidden_size": 8, "lstm_size": 4, "frame_step": 3}
ECAPA = {"kind": "ecapa_tdnn", "channels": 16, "attention_channels": 4, "embedding_size": 8}
ENCODER = {"name": "a", "digest": "0" * 64, "place": None, "layers": 0, "frames": False}
SETTINGS = ModelSettings(("happy", "sad", "angry"), "acoustic47", "corpus", NETWORK, 1.0, 2)


def weights(settings=SETTINGS):
    torch.manual_seed(0)
    network = settings.build(feature_size(settings.front_end("no folder")))
    return {
        name: (torch.rand(tensor.shape) + 0.1).to(tensor.dtype)
        for name, tensor in network.state_dict().items()
    }


JSON = SETTINGS.to_json()


def write(folder, settings=JSON, tensors=None):
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text(settings)
    data = tensors if isinstance(tensors, bytes) else save(tensors or weights())
    (folder / "model.safetensors").write_bytes(data)
    return folder


@pytest.fixture
def classifier(tmp_path):
    return SoftLabelClassifier.from_folder(write(tmp_path / "model"))


def buzz(seconds=0.5, rate=16000, pitch=150):
    time = np.arange(round(seconds * rate)) / rate
    return 0.2 * sum(np.sin(2 * np.pi * h * pitch * time) / h for h in range(1, 6))


def distribution(classification):
    return list(classification.distribution.values())


@pytest.mark.parametrize("network", [NETWORK, ECAPA])
@pytest.mark.parametrize("frontend", ["acoustic47", "fbank", "fbank80", "mfcc"])
@pytest.mark.parametrize("normalization", ["corpus", "speaker"])
def test_a_clip_gets_the_same_distribution_alone_and_in_any_batch(
    network, frontend, normalization, tmp_path
):
    settings = ModelSettings(("a", "b"), frontend, normalization, network, 0.5, 1)
    folder = write(tmp_path / "model", settings.to_json(), weights(settings))
    classifier = SoftLabelClassifier.from_folder(folder)
    clips = [buzz(seconds) for seconds in (0.7, 0.1, 1.31, 0.5, 0.02)]
    for batch_size in (1, 2, 16):
        found = classifier.classify_files(clips, batch_size, sample_rate=16000)
        for clip, each in zip(clips, found, strict=True):
            alone = classifier.classify_file(clip, 16000)
            assert np.allclose(distribution(each), distribution(alone), atol=1e-4)


def test_classify_batch_hears_what_lengths_tell_and_no_padding(classifier):
    clips = [buzz(0.4), buzz(0.25, pitch=90)]
    wavs = torch.full((2, 6400), torch.nan)
    for row, clip in zip(wavs, clips, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
    found = classifier.classify_batch(wavs, torch.tensor([1.0, 0.625]))
    wanted = classifier.classify_files(clips, sample_rate=16000)
    for each, other in zip(found, wanted, strict=True):
        assert np.allclose(distribution(each), distribution(other), atol=1e-4)
    with pytest.raises(ValueError, match="lengths must be"):
        classifier.classify_batch(wavs, torch.tensor([1.0]))


@pytest.mark.parametrize("kind", [torch.int16, torch.float64, torch.bfloat16])
def test_a_batch_of_any_type_is_heard_as_audio_of_that_type(classifier, kind):
    wav = torch.from_numpy(buzz(1.0)).float()
    batch = (wav * 32768).to(kind) if kind == torch.int16 else wav.to(kind).requires_grad_()
    found = classifier.classify_batch(batch[None], [1.0])[0]
    assert np.allclose(
        distribution(found), distribution(classifier.classify_file(wav, 16000.0)), atol=0.01
    )


def test_a_path_bytes_and_an_array_are_one(classifier, tmp_path):
    soundfile.write(tmp_path / "a.flac", buzz(), 16000)
    samples, rate = soundfile.read(tmp_path / "a.flac", dtype="int16")
    found = classifier.classify_files(
        [
            tmp_path / "a.flac",
            str(tmp_path / "a.flac"),
            (tmp_path / "a.flac").read_bytes(),
            samples,
        ],
        sample_rate=rate,
    )
    assert all(np.allclose(distribution(each), distribution(found[0])) for each in found)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000, 44101])
def test_any_rate_and_channels_sound_alike(classifier, rate):
    stereo = np.stack([buzz(0.5, rate), buzz(0.5, rate)], axis=1)
    found = classifier.classify_file(stereo, rate)
    wanted = classifier.classify_file(buzz(0.5), 16000)
    assert np.allclose(distribution(found), distribution(wanted), atol=0.05)


def test_odd_rates_are_resampled_too(tmp_path):
    soundfile.write(tmp_path / "a.wav", buzz(0.5, 15999), 15999)
    found = read_mono(tmp_path / "a.wav", 16000)[:8000]
    assert np.allclose(found[200:-200], buzz(0.5)[200:-200], atol=0.01)


def test_a_long_recording_is_the_mean_of_overlapping_windows(classifier):
    torch.manual_seed(0)
    wav = torch.randn(WINDOW + OVERLAP + 1) / 10
    cut = windows(wav)
    assert [len(each) for each in cut] == [WINDOW] * 3
    assert torch.equal(cut[1], wav[OVERLAP : OVERLAP + WINDOW])
    assert torch.equal(cut[2], wav[-WINDOW:])
    each = [distribution(found) for found in classifier.classify_batch(torch.stack(cut))]
    whole = classifier.classify_file(wav, 16000)
    assert np.allclose(distribution(whole), np.mean(each, axis=0), atol=1e-4)
    assert [(part.start, part.end) for part in whole.windows] == [
        (0, 40),
        (20, 60),
        (20 + 1 / 16000, 60 + 1 / 16000),
    ]
    assert np.allclose([distribution(part) for part in whole.windows], each, atol=1e-4)


def test_a_short_clip_is_one_window(classifier):
    whole = classifier.classify_file(buzz(0.5), 16000)
    (part,) = whole.windows
    assert (part.start, part.end) == (0, 0.5)
    assert (part.distribution, part.label) == (whole.distribution, whole.label)


@pytest.mark.parametrize("frontend", ["acoustic47", "fbank"])
def test_autocast_and_the_default_type_change_nothing(tmp_path, frontend):
    settings = ModelSettings(("a", "b"), frontend, "speaker", NETWORK, 0.5, 1)
    folder = write(tmp_path / "model", settings.to_json(), weights(settings))
    clips = [buzz(0.4), buzz(0.25, pitch=90), buzz(0.3)]

    def classified():
        classifier = SoftLabelClassifier.from_folder(folder)
        return [
            classifier.classify_file(clips[0], 16000),
            *classifier.classify_files(clips, batch_size=1, sample_rate=16000),
        ]

    plain = classified()
    with torch.autocast("cpu", torch.bfloat16):
        assert classified() == plain
    torch.set_default_dtype(torch.float64)
    try:
        assert classified() == plain
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_inference_imports_nothing_of_training():
    code = (
        "import sys, softlabels.inference\n"
        "assert not [name for name in sys.modules if name.startswith('softlabels.training')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_batches_hold_every_clip_once_and_no_more_audio_than_memory_has_room_for():
    lengths = [WINDOW, 5, WINDOW, 7, WINDOW, 6]
    made = batches(lengths, batch_size=4)
    assert made == [[1, 5, 3], [0, 2], [4]]


def test_threads_that_classify_at_once_leave_torch_its_threads(classifier):
    before = torch.get_num_threads()
    clips = [buzz(0.2) for _ in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: classifier.classify_files(clips, 2, 16000), range(8)))
        assert set(pool.map(lambda _: torch.get_num_threads(), range(8))) == {before}


def test_it_abstains_where_the_distribution_is_flatter_than_the_threshold(tmp_path):
    for threshold, wanted in ((0.0, True), (1.0986, True), (1.0987, False)):
        told = json.loads(JSON) | {"abstain_above": threshold}
        flat = {name: torch.ones_like(tensor) for name, tensor in weights().items()}
        folder = write(tmp_path / "model", json.dumps(told), flat)
        found = SoftLabelClassifier.from_folder(folder).classify_file(buzz(), 16000)
        assert found.entropy == pytest.approx(np.log(3))  # 1.09861…
        assert found.abstained is wanted


def encoded(samples, rate=16000, **how):
    out = io.BytesIO()
    soundfile.write(out, samples, rate, **how)
    return out.getvalue()


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"RIFF",
        encoded(buzz(), format="WAV")[:20],
        encoded(buzz(), format="FLAC")[:30],
        encoded(np.zeros(0), format="WAV"),
        encoded(np.full(800, np.nan), format="WAV", subtype="FLOAT"),
        b"no audio at all" * 100,
    ],
)
def test_broken_audio_is_a_clear_error(classifier, tmp_path, broken):
    (tmp_path / "broken.wav").write_bytes(broken)
    with pytest.raises(ValueError, match=r"broken\.wav: "):
        classifier.classify_file(tmp_path / "broken.wav")
    with pytest.raises(ValueError, match="bytes of audio: "):
        classifier.classify_file(broken)


def test_a_truncated_wav_gets_no_label(classifier, tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded(buzz(1.0), format="WAV")[: 44 + 16000])
    for audio in (tmp_path / "a.wav", (tmp_path / "a.wav").read_bytes()):
        with pytest.raises(ValueError, match="truncated: its header announces 16000 bytes more"):
            classifier.classify_file(audio)


def test_an_mp3_by_another_name_is_heard_as_what_it_is(classifier, tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded(buzz(1.0), format="MP3"))
    wanted = classifier.classify_file(encoded(buzz(1.0), format="WAV"))
    found = classifier.classify_file(tmp_path / "a.wav")
    assert np.allclose(distribution(found), distribution(wanted), atol=0.05)


@pytest.mark.parametrize(
    ("array", "rate", "told"),
    [
        (np.zeros(0), 16000, "no samples"),
        (np.full(9, np.inf), 16000, "not finite"),
        (np.zeros(9), None, "give sample_rate"),
        (np.zeros(9), 0, "samples a second"),
        (np.zeros((2, 9)), 16000, "transpose"),
        (np.zeros((2, 2, 9)), 16000, "must be"),
        (np.zeros(9, dtype=complex), 16000, "must be"),
        (np.zeros(9, dtype=np.int64), 16000, "int16 or int32; got .*int64"),
        (np.zeros((9, 0)), 16000, "no samples"),
        (np.zeros(9), 16000.5, "whole numbers"),
        (1000 * buzz(), 16000, "divide samples of 16 bits by 32768"),
    ],
)
def test_a_wrong_array_is_a_clear_error(classifier, array, rate, told):
    with pytest.raises(ValueError, match=told):
        classifier.classify_file(array, rate)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"frontend": "../../evil"}, "frontend"),
        ({"frontend": ["fbank"]}, "frontend"),
        ({"frontend": {"name": "whisper"}}, "a pretrained frontend must hold exactly"),
        ({"frontend": {**ENCODER, "digest": "../.."}}, "frontend's digest must be 64 digits"),
        ({"frontend": {**ENCODER, "place": ["/etc"]}}, "frontend's place must be printable text"),
        ({"frontend": {**ENCODER, "layers": {}}}, "layers must be weighted, last, or a number"),
        ({"frontend": {**ENCODER, "frames": 1}}, "frontend's frames must be true or false"),
        ({"network": NETWORK | {"hidden_size": "8"}}, "hidden_size"),
        ({"network": NETWORK | {"hidden_size": True}}, "hidden_size"),
        ({"network": NETWORK | {"hidden_size": 10**9}}, "hidden_size"),
        ({"network": NETWORK | {"frame_step": 0}}, "frame_step"),
        ({"network": ECAPA | {"channels": 12}}, "8 to 4096 in steps of 8; got 12"),
        ({"network": ECAPA | {"lstm_size": 4}}, "not so: .'lstm_size'"),
        ({"network": {"kind": "blstm_attention"}}, "not so: .'frame_step'"),
        ({"network": {"kind": "os.system"}}, "kind must be one of"),
        ({"network": {"kind": []}}, "kind must be one of"),
        ({"network": "blstm_attention"}, "kind must be one of"),
        ({"abstain_above": float("nan")}, "NaN"),
        ({"abstain_above": -0.1}, "abstain_above"),
        ({"temperature": 0.01}, "temperature must be 0.05 to 20"),
        ({"temperature": True}, "temperature must be"),
        ({"temperature": float("inf")}, "Infinity"),
        ({"output": "logits"}, "output must be one of .'softmax', 'dirichlet'."),
        ({"output": []}, "output must be one of"),
        ({"abstain_above": 10**400}, "abstain_above must be 0 to 100 nats"),
        ({"classes": []}, "classes"),
        ({"classes": ["a", "a"]}, "repeats"),
        ({"classes": ["a", 1]}, "classes"),
        ({"classes": "happy"}, "classes"),
        ({"classes": ["\x1b[2J"]}, "printable"),
        ({"classes": [f"c{i}" for i in range(1001)]}, "at most 1000"),
        ({"notice": 5}, "notice"),
        ({"normalization": {}}, "normalization"),
        ({"format": 2}, "format"),
        ({"weights": "/etc/passwd"}, "unknown"),
    ],
)
def test_settings_outside_the_schema_are_refused(tmp_path, change, told):
    text = json.dumps(json.loads(JSON) | change)
    with pytest.raises(UnsafeModelError, match=told):
        load_model(write(tmp_path / "model", text))


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "[" * 100_000, '{"a": 1, "a": 2}', "\ud800"]
)
def test_what_is_no_settings_is_refused(tmp_path, text):
    folder = write(tmp_path / "model")
    (folder / "settings.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(UnsafeModelError, match=r"settings\.json"):
        load_model(folder)


def altered(name, tensor):
    return save(weights() | {name: tensor})


class Trap:
    def __reduce__(self):
        return os.system, ("touch /tmp/softlabels-trap",)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (pickle.dumps(Trap()), "isn't a safetensors file"),
        (b"", "isn't a safetensors file"),
        (struct.pack("<Q", 10 * 2**30) + b"{}", "isn't a safetensors file"),
        (altered("classifier.linear.bias", torch.zeros(4)), r"bias must be \[3\]"),
        (altered("classifier.linear.bias", torch.zeros(3).double()), "float64"),
        (altered("classifier.linear.bias", torch.full((3,), torch.nan)), "not finite"),
        (
            b"E\0\0\0\0\0\0\0"
            + b'{"a":{"dtype":"F8_E8M0","shape":[1],"data_offsets":[0,1]}}'.ljust(69)
            + b"a",
            "F8_E8M0",
        ),
        (altered("extra", torch.zeros(1)), "unknown"),
        (save({"classifier.linear.bias": torch.zeros(3)}), "missing"),
        (altered("extra", torch.zeros(2**20)), "at most"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, data, told):
    with pytest.raises(UnsafeModelError, match=told):
        load_model(write(tmp_path / "model", tensors=data))


@pytest.mark.parametrize("name", ["settings.json", "model.safetensors"])
def test_links_pipes_and_folders_are_refused(tmp_path, name):
    folder, outside = write(tmp_path / "model"), tmp_path / "outside"
    file = folder / name
    file.rename(outside)
    with pytest.raises(UnsafeModelError, match="No such file"):
        load_model(folder)
    file.symlink_to(outside)
    with pytest.raises(UnsafeModelError, match="link"):
        load_model(folder)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UnsafeModelError, match="plain file"):
        load_model(folder)
    file.unlink()
    file.mkdir()
    with pytest.raises(UnsafeModelError, match="directory"):
        load_model(folder)


def test_a_folder_without_settings_says_who_loads_it(tmp_path):
    with pytest.raises(UnsafeModelError, match=r"settings\.json.*EncoderClassifier loads"):
        load_model(tmp_path)
    write(tmp_path / "model")
    with pytest.raises(UnsafeModelError, match=r"the model is .*model$"):
        load_model(tmp_path)
    with pytest.raises(UnsafeModelError, match="name too long"):
        load_model(tmp_path / ("a" * 300))


def test_nothing_else_in_the_folder_is_read(tmp_path):
    folder, trap = write(tmp_path / "model"), tmp_path / "trapped"
    (folder / "hyperparams.yaml").write_text(f"a: !apply:os.system ['touch {trap}']\n")
    for name in ("classifier", "embedding_model", "mean_var_norm"):
        (folder / f"{name}.ckpt").write_bytes(pickle.dumps(Trap()))
    SoftLabelClassifier.from_folder(folder).classify_file(buzz(), 16000)
    assert not trap.exists()


def test_a_sparse_file_of_10_gb_and_a_network_of_gigabytes_allocate_nothing(python, tmp_path):
    folder = write(tmp_path / "model")
    with open(folder / "model.safetensors", "wb") as file:
        file.truncate(10 * 2**30)
    largest = json.loads(JSON) | {"network": NETWORK | {"hidden_size": 8192, "lstm_size": 8192}}
    code = (
        "import resource, sys\n"
        "from softlabels.inference.loading import UnsafeModelError, load_model\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "from softlabels.features.frontends import *; feature_size(get_front_end('acoustic47'))\n"
        "before = peak()\n"
        "try:\n    load_model(sys.argv[1])\n"
        "except UnsafeModelError as error:\n    print(error)\n"
        "assert peak() - before < 50 * 1024, peak() - before\n"
    )
    for text in (JSON, json.dumps(largest)):
        (folder / "settings.json").write_text(text)
        done = python(["-c", code, folder], check=True)
        assert "model.safetensors" in done.stdout
