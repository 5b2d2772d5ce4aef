"""The recipe's README lists the settings as the table has them."""

from pathlib import Path

from iemocap_prepare import IEMOCAP

from softlabels.training.arguments import settable
from softlabels.training.hparams import read_tree
from softlabels.training.settings import SETTINGS, settings_table

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"


def test_the_readme_lists_the_settings_as_the_table_has_them():
    defaults = settable(read_tree(RECIPE / "hparams/modified_soft.yaml"))
    table = settings_table({**defaults, **IEMOCAP.defaults}, {**SETTINGS, **IEMOCAP.settings})
    assert table in (RECIPE / "README.md").read_text("utf-8"), table
