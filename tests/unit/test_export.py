"""A model folder is whole or absent, and its YAML holds what inference needs and nothing else."""

import subprocess
import sys

import numpy as np
import pytest

from softlabels.files import replace_folder
from softlabels.inference.abstention import entropy, entropy_threshold
from softlabels.training.for_speechbrain import inference_yaml

KILLED = (
    "import os, pathlib, signal, sys\n"
    "from softlabels.files import replace_folder\n"
    "def fill(folder):\n"
    "    (folder / 'half').write_text('x')\n"
    "    os.kill(os.getpid(), signal.SIGKILL)\n"
    "replace_folder(pathlib.Path(sys.argv[1]), fill)\n"
)


@pytest.mark.parametrize("before", [[], ["whole"]])
def test_a_killed_process_leaves_the_folder_as_it_was(tmp_path, before):
    folder = tmp_path / "model"
    for name in before:
        replace_folder(folder, lambda new, name=name: (new / name).write_text("x"))
    assert subprocess.run([sys.executable, "-c", KILLED, str(folder)]).returncode == -9
    assert [file.name for file in folder.glob("*")] == before
    replace_folder(folder, lambda new: (new / "next").write_text("x"))
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")] == (
        ["model", "model/next"]
    )


RUN_YAML = """
data_folder: /secret
feature_store: &store !apply:os.system ['false']
fbank: &fbank !apply:softlabels.features.frontends.get_front_end [fbank]
size: &size !apply:softlabels.features.frontends.feature_size [*fbank]
modules:
    compute_features: *fbank
    mean_var_norm: !new:softlabels.models.normalization.FeatureNormalization
        input_size: *size
"""


def test_the_yaml_for_inference_holds_the_modules_and_no_other_setting():
    told = inference_yaml(RUN_YAML, by_speaker=False)
    assert "/secret" not in told
    assert "os.system" not in told
    assert "!new:softlabels.models.normalization.FeatureNormalization" in told
    by_speaker = inference_yaml(RUN_YAML, by_speaker=True)
    assert "!new:softlabels.models.UtteranceNormalization" in by_speaker


def test_entropy_is_scipys_and_its_threshold_keeps_nine_in_ten():
    from scipy.stats import entropy as reference

    p = np.random.default_rng(0).dirichlet(np.ones(4), size=100)
    assert np.allclose(entropy(np.log(p)), reference(p, axis=1))
    threshold = entropy_threshold(np.log(p))
    assert (entropy(np.log(p)) <= threshold).sum() == 90
    assert entropy([[0.0, -np.inf]]) == 0
    with pytest.raises(ValueError, match="no validation utterance"):
        entropy_threshold(np.zeros((0, 4)))
