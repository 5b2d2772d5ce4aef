"""What `make` installs can be imported from anywhere, from the folder around the clone too."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_clone_does_not_shadow_its_editable_install(tmp_path):
    clone, built = tmp_path / "softlabels", tmp_path / "built"
    built.mkdir()
    shutil.copytree(ROOT / "softlabels", clone / "softlabels")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    build = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(built)], cwd=clone, check=True, capture_output=True
    )
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = str(environment / "bin/python")
    where = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    zipfile.ZipFile(next(built.glob("*.whl"))).extractall(site)
    variables = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    for words in (
        ["-c", "import softlabels; print(softlabels.get_encoder.__module__)"],
        ["-m", "softlabels", "--version"],
    ):
        ended = subprocess.run(
            [python, *words], cwd=tmp_path, env=variables, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        assert "softlabels" in ended.stdout
