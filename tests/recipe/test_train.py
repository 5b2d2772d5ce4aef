"""The whole recipe: every encoder, every front end, its files, its refusals, its resuming."""

import csv
import json
import math
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk
import soundfile
import speechbrain as sb
import torch
from iemocap_prepare import IEMOCAP

from softlabels import get_encoder
from softlabels.corpora.simulated import cached_corpus
from softlabels.errors import InputError
from softlabels.training.brain import Predictions, SoftLabelBrain
from softlabels.training.experiment import describe_run, load
from softlabels.training.main import main

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"
CLASSES = ["Neutral", "Happiness", "Sadness", "Anger"]
SMALL = ["--hidden_size=16", "--lstm_size=8", "--noprogressbar"]


def arguments(teacher, release, folder, *more, epochs=2):
    places = ["--data_folder", str(release), "--output_folder", str(folder)]
    places += [f"--number_of_epochs={epochs}"]
    return [str(RECIPE / f"hparams/{teacher}.yaml"), *places, *SMALL, *more]


def run(teacher, release, folder, *more):
    main(IEMOCAP, arguments(teacher, release, folder, *more))
    return json.loads((folder / "metrics.json").read_text())


def rows(folder):
    with open(folder / "predictions.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("encoder", "frontend"),
    [  # each encoder and each front end: neither knows the other
        ("hard", "acoustic47"),
        ("soft", "acoustic47"),
        ("modified_soft", "acoustic47"),
        ("modified_soft", "fbank"),
        ("modified_soft", "mfcc"),
    ],
)
def test_every_encoder_and_every_front_end_trains(everyday_release, tmp_path, encoder, frontend):
    metrics = run(encoder, everyday_release, tmp_path / "run", "--frontend", frontend)
    partition = json.loads((tmp_path / "run/save/partition.json").read_text())
    clear = sum(partition["train"]["clear"].values())
    ambiguous = partition["train"]["ambiguous"]
    wanted = {"clear": clear, "ambiguous": 0 if encoder == "hard" else ambiguous}
    assert metrics["train"] == wanted
    assert metrics["test"]["clear"]["n"] == sum(partition["test"]["clear"].values())
    assert metrics["test"]["ambiguous"]["n"] == partition["test"]["ambiguous"]
    assert 0 <= metrics["test"]["clear"]["UA"] <= 1
    assert math.isfinite(metrics["test"]["all"]["KL"])


PAGE = ("report.html", "doubtful.csv", "annotators.csv")


@pytest.fixture(scope="module")
def finished(everyday_release, tmp_path_factory):
    """One run of modified soft targets on both subsets."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, run("modified_soft", everyday_release, folder)


def test_a_results_folder_holds_everything(finished):
    folder, metrics = finished
    for name in (
        "hyperparams.yaml",
        "log.txt",
        "train_log.txt",
        "run.json",
        "confusion.png",
        *PAGE,
    ):
        assert (folder / name).stat().st_size
    assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")
    made_by = metrics["run"]
    teacher = {"encoder": "modified_soft", "classes": CLASSES, "options": {"alpha": 0.75}}
    assert made_by["encoder"] == teacher
    assert made_by["settings"]["train_on"] == ["clear", "ambiguous"]
    assert made_by["settings"]["test_session"] == 1
    assert made_by["settings"]["seed"] == 1986
    assert {"torch", "speechbrain", "softlabels"} <= set(made_by["versions"])
    log = (folder / "log.txt").read_text()
    assert "always " in log  # the majority baseline stands in the printed table
    assert "this model" in log


def test_predictions_give_the_metrics(finished):
    folder, metrics = finished
    table = rows(folder)
    assert list(table[0]) == (
        ["utterance", "subset", "votes", "true", "predicted"]
        + [f"target_{c}" for c in CLASSES]
        + [f"p_{c}" for c in CLASSES]
    )
    clear = [row for row in table if row["subset"] == "clear"]
    true, predicted = ([row[key] for row in clear] for key in ("true", "predicted"))
    test = metrics["test"]
    assert test["clear"]["WA"] == pytest.approx(sk.accuracy_score(true, predicted))
    assert test["clear"]["UA"] == pytest.approx(
        sk.recall_score(true, predicted, average="macro", labels=CLASSES)
    )
    assert (
        test["clear"]["confusion"] == sk.confusion_matrix(true, predicted, labels=CLASSES).tolist()
    )
    assert {row["true"] for row in table if row["subset"] == "ambiguous"} == {""}
    p, q = (
        np.array([[float(row[f"{key}_{c}"]) for c in CLASSES] for row in table])
        for key in ("p", "target")
    )
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    cross_entropy = -(q * np.log(p)).sum(axis=1)
    assert test["all"]["cross_entropy"] == pytest.approx(cross_entropy.mean(), rel=1e-5)
    for row, share in zip(table, q, strict=True):
        votes = [label for annotator in json.loads(row["votes"]) for label in set(annotator)]
        counts = np.array([votes.count(c) for c in CLASSES])
        assert np.allclose(share, counts / counts.sum())


def test_the_papers_trainings_differ_in_the_encoder_and_in_nothing_else(tmp_path):
    runs, weights = [], []
    for encoder in ("hard", "soft", "modified_soft"):
        yaml = str(RECIPE / f"hparams/{encoder}.yaml")
        experiment = load(IEMOCAP, [yaml, "--output_folder", str(tmp_path)])
        identity = describe_run(experiment)
        identity.pop("encoder")
        assert identity["settings"].pop("encoder") == encoder
        runs.append(identity)
        network = torch.nn.ModuleDict(experiment.hparams["modules"])
        weights.append(network.state_dict())
    assert runs[0] == runs[1] == runs[2]
    for key, first in weights[0].items():
        assert all(torch.equal(first, other[key]) for other in weights[1:]), key


def test_the_same_seed_twice_gives_the_same_metrics(finished, everyday_release, tmp_path):
    again = run("modified_soft", everyday_release, tmp_path / "run")
    assert again == finished[1]
    assert rows(tmp_path / "run") == rows(finished[0])
    for name in PAGE:
        assert (tmp_path / "run" / name).read_bytes() == (finished[0] / name).read_bytes()


def contents(folder):
    """Every file but the log, which this process may still hold open."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "log.txt")
    return {path: path.read_bytes() for path in files}


def test_another_identity_never_reuses_a_results_folder(finished, everyday_release):
    folder, _ = finished
    before = contents(folder)
    with pytest.raises(
        ValueError, match=r"holds another run:[^/]*settings\.lr: 0\.001 there, 0\.1 now"
    ):
        run("modified_soft", everyday_release, folder, "--lr", "0.1")
    with pytest.raises(ValueError, match=r"encoder\.encoder: 'modified_soft' there, 'soft' now"):
        run("soft", everyday_release, folder)
    assert before == contents(folder)


@pytest.mark.parametrize("option", ["--max_grad_norm=1.5", "--grad_accumulation_factor=4"])
def test_speechbrains_options_are_part_of_the_identity(finished, everyday_release, option):
    with pytest.raises(ValueError, match=option.strip("-").partition("=")[0]):
        run("modified_soft", everyday_release, finished[0], *option.split("="))


def test_a_failed_or_debugging_attempt_does_not_hold_the_folder(everyday_release, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(ValueError, match="Joy"):
        run("soft", everyday_release, folder, "--classes", "[Neutral, Joy]")
    run("soft", everyday_release, folder, "--debug")
    metrics = run("soft", everyday_release, folder, "--max_grad_norm", "1.5")
    assert metrics["run"]["options"]["max_grad_norm"] == 1.5
    assert not metrics["run"]["options"]["debug"]


def test_a_run_does_not_continue_from_what_debugging_left(everyday_release, tmp_path):
    run("soft", everyday_release, tmp_path / "run", "--debug", "--debug_persistently")
    with pytest.raises(ValueError, match=r"options\.debug: True there, False now"):
        run("soft", everyday_release, tmp_path / "run")


def test_other_audio_of_the_same_length_is_another_corpus(tiny_release, tmp_path):
    release = tiny_release()
    run("soft", release, tmp_path / "run")
    for file in release.glob("Session*/sentences/wav/*/*.wav"):
        samples, rate = soundfile.read(file)
        soundfile.write(file, samples[::-1] * 0.5 + 0.01, rate)
    with pytest.raises(ValueError, match="corpus: "):
        run("soft", release, tmp_path / "run")


def test_checkpoints_lie_in_the_results_folder_and_belong_to_its_run(everyday_release, tmp_path):
    with pytest.raises(SystemExit):  # it isn't a setting
        run("soft", everyday_release, tmp_path / "run", "--save_folder", str(tmp_path / "save"))
    run("soft", everyday_release, tmp_path / "run")
    (tmp_path / "run/run.json").unlink()
    with pytest.raises(ValueError, match=r"no run\.json identifies their run"):
        run("soft", everyday_release, tmp_path / "run", "--seed", "7")


def test_a_diverged_training_says_so():
    encoder = get_encoder("soft", ["happy", "sad"])
    modules = {"linear": torch.nn.Linear(1, 1)}
    brain = SoftLabelBrain(modules, hparams={"annotation_encoder": encoder, "seed": 1})
    brain.train_loss = math.nan
    brain.predictions = Predictions(["u1"], ["sad"], [[math.nan, math.nan]], [[0.0, 1.0]])
    with pytest.raises(InputError, match=r"epoch 1: .* diverged"):
        brain.on_stage_end(sb.Stage.VALID, math.nan, epoch=1)


def test_a_finished_run_is_only_tested_again(finished, everyday_release):
    folder, metrics = finished
    trained = (folder / "train_log.txt").read_text()
    assert run("modified_soft", everyday_release, folder) == metrics
    assert run("modified_soft", everyday_release, folder, "--test_only") == metrics
    assert (folder / "train_log.txt").read_text() == trained


def flip(file):
    """Change one bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_a_finished_run_with_a_damaged_checkpoint_keeps_its_results(
    finished, everyday_release, tmp_path
):
    for name in ("embedding_model", "optimizer", "counter", "brain", "annotation_encoder"):
        folder = Path(shutil.copytree(finished[0], tmp_path / name))
        (*_, file) = sorted(folder.glob(f"save/checkpoints/*/{name}.ckpt"))
        flip(file)
        before = contents(folder)
        with pytest.raises(InputError, match=rf"damaged or missing: \S*{name}\.ckpt"):
            run("modified_soft", everyday_release, folder)
        assert contents(folder) == before


def test_damaged_results_are_named_and_written_anew(finished, everyday_release, tmp_path, caplog):
    folder = Path(shutil.copytree(finished[0], tmp_path / "run"))
    names = [
        "metrics.json",
        "predictions.csv",
        "report.html",
        "model/model.safetensors",
        "save/partition.json",
    ]
    whole = {name: (folder / name).read_bytes() for name in names}
    for name in names:
        flip(folder / name)
    run("modified_soft", everyday_release, folder)
    assert {name: (folder / name).read_bytes() for name in names} == whole
    for name in names:
        assert f"{folder / name} is damaged or missing; it is written anew" in caplog.text


def test_audio_that_changes_behind_its_first_bytes_is_another_run(tiny_release, tmp_path):
    release = tiny_release(seconds=0.5)
    run("soft", release, tmp_path / "run")
    file = next(iter(sorted(release.glob("Session1/sentences/wav/*/*.wav"))))
    data = bytearray(file.read_bytes())
    data[-4000:] = bytes(4000)
    file.write_bytes(data)
    with pytest.raises(ValueError, match="features: "):
        run("soft", release, tmp_path / "run")


def test_a_changed_corpus_is_another_identity(tiny_release, tmp_path):
    run("soft", tiny_release(folder="one"), tmp_path / "run")
    with pytest.raises(ValueError, match="corpus"):
        run("soft", tiny_release(folder="two", per_class=3), tmp_path / "run")


def test_testing_without_training_says_so(everyday_release, tmp_path):
    with pytest.raises(FileNotFoundError, match="train first"):
        run("soft", everyday_release, tmp_path / "run", "--test_only")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--lr_final", "-1", "--dropout=1"], "2 settings have values"),
        (["--test_session", "6"], "test_session: 6; give a whole number from 1 to 5"),
        (["--own_ratings", "no"], "own_ratings: no; give true or false"),
        (["--valid_session", "1"], "valid_session must be another session than test_session"),
        (["--classes", "[Neutral, Happyness]"], "Happyness"),
        (["--encoder_options", "{power: 3}"], r"has no option \['power'\].*--encoder_options"),
        (["--train_on", "[ambiguous]", "--encoder", "hard"], "nothing to train on: encoder 'hard'"),
    ],
)
def test_a_bad_setting_is_named(everyday_release, tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        run("modified_soft", everyday_release, tmp_path / "run", *more)


def test_every_other_setting_runs(everyday_release, tmp_path):
    metrics = run(
        "modified_soft",
        everyday_release,
        tmp_path / "run",
        *("--normalization", "speaker", "--class_weighting", "True", "--valid_session", "2"),
        *("--merge", "{Excited: Happiness}", "--feature_dtype", "float16"),
        *("--train_on", "[ambiguous]", "--test_session", "3"),
    )
    assert metrics["train"]["clear"] == 0
    assert metrics["run"]["settings"]["normalization"] == metrics["normalization"] == "speaker"
    assert (tmp_path / "run/log.txt").read_text().count("test speakers' included") == 2


@pytest.mark.parametrize(
    ("option", "value", "computed_in"),
    [
        ("--debug", True, torch.float32),
        ("--precision=bf16", "bf16", torch.bfloat16),
        ("--device=cpu", "cpu", torch.float32),
    ],
)
def test_speechbrains_run_options_work(
    everyday_release, tmp_path, monkeypatch, option, value, computed_in
):
    types, forward = set(), torch.nn.Linear.forward

    def noted(self, features):
        outputs = forward(self, features)
        if self.training:
            types.add(outputs.dtype)
        return outputs

    monkeypatch.setattr(torch.nn.Linear, "forward", noted)
    metrics = run("modified_soft", everyday_release, tmp_path / "run", *option.split("="))
    name = option.strip("-").partition("=")[0]
    assert metrics["run"]["options"][name] == value
    assert types == {computed_in}


def test_simulated_speech_says_so_everywhere(tmp_path, monkeypatch):
    corpus = cached_corpus(utterances=80)
    metrics = run("modified_soft", corpus, tmp_path / "run")
    notice = "simulated speech: not comparable with the paper"
    assert metrics["notice"] == notice
    assert (tmp_path / "run/NOTICE.txt").read_text().strip() == notice
    assert (tmp_path / "run/log.txt").read_text().count(notice) >= 2


def test_a_run_killed_at_any_moment_ends_with_the_metrics_of_one_never_killed(
    python, everyday_release, tmp_path
):
    def words(folder):
        return [
            RECIPE / "train.py",
            *arguments("modified_soft", everyday_release, folder, epochs=4),
        ]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    python(words(whole), check=True)
    log = killed / "train_log.txt"
    for epochs in (1, 3):  # kill it in the epoch, or the checkpoint, after so many
        deadline = time.monotonic() + 120
        with python.start(words(killed)) as (process, _, _):
            while time.monotonic() < deadline and process.wait(0.002) is None:
                if log.exists() and len(log.read_text().splitlines()) >= epochs:
                    break
        assert not (killed / "metrics.json").exists()
    python(words(killed), check=True)
    once, again = (json.loads((f / "metrics.json").read_text()) for f in (whole, killed))
    assert again == once
    assert rows(killed) == rows(whole)


@pytest.mark.skipif(
    not (Path(__file__).parents[3] / "shared/data").exists(), reason="no shared data"
)
def test_real_speech_runs_as_it_is(tmp_path):
    release = Path(__file__).parents[3] / "shared/data/emodb_iemocap"
    metrics = run("modified_soft", release, tmp_path / "run", "--frontend", "mfcc")
    assert metrics["train"] == {"clear": 264 - 26, "ambiguous": 94}
    assert (metrics["test"]["clear"]["n"], metrics["test"]["ambiguous"]["n"]) == (85, 12)
    assert metrics["majority"]["class"] == "Anger"


def test_test_labels_choose_nothing(everyday_release, tmp_path):
    other = tmp_path / "release"
    shutil.copytree(everyday_release, other)
    turned = dict(zip(CLASSES, [*CLASSES[1:], CLASSES[0]], strict=True))
    for file in sorted((other / "Session1/dialog/EmoEvaluation").glob("*.txt")):
        words = re.split(r"\b", file.read_text())
        file.write_text("".join(turned.get(word, word) for word in words))
    found, weights, true = [], [], []
    for name, release in (("as it is", everyday_release), ("permuted", other)):
        metrics = run("modified_soft", release, tmp_path / name)
        found.append(metrics["valid"])
        true.append([row["true"] for row in rows(tmp_path / name)])
        kept = sorted((tmp_path / name / "save/checkpoints").glob("CKPT*"))
        weights.append([torch.load(each / "embedding_model.ckpt") for each in kept])
    assert true[0] != true[1]
    assert found[0] == found[1]
    assert len(weights[0]) == len(weights[1])
    for first, second in zip(*weights, strict=True):
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_partition_is_logged_once(everyday_release, tmp_path):
    run("soft", everyday_release, tmp_path / "run")
    assert (tmp_path / "run/log.txt").read_text("utf-8").count("Utterances:") == 1


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--device", "tpu", "--device tpu: there is no such device; give cpu"),
        ("--grad_accumulation_factor", "0", "must be a whole number of at least 1; got 0"),
    ],
)
def test_a_wrong_run_option_is_named_before_anything_runs(
    everyday_release, tmp_path, option, value, message
):
    with pytest.raises(InputError, match=message):
        run("soft", everyday_release, tmp_path / "run", option, value)
    assert not (tmp_path / "run").exists()
