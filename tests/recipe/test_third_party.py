"""An encoder and a network of a distribution of their own, trained beside the built-in ones."""

import json
import os
import re
import shlex
from pathlib import Path

import pytest
from iemocap_prepare import IEMOCAP

from softlabels.errors import InputError
from softlabels.sweep.options import parse
from softlabels.sweep.rows import options_of
from softlabels.training.experiment import load

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "recipes/IEMOCAP"
DOCUMENT = (ROOT / "docs/encoders.md").read_text("utf-8")
SMALL = ["--number_of_epochs=1"]
NETWORK = '''
import torch


class Maxima(torch.nn.Module):
    """The maxima over time."""

    def forward(self, features, lengths=None):
        return features.amax(dim=1)
'''
# `power` is required, and the weights are learned from training votes.
LEARNED = '''
from dataclasses import dataclass

import numpy as np

import softlabels


@dataclass
class Powered(softlabels.AnnotationEncoder):
    """Shares of votes to a power, weighted by how rare a class is."""

    power: float

    def fit(self, ballots):
        self.rarity_ = 1 / (1 + ballots.of(self.classes).sum(axis=0))
        return self

    def targets(self, ballots):
        weights = ballots.of(self.classes) ** self.power * self.rarity_
        return weights / weights.sum(axis=1, keepdims=True)
'''


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def site(python, tmp_path_factory):
    """The document's distribution, and one with an encoder that learns, installed by pip."""
    folder = tmp_path_factory.mktemp("third_party")
    (toml,) = blocks("toml")
    learned = toml.replace("prior_soft", "powered").replace("PriorSoftEncoder", "Powered")
    distributions = {
        "softlabels_prior": (toml, blocks("python")[0] + NETWORK),
        "softlabels_powered": (learned.replace("prior", "powered"), LEARNED),
    }
    for name, (project, module) in distributions.items():
        (folder / name).mkdir()
        (folder / name / "pyproject.toml").write_text(project)
        (folder / name / f"{name}.py").write_text(module)
        pip = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
        pip += ["--no-build-isolation", "--target", str(folder / "site"), str(folder / name)]
        python(pip, check=True)
    return folder / "site"


def run(python, words, site, folder):
    path = os.pathsep.join([str(site), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path}
    return python([RECIPE / words[0], *words[1:]], cwd=folder, env=environment)


def test_the_documents_commands_plan_a_sweep_from_any_folder(
    python, site, tmp_path, everyday_corpus
):
    (commands,) = blocks("sh")
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    _, reproduce = commands.splitlines()
    words = shlex.split(reproduce)[1:]
    words += ["--data_folder", str(everyday_corpus), "--output_folder", str(tmp_path / "out")]
    done = run(python, [*words, "--trials=1", *SMALL, "--dry-run"], site, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "16 trials, 0 of them finished" in done.stdout
    assert "prior soft, mine / clear + ambiguous" in done.stdout
    of_prior = [line for line in done.stdout.splitlines() if "prior soft" in line]
    assert len(of_prior) == 4
    assert all("prior" in line for line in of_prior)
    others = [line for line in done.stdout.splitlines() if "--encoder hard" in line]
    assert others
    assert not any("--encoder_options" in line for line in others)


def test_an_encoder_that_learns_and_needs_an_option_is_swept_beside_the_built_in_ones(
    python, site, tmp_path, everyday_corpus
):
    (tmp_path / "mine.yaml").write_text(blocks("yaml")[0])
    words = ["reproduce.py", "--encoders", "hard,powered", "--encoder_options={power: 3}"]
    words += ["--network", "mine.yaml", "--trials=1", "--jobs=1", *SMALL]
    words += ["--data_folder", str(everyday_corpus), "--output_folder", "out"]
    done = run(python, words, site, tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    results = json.loads((tmp_path / "out/results.json").read_text("utf-8"))
    assert [row["row"] for row in results["rows"]][:3] == [
        "hard, mine / clear",
        "powered, mine / clear",
        "powered, mine / clear + ambiguous",
    ]
    folder = tmp_path / "out/trials/powered_mine_clear+ambiguous/session1/seed1"
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    assert metrics["run"]["encoder"]["options"] == {"power": 3}
    assert (tmp_path / "out/report.html").stat().st_size > 1000


def test_an_option_that_no_encoder_of_the_sweep_has_is_refused():
    with pytest.raises(InputError, match=r"has \['power'\]; hard: agreement; soft: none"):
        options_of(["hard", "soft"], {"power": 3, "agreement": 3})


@pytest.mark.parametrize(
    "wrong",
    [
        ["--encoder_options", "{"],
        ["--encoder_options=3"],
        ["--encoder_options={alpha: 1}", "--alphas=0,1"],
    ],
)
def test_options_that_are_none_end_with_the_usage(wrong):
    with pytest.raises(SystemExit) as error:
        parse(IEMOCAP, wrong)
    assert error.value.code == 2


def test_a_yaml_that_builds_another_encoder_than_it_names_is_refused(tmp_path):
    (tmp_path / "two.yaml").write_text(
        "!include:blstm.yaml\n\nencoder: soft\n\n"
        "annotation_encoder: !apply:softlabels.encoder_from_settings\n    name: hard\n"
    )
    words = [str(tmp_path / "two.yaml"), "--output_folder", str(tmp_path / "run")]
    with pytest.raises(InputError, match="builds the encoder 'hard', but encoder is 'soft'"):
        load(IEMOCAP, words)
