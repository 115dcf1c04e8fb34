"""Each evaluation on the test set is one line."""

import json

import pytest
from heldout import InputError, ledger


def test_evaluations_are_recorded_and_counted_for_each_data_set(tmp_path, monkeypatch):
    path, model = tmp_path / "reports" / "test_ledger.jsonl", tmp_path / "model.onnx"
    model.write_bytes(b"weights")
    assert ledger.count(path, "abc") == 0
    ledger.record(path, stage="evaluate", model=model, data="abc", score=0.5)
    first = path.read_bytes()
    monkeypatch.setattr(ledger.shutil, "which", lambda _: None)
    ledger.record(path, stage="crossvalidate", model=model, data="abc", score=0.6)
    ledger.record(path, stage="evaluate", model=model, data=None, score=0.7)
    assert (ledger.count(path, "abc"), ledger.count(path, None)) == (2, 1)
    assert path.read_bytes().startswith(first) and b"\r" not in path.read_bytes()
    line = json.loads(path.read_text(encoding="utf-8").splitlines()[1])
    assert list(line) == ["time", "commit", "data", "stage", "model", "score"]
    assert (line["stage"], line["commit"], line["score"]) == ("crossvalidate", None, 0.6)
    assert len(line["model"]) == 12


@pytest.mark.parametrize("text", ['{"data": "abc"}\n{"da', "[1]\n", '{"stage": "x"}\n'])
def test_a_damaged_ledger_names_the_remedy(tmp_path, text):
    path = tmp_path / "ledger.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="damaged; restore it with `git restore"):
        ledger.count(path, "abc")
