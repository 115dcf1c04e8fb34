"""One module per stage of dvc.yaml: prepare, baseline, train, leak, export, evaluate, report."""
