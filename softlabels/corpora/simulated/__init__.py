"""The built-in corpus: simulated speech and simulated votes."""

from softlabels.corpora.simulated.corpus import (
    NOTICE,
    UTTERANCES,
    cached_corpus,
    is_simulated,
    simulate_corpus,
)

__all__ = ["NOTICE", "UTTERANCES", "cached_corpus", "is_simulated", "simulate_corpus"]
