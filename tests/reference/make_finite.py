"""Copies the golden file of finite networks (see finite.md) into finite.h5, without anything that changes from run to run.

python make_finite.py finite.h5 FOLDER
"""
import sys

import h5py


def copy(source, target):
    for name, value in source.attrs.items():
        target.attrs[name] = value
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            copy(item, target.create_group(name))
        else:
            dataset = target.create_dataset(name, data=item[()], track_times=False)
            for key, value in item.attrs.items():
                dataset.attrs[key] = value


with h5py.File(sys.argv[1]) as source, h5py.File(sys.argv[2] + "/finite.h5", "w", libver="v108") as target:
    copy(source, target)
    print(len(target), "networks")
