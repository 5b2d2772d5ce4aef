"""Packages whose names are imported when first used."""

import importlib

import pytest


@pytest.mark.parametrize("package", ["softlabels", "softlabels.features", "softlabels.training"])
def test_names_are_listed_before_they_are_imported(package):
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))
