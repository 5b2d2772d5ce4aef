"""The feature store: the clip's own features, never stale, never half."""

import errno
import importlib
import json
import linecache
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.lobes.features import MFCC, Fbank

from softlabels.errors import InputError
from softlabels.features.audio import read_mono
from softlabels.features.extraction import audio_key
from softlabels.features.frontends import BUILT_IN, front_end_fingerprint, get_front_end
from softlabels.features.shards import Shard, write_shard
from softlabels.features.store import FeatureStore
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
    variables = {**os.environ, "PYTHONHASHSEED": "1"}  # a set's order is another one there
    assert sys.flags.hash_randomization
    printed = subprocess.check_output([sys.executable, "-c", code], env=variables)
    assert printed == f"{front_end_fingerprint(get_front_end('fbank'))}\n".encode()


SOURCE = """
from torch import nn
class Own(nn.Module):
    {version}
    def forward(self, wavs):
        return wavs[..., None] {comment}
"""


def fingerprint_of(folder, monkeypatch, **parts):
    (folder / "own_front_end.py").write_text(
        SOURCE.format(**{"version": "", "comment": "", **parts})
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "own_front_end", raising=False)
    linecache.clearcache()
    importlib.invalidate_caches()
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    return front_end_fingerprint(importlib.import_module("own_front_end").Own())


def test_a_version_stands_for_the_code_and_code_without_one_for_itself(tmp_path, monkeypatch):
    def prints(*parts):
        return [fingerprint_of(tmp_path, monkeypatch, **each) for each in parts]

    one, comment, two = prints(
        {"version": "VERSION = 1"},
        {"version": "VERSION = 1", "comment": "# of one feature"},
        {"version": "VERSION = 2"},
    )
    assert one == comment != two
    plain, changed = prints({}, {"comment": "* 2"})
    assert plain != changed


def test_another_way_of_reading_audio_is_another_fingerprint(monkeypatch):
    before = front_end_fingerprint(get_front_end("fbank"))
    monkeypatch.setattr("softlabels.features.audio.VERSION", 99)
    assert front_end_fingerprint(get_front_end("fbank")) != before


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


def one_shard(tmp_path, clips):
    """A store with all clips in one shard; returns its front end, shard and features."""
    front_end = counting(tmp_path)
    store = make(tmp_path, 0, front_end)
    store.extract(clips, progressbar=False)
    features = {audio_key(path): store[path].clone() for path in clips}
    for file in store.folder.glob("*.safetensors"):
        file.unlink()
    (tmp_path / "calls").unlink()
    return front_end, write_shard(store.folder, 0, features), features


def flip(file, place, bit=0):
    data = bytearray(file.read_bytes())
    data[place] ^= 1 << bit
    file.write_bytes(data)


def zeros_in_the_second_half(file):
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[: size // 2].ljust(size, b"\0"))


def no_number(file):
    data = file.read_bytes()
    file.write_bytes(data[:-4] + np.float32("nan").tobytes())


def clips_beyond(file, share):
    """How many clips a shard holds, wholly or in part, beyond this share of its bytes."""
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    entries = json.loads(data[8:start])
    del entries["__metadata__"]
    return sum(start + each["data_offsets"][1] > share * len(data) for each in entries.values())


DAMAGES = {  # and beyond which share of a shard's bytes clips are lost
    "one bit": (lambda file: flip(file, -5), 0.99),
    "zeros": (zeros_in_the_second_half, 0.5),
    "NaN": (no_number, 0.99),
    "cut short": (lambda file: file.write_bytes(file.read_bytes()[:-1]), 0),
    "half a header": (lambda file: file.write_bytes(file.read_bytes()[:100]), 0),
    "empty": (lambda file: file.write_bytes(b""), 0),
    "other bytes": (lambda file: file.write_bytes(b"no shard" * 100), 0),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_in_a_shard_is_named_and_computed_anew(tmp_path, clips, caplog, name):
    damage, share = DAMAGES[name]
    front_end, shard, features = one_shard(tmp_path, clips)
    lost = clips_beyond(shard, share)
    damage(shard)
    for _ in range(2):  # the second process finds a store that is whole
        store = make(tmp_path, 0, front_end)
        store.extract(clips, progressbar=False)
        for path in clips:
            assert torch.equal(store[path], features[audio_key(path)])
            assert store.frames(path) == len(store[path])
        assert calls(tmp_path) == lost
        assert caplog.text.count(f"{shard} is damaged") == 1


def test_whatever_bit_is_flipped_no_other_feature_is_read(tmp_path, clips):
    front_end, shard, features = one_shard(tmp_path, clips[:2])
    whole = shard.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    random = np.random.default_rng(0)
    places = [*range(0, header, 5), *random.integers(header, len(whole), 20)]
    for place in places:
        for file in shard.parent.glob("*.safetensors"):
            file.unlink()
        shard.write_bytes(whole)
        flip(shard, int(place), int(random.integers(8)))
        store = make(tmp_path, 0, front_end)
        store.extract(clips[:2], progressbar=False)
        for path in clips[:2]:
            assert torch.equal(store[path], features[audio_key(path)]), place


def test_damage_noticed_in_the_middle_of_training_changes_no_feature(tmp_path, clips, caplog):
    front_end, shard, features = one_shard(tmp_path, clips)
    store = make(tmp_path, 0, front_end)
    store.extract(clips, progressbar=False)
    first = min(clips, key=audio_key)  # not the last one in the file
    assert torch.equal(store[first], features[audio_key(first)])
    with open(shard, "r+b") as file:  # as a disk would: the mapping shows it
        file.seek(-8, os.SEEK_END)
        file.write(b"\0" * 8)
    for path in clips:
        assert torch.equal(store[path], features[audio_key(path)])
    assert calls(tmp_path) == 1
    assert f"{shard} is damaged" in caplog.text


def test_damaged_features_of_audio_that_changed_since_are_refused(tmp_path, clips):
    front_end, shard, _ = one_shard(tmp_path, clips)
    store = make(tmp_path, 0, front_end)
    store.extract(clips, progressbar=False)
    zeros_in_the_second_half(shard)
    for path in clips:
        soundfile.write(path, np.zeros(8000), 16000)
    with pytest.raises(ValueError, match=r"\.wav: has changed since this process began"):
        store.digest(clips)


def test_a_digest_is_that_of_the_features_wherever_the_audio_lies(tmp_path, clips):
    store = make(tmp_path, 0)
    store.extract(clips, progressbar=False)
    digest = store.digest(clips)
    moved = [str(tmp_path / "moved" / os.path.basename(path)) for path in clips]
    (tmp_path / "moved").mkdir()
    for path, place in zip(clips, moved, strict=True):
        shutil.copy(path, place)
    other = make(tmp_path / "other", 2)
    other.extract(moved, progressbar=False)
    assert other.digest(moved) == digest != other.digest(moved[::-1])

    flip(Path(moved[5]), 5001, bit=6)  # beyond the first 4096 bytes
    changed = make(tmp_path / "other", 0)
    changed.extract(moved, progressbar=False)
    assert changed.digest(moved) != digest


def test_a_digest_is_that_of_undamaged_features(tmp_path, clips):
    front_end, shard, _ = one_shard(tmp_path, clips)
    digests = []
    for damage in (lambda _: None, zeros_in_the_second_half):
        damage(shard)
        store = make(tmp_path, 0, front_end)
        store.extract(clips, progressbar=False)
        digests.append(store.digest(clips))
    assert digests[0] == digests[1]


class Dying(Fbank):
    def forward(self, wav):
        if wav.shape[1] == 4000:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(wav)


def test_a_killed_worker_is_named_and_what_was_finished_is_kept(tmp_path, clips):
    store = make(tmp_path, 2, Dying())
    with pytest.raises(OSError, match=r"was killed.*start again: what was finished is kept"):
        store.extract(clips, progressbar=False)
    store.extract(clips[1:], progressbar=False)
    assert store.frames(clips[1]) == 30


class SlowCounting(Slow):
    """Writes its process into a file at each call."""

    def forward(self, wav):
        with open(self.calls, "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        return super().forward(wav)


def _outlived(folder, paths):
    torch.set_num_threads(1)  # the parent's threads are not in its fork
    front_end = SlowCounting()
    front_end.calls = str(folder / "calls")
    make(folder, workers=2, front_end=front_end).extract(paths, progressbar=False)


def test_workers_end_with_a_killed_parent(tmp_path, clips):
    process = multiprocessing.get_context("fork").Process(target=_outlived, args=(tmp_path, clips))
    process.start()
    deadline = time.monotonic() + 60
    while not (tmp_path / "calls").is_file() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.join()
    workers = set((tmp_path / "calls").read_text().split())
    while any(map(_lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert workers
    assert not any(map(_lives, workers))


def _lives(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_ten_processes_on_one_folder_do_the_work_once_and_mend_it_once(tmp_path, clips):
    def all_at_once():
        processes = [
            multiprocessing.get_context("fork").Process(target=_read_all, args=(tmp_path, clips))
            for _ in range(10)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(timeout=60)
        assert [process.exitcode for process in processes] == [0] * 10

    all_at_once()
    assert calls(tmp_path) == len(clips)
    shard = max(
        make(tmp_path, front_end=counting(tmp_path)).folder.glob("*.safetensors"),
        key=lambda file: file.stat().st_size,
    )
    lost = len(Shard(shard).keys)
    zeros_in_the_second_half(shard)
    all_at_once()
    assert len(clips) < calls(tmp_path) <= len(clips) + lost


def _read_all(folder, paths):
    torch.set_num_threads(1)
    store = make(folder, 0, counting(folder))
    store.extract(paths, progressbar=False)
    front_end = Fbank()
    for path in paths:
        assert torch.allclose(store[path], front_end(read_mono(path, 16000)[None])[0], atol=1e-4)


@pytest.mark.parametrize("hours", [-24, 24])
def test_changes_of_clock_change_no_feature(tmp_path, clips, hours):
    front_end = counting(tmp_path)
    store = make(tmp_path, 0, front_end)
    store.extract(clips, progressbar=False)
    before = {path: store[path].clone() for path in clips}
    then = time.time() + 3600 * hours
    for file in store.folder.iterdir():
        os.utime(file, (then, then))
    store = make(tmp_path, 0, front_end)
    store.extract(clips, progressbar=False)
    assert calls(tmp_path) == len(clips)

    soundfile.write(clips[0], np.zeros(4000), 16000)
    os.utime(clips[0], (then, then))
    store = make(tmp_path, 0, front_end)
    store.extract(clips, progressbar=False)
    assert calls(tmp_path) == len(clips) + 1
    assert not torch.equal(store[clips[0]], before[clips[0]])
    assert all(torch.equal(store[path], before[path]) for path in clips[1:])


def test_a_whole_store_is_read_where_nothing_may_be_written(tmp_path, clips, monkeypatch):
    make(tmp_path, 0).extract(clips[:5], progressbar=False)

    def read_only(path, flags, *mode, **place):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return opened(path, flags, *mode, **place)

    opened = os.open
    monkeypatch.setattr(os, "open", read_only)
    store = make(tmp_path, 0)
    store.extract(clips[:5], progressbar=False)
    assert store.digest(clips[:5])
    message = r"feature store .*can't be written.*SOFTLABELS_CACHE"
    with pytest.raises(OSError, match=message) as caught:
        store.extract(clips, progressbar=False)
    assert "\n" not in str(caught.value)


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


def test_audio_without_features_is_the_users_to_mend(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"no audio")
    store = FeatureStore(get_front_end("mfcc"), tmp_path / "store", workers=0)
    with pytest.raises(InputError, match=r"no features for these files:\n.*a\.wav"):
        store.extract([str(tmp_path / "a.wav")], progressbar=False)
    with pytest.raises(InputError, match=r"gone\.wav: can't be read as audio"):
        store.extract([str(tmp_path / "gone.wav")], progressbar=False)
