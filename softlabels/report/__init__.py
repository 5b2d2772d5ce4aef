"""From results to tables, pictures and a page.

``sweep.py`` and ``trial.py`` read; ``summary.py``, ``comparison.py``, ``differences.py``,
``ceiling.py``, ``targets.py``, ``truth.py``, ``audit.py``, ``annotators.py``, ``clips.py`` and
``content.py`` compute; ``figures.py``, ``forest.py``, ``votes_figures.py``, ``confusion.py`` and
``gallery.py`` draw on ``canvas.py``; ``tables.py``, ``formats.py``, ``numbers.py``,
``doubtful.py``, ``people.py`` and ``players.py`` lay out; ``html.py`` renders ``templates``.
Three pages are written: `softlabels.report.page.write_report` that of a sweep,
`softlabels.report.run_page.write_run_page` that of one training, and
`softlabels.report.audit_page.write_audit_page` that of votes alone.
"""
