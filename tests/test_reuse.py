"""docs/reuse.md: its diff applies to a recipe with hard labels, which then trains on soft ones."""

import json
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def soft_diff():
    (diff,) = re.findall(r"^```diff\n(.*?)^```", (ROOT / "docs/reuse.md").read_text(), re.M | re.S)
    return diff


def train(python, folder, corpus):
    """Three epochs; returns each epoch's training loss."""
    words = ["train.py", "train.yaml", f"--data_folder={corpus}", "--noprogressbar"]
    python(words, cwd=folder, check=True)
    log = (folder / "results/train_log.txt").read_text()
    return [float(loss) for loss in re.findall(r"train loss: (\S+)", log)]


def test_the_diff_applies_and_the_loss_on_soft_targets_falls(python, tmp_path, everyday_corpus):
    recipe = tmp_path / "recipe"
    shutil.copytree(ROOT / "tests/reuse", recipe, ignore=shutil.ignore_patterns("__pycache__"))
    patch = ["patch", "-p1", "--fuzz=0"]
    subprocess.run(patch, cwd=recipe, input=soft_diff(), text=True, check=True)
    first, second, third = train(python, recipe, everyday_corpus)
    assert first > second > third
    manifest = json.loads((recipe / "results/train.json").read_text())
    assert manifest["Ses01F_impro01_F000"]["votes"] == [["sur"], ["hap"], ["hap"]]
    assert list(recipe.glob("results/save/CKPT*/annotation_encoder.ckpt"))


def test_the_recipe_trains_on_hard_labels_without_the_diff(python, tmp_path, everyday_corpus):
    recipe = tmp_path / "recipe"
    shutil.copytree(ROOT / "tests/reuse", recipe, ignore=shutil.ignore_patterns("__pycache__"))
    assert len(train(python, recipe, everyday_corpus)) == 3
