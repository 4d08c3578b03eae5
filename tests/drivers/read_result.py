"""A result as notebooks read it: by plain h5py and by xarray, from any working directory, also after the run was moved.

read_result.py RESULT.h5
"""
import os
import pathlib
import shutil
import sys
import tempfile

import h5py
import numpy
import xarray


def groups_with_datasets(file):
    """Paths of all groups that hold a dataset which is not a coordinate."""
    found = set()

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and not item.is_scale:
            found.add(name.rpartition("/")[0])

    file.visititems(visit)
    return sorted(found)


def check_h5py(path):
    """Every dataset is finite, described, and has a coordinate and a label on each axis; symmetric blocks are symmetric or lower."""
    count = 0
    with h5py.File(path, "r") as file:
        assert "version" in file.attrs, "the root has no provenance"
        for group in groups_with_datasets(file):
            for name, data in file[group].items():
                if not isinstance(data, h5py.Dataset):
                    continue
                where = f"{group}/{name}"
                assert isinstance(data.attrs["description"], str) and data.attrs["description"], where
                if data.is_scale:
                    assert numpy.array_equal(data[()], numpy.arange(data.shape[0])), where
                    continue
                count += 1
                values = data[()]
                assert numpy.isfinite(values).all(), f"{where} has values that are not finite"
                for axis, dimension in enumerate(data.dims):
                    assert dimension.label in ("train_index", "test_index", "output") or dimension.label.startswith("position"), where
                    assert len(dimension) == 1 and dimension[0].shape == (data.shape[axis],), where
                if data.is_virtual:
                    assert all(not os.path.isabs(source.file_name) for source in data.virtual_sources()), where
                    check_symmetry(where, data, values)
    assert count > 0, "no datasets"
    return count


def check_symmetry(where, data, values):
    stored = data.attrs["stored"]
    assert stored in ("full", "lower"), where
    if where.split("/")[0] == "test_train" or values.ndim > 2:
        return
    assert (values.diagonal() >= 0).all(), where
    missing = (stored == "lower") & (numpy.triu(values, 1) == 0)
    assert ((values == values.T) | missing | missing.T).all(), where


def check_xarray(path):
    """Each group opens as a data set whose axes have names and coordinates, with the values that h5py reads and the attributes; so does the whole tree."""
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        assert "version" in tree.attrs
    count = 0
    with h5py.File(path, "r") as file:
        for group in groups_with_datasets(file):
            with xarray.open_dataset(path, group=group, engine="h5netcdf") as data:
                assert data.data_vars, group
                for name, variable in data.data_vars.items():
                    where = f"{group}/{name}"
                    stored = file[group][name]
                    assert variable.dims == tuple(pathlib.PurePosixPath(d[0].name).name for d in stored.dims), where
                    assert all(axis in data.coords for axis in variable.dims), where
                    assert variable.dtype == stored.dtype and numpy.array_equal(variable.values, stored[()]), where
                    assert variable.attrs["description"] == stored.attrs["description"], where
                    first = variable.isel({variable.dims[0]: 0})
                    assert numpy.array_equal(first.values, stored[0]), where
                    count += 1
    return count


def main():
    result = pathlib.Path(sys.argv[1]).resolve()
    print(f"h5py: {check_h5py(result)} datasets, xarray: {check_xarray(result)} variables")
    with tempfile.TemporaryDirectory() as elsewhere:
        moved = pathlib.Path(elsewhere) / "moved"
        moved.mkdir()
        shutil.copy(result, moved)
        shutil.copytree(result.parent / "tiles", moved / "tiles")
        for directory, path in (("/", moved / result.name), (elsewhere, pathlib.Path("moved") / result.name), (moved, pathlib.Path(result.name))):
            os.chdir(directory)
            check_h5py(path)
        os.chdir("/")
    print("moved, and read from three working directories: the same")


if __name__ == "__main__":
    main()
