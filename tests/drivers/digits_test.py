"""The main job, against the same formulas written down once more in numpy.     digits_test.py RUN

RUN is kept for the notebook and for what else reads a result.
"""
import pathlib
import shutil
import sys

import h5py
import numpy

from check_digits import check
from program import ROOT, run

W, B, DEPTH = 1.4142**2, 0.1**2, 3  # of jobs/digits.yaml


def near(name, found, expected, tolerance):
    error = numpy.abs(found - expected).max() / numpy.abs(expected).max()
    assert error <= tolerance, f"{name} is off by {error:.2e}, more than {tolerance:.0e}"
    print(f"{name}: {error:.1e}")


def kernels(x, z):
    """NNGP and NTK of flatten, three times (dense, relu), dense: Cho & Saul 2009, Jacot et al. 2018."""
    k = W * x @ z.T / x.shape[1] + B
    q = W * (x * x).sum(1) / x.shape[1] + B
    r = W * (z * z).sum(1) / x.shape[1] + B
    ntk = k
    for _ in range(DEPTH):
        scale = numpy.sqrt(numpy.outer(q, r))
        turn = numpy.arctan2(numpy.sqrt(numpy.maximum(scale**2 - k**2, 0)), k)
        k = (numpy.sqrt(numpy.maximum(scale**2 - k**2, 0)) + (numpy.pi - turn) * k) / (2 * numpy.pi)
        ntk = ntk * (numpy.pi - turn) / (2 * numpy.pi)
        k, q, r = W * k + B, W * q / 2 + B, W * r / 2 + B
        ntk = k + W * ntk
    return k, ntk, q


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = run("posterior", ROOT / "jobs/digits.yaml", "--output", folder, ranks=2, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    check(folder)

    with h5py.File(ROOT / "data/digits.h5", "r") as data:
        x, z = (data[f"{part}/x"][:].reshape(-1, 64).astype(float) for part in ("train", "test"))
        labels, truth = data["train/y"][:], data["test/y"][:]
    x, z = (8 * a / numpy.linalg.norm(a, axis=1, keepdims=True) for a in (x, z))
    y = numpy.eye(10)[labels] - 0.1
    (xx, theta_xx, _), (zx, theta_zx, _), (zz, theta_zz, prior) = kernels(x, x), kernels(z, x), kernels(z, z)

    with h5py.File(folder / "result.h5", "r") as file:
        near("train_train/nngp", file["train_train/nngp"][:], xx, 1e-13)
        near("train_train/ntk", file["train_train/ntk"][:], theta_xx, 1e-7)  # near the diagonal the angle here has half its digits
        near("test_train/nngp", file["test_train/nngp"][:], zx, 1e-13)
        near("test_train/ntk", file["test_train/ntk"][:], theta_zx, 1e-12)
        near("test_test/nngp", file["test_test/nngp"][:], prior, 1e-14)
        exact = file["train_train/nngp"][:]
        exact_theta = file["train_train/ntk"][:]
        k = exact + 1e-4 * numpy.trace(exact) / len(x) * numpy.eye(len(x))
        theta = exact_theta + 1e-4 * numpy.trace(exact_theta) / len(x) * numpy.eye(len(x))
        zx, theta_zx = file["test_train/nngp"][:], file["test_train/ntk"][:]

        near("posterior/nngp/mean", file["posterior/nngp/mean"][:], zx @ numpy.linalg.solve(k, y), 1e-9)
        near("posterior/nngp/variance", file["posterior/nngp/variance"][:], prior - (zx * numpy.linalg.solve(k, zx.T).T).sum(1), 1e-9)
        a = numpy.linalg.solve(theta, theta_zx.T)  # infinitely wide, infinitely long trained: Lee et al. 2019, equation 16
        near("posterior/ntk/mean", file["posterior/ntk/mean"][:], a.T @ y, 1e-9)
        near("posterior/ntk/variance", file["posterior/ntk/variance"][:], prior + (a * (exact @ a)).sum(0) - 2 * (a.T * zx).sum(1), 1e-9)
        _, logdet = numpy.linalg.slogdet(k)
        likelihood = -0.5 * (y * numpy.linalg.solve(k, y)).sum() - 5 * (logdet + len(x) * numpy.log(2 * numpy.pi))
        near("log_marginal_likelihood", file["posterior/nngp"].attrs["log_marginal_likelihood"], likelihood, 1e-10)
        right = (file["posterior/nngp/mean"][:].argmax(1) == truth).mean()
        near("accuracy", file["posterior/nngp"].attrs["accuracy"], right, 1e-12)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
