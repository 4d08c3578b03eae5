"""With 600 digits to train on, convolutions and a pool beat dense layers.     digits_600_test.py FOLDER

The runs stay in FOLDER for the notebook.
"""
import json
import pathlib
import shutil
import sys

import h5py
import numpy

from program import ROOT, run

FLOOR = {"digits_600_dense": 0.982, "digits_600_conv": 0.988}  # 3 nearest neighbours get 0.982


def classify(name, folder):
    """Runs a job and returns the right answers by kind, as flags, after a look at what the run says of itself."""
    out = folder / f"{name}.run"
    shutil.rmtree(out, ignore_errors=True)
    done = run("posterior", ROOT / f"jobs/{name}.yaml", "--output", out, ranks=2, cwd=folder, limit=600)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "report.json").read_text())["exit"] == 0
    with h5py.File(ROOT / "data/digits_600.h5", "r") as data:
        truth = data["test/y"][:]
    right = {}
    with h5py.File(out / "result.h5", "r") as file:
        assert file["train_train/nngp"].shape == (600, 600) and file["test_train/ntk"].shape == (1197, 600)
        for kind in ("nngp", "ntk"):
            right[kind] = file[f"posterior/{kind}/mean"][:].argmax(1) == truth
            accuracy = file[f"posterior/{kind}"].attrs["accuracy"]
            assert abs(accuracy - right[kind].mean()) < 1e-12
            assert accuracy >= FLOOR[name], (name, kind, accuracy)
            print(f"{name} {kind}: accuracy {accuracy:.4f}")
    return right


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    dense, conv = (classify(f"digits_600_{network}", folder) for network in ("dense", "conv"))
    for kind in ("nngp", "ntk"):
        ours, theirs = numpy.sum(conv[kind] & ~dense[kind]), numpy.sum(dense[kind] & ~conv[kind])
        print(f"{kind}: of {ours + theirs} images that only one network gets right {ours} are the convolutions'")
        assert conv[kind].mean() > dense[kind].mean(), kind


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
