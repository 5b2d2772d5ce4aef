"""A cache of the tests' own, and a small corpus that many tests read."""

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """One feature store and corpus for all tests, none of the user's."""
    monkeypatch.setenv("SOFTLABELS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def everyday_corpus(tmp_path_factory):
    """The built-in corpus, made small."""
    from softlabels.corpora.simulated.corpus import simulate_corpus

    return simulate_corpus(tmp_path_factory.mktemp("corpus") / "small", utterances=80)
