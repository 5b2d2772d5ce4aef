"""The documents' commands and snippets run as they stand, and the distribution builds."""

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    "docs/cluster.md",
    "docs/losses.md",
    "docs/report.md",
    "docs/results.md",
    "docs/targets.md",
    "recipes/IEMOCAP/README.md",
    "recipes/table/README.md",
]
# A command that needs a training of hours or a corpus, and has tests of its own: → its script.
OPTIONS_ONLY = {
    "softlabels classify": ["-m", "softlabels", "classify"],
    "softlabels export": ["-m", "softlabels", "export"],
    "softlabels report": ["-m", "softlabels", "report"],
    "softlabels simulate": ["-m", "softlabels", "simulate"],
}
# What a snippet needs a trained model for runs in tests/recipe/test_export.py.
NEEDS_A_MODEL = "SoftLabelClassifier"
VOTES = "task,worker,label,speaker\nu1,a,happy,s\nu1,b,happy,s\nu2,a,sad,t\nu2,b,happy,t\n"
# Runs of the recipe are cut short: another command would need another README.
SMALL = ["--number_of_epochs=1", "--hidden_size=8", "--lstm_size=4"]


def blocks(document, language):
    text = (ROOT / document).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(document):
    lines = "".join(blocks(document, "bash")).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line and line[0] != "#"]


COMMANDS = sorted({(document, line) for document in DOCUMENTS for line in commands(document)})


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_python_snippet_runs(document, python):
    code = "\n".join(each for each in blocks(document, "python") if NEEDS_A_MODEL not in each)
    if code:
        python(["-c", code], check=True)


@pytest.mark.parametrize("line", sorted({line for _, line in COMMANDS}))
def test_every_command_runs(line, tmp_path, python, everyday_corpus):
    for part in line.split(" && "):
        words = shlex.split(part)
        if "--votes" in words or words[:2] == ["softlabels", "train"]:
            run_table(python, words, tmp_path)
        elif words[0] == "make":
            subprocess.run(["make", "--dry-run", *words[1:]], check=True, cwd=ROOT)
        elif words[:2] == ["pip", "install"]:
            check_install(python, words[2:])
        elif words[:2] == ["python", "train.py"]:
            run_recipe(python, words[1:], tmp_path, everyday_corpus)
        elif words[:2] == ["python", "reproduce.py"]:
            # Hours of training: what it would run is checked; it has tests of its own.
            dry = [word for word in words[1:] if word != "--dry-run"] + ["--dry-run"]
            run_recipe(python, dry, tmp_path, everyday_corpus)
        elif words[:2] == ["python", "../../benchmarks/intended.py"]:
            check_options(python, [ROOT / "benchmarks/intended.py"], words[2:])
        elif words[0] == "python" and words[1].startswith("benchmarks/"):
            script = ROOT / "benchmarks" / Path(words[1]).name
            assert script.exists()
            assert " ".join(words[2:]) in script.read_text("utf-8")  # as its docstring has it
        elif " ".join(words[:2]) in OPTIONS_ONLY:
            check_options(python, OPTIONS_ONLY[" ".join(words[:2])], words[2:])
        elif words[0] == "torchrun":
            # Several processes have tests of their own.
            options, script = words[1 : words.index("train.py")], words[words.index("train.py")]
            check_options(python, ["-m", "torch.distributed.run"], options)
            assert (ROOT / "recipes/IEMOCAP" / script).exists()
        elif words[0] == "softlabels":
            (tmp_path / "votes.csv").write_text(VOTES)
            (tmp_path / "wavs").mkdir()
            for item in ("u1", "u2"):
                soundfile.write(tmp_path / f"wavs/{item}.wav", np.zeros(1600), 16000)
            python(["-m", *words], cwd=tmp_path, check=True)
        elif words[0] == "cd":
            assert any((ROOT / place / words[1]).is_dir() for place in (".", "recipes/IEMOCAP"))
        elif words[:2] != ["git", "clone"]:
            raise AssertionError(f"no test runs {part!r}")


def run_table(python, words, folder):
    """Run a command on a table of votes, from the folder where it is."""
    classes = ["happy", "sad", "neutral", "angry"]
    classes = [name for name in classes if name in words[words.index("--classes") + 1]]
    rows = ["task,worker,label"]
    (folder / "wavs").mkdir()
    for number in range(60):
        noise = np.random.default_rng(number).normal(0, 0.1, 4800)
        soundfile.write(folder / "wavs" / f"clip{number}.wav", noise, 48000)
        rows += [f"clip{number},{who},{classes[number % len(classes)]}" for who in ("ann", "bob")]
    (folder / "votes.csv").write_text("\n".join(rows) + "\n")
    recipe = ("train.py", "reproduce.py", "hparams/modified_soft.yaml")
    words = [str(ROOT / "recipes/table" / word) if word in recipe else word for word in words]
    script = ["-m", *words] if words[0] == "softlabels" else words[1:]
    script += ["--output_folder", str(folder / "run"), *SMALL]
    script += ["--dry-run"] if "reproduce.py" in words[1] else []
    python(script, cwd=folder, check=True)


def check_options(python, script, words):
    usage = python([*script, "--help"], check=True).stdout.replace("_", "-")
    for word in words:
        name = word.partition("=")[0].replace("_", "-")
        assert not name.startswith("--") or name in usage, word


def check_install(python, words):
    assert words[0].partition("[")[0] == "."
    pip = ["-m", "pip", "install", "--dry-run", "--no-deps", "--no-index"]
    python([*pip, "--no-build-isolation", "--quiet", *words], check=True)


def run_recipe(python, words, folder, corpus):
    places = ("/path/to/IEMOCAP_full_release", "/path/to/corpus")
    words = [str(corpus) if word in places else word for word in words]
    if "--data_folder" not in words:
        words += ["--data_folder", str(corpus)]
    if "--output_folder" not in words:
        words += ["--output_folder", str(folder / "run")]
    python([*words, *SMALL], cwd=ROOT / "recipes/IEMOCAP", check=True)


def test_the_wheel_builds_and_works_without_the_checkout(tmp_path):
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    (wheel,) = tmp_path.glob("softlabels-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    pages = {f"softlabels/report/templates/{name}" for name in ("page.css", "sweep.html.jinja")}
    assert {"softlabels/py.typed", *pages} < set(names)
    shipped = {path.name: path.read_bytes() for path in (ROOT / "hparams").glob("*.yaml")}
    packed = zipfile.ZipFile(wheel)
    for name, content in shipped.items():
        assert packed.read(f"softlabels/hparams/{name}") == content
    assert not [name for name in names if not name.startswith("softlabels")]
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, "--target", str(site), str(wheel)], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import softlabels\n"
        f"assert softlabels.__file__.startswith({str(site)!r}), softlabels.__file__\n"
        "import softlabels.features, softlabels.report.page, softlabels.corpora.simulated\n"
        "import softlabels.training.brain\n"
        "from softlabels.cli.train import yaml_file\n"
        "from softlabels.training.hparams import read_tree\n"
        "assert read_tree(yaml_file('modified_soft'))['encoder'] == 'modified_soft'\n"
        "from importlib.metadata import version\n"
        "assert version('softlabels') == softlabels.__version__\n"
        "names = 'class_prior dawid_skene dirichlet dirichlet_mixture hard modified_soft soft'\n"
        "assert softlabels.available_encoders() == tuple(names.split())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


LINKED = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks/README.md"]
LINKED += ROOT.glob("recipes/*/README.md")


def anchor(heading):
    """Return the anchor that a Markdown page gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", sorted(str(file.relative_to(ROOT)) for file in LINKED))
def test_every_relative_link_leads_to_a_file_and_its_anchor_to_a_heading(document):
    text = re.sub(r"^```.*?^```", "", (ROOT / document).read_text("utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, part = link.partition("#")
        target = ((ROOT / document).parent / path) if path else ROOT / document
        assert target.exists(), f"{document}: {link}"
        if part:
            headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), flags=re.M)
            assert part in map(anchor, headings), f"{document}: {link}"


def test_the_table_of_forms_is_that_of_the_commands():
    from softlabels.cli.group import COMMANDS as COMMANDS_IN_ORDER

    text = (ROOT / "docs/commandline.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| (`\w+`(?:, `\w+`)+) \|$", text, re.MULTILINE))
    forms = {
        command.name: ", ".join(f"`{form}`" for form in option.type.choices)
        for command in COMMANDS_IN_ORDER
        for option in command.params
        if "--format" in option.opts
    }
    assert listed == forms


def test_every_document_is_on_the_site():
    contents = (ROOT / "docs/contents.txt").read_text("utf-8")
    for file in LINKED:
        name = str(file.relative_to(ROOT).with_suffix(""))
        assert name == "README" or re.search(rf"\b{name}>?$", contents, re.MULTILINE), name


def test_constraints_are_names_and_versions_only():
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.!+]+", line), line


def test_the_encoder_of_the_walk_through_is_found_after_pip_install_alone(tmp_path, python):
    source, site = tmp_path / "softlabels-prior", tmp_path / "site"
    source.mkdir()
    module, _, usage = blocks("docs/encoders.md", "python")
    (source / "pyproject.toml").write_text(*blocks("docs/encoders.md", "toml"))
    (source / "softlabels_prior.py").write_text(module)
    (tmp_path / "votes.csv").write_text("task,worker,label\nu1,ann,happy\nu1,bob,neutral\n")
    (lines,) = blocks("docs/encoders.md", "bash")
    install, *uses = lines.splitlines()
    assert install == "pip install ./softlabels-prior"
    pip = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--target", str(site), str(source)]
    python(pip, check=True)
    path = os.pathsep.join([str(site), str(ROOT)])
    found = {**os.environ, "PYTHONPATH": path}
    python(["-c", usage], cwd=tmp_path, env=found, check=True)
    output = ""
    for line in uses:
        assert line.startswith("softlabels ")
        output += python(["-m", *shlex.split(line)], tmp_path, found, check=True).stdout
    assert "prior_soft(prior, strength=3.0)  Shares of votes, smoothed towards a prior" in output
    assert "u1,0.62,0.38" in output  # (1 + 3 · 0.7) / 5
