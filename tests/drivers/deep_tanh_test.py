"""A network of 100 tanh layers is a lookup table as it is written, and learns digits once it is shaped.     deep_tanh_test.py FOLDER

The runs stay in FOLDER for the notebook. Bounds: an independent calculation with kernels of its own saw correlations below 2e-9 and an
accuracy of 0.917 before, and 0.986 to 0.994 with DKS and TAT, NNGP and NTK; a linear kernel 0.936. Our train images have one pair whose
cosine is 0.9956, the next is 0.9922; of that pair alone the correlation is more, and is compared with a quadrature of its own.
"""
import pathlib
import shutil
import sys

import h5py
import numpy

from program import ROOT, run

LOOKUP = 2e-9  # correlations between different images, before, are below; but for the closest pair
LINEAR = 0.95  # accuracy before is below
SHAPED = 0.985  # accuracy after is at least
GUESS = numpy.log(10)  # nats
JOB = ROOT / "jobs/deep_tanh.yaml"


def do(command, out, *options):
    shutil.rmtree(out, ignore_errors=True)
    done = run(command, JOB, "--output", out, *options, ranks=2, cwd=out.parent, limit=600)
    assert done.returncode == 0, done.stderr
    return h5py.File(out / "result.h5", "r")


def correlations(matrix):
    root = numpy.sqrt(numpy.diag(matrix))
    return (matrix / numpy.outer(root, root))[numpy.tri(len(matrix), k=-1, dtype=bool)]


def tanh_correlation(c, layers=100, w_std=3.0):
    """C of the network at c, NNGP: tanh of Gaussians on a grid, where the trapezoidal rule converges exponentially."""
    z = numpy.linspace(-9, 9, 401)
    weight = numpy.exp(-z * z / 2) / numpy.exp(-z * z / 2).sum()
    q = 1.0
    for _ in range(layers):
        root = w_std * numpy.sqrt(q)
        u, v = numpy.tanh(root * z), numpy.tanh(root * (c * z[:, None] + numpy.sqrt(1 - c * c) * z))
        q = weight @ u**2
        c = weight @ (u[:, None] * v) @ weight / q
    return c


def largest_cosine():
    with h5py.File(ROOT / "data/digits.h5", "r") as data:
        x = data["train/x"][()].reshape(1437, -1).astype(float)
    x /= numpy.linalg.norm(x, axis=1, keepdims=True)
    return (x @ x.T)[numpy.tri(len(x), k=-1, dtype=bool)].max()


def say(name, kind, posterior, between):
    print(f"{name:6} {kind:4} accuracy {posterior['accuracy']:.4f}, nll {posterior['nll']:.3f}, between images at most {between:.2g}")


def check_before(file):
    for kind in ("nngp", "ntk"):
        posterior = file[f"posterior/{kind}"].attrs
        between = numpy.sort(numpy.abs(correlations(file[f"train_train/{kind}"][()])))
        say("before", kind, posterior, between[-1])
        assert between[-2] < LOOKUP and between[-1] < 1.5 * LOOKUP, between[-2:]
        if kind == "nngp":
            # A layer's correlations are good to about 1e-14, and there are 100.
            assert abs(between[-1] - tanh_correlation(largest_cosine())) < 1e-12
        assert posterior["accuracy"] < LINEAR
        assert abs(posterior["nll"] - GUESS) < 1e-3, "a lookup table knows nothing"
    prior, rest = file["test_test/nngp"][()], file["posterior/nngp/variance"][()]
    assert (rest > (1 - 1e-6) * prior).all(), "the variance of the posterior is that of the prior"


def check_after(method, shape, file):
    group = shape["shape/tanh"].attrs
    assert all(abs(value) <= 1e-10 for key, value in group.items() if key.startswith("residual"))
    for kind in ("nngp", "ntk"):
        posterior = file[f"posterior/{kind}"].attrs
        say(method, kind, posterior, correlations(file[f"train_train/{kind}"][()]).max())
        assert posterior["accuracy"] >= SHAPED, (method, kind, posterior["accuracy"])
        assert posterior["nll"] < GUESS / 10


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    check_before(do("posterior", folder / "deep_tanh.run"))
    for method in ("dks", "tat"):
        out = folder / f"deep_tanh_{method}.shape"
        shape = do("shape", out, "--set", f"shape.method={method}")
        check_after(method, shape, do("posterior", folder / f"deep_tanh_{method}.run", "--set", f"network={{file: {out}/shaped.yaml}}"))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
