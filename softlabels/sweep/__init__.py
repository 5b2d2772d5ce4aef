"""Many trainings: planned, run, compared."""
