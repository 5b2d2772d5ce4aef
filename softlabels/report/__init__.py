"""From a sweep's folder to tables, pictures and a page.

``sweep.py`` reads, ``summary.py``, ``comparison.py``, ``closeness.py``, ``ceiling.py`` and
``teachers.py`` compute, ``figures.py`` draws, ``page.py`` writes.
"""

from softlabels.report.page import write_report

__all__ = ["write_report"]
