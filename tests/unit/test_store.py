"""The feature store: the clip's own features, never stale, never half."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.lobes.features import MFCC, Fbank

from softlabels.features.audio import read_mono
from softlabels.features.frontends import BUILT_IN, front_end_fingerprint, get_front_end
from softlabels.features.store import FeatureStore, audio_key
from softlabels.registry import Registry


class Powers(torch.nn.Module):
    """A front end whose features have no room in 16 bits."""

    def forward(self, wavs):
        return torch.full((1, 3, 2), 1e5)


@pytest.fixture
def clips(tmp_path):
    random = np.random.default_rng(0)
    paths = [str(tmp_path / f"{index}.wav") for index in range(6)]
    for index, path in enumerate(paths):
        soundfile.write(path, 0.1 * random.standard_normal(4000 + 700 * index), 16000)
    return paths


def make(tmp_path, workers=1, front_end=None, **options):
    front_end = front_end or get_front_end("fbank")
    return FeatureStore(front_end, tmp_path / "store", workers=workers, **options)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", ["acoustic47", "fbank", "mfcc"])
def test_stored_features_are_those_of_the_clip_alone(tmp_path, clips, name, workers):
    front_end = get_front_end(name)
    store = make(tmp_path, workers, front_end)
    store.extract(clips, progressbar=False)
    for path in clips:
        wanted = front_end(read_mono(path, 16000)[None])[0]
        assert torch.allclose(store[path], wanted, atol=1e-4)
        assert store.frames(path) == len(wanted)


def test_other_company_workers_or_order_change_no_bit(tmp_path, clips):
    whole = make(tmp_path / "whole", 0, get_front_end("acoustic47"))
    whole.extract(clips, progressbar=False)
    halves = make(tmp_path / "halves", 2, get_front_end("acoustic47"))
    for some in (clips[3:], clips[::-1]):
        halves.extract(some, progressbar=False)
    for index, path in enumerate(clips):
        alone = make(tmp_path / f"alone{index}", 1, get_front_end("acoustic47"))
        alone.extract([path], progressbar=False)
        assert torch.equal(whole[path], alone[path])
        assert torch.equal(whole[path], halves[path])


def test_half_precision_is_half_the_size_and_nearly_the_same(tmp_path, clips):
    stores = [make(tmp_path, dtype=dtype) for dtype in ("float32", "float16")]
    for store in stores:
        store.extract(clips, progressbar=False)
    full, half = (sum(f.stat().st_size for f in s.folder.glob("*.safetensors")) for s in stores)
    assert half < 0.6 * full
    assert stores[1][clips[0]].dtype == torch.float32
    assert torch.allclose(stores[0][clips[0]], stores[1][clips[0]], rtol=1e-3, atol=1e-2)
    with pytest.raises(ValueError, match="dtype must be one of"):
        make(tmp_path, dtype="int8")


class Counting(Fbank):
    """Says how often it was called, by bytes in a file."""

    def forward(self, wav):
        with open(self.calls, "ab") as file:
            file.write(b".")
        return super().forward(wav)


def counting(tmp_path):
    front_end = Counting()
    front_end.calls = str(tmp_path / "calls")
    return front_end


def calls(tmp_path):
    return (tmp_path / "calls").stat().st_size


def test_what_was_extracted_is_not_extracted_again(tmp_path, clips):
    make(tmp_path, front_end=counting(tmp_path)).extract(clips[:4], progressbar=False)
    assert calls(tmp_path) == 4
    make(tmp_path, front_end=counting(tmp_path)).extract(clips, progressbar=False)
    assert calls(tmp_path) == 6


def test_what_half_precision_cannot_hold_is_refused(tmp_path, clips):
    with pytest.raises(ValueError, match=r"0\.wav: features that are not finite as float16"):
        make(tmp_path, 0, Powers(), dtype="float16").extract(clips[:1], progressbar=False)
    store = make(tmp_path, 0, Powers())
    store.extract(clips[:1], progressbar=False)
    assert store[clips[0]].max() == 1e5


def test_a_changed_audio_file_is_extracted_anew(tmp_path, clips):
    make(tmp_path, front_end=counting(tmp_path)).extract(clips, progressbar=False)
    soundfile.write(clips[0], np.zeros(8000), 16000)
    store = make(tmp_path, front_end=counting(tmp_path))
    store.extract(clips, progressbar=False)
    assert calls(tmp_path) == 7
    assert store.frames(clips[0]) == 51


def test_another_setting_has_another_fingerprint():
    fingerprints = [
        front_end_fingerprint(f)
        for f in (Fbank(), Fbank(n_mels=80), Fbank(win_length=20), Fbank(deltas=True), MFCC())
    ]
    assert len(set(fingerprints)) == 5
    assert front_end_fingerprint(Fbank()) == fingerprints[0]


class Tells(torch.nn.Module):
    """A front end with an attribute that is no plain setting."""

    def __init__(self, value):
        super().__init__()
        self.value = value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.ones(3), torch.zeros(3)),
        (np.int64(1), np.int64(2)),
        ({"a": 1}, {"a": 2}),
        (torch.hann_window, torch.hamming_window),
        (torch.float16, torch.float32),
    ],
)
def test_whatever_shapes_a_feature_is_in_the_fingerprint(one, other):
    prints = [front_end_fingerprint(Tells(value)) for value in (one, one, other)]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_fingerprint_stays_the_same_as_the_front_end_works(name):
    front_end = get_front_end(name).eval()
    before = front_end_fingerprint(front_end)
    front_end(torch.zeros(1, 16000))
    assert front_end_fingerprint(front_end) == before


def test_fingerprints_are_the_same_in_every_process():
    code = (
        "from softlabels.features.frontends import front_end_fingerprint, get_front_end\n"
        "print(front_end_fingerprint(get_front_end('fbank')))"
    )
    told = {subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)}
    assert told == {f"{front_end_fingerprint(get_front_end('fbank'))}\n".encode()}


def test_broken_audio_is_named_and_the_rest_is_kept(tmp_path, clips):
    broken = str(tmp_path / "broken.wav")
    with open(broken, "wb") as file:
        file.write(b"no audio")
    store = make(tmp_path, front_end=counting(tmp_path))
    with pytest.raises(ValueError, match=r"broken\.wav: can't be read"):
        store.extract([*clips, broken], progressbar=False)
    assert calls(tmp_path) == 6
    store = make(tmp_path, front_end=counting(tmp_path))
    store.extract(clips, progressbar=False)
    assert calls(tmp_path) == 6
    with pytest.raises(ValueError, match=r"gone\.wav"):
        store.extract([str(tmp_path / "gone.wav")], progressbar=False)


class Slow(Fbank):
    def forward(self, wav):
        time.sleep(0.2)
        return super().forward(wav)


def _extract(folder, paths):
    os.setsid()
    torch.set_num_threads(1)  # the parent's threads are not in its fork
    make(folder, workers=1, front_end=Slow()).extract(paths, progressbar=False)


def test_what_a_killed_process_leaves_is_complete_or_ignored(tmp_path, clips):
    process = multiprocessing.get_context("fork").Process(target=_extract, args=(tmp_path, clips))
    process.start()
    folder = make(tmp_path, front_end=Slow()).folder
    deadline = time.monotonic() + 30
    while not list(folder.glob("*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.join()
    finished = list(folder.glob("*.safetensors"))
    assert finished
    store = make(tmp_path, front_end=Slow())
    store.extract(clips, progressbar=False)
    assert {store.frames(path) for path in clips} == {1 + (4000 + 700 * i) // 160 for i in range(6)}
    assert not list(folder.glob(".*.partial"))
    assert set(finished) <= set(folder.glob("*.safetensors"))


def test_a_place_that_cannot_be_written_is_named(tmp_path, clips):
    (tmp_path / "store").write_text("a file where a folder should be")
    with pytest.raises(OSError, match=r"feature store .* can't be used .*SOFTLABELS_CACHE"):
        make(tmp_path).extract(clips, progressbar=False)


def test_who_may_read_the_store_is_the_umasks_to_say(tmp_path, clips):
    before = os.umask(0o027)
    try:
        store = make(tmp_path)
        store.extract(clips, progressbar=False)
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in store.folder.iterdir()} == {0o640}


def test_two_processes_at_once_do_the_work_once(tmp_path, clips):
    processes = [
        multiprocessing.get_context("fork").Process(target=_count, args=(tmp_path, clips))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert calls(tmp_path) == len(clips)


def test_ranks_share_the_work(tmp_path, clips):
    processes = [
        multiprocessing.get_context("fork").Process(target=_rank, args=(rank, tmp_path, clips))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert calls(tmp_path) == len(clips)


def _rank(rank, folder, paths):
    os.environ.update(RANK=str(rank), WORLD_SIZE="2")
    _count(folder, paths)


def _count(folder, paths):
    torch.set_num_threads(1)
    make(folder, workers=0, front_end=counting(folder)).extract(paths, progressbar=False)


def test_a_damaged_shard_is_said_and_made_anew(tmp_path, clips, caplog):
    make(tmp_path, front_end=counting(tmp_path)).extract(clips, progressbar=False)
    shard = next(make(tmp_path, front_end=counting(tmp_path)).folder.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:100])
    store = make(tmp_path, front_end=counting(tmp_path))
    store.extract(clips, progressbar=False)
    assert f"{shard} is damaged" in caplog.text
    assert [store.frames(path) for path in clips] == [26, 30, 34, 39, 43, 47]


def test_other_samples_at_the_same_time_and_size_are_other_audio(tmp_path, clips):
    before, stat = audio_key(clips[0]), os.stat(clips[0])
    time.sleep(0.01)
    soundfile.write(clips[0], np.zeros(4000), 16000)
    os.utime(clips[0], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert os.stat(clips[0]).st_size == stat.st_size
    assert audio_key(clips[0]) != before


def test_a_front_end_of_another_distribution_is_found_by_its_name(monkeypatch):
    from importlib.metadata import EntryPoint, EntryPoints

    points = EntryPoints([EntryPoint("flat", "torch.nn:Flatten", "softlabels.frontends")])
    monkeypatch.setattr("softlabels.registry.entry_points", points.select)
    registry = Registry("front end", group="softlabels.frontends")
    monkeypatch.setattr("softlabels.features.frontends.FRONT_ENDS", registry)
    assert isinstance(get_front_end("flat"), torch.nn.Flatten)
    with pytest.raises(ValueError, match=r"unknown front end 'square'; available: \['flat'\]"):
        get_front_end("square")
