"""From a sweep's folder to tables, pictures and a page.

``sweep.py`` and ``trial.py`` read; ``summary.py``, ``comparison.py``, ``differences.py``,
``ceiling.py``, ``targets.py``, ``truth.py``, ``audit.py`` and ``content.py`` compute;
``figures.py``, ``forest.py``, ``votes_figures.py`` and ``gallery.py`` draw; ``tables.py`` and
``formats.py`` lay out; ``page.py`` writes: `softlabels.report.page.write_report`.
"""
