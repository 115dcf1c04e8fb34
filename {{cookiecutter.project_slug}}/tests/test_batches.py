"""Batches hold what they should, in an order that the seed decides."""

import numpy as np
import pytest
import torch

from {{ cookiecutter.package_name }} import batches, dataset
from {{ cookiecutter.package_name }}.batches import Loader


def loader(samples: int = 10, views: int = 3, batch: int = 4) -> Loader:
    z = torch.arange(samples * views).reshape(samples, views, 1)
    return Loader(z, torch.arange(samples), torch.arange(samples), batch)


def test_in_order_every_sample_comes_once_with_all_views():
    found = list(loader())
    assert [len(y) for _, y in found] == [4, 4, 2]
    assert torch.equal(torch.cat([z for z, _ in found]), loader().z)


def test_shuffled_one_view_of_each_sample_and_the_right_label():
    shuffled = loader()
    shuffled.shuffle = lambda: 0
    z, y = (torch.cat(parts) for parts in zip(*shuffled, strict=True))
    assert len(set(y.tolist())) == len(y) == len(shuffled) * 4
    assert torch.equal(z[:, 0] // 3, y)


def test_only_the_named_rows_come():
    z = torch.arange(10).reshape(10, 1, 1)
    some = Loader(z, torch.arange(10), torch.tensor([7, 2, 5]), batch=1)
    assert torch.cat([y for _, y in some]).tolist() == [7, 2, 5]
    some.shuffle = lambda: 0
    assert sorted(torch.cat([found for found, _ in some]).flatten().tolist()) == [2, 5, 7]


def test_same_seed_same_batches_another_seed_others():
    def order(seed: int) -> list[int]:
        shuffled = loader()
        shuffled.shuffle = lambda: seed
        return torch.cat([y for _, y in shuffled]).tolist()

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_processes_share_the_samples_without_overlap():
    seen = []
    for rank in range(2):
        shuffled = loader(batch=2)
        shuffled.shuffle, shuffled.rank, shuffled.ranks = lambda: 0, rank, 2
        seen += torch.cat([y for _, y in shuffled]).tolist()
    assert len(seen) == len(set(seen)) == 8


def test_what_a_card_has_room_for_stays_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 2000))
    assert batches.fits(499, torch.device("cuda")) and not batches.fits(500, torch.device("cuda"))
    assert not batches.fits(1, torch.device("cpu"))


def test_prepared_arrays_are_mapped_not_loaded(inside):
    x, y, samples, schema = dataset.read()
    assert isinstance(x, np.memmap)
    assert len(x) == len(y) == len(samples)
    assert schema["task"] in ("classification", "regression")


def test_what_needs_no_encoding_is_not_copied():
    x = np.zeros((3, 2), np.float32)
    z = batches.encode(torch.nn.Linear(2, 1), x, np.arange(3))
    assert z.shape == (3, 1, 2)
    assert np.shares_memory(z.numpy(), x)


class Doubled(torch.nn.Module):
    """Two views of each sample, frozen."""

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([x, -x], dim=1).flatten(0, 1)


@pytest.mark.parametrize("largest", [0, batches.LARGEST])
def test_encoded_samples_keep_their_order_and_views(largest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "LARGEST", largest)  # on disk, in memory
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    z = batches.encode(Doubled(), x, np.array([0, 1, 4]))
    assert torch.equal(z[[0, 1, 4]].float(), torch.from_numpy(np.stack([x, -x], axis=1)[[0, 1, 4]]))
    assert not z[2:4].any()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
