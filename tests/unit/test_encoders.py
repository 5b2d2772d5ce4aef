"""Encoders: the paper's table, and what must hold for any votes."""

import json
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from speechbrain.utils.checkpoints import Checkpointer

import softlabels
from softlabels.encoders import HardEncoder, SoftEncoder
from softlabels.encoders.base import ENCODERS
from softlabels.encoders.factory import encoder_options
from softlabels.errors import InputError
from softlabels.losses import soft_cross_entropy

N, H, S, A, O = "neutral", "happy", "sad", "angry", "other"  # noqa: E741
CLASSES = [N, H, S, A]
NONE = None
# votes: hard, soft, modified soft with α = 1, modified soft with α = 0.75
TABLE = [
    ([[H], [H], [H]], "0 1 0 0", "0 1 0 0", "1/7 4/7 1/7 1/7", "1/8 5/8 1/8 1/8"),
    ([[H], [H], [N]], "0 1 0 0", "1/3 2/3 0 0", "2/7 3/7 1/7 1/7", "7/24 11/24 1/8 1/8"),
    ([[H], [O], [O]], NONE, "0 1 0 0", "1/5 2/5 1/5 1/5", "3/16 7/16 3/16 3/16"),
    ([[H], [N], [A]], NONE, "1/3 1/3 0 1/3", "2/7 2/7 1/7 2/7", "7/24 7/24 1/8 7/24"),
    ([[O], [O], [O]], NONE, NONE, NONE, NONE),
]
TEACHERS = [
    ("hard", {}),
    ("soft", {}),
    ("modified_soft", {"alpha": 1.0}),
    ("modified_soft", {"alpha": 0.75}),
]
ROWS = [
    pytest.param(*teacher, row[0], row[column], id=f"{teacher[0]}{column}-{index}")
    for index, row in enumerate(TABLE)
    for column, teacher in enumerate(TEACHERS, start=1)
]


def build(name="modified_soft", classes=CLASSES, **options):
    return softlabels.get_encoder(name, classes=classes, **options)


def random_votes(number, seed=0, labels=(N, H, S, A, O, "fear")):
    random = np.random.default_rng(seed)
    return [
        [
            [str(label) for label in random.choice(labels, size=random.integers(0, 3))]
            for _ in range(random.integers(1, 5))
        ]
        for _ in range(number)
    ]


@pytest.mark.parametrize(("name", "options", "votes", "wanted"), ROWS)
def test_the_papers_table_comes_out_exactly(name, options, votes, wanted):
    encoder = build(name, **options)
    if wanted is None:
        with pytest.raises(ValueError, match="cannot take") as error:
            encoder.encode(votes)
        assert repr(votes) in str(error.value)
        assert np.isnan(encoder.encode_batch([votes])).all()
    else:
        target = encoder.encode(votes)
        assert target.dtype == np.float32
        assert target.tolist() == [np.float32(float(Fraction(x))) for x in wanted.split()]


def test_a_refusal_names_the_encoders_that_could_take_the_votes():
    with pytest.raises(ValueError, match=r"'modified_soft', 'soft'.* can take it"):
        build("hard").encode([[H], [O], [O]])
    with pytest.raises(ValueError, match="no encoder takes such an utterance"):
        build(alpha=5).encode([[O], [O], [O]])


@pytest.mark.parametrize(("name", "options"), TEACHERS)
def test_a_batch_is_the_utterances_one_by_one(name, options):
    encoder = build(name, **options)
    votes = random_votes(200)
    batch = encoder.encode_batch(votes)
    assert batch.shape == (200, 4)
    assert batch.dtype == np.float32
    for row, one in zip(batch, votes, strict=True):
        if np.isnan(row).any():
            assert np.isnan(row).all()
            with pytest.raises(ValueError, match="cannot take"):
                encoder.encode(one)
        else:
            assert np.array_equal(row, encoder.encode(one))
            assert abs(float(row.sum()) - 1) < 1e-6


@pytest.mark.parametrize(("name", "options"), TEACHERS)
def test_permuted_classes_give_permuted_targets(name, options):
    votes = random_votes(50, seed=1)
    order = [2, 0, 3, 1]
    plain = build(name, **options).encode_batch(votes)
    permuted = build(name, [CLASSES[k] for k in order], **options).encode_batch(votes)
    assert np.array_equal(plain[:, order], permuted, equal_nan=True)


@pytest.mark.parametrize(("name", "options"), TEACHERS)
def test_the_order_of_annotators_and_labels_is_irrelevant(name, options):
    votes = random_votes(50, seed=2)
    turned = [[annotator[::-1] for annotator in one[::-1]] for one in votes]
    encoder = build(name, **options)
    assert np.array_equal(encoder.encode_batch(votes), encoder.encode_batch(turned), equal_nan=True)


def test_a_label_that_an_annotator_repeats_counts_once():
    assert np.array_equal(build().encode([[H, H], [N]]), build().encode([[H], [N]]))


def test_several_labels_of_one_annotator_all_count():
    assert build("soft").encode([[H, N], [H]]).tolist() == pytest.approx([1 / 3, 2 / 3, 0, 0])


def test_counts_need_no_column_for_a_class_that_nobody_gave():
    targets = build("soft").encode_counts([[2, 1]], [H, O])
    assert targets.tolist() == [[0, 1, 0, 0]]


def test_alpha_zero_is_soft():
    votes = random_votes(100, seed=3)
    smoothed = build(alpha=0).encode_batch(votes)
    assert np.array_equal(smoothed, build("soft").encode_batch(votes), equal_nan=True)


def test_modified_soft_is_the_mode_of_the_dirichlet_posterior():
    # Prior Dirichlet(α + 1), counts n: the posterior's density is highest at the target.
    counts, alpha = np.array([3.0, 1.0, 0.0]), 0.75
    target = build(classes=[N, H, S], alpha=alpha).encode_counts([counts], [N, H, S])[0]

    def log_posterior(q):
        return ((alpha + counts) * np.log(q)).sum()

    random = np.random.default_rng(0)
    others = random.dirichlet(np.ones(3), size=2000)
    assert all(log_posterior(q) <= log_posterior(target) + 1e-6 for q in others)


@pytest.mark.parametrize("least", [1, 2, 3])
def test_the_agreement_of_hard_targets_is_a_setting(least):
    targets = build("hard", agreement=least).encode_batch([[[H]], [[H]] * 2, [[H]] * 3])
    assert (~np.isnan(targets[:, 0])).tolist() == [n >= least for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("classes", "error", "told"),
    [
        ([], ValueError, "empty"),
        ([H, N, H], ValueError, r"\['happy'\]"),
        ("happy", TypeError, "'happy'"),
        ([H, 3], TypeError, "3"),
        ([H, ""], ValueError, "empty string"),
    ],
)
def test_bad_classes_are_named(classes, error, told):
    with pytest.raises(error, match=told):
        build(classes=classes)


@pytest.mark.parametrize("alpha", [-0.1, float("nan"), float("inf"), "1", None, True])
def test_a_bad_alpha_is_named(alpha):
    with pytest.raises(ValueError, match="alpha must be a finite number of at least 0"):
        build(alpha=alpha)


@pytest.mark.parametrize(
    ("votes", "error"),
    [
        ([], ValueError),
        ("happy", TypeError),
        ([H, N], TypeError),
        ([[H], N], TypeError),
        ([[1]], TypeError),
        ([[None]], TypeError),
        (None, TypeError),
        ({"a": [H]}, TypeError),
        ([[""]], ValueError),
        ([[H], float("nan")], TypeError),
    ],
)
@pytest.mark.parametrize("name", ["hard", "soft", "modified_soft"])
def test_malformed_votes_are_named(name, votes, error):
    with pytest.raises(error) as caught:
        build(name).encode(votes)
    assert "[[" in str(caught.value) or "list" in str(caught.value)
    with pytest.raises(error, match="utterance 1 of the batch"):
        build(name).encode_batch([[[H]], votes])


@pytest.mark.parametrize("bad", [[[1, -1]], [[1, np.nan]], [[1, 2, 3]], [1, 2]])
def test_malformed_counts_are_named(bad):
    with pytest.raises(ValueError, match="counts must be"):
        build().encode_counts(bad, [H, O])


def test_an_unknown_encoder_is_told_what_there_is():
    with pytest.raises(
        ValueError, match=r"unknown encoder 'sfot'.*'hard', 'modified_soft', 'soft'"
    ):
        build("sfot")


def test_an_option_that_the_encoder_lacks_is_refused_but_a_setting_is_left_aside():
    with pytest.raises(InputError, match=r"'soft' has no option \['alpha'\]"):
        build("soft", alpha=1.0)
    settings = {"alpha": 0.5, "agreement": 3}
    assert softlabels.encoder_from_settings("soft", CLASSES, **settings).options == {}
    hard = softlabels.encoder_from_settings("hard", CLASSES, **settings)
    assert hard.options == {"agreement": 3}
    own = softlabels.encoder_from_settings("modified_soft", CLASSES, {"alpha": 2}, **settings)
    assert own.options == {"alpha": 2.0}
    with pytest.raises(InputError, match=r"'soft' has no option \['alpha'\]; its options: \[\]"):
        softlabels.encoder_from_settings("soft", CLASSES, {"alpha": 2})
    with pytest.raises(InputError, match="encoder options must look like"):
        softlabels.encoder_from_settings("soft", CLASSES, ["alpha"])


class Unregistered(SoftEncoder):
    """Another encoder than its parent."""


def test_an_encoder_has_its_name_however_it_is_built(tmp_path):
    softlabels.get_encoder("soft", ["a", "b"]).save(tmp_path / "encoder.json")
    direct = SoftEncoder(["a", "b"])
    assert direct.name == "soft"
    direct.load(tmp_path / "encoder.json")

    assert Unregistered(["a", "b"]).describe()["encoder"] == "Unregistered"


class Forgetful(SoftEncoder):
    def __init__(self, classes, power=2):
        super().__init__(classes)


class Undecorated(SoftEncoder):
    power: int = 2


@pytest.mark.parametrize("cls", [Forgetful, Undecorated])
def test_an_encoder_whose_options_are_no_fields_is_refused_when_registered(cls):
    with pytest.raises(TypeError, match=r"decorate .* with @dataclass"):
        softlabels.register_encoder("forgetful")(cls)
    assert "forgetful" not in softlabels.available_encoders()


@dataclass
class Needy(softlabels.AnnotationEncoder):
    prior: list

    def targets(self, ballots):
        return self.prior


def test_an_option_that_the_encoder_needs_is_told():
    with ENCODERS.temporarily("needy", Needy):
        with pytest.raises(InputError, match=r"needs the option \['prior'\]"):
            build("needy", ["a", "b"])
        for made, message in [
            ([[1.0, 1.0]], "sum to 1"),
            ([[1.5, -0.5]], "at least 0"),
            ([[1.0]], r"\[1, 2\]"),
            ([[np.nan, 0.5]], "all NaN for none"),
            ([[np.inf, 0.5]], "sum to 1"),
        ]:
            with pytest.raises(ValueError, match=f"encoder 'needy' must give targets.*{message}"):
                build("needy", ["a", "b"], prior=made).encode([["a"]])


class Mine(HardEncoder):
    """Another encoder."""


class Other(HardEncoder):
    """Yet another."""


def test_a_name_is_registered_once():
    with ENCODERS.temporarily("mine", Mine):
        assert "mine" in softlabels.available_encoders()
        assert build("mine").encode([[H], [H]]).tolist() == [0, 1, 0, 0]
        assert build("mine").name == "mine"
        with pytest.raises(ValueError, match=r"'mine' is already registered by .*Mine"):
            softlabels.register_encoder("mine")(Other)
        with pytest.raises(ValueError, match="'ours' is already registered as 'mine'"):
            softlabels.register_encoder("ours")(Mine)
    assert "mine" not in softlabels.available_encoders()


@pytest.mark.parametrize(("name", "message"), [("", "is empty"), (" ", "is empty"), (3, "got 3")])
def test_a_name_that_is_none_is_refused(name, message):
    with pytest.raises(ValueError, match=f"the name of an encoder .*{message}"):
        softlabels.register_encoder(name)


def test_what_was_looked_up_once_is_found_without_a_scan_of_what_is_installed(monkeypatch):
    encoder = softlabels.get_encoder("soft", ["happy", "sad"])
    assert encoder.loss is soft_cross_entropy
    monkeypatch.setattr("softlabels.registry.entry_points", None)  # a step of training has no ms
    assert encoder.loss is soft_cross_entropy


def test_what_is_no_encoder_is_not_registered():
    with pytest.raises(TypeError, match="must inherit AnnotationEncoder"):
        softlabels.register_encoder("thing")(dict)


def test_tensors_go_in_and_out_as_speechbrain_has_it():
    encoder = build(alpha=1.0)
    target = encoder.encode_torch([[H], [H], [H]])
    assert target.dtype == torch.float32
    assert torch.allclose(target, torch.tensor([1, 4, 1, 1]) / 7)
    assert encoder.decode_torch(torch.tensor([1, 3])) == [H, A]
    assert encoder.decode_torch(torch.tensor([[1], [3]])) == [[H], [A]]
    assert encoder.decode_torch(torch.tensor(2)) == S
    assert encoder.encode_label(S) == 2
    assert len(encoder) == 4
    encoder.expect_len(4)
    with pytest.raises(ValueError, match="expected 5"):
        encoder.expect_len(5)


def test_the_checkpointer_saves_classes_and_options_and_refuses_others(tmp_path):
    encoder = build(alpha=0.5)
    saved = Checkpointer(tmp_path, {"encoder": encoder}).save_checkpoint()
    written = json.loads((saved.path / "encoder.ckpt").read_text())
    options = {"alpha": 0.5}
    assert written == {"encoder": "modified_soft", "classes": CLASSES, "options": options}
    assert Checkpointer(tmp_path, {"encoder": build(alpha=0.5)}).recover_if_possible()
    for other in (build(alpha=0.7), build("soft"), build(classes=CLASSES[::-1], alpha=0.5)):
        with pytest.raises(ValueError, match="saved with another encoder"):
            Checkpointer(tmp_path, {"encoder": other}).recover_if_possible()
    (saved.path / "encoder.ckpt").write_text("{")
    with pytest.raises(ValueError, match="not a saved encoder"):
        Checkpointer(tmp_path, {"encoder": encoder}).recover_if_possible()


def test_the_encoder_is_built_by_one_word_of_a_yaml():
    from hyperpyyaml import load_hyperpyyaml

    yaml = """
    encoder: modified_soft
    alpha: 0.75
    classes: [happy, sad]
    annotation_encoder: !apply:softlabels.encoder_from_settings
        name: !ref <encoder>
        classes: !ref <classes>
        alpha: !ref <alpha>
    """
    assert load_hyperpyyaml(yaml)["annotation_encoder"].options == {"alpha": 0.75}
    assert load_hyperpyyaml(yaml, {"encoder": "hard"})["annotation_encoder"].name == "hard"


def test_a_yaml_may_build_the_encoder_before_anything_of_speechbrain_is_loaded(tmp_path):
    code = (
        "from hyperpyyaml import load_hyperpyyaml\n"
        "h = load_hyperpyyaml('''\n"
        "encoder: !apply:softlabels.encoder_from_settings\n"
        "    name: soft\n"
        "    classes: [happy, sad]\n"
        "checkpointer: !new:speechbrain.utils.checkpoints.Checkpointer\n"
        f"    checkpoints_dir: {tmp_path}\n"
        "    recoverables:\n"
        "        encoder: !ref <encoder>\n"
        "''')\n"
        "h['checkpointer'].save_checkpoint()\n"
        "assert h['checkpointer'].recover_if_possible()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_options_are_the_fields():
    assert encoder_options(HardEncoder) == {"agreement": 2}
    assert build("hard", agreement="majority") == build("hard", agreement="majority")
    assert build("hard", agreement="majority") != build("hard")
    assert repr(build("soft", [H])) == "SoftEncoder(classes=('happy',))"


def test_importing_loads_neither_torch_nor_speechbrain():
    code = (
        "import sys, softlabels as s\n"
        "assert s.available_encoders() == ('class_prior', 'dawid_skene', 'dirichlet', "
        "'dirichlet_mixture', 'hard', 'modified_soft', 'soft')\n"
        "s.get_encoder('hard', ['a']).encode([['a'], ['a']])\n"
        "loaded = {'torch', 'speechbrain', 'scipy', 'pandas'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


ENTRY_POINT = """
from dataclasses import dataclass
from softlabels import AnnotationEncoder


@dataclass
class Sharpened(AnnotationEncoder):
    power: float = 2.0

    def targets(self, ballots):
        powered = ballots.of(self.classes) ** self.power
        return powered / powered.sum(axis=1, keepdims=True)
"""


def test_another_distributions_encoder_is_found_by_name_and_loaded_when_asked_for(tmp_path):
    source, site = tmp_path / "source", tmp_path / "site"
    source.mkdir()
    (source / "sharp.py").write_text(ENTRY_POINT)
    (source / "setup.py").write_text(
        "from setuptools import setup\n"
        "setup(name='sharp', version='1.0', py_modules=['sharp'], entry_points="
        "{'softlabels.encoders': ['sharpened = sharp:Sharpened', 'broken = nowhere:Gone']})\n"
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    pip += ["--no-build-isolation", "--target", str(site), str(source)]
    subprocess.run(pip, check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import softlabels as s\n"
        "assert s.available_encoders() == ('broken', 'class_prior', 'dawid_skene', 'dirichlet', "
        "'dirichlet_mixture', 'hard', 'modified_soft', 'sharpened', 'soft'), "
        "s.available_encoders()\n"
        "assert 'sharp' not in sys.modules\n"
        "e = s.get_encoder('sharpened', ['a', 'b'], power=2)\n"
        "assert e.encode([['a'], ['a'], ['b']]).tolist() == [0.800000011920929, "
        "0.20000000298023224]\n"
        "assert e.name == 'sharpened' and e.options == {'power': 2}\n"
        "try:\n    s.get_encoder('broken', ['a'])\n"
        "except ImportError as error:\n    assert 'nowhere:Gone' in str(error)\n"
        "else:\n    raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(tmp_path))


def test_decoding_refuses_what_is_no_index_and_takes_tensors_in_lists():
    encoder = build()
    for index in (-1, 4):
        with pytest.raises(KeyError, match="not an index of the classes"):
            encoder.decode_torch(torch.tensor([index]))
    assert encoder.decode_ndim(torch.tensor([1])) == [H]
    assert encoder.decode_ndim([[0], [3]]) == [[N], [A]]


@dataclass
class Weighted(HardEncoder):
    weights: tuple = (1, 2)


def test_an_option_that_json_changes_is_still_the_same_option(tmp_path):
    Weighted(CLASSES).save(tmp_path / "encoder")
    Weighted(CLASSES).load(tmp_path / "encoder")
    with pytest.raises(ValueError, match=r"weights': \[1, 2\]"):
        Weighted(CLASSES, weights=(1, 3)).load(tmp_path / "encoder")


def test_sets_that_would_lose_an_order_or_a_vote_are_refused():
    with pytest.raises(TypeError, match="classes must be a list"):
        build(classes={N, H})
    with pytest.raises(TypeError, match="votes must look like"):
        build().encode({(H,), (N,)})


def test_two_classes_of_one_name_are_still_two():
    def factory():
        class Local(HardEncoder):
            pass

        return Local

    taken = "'local' is already registered"
    with ENCODERS.temporarily("local", factory()), pytest.raises(ValueError, match=taken):
        softlabels.register_encoder("local")(factory())


@dataclass
class ClassPrior(softlabels.AnnotationEncoder):
    """Shares of votes, smoothed towards the classes' frequency in training."""

    strength: float = 3.0

    def fit(self, ballots):
        votes = ballots.of(self.classes).sum(axis=0)
        self.prior_ = votes / votes.sum()
        return self

    def targets(self, ballots):
        votes = ballots.of(self.classes)
        total = votes.sum(axis=1, keepdims=True)
        return (votes + self.strength * self.prior_) / (total + self.strength)


TRAINING = softlabels.Ballots([[3, 0, 1], [0, 1, 0]], [H, S, O])  # of 4 votes 3 are for happy


@pytest.fixture
def prior():
    with ENCODERS.temporarily("frequency_prior", ClassPrior):
        yield build("frequency_prior", [H, S])


def test_an_encoder_that_learns_uses_what_it_was_fitted_on(prior):
    assert prior.fit(TRAINING) is prior
    target = prior.encode([[S], [S], [O]])
    assert target.tolist() == pytest.approx([3 * 0.75 / 5, (2 + 3 * 0.25) / 5])
    assert prior.options == {"strength": 3.0}  # what is learned is no option


def test_an_encoder_that_has_not_been_fitted_makes_no_targets(prior):
    message = r"encoder 'frequency_prior' learns from training votes: call fit\(ballots\) first"
    with pytest.raises(InputError, match=message):
        prior.encode([[H]])
    assert build("soft").fit(TRAINING) == build("soft")  # nothing to learn, nothing to refuse


def test_a_prior_alone_is_no_target(prior):
    assert np.isnan(prior.fit(TRAINING).encode_batch([[[O]], [[]]])).all()
    with pytest.raises(ValueError, match="no encoder takes such an utterance"):
        prior.encode([[O]])


def test_what_was_learned_is_saved_exactly_and_verified_on_loading(prior, tmp_path):
    prior.fit(TRAINING)
    saved = Checkpointer(tmp_path, {"encoder": prior}).save_checkpoint()
    learned = json.loads((saved.path / "encoder.ckpt").read_text())["learned"]
    assert learned == {"prior_": {"dtype": "<f8", "values": [0.75, 0.25]}}

    again = build("frequency_prior", [H, S]).fit(TRAINING)
    assert Checkpointer(tmp_path, {"encoder": again}).recover_if_possible()
    other = build("frequency_prior", [H, S]).fit(TRAINING.take([0]))
    with pytest.raises(InputError, match=r"learned from other votes: prior_ is .*0.75, 0.25"):
        Checkpointer(tmp_path, {"encoder": other}).recover_if_possible()
    with pytest.raises(InputError, match=r"another encoder: options"):
        build("frequency_prior", [H, S], strength=1.0).load(saved.path / "encoder.ckpt")


def test_an_encoder_that_has_not_been_fitted_takes_over_what_was_learned(prior, tmp_path):
    thirds = softlabels.Ballots([[2, 1]], [H, S])
    prior.fit(thirds).save(tmp_path / "encoder")
    reused = build("frequency_prior", [H, S])
    reused.load(tmp_path / "encoder")
    assert reused.prior_.tolist() == [2 / 3, 1 / 3]  # to the last bit
    assert np.array_equal(reused.encode([[S]]), prior.encode([[S]]))


def test_an_encoder_saved_before_it_was_fitted_is_refused(prior, tmp_path):
    prior.save(tmp_path / "encoder")
    with pytest.raises(InputError, match="nothing that encoder 'frequency_prior' learned"):
        build("frequency_prior", [H, S]).load(tmp_path / "encoder")


def test_the_encoders_of_the_document_do_what_it_says():
    text = (Path(__file__).parents[2] / "docs/encoders.md").read_text("utf-8")
    prior_soft, class_prior, use = (
        part.partition("```")[0] for part in text.split("```python\n")[1:]
    )
    names = {"__name__": "softlabels_prior"}
    exec(prior_soft, names)
    exec(class_prior, names)
    with ENCODERS.temporarily("prior_soft", names["PriorSoftEncoder"]):
        exec(use, names)
        options = {"prior": [0.7, 0.3]}
        built = softlabels.encoder_from_settings("prior_soft", [N, H], options, alpha=1.0)
        assert built.options == {"prior": [0.7, 0.3], "strength": 3.0}
        with pytest.raises(InputError, match="'prior_soft': prior must be 2 probabilities"):
            softlabels.encoder_from_settings("prior_soft", [N, H], {"prior": [0.7]})
    learned = names["ClassPriorEncoder"]([H, S]).fit(TRAINING)
    assert learned.prior_.tolist() == [0.75, 0.25]
