"""The names of the files in the results folder of a training."""

RUN_FILE, METRICS_FILE, PREDICTIONS_FILE = "run.json", "metrics.json", "predictions.csv"
PAGE_FILE, CLIPS_FILE, ANNOTATORS_FILE = "report.html", "doubtful.csv", "annotators.csv"
