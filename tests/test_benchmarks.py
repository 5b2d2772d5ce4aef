"""Benchmarks that need other machines than the tests' own: that they run."""

import re
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks/gpu.py"


def test_what_a_gpu_is_measured_by_runs_in_miniature_on_the_cpu(python):
    table = python([SCRIPT, "--miniature", "--device", "cpu"], check=True).stdout
    for name in ("wavlm", "whisper"):
        assert re.search(rf"^\| {name} trained, utterances a second \| [1-9]", table, re.M)
    differences = re.findall(r"^\| its embeddings on both, .* \| (\S+) \| ≤", table, re.M)
    assert len(differences) == 3
    assert all(float(each) < 1e-5 for each in differences)
