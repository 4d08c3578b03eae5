"""Is this the run of jobs/digits.yaml that the README promises?     check_digits.py RUN"""
import json
import pathlib
import sys

import h5py

ACCURACY = 0.985  # 3 nearest neighbours get 0.986


def check(run):
    report = json.loads((run / "report.json").read_text())
    assert report["exit"] == 0 and report["error"] is None, report["error"]
    with h5py.File(run / "result.h5", "r") as file:
        for block, shape in (("train_train", (1437, 1437)), ("test_train", (360, 1437)), ("test_test", (360,))):
            for kernel in ("nngp", "ntk"):
                assert file[f"{block}/{kernel}"].shape == shape, (block, kernel)
        for kind in ("nngp", "ntk"):
            group = file[f"posterior/{kind}"]
            assert group["mean"].shape == (360, 10) and group["variance"].shape == (360,)
            assert (group["variance"][:] > 0).all()
            for name in ("accuracy", "nll", "ece", "log_marginal_likelihood", "residual", "diag_reg"):
                assert name in group.attrs, (kind, name)
            assert group.attrs["accuracy"] >= ACCURACY, (kind, group.attrs["accuracy"])
            assert abs(report["posterior"][kind]["accuracy"] - group.attrs["accuracy"]) < 1e-12
            print(f"{kind}: accuracy {group.attrs['accuracy']:.4f}")
    assert all(phase["seconds"] >= 0 for phase in report["phases"].values()) and report["phases"], "no phases"


if __name__ == "__main__":
    check(pathlib.Path(sys.argv[1]))
