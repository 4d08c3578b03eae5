"""Copies the cases of the golden file infinite.h5 (see infinite.md) into infinite_fc.h5 and infinite_positions.h5, without anything that changes from run to run.

python make_infinite.py infinite.h5 FOLDER
"""
import sys

import h5py

POSITIONS = ("conv", "pool", "attention", "resize", "index", "dot_general")
BLOCKS = ("train_train", "test_train", "test_test")


def copy(source, target, wanted):
    for name, case in source.items():
        if wanted(case.attrs["network"]):
            group = target.create_group(name)
            for key, value in case.attrs.items():
                group.attrs[key] = value
            for path in ("x1", "x2", *(f"{block}/{kind}" for block in BLOCKS for kind in ("nngp", "ntk"))):
                group.create_dataset(path, data=case[path][()], track_times=False)
    print(len(target), "cases")


def acts_on_positions(network):
    return any(word in network for word in POSITIONS)


with h5py.File(sys.argv[1]) as source:
    with h5py.File(sys.argv[2] + "/infinite_fc.h5", "w", libver="v108") as target:
        copy(source, target, lambda network: not acts_on_positions(network))
    with h5py.File(sys.argv[2] + "/infinite_positions.h5", "w", libver="v108") as target:
        copy(source, target, acts_on_positions)
