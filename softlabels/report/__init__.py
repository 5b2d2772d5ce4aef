"""From a sweep's folder to tables, pictures and a page.

``sweep.py`` reads, ``summary.py``, ``comparison.py``, ``closeness.py``, ``ceiling.py``,
``teachers.py`` and ``truth.py`` compute, ``figures.py`` and ``gallery.py`` draw,
``tables.py`` lays out, and ``page.py`` writes: `softlabels.report.page.write_report`.
"""
