"""The command line."""

import csv
import gzip
import io
import json
import subprocess
import sys

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from softlabels.cli import main

LONG = "task,worker,label\nu1,ann,happy\nu1,bob,happy\nu1,cat,sad\nu2,ann,other\nu2,bob,sad\n"
WIDE = "clip,song,call\na,3,1\nb,0,2\n"
CLASSES = ["--classes", "happy,sad"]


class Input(io.BytesIO):
    """Standard input, which has a name."""

    name = "<stdin>"


def softlabels(*arguments, given="", code=0):
    """Run a command in this process: an interpreter for each would take seconds."""
    stream = io.BufferedReader(Input(given.encode()))
    done = CliRunner().invoke(main, [*map(str, arguments)], input=stream)
    assert done.exit_code == code, done.stderr
    return done


def test_a_command_runs_in_a_process_of_its_own(votes):
    command = [sys.executable, "-m", "softlabels", "encode", str(votes), *CLASSES]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, len(table(done.stdout))) == (0, 2)
    done = subprocess.run([*command, "--encoder", "sfot"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: unknown encoder 'sfot'")


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def votes(tmp_path):
    file = tmp_path / "votes.csv"
    file.write_text(LONG)
    return file


def test_encode_gives_each_item_its_target(votes, tmp_path):
    out = tmp_path / "targets.csv"
    options = ["--encoder", "modified_soft", "--alpha", "1", *CLASSES, "-o", out]
    done = softlabels("encode", votes, *options)
    assert table(out.read_text()) == [
        {"item": "u1", "happy": "0.6", "sad": "0.4"},  # (1 + 2) / (2 + 3)
        {"item": "u2", "happy": "0.33333334", "sad": "0.6666667"},
    ]
    assert "2 items, 2 of them with a target" in done.stderr


def test_encode_writes_json_in_which_an_item_without_a_target_has_null():
    done = softlabels("encode", "-", "--encoder", "hard", *CLASSES, "--format", "json", given=LONG)
    assert json.loads(done.stdout) == [
        {"item": "u1", "target": {"happy": 1.0, "sad": 0.0}},
        {"item": "u2", "target": None},
    ]


def test_encoders_are_listed_as_json():
    rows = {
        row["name"]: row for row in json.loads(softlabels("encoders", "--format", "json").stdout)
    }
    assert rows["modified_soft"]["defaults"] == {"alpha": 0.75}
    assert rows["soft"]["required"] == []


def test_encode_reads_standard_input_and_writes_standard_output():
    done = softlabels("encode", "-", "--encoder", "hard", *CLASSES, given=LONG)
    assert table(done.stdout)[0] == {"item": "u1", "happy": "1.0", "sad": "0.0"}
    assert table(done.stdout)[1] == {"item": "u2", "happy": "", "sad": ""}  # no dominant label


def test_encode_reads_wide_tables_and_manifests():
    options = ["--encoder", "soft", "--item", "clip", "--counts", "song,call"]
    done = softlabels("encode", "-", *options, "--classes", "call,song", given=WIDE)
    assert done.stdout == "clip,call,song\na,0.25,0.75\nb,1.0,0.0\n"
    manifest = json.dumps({"u1": {"votes": [["happy"], ["sad"]]}})
    done = softlabels("encode", "-", "--encoder", "soft", *CLASSES, given=manifest)
    assert done.stdout == "item,happy,sad\nu1,0.5,0.5\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("u1,dan,sad,more", "line 4: 4 fields in place of 3"),
        ("u1,dan", "line 4: 2 fields in place of 3"),
        (",dan,sad", "line 4: no task"),
        ("u1,,sad", "line 4: no worker"),
        ('u1,"dan"x,sad', "line 4: "),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_left_out_only_if_asked(line, told):
    given = LONG.replace("u1,cat,sad", line)
    refused = softlabels("encode", "-", *CLASSES, given=given, code=1)
    assert told in refused.stderr
    assert "--skip-bad-rows" in refused.stderr
    done = softlabels("encode", "-", *CLASSES, "--skip-bad-rows", given=given)
    assert len(table(done.stdout)) == 2
    assert told in done.stderr


def test_lines_are_counted_as_in_the_file(tmp_path):
    # an empty line, a cell of two lines, a bad row and bytes that are no UTF-8 come before
    rows = [
        b"task,worker,label",
        b"",
        b'u1,"ann',
        b'lee",happy',
        b"u1,bob",
        b"u1,cat,h\xe9",
        b"u1,,sad",
    ]
    file = tmp_path / "votes.csv"
    file.write_bytes(b"\r\n".join(rows))
    told = softlabels("encode", file, *CLASSES, "--skip-bad-rows").stderr
    for line in ("line 5: 2 fields", "line 6: is not UTF-8", "line 7: no worker"):
        assert line in told
    assert "1 items, 1 of them with a target" in told


def test_a_label_may_look_like_a_missing_value():
    given = "task,worker,label\nNA,1,None\nNA,2,nan\nNA,3,007\nNA,4,\n"
    done = softlabels("encode", "-", "--encoder", "soft", "--classes", "None,007", given=given)
    assert done.stdout == "item,None,007\nNA,0.5,0.5\n"


def test_a_class_that_nobody_voted_for_is_told():
    done = softlabels("encode", "-", "--classes", "happy,sda", given=LONG)
    assert "nobody voted for sda; the labels: happy, other, sad" in done.stderr
    refused = softlabels("encode", "-", "--classes", "hapy,sda", given=LONG, code=1)
    assert "nobody voted for hapy, sda" in refused.stderr


def test_a_refused_run_leaves_its_output_as_it_was(tmp_path):
    out = tmp_path / "targets.csv"
    out.write_text("of another run")
    softlabels("encode", "-", *CLASSES, "-o", out, given=f"{LONG}u3\n", code=1)
    assert out.read_text() == "of another run"


def test_a_file_without_votes_is_refused():
    for given, told in (("", "is empty"), ("task,worker,label\n", "no votes"), ("{", "manifest")):
        assert told in softlabels("encode", "-", *CLASSES, given=given, code=1).stderr


def test_a_column_that_stands_twice_is_refused_where_it_is_needed():
    twice = "task,worker,label,label\nu1,ann,happy,sad\n"
    done = softlabels("audit", "-", given=twice, code=1)
    assert "several columns 'label'; rename all but one" in done.stderr
    unneeded = "task,worker,label,note,note\nu1,ann,happy,a,b\n"
    softlabels("audit", "-", given=unneeded)


@pytest.mark.parametrize("query", ["label", "1 + 1", "label.str.foo()", "worker = 'ann'"])
def test_a_query_that_selects_nothing_sensible_is_told_with_the_columns(query):
    done = softlabels("audit", "-", "--query", query, given=LONG, code=1)
    assert "Error: --query" in done.stderr
    assert "the columns are" in done.stderr


def test_a_table_of_counts_names_items_by_its_column_or_line():
    options = ["--encoder", "soft", "--counts", "song", "--classes", "song"]
    named = softlabels("encode", "-", *options, given="task,song\nfoo,1\nbar,2\n")
    assert [row["item"] for row in table(named.stdout)] == ["foo", "bar"]
    usual = softlabels("encode", "-", *options, given="clip,song\nfoo,1\nbar,2\n")
    assert usual.stdout == named.stdout
    lines = softlabels("encode", "-", *options, given="file,song\nfoo,1\nbar,2\n")
    assert [row["item"] for row in table(lines.stdout)] == ["2", "3"]


def test_a_class_may_be_called_as_the_items_are():
    given = "task,worker,label\nu1,ann,item\n"
    done = softlabels("encode", "-", "--encoder", "soft", "--classes", "item", given=given)
    assert done.stdout == "item,item\nu1,1.0\n"


def test_blanks_beside_commas_and_lines_before_the_header_say_nothing():
    given = "\n\n" + LONG.replace(",", ", ").replace("sad\n", "sad \n")
    plain, odd = (softlabels("encode", "-", *CLASSES, given=text) for text in (LONG, given))
    assert odd.stdout == plain.stdout


def test_a_class_with_a_comma_stands_in_quotes():
    given = 'task,worker,label\nu1,ann,"sad, angry"\n'
    done = softlabels("encode", "-", "--classes", '"sad, angry",happy', "--alpha", "0", given=given)
    assert done.stdout == 'item,"sad, angry",happy\nu1,1.0,0.0\n'


def test_what_is_no_text_and_an_id_that_stands_twice_are_refused(tmp_path):
    file = tmp_path / "votes.csv"
    for data in (LONG.encode("utf-16"), gzip.compress(LONG.encode())):
        file.write_bytes(data)
        assert "is not UTF-8 text" in softlabels("audit", file, code=1).stderr
    twice = '{"u1": {"votes": [["happy"]]}, "u1": {"votes": [["sad"]]}}'
    assert "'u1' occurs twice" in softlabels("audit", "-", given=twice, code=1).stderr


def test_a_manifest_may_begin_with_a_byte_order_mark():
    given = "\ufeff" + json.dumps({"u1": {"votes": [["happy"]]}})
    done = softlabels("encode", "-", "--encoder", "soft", "--classes", "happy", given=given)
    assert table(done.stdout) == [{"item": "u1", "happy": "1.0"}]


def test_a_table_in_which_nobody_voted_and_other_separators_are_told():
    none = softlabels("audit", "-", "--counts", "song", given="clip,song\na,0\n", code=1)
    assert "holds no votes" in none.stderr
    other = softlabels("audit", "-", given="task;worker;label\nu1;ann;happy\n", code=1)
    assert "separated by commas" in other.stderr
    option = ["--classes", "a", "--option", "alpha=[1"]
    assert "is not YAML" in softlabels("encode", "-", *option, given=LONG, code=2).stderr


def test_a_bad_count_is_named_by_its_line():
    options = ["--item", "clip", "--counts", "song,call", "--classes", "song"]
    for bad in ("-1", "x", "0.5", "inf"):
        given = WIDE.replace("b,0", f"b,{bad}")
        refused = softlabels("encode", "-", *options, given=given, code=1)
        assert "line 3: a count that is not a whole number" in refused.stderr
    done = softlabels("encode", "-", *options, "--skip-bad-rows", given=given)
    assert [row["clip"] for row in table(done.stdout)] == ["a"]


def test_an_empty_count_is_no_vote():
    options = ["--encoder", "soft", "--counts", "song,call", "--classes", "song,call"]
    done = softlabels("encode", "-", *options, given="clip,song,call\na,,2\n")
    assert done.stdout.splitlines()[1].endswith(",0.0,1.0")


def test_audit_reports_agreement_partition_and_patterns(votes, tmp_path):
    picture = tmp_path / "audit.png"
    text = softlabels("audit", votes, *CLASSES, "--picture", picture).stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "items 2" in lines
    assert "clear 1 (50.0%)" in lines
    assert "ambiguous 1 (50.0%)" in lines
    pattern = "2 × happy, 1 × sad 1 1.00 0.00 0.67 0.33 0.61 0.39"
    assert any(line.startswith(pattern) for line in lines)
    # 1 − (5 − 1) · D_o / D_e with D_o = 4/2 + 2/1 and D_e = 2·3 + 1·4 + 2·3
    assert "Krippendorff's α 0.000" in lines
    assert "|" not in text  # a terminal shows aligned columns
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_audit_writes_a_page_with_the_items_audio(votes, tmp_path):
    for name in ("sub/u1.flac", "u3.wav"):
        (tmp_path / "wavs" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "wavs" / name, np.zeros(8000), 16000)
    page = tmp_path / "page.html"
    done = softlabels("audit", votes, *CLASSES, "--audio", tmp_path / "wavs", "--page", page)
    assert "No audio for 1 of 2 items; the first: u2." in done.stderr
    assert f"written: {page}" in done.stderr
    text = page.read_text("utf-8")
    assert text.count("data:audio/flac") == 1
    assert "page_doubtful.csv" in text
    with open(tmp_path / "page_doubtful.csv", newline="") as file:
        items = {row["item"]: row["wav"] for row in csv.DictReader(file)}
    assert items == {"u1": str(tmp_path / "wavs/sub/u1.flac"), "u2": ""}
    assert (tmp_path / "page_annotators.csv").read_text().startswith("annotator,items,agreement")
    linked = softlabels("audit", votes, "--page", page, "--players", "link", code=0)
    assert "no audio" not in linked.stderr


@pytest.mark.parametrize("command", ["audit", "compare"])
def test_a_picture_of_an_unknown_suffix_is_refused_before_anything_is_read(command, votes):
    done = softlabels(command, votes, "--picture", "x.bmp", code=2)
    assert "'x.bmp': its suffix must be one of .png, .pdf, .svg" in done.stderr


def test_an_audits_audio_that_has_none_of_the_items_is_an_error(votes, tmp_path):
    (tmp_path / "u9.wav").touch()
    done = softlabels("audit", votes, "--audio", tmp_path, code=1)
    assert "none of 2 clips, as u1, u2, is in" in done.stderr


def test_audit_writes_markdown_and_json_if_asked(votes):
    text = softlabels("audit", votes, *CLASSES, "--format", "markdown").stdout
    assert "| clear | 1 (50.0%) |" in text
    assert "| 2 × happy, 1 × sad | 1 | 1.00 0.00 | 0.67 0.33 | 0.61 0.39 |" in text
    found = json.loads(softlabels("audit", votes, *CLASSES, "--format", "json").stdout)
    assert found["partition"] == {"clear": 1, "ambiguous": 1, "discarded": 0}
    assert found["labels"] == {"happy": 2, "other": 1, "sad": 2}
    assert found["patterns"][0]["votes"] == {"happy": 2, "sad": 1}
    assert found["patterns"][0]["targets"]["hard"] == [1.0, 0.0]
    assert found["votes_an_item"] == {"median": 2.5, "least": 2, "most": 3}


def test_an_audit_of_many_classes_tells_the_commonest(tmp_path):
    rows = [f"clip{i},{w},bird {i if w < 2 else i + 1}" for i in range(400) for w in range(3)]
    rows += ["clip0,3,bird 7", "clip0,4,bird 7"]
    rows += [f"again{i},{w},bird {399 if w < 2 else 400}" for i in range(2) for w in range(3)]
    given = "\n".join(["task,worker,label", *rows]) + "\n"
    picture = tmp_path / "audit.png"
    options = ["--picture", picture, "--format", "markdown"]
    said = softlabels("audit", "-", *options, given=given).stdout
    assert "| votes for bird 7 | 5 (0.4%) |" in said
    assert "| other labels | 389 |" in said  # of 401
    # 2 + 0.75 and 1 + 0.75 of 3 + 401 · 0.75
    assert "bird 399 0.67, bird 400 0.33 | bird 399 0.01, bird 400 0.01, bird 0 0.00 |" in said
    assert max(map(len, said.splitlines())) < 500
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_query_selects_rows():
    given = ',clip,song,call\n"11",a,3,1\n"21",a,0,2\n'
    for query in ("`Unnamed: 0` < 20", "song == 3", "clip == 'a' and call == 1"):
        options = ["--item", "clip", "--counts", "song,call", "--query", query]
        text = softlabels("audit", "-", *options, "--format", "json", given=given).stdout
        assert json.loads(text)["items"] == 1
        assert json.loads(text)["votes"] == 4


def test_encoders_are_listed_with_their_options():
    said = softlabels("encoders").stdout
    assert "hard(agreement=2)  One-hot of the dominant emotion" in said
    assert "modified_soft(alpha=0.75)  Shares of votes, smoothed" in said


def test_simulate_writes_a_corpus(tmp_path):
    done = softlabels("simulate", tmp_path / "corpus", "--utterances", "40")
    assert "simulated speech: not comparable with the paper" in done.stdout
    assert (tmp_path / "corpus/truth.csv").exists()
    refused = softlabels("simulate", tmp_path / "other", "--utterances", "7", code=1)
    assert "utterances" in refused.stderr


def test_report_of_no_sweep_says_so(tmp_path):
    assert "holds no sweep.json" in softlabels("report", tmp_path, code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["encode", "-", "--encoder", "loud", *CLASSES], 1, "unknown encoder 'loud'; available"),
        (["encode", "-", "--item", "clip", *CLASSES], 1, "no column 'clip'; it has"),
        (["encode", "-", "--encoder", "soft", "--alpha", "1", *CLASSES], 1, "alpha"),
        (["encode", "-", "--option", "power", *CLASSES], 2, "NAME=VALUE"),
        (["encode", "-"], 2, "--classes"),
        (["encode", "nowhere.csv", *CLASSES], 2, "nowhere.csv"),
        (["sing"], 2, "No such command"),
    ],
)
def test_what_is_wrong_is_told_and_the_exit_code_says_whose_fault(arguments, code, told):
    assert told in softlabels(*arguments, given=LONG, code=code).stderr


@pytest.mark.parametrize("command", ["encode", "audit"])
def test_votes_for_no_class_are_reported_in_one_line(command):
    given = LONG + "u3,ann,Happy\n"
    done = softlabels(command, "-", *CLASSES, given=given)
    line = "2 of 6 votes go to no class: Happy (1), other (1). 'Happy' and 'happy' differ in case"
    assert done.stderr.count(line) == 1


@pytest.mark.parametrize(
    ("rule", "clear"), [("2", "u1"), ("plurality", "u1"), ("majority", "u1"), ("0.7", "")]
)
def test_what_makes_a_label_dominant_is_an_option(rule, clear):
    options = ["--encoder", "hard", "--agreement", rule, *CLASSES]
    rows = table(softlabels("encode", "-", *options, given=LONG).stdout)
    assert "".join(row["item"] for row in rows if row["happy"] == "1.0") == clear
    options = ["--agreement", rule, "--format", "markdown", *CLASSES]
    audit = softlabels("audit", "-", *options, given=LONG).stdout
    assert f"| clear | {1 if clear else 0} " in audit


def test_an_agreement_that_is_no_rule_is_wrong_usage():
    refused = softlabels("encode", "-", "--agreement", "most", *CLASSES, given=LONG, code=2)
    assert "agreement must be a whole number" in refused.stderr


def test_a_manifest_that_is_nested_too_deep_is_named():
    given = '{"u1": {"votes": ' + "[" * 100_000 + "]" * 100_000 + "}}"
    refused = softlabels("encode", "-", *CLASSES, given=given, code=1)
    assert "nested too deep" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("InputError('mend it')", "Error: mend it"),
        ("OSError('no room')", "Error: no room"),
    ],
)
def test_an_error_that_can_be_mended_is_one_line(error, message):
    assert run_failing(f"raise {error}") == (1, f"{message}\n")


@pytest.mark.parametrize("bug", ["int('x')", "None + 1", "{}['x']", "raise TypeError('x')"])
def test_a_bug_keeps_its_traceback(bug):
    with pytest.raises((ValueError, TypeError, KeyError)):
        run_failing(bug)


def run_failing(statement):
    """Run a command that fails as if it were one of the package's."""
    from click.testing import CliRunner

    from softlabels.cli.group import Group
    from softlabels.errors import InputError

    names = {"__name__": "softlabels.example", "InputError": InputError}
    exec(f"def fail():\n    {statement}", names)
    group = Group(commands={"fail": click.Command("fail", callback=names["fail"])})
    done = CliRunner().invoke(group, ["fail"], catch_exceptions=True)
    if not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_a_missing_column_of_groups_is_named_with_its_option(tmp_path):
    (tmp_path / "votes.csv").write_text("task,worker,label\nu1,a,sad\n")
    done = CliRunner().invoke(main, ["compare", str(tmp_path / "votes.csv"), "--groups", "nosuch"])
    assert done.exit_code == 1
    assert "no column 'nosuch'; it has ['task', 'worker', 'label']" in done.stderr
    assert done.stderr.endswith("Name the columns with --groups\n")
