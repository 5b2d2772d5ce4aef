"""Settings: what the command line says arrives as it was typed, or is refused with a remedy."""

import re
from pathlib import Path

import pytest
from hyperpyyaml import load_hyperpyyaml

from softlabels.errors import InputError
from softlabels.training.arguments import parse
from softlabels.training.hparams import build, plain_values, read_tree, resolved
from softlabels.training.settings import SETTINGS, check_settings, show_value

HPARAMS = Path(__file__).parents[2] / "hparams"
SOFT = str(HPARAMS / "soft.yaml")
CORPUS = {"classes": ["happy", "sad"], "fold": "session1"}
PATHS = ["/x/a=b", "/x/a #b", "a: b", "a\tb", "a\nb", "a ", "(a)", "null", "7", "'a\"", "a\\b"]
PATHS += ["{a}", "ü — 漢", "x" * 90, "a\u2028b", "!a", "&a", "alpha=0.75", "-x y"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Loading a YAML makes its results folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_arrives_as_it_was_typed(path):
    Path("mine.yaml").write_text(
        "output_folder: out\nsave_folder: !apply:os.path.join [!ref <output_folder>, save]\n"
    )
    given = parse(["mine.yaml", "--output_folder", path])
    assert given.overrides == {"output_folder": path}
    assert parse(["mine.yaml", f"--output_folder={path}"]).overrides == given.overrides
    tree = read_tree("mine.yaml", given.overrides)
    expected = {"output_folder": path, "save_folder": f"{path}/save"}
    assert build(tree) == load_hyperpyyaml(resolved(tree)) == expected


def test_other_values_are_read_as_yaml():
    words = ["--lr", "1e-4", "--merge={Excited: Happiness}", "--feature_store", "null"]
    words += ["--classes", "[Neutral, no, 1]", "--class_weighting", "true", "--seed=7"]
    assert parse([SOFT, *words]).overrides == {
        "lr": 0.0001,
        "merge": {"Excited": "Happiness"},
        "feature_store": None,
        "classes": ["Neutral", "no", "1"],
        "class_weighting": True,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output_folder", "out", "extra"], "'extra' belongs to no option"),
        (["--lr", "0.1", "--lr=0.2"], "--lr is given 2 times; give it once"),
        (["--debug", "--debug"], "--debug is given 2 times"),
        (["--frontnd", "fbank"], r"no setting --frontnd; did you mean --frontend\?"),
        (["--number_of_epoch", "2"], r"did you mean --number_of_epochs\?"),
        (["--dev", "cpu"], "no setting --dev; did you mean --device"),
        (["--modules", "{}"], "no setting --modules"),
        (["--lr"], "--lr: expected one argument"),
        (["--precision", "fp17"], "choose from 'fp32', 'fp16', 'bf16'"),
    ],
)
def test_wrong_usage_is_refused_in_a_line(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        parse([SOFT, *words])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert len(error) < 300
    assert re.search(message, error)


def test_speechbrains_run_options_are_taken():  # and bars are off where there is no terminal
    words = ["--device", "cpu", "--precision=bf16", "--debug", "--grad_accumulation_factor", "4"]
    run_opts = parse([*words, SOFT, "--lr", "0.1"]).run_opts
    assert (run_opts.device, run_opts.precision, run_opts.debug) == ("cpu", "bf16", True)
    assert run_opts.grad_accumulation_factor == 4
    names = {"device", "precision", "debug", "grad_accumulation_factor", "noprogressbar"}
    assert run_opts.overridden_args == names


def test_bars_are_off_where_nobody_sees_them(monkeypatch):
    assert parse([SOFT]).run_opts.noprogressbar
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert not parse([SOFT]).run_opts.noprogressbar
    assert parse([SOFT, "--noprogressbar"]).run_opts.noprogressbar


WRONG = [
    ("class_weighting", "no", "true or false"),
    ("class_weighting", "off", "true or false"),
    ("class_weighting", "1", "true or false"),
    ("classes", "[Neutral]", "at least 2 different names"),
    ("classes", "[Neutral, Neutral]", "at least 2 different names"),
    ("classes", "Neutral, Anger", "at least 2 different names"),
    ("lr_final", "-1", "from 0 to 1"),
    ("lr", "0", "above 0 to 1"),
    ("lr", ".nan", "above 0 to 1"),
    ("dropout", "1", "from 0 to below 1"),
    ("valid_fraction", "0.99", "from 0 to 0.5"),
    ("frame_step", "100000", "a whole number from 1 to 100"),
    ("frame_step", "1.5", "a whole number from 1 to 100"),
    ("alpha", "1e300", "from 0 to 1000"),
    ("number_of_epochs", "many", "a whole number from 1 to 100000"),
    ("number_of_epochs", "true", "a whole number from 1 to 100000"),
    ("seed", "x", "a whole number"),
    ("hidden_size", "-4", "a whole number from 1 to 8192"),
    ("train_on", "clear,ambiguous", r"as in [clear, ambiguous]"),
    ("encoder", "sfot", "one of class_prior, dawid_skene, dirichlet, dirichlet_mixture, hard"),
    ("frontend", "mel", "one of acoustic47, fbank"),
    ("normalization", "none", "one of corpus, speaker"),
    ("merge", "[a]", "as in {one: another}"),
    ("merge", "{a: b", "as in {one: another}"),
    ("output_folder", " ", "not blank"),
    ("output_folder", "a<b>", "no <…>"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), WRONG)
def test_a_value_that_a_setting_does_not_take_is_named(name, text, allowed):
    tree = read_tree(SOFT, CORPUS | parse([SOFT, f"--{name}={text}"]).overrides)
    with pytest.raises(InputError) as refused:
        check_settings(plain_values(tree), SOFT)
    message = str(refused.value)
    assert f"\n  {name}: {show_value(SETTINGS[name].kind.read(text))}; give " in message
    assert allowed in message


def test_all_wrong_values_are_named_at_once():
    words = ["--seed", "x", "--dropout", "1", "--hidden_size", "-4"]
    tree = read_tree(SOFT, CORPUS | parse([SOFT, *words]).overrides)
    with pytest.raises(InputError, match="3 settings") as refused:
        check_settings(plain_values(tree), SOFT)
    names = {line.partition(":")[0].strip() for line in str(refused.value).splitlines()[1:]}
    assert names == {"seed", "dropout", "hidden_size"}


@pytest.mark.parametrize("file", [*sorted(HPARAMS.glob("*soft*.yaml")), HPARAMS / "hard.yaml"])
def test_every_yaml_passes_its_own_check(file):
    check_settings(plain_values(read_tree(file, CORPUS)), str(file))


def test_a_yamls_own_settings_are_settings_too(tmp_path):
    Path("mine.yaml").write_text(f"!include:{SOFT}\nheads: 4\nkind: conv\n")
    given = parse(["mine.yaml", "--heads", "8", "--kind", "a: b", "--seed", "3"])
    assert given.overrides == {"heads": 8, "kind": "a: b", "seed": 3}
    loaded = build(read_tree("mine.yaml", CORPUS | given.overrides))
    assert (loaded["heads"], loaded["kind"], loaded["seed"]) == (8, "a: b", 3)
    with pytest.raises(SystemExit):
        parse([SOFT, "--heads", "8"])


def test_help_shows_the_settings_and_the_yamls_defaults(capsys):
    for words, default in (([SOFT, "--help"], " (soft)"), (["-h"], "")):
        with pytest.raises(SystemExit) as ended:
            parse(words, description="What it does.")
        assert ended.value.code == 0
        text = capsys.readouterr().out
        assert "What it does." in text
        assert f"--encoder{default}: one of class_prior, " in text
        assert "--precision" in text
    assert all(f"--{name}" in text for name in SETTINGS)


def test_hard_soft_and_modified_soft_differ_in_the_encoder_and_nothing_else():
    texts = set()
    for name in ("hard", "soft", "modified_soft"):
        tree = read_tree(HPARAMS / f"{name}.yaml", CORPUS)
        assert tree["encoder"] == name
        tree["encoder"] = "any"
        texts.add(resolved(tree))
    assert len(texts) == 1


def test_an_included_yaml_is_changed_key_by_key(tmp_path):
    Path("a.yaml").write_text("a: 1\nb: !ref <a>\nc: !new:builtins.dict {x: 1, y: !ref <b>}\n")
    Path("b.yaml").write_text("# a comment\n!include:a.yaml\nc: {x: 3}\nd: !ref <c>\n")
    Path("c.yaml").write_text("!include:b.yaml\n{}\n")
    for file in ("b.yaml", "c.yaml"):
        tree = read_tree(file, {"a": 2})
        expected = {"a": 2, "b": 2, "c": {"x": 3, "y": 2}, "d": {"x": 3, "y": 2}}
        assert build(tree) == load_hyperpyyaml(resolved(tree)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!include:mine.yaml\na: 1\n", "includes itself"),
        ("!include:none.yaml\na: 1\n", "none.yaml can't be read: No such file"),
        ("a: [", "no YAML"),
        ("a: 1\na: 2\n", "no YAML"),
        ("- a\n", "no settings"),
    ],
)
def test_a_yaml_that_cannot_be_read_is_named(text, message):
    Path("mine.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_tree("mine.yaml")


def test_a_placeholder_needs_a_value():
    with pytest.raises(InputError, match="encoder: null; give one of"):
        check_settings(plain_values(read_tree(HPARAMS / "common.yaml")), "common.yaml")
