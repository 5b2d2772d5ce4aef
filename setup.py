"""softlabels: soft labels for SpeechBrain."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "softlabels/__init__.py").read_text("utf-8"))
DOCS = ["furo", "myst-parser", "sphinx"]

setup(
    name="softlabels",
    version=VERSION[1],
    description="Soft labels for SpeechBrain: train on every annotator's vote",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    # An editable install then adds this folder to sys.path. By default it would add an import hook
    # that comes last: after the clone itself, which, seen from the folder around it, is an empty
    # namespace package of the same name.
    package_dir={"": "."},
    packages=find_packages(include=["softlabels", "softlabels.*"]),
    package_data={"softlabels": ["py.typed", "report/templates/*", "hparams/*.yaml"]},
    install_requires=[
        "numpy",
        "scipy",
        "scikit-learn",
        "pandas",
        "matplotlib",
        "jinja2",
        "joblib",
        "orjson",
        "soundfile",
        "tqdm",
        "filelock",
        "click",
        "safetensors",
        # torchaudio's last release is 2.11, and it must be the pair of torch's.
        "torch>=2.7.1,<2.12",
        "torchaudio>=2.7.1,<2.12",
        "speechbrain>=1.1",
        "hyperpyyaml",
        "ruamel.yaml",
    ],
    extras_require={
        "cluster": ["distributed", "ray"],
        "onnx": ["onnx", "onnxruntime"],
        "pretrained": ["transformers"],
        "lora": ["peft", "transformers"],
        "dev": [
            "build",
            "distributed",
            *DOCS,
            "mypy",
            "onnx",
            "onnxruntime",
            "peft",
            "playwright",
            "psutil",
            "pytest",
            "pytest-xdist",
            "ray",
            "ruff",
            "setuptools>=77,<82",
            "transformers",
        ],
        "docs": DOCS,
        "bench": ["crowd-kit", "opensmile", "praat-parselmouth"],
    },
    entry_points={
        "console_scripts": ["softlabels = softlabels.cli:main"],
    },
)
