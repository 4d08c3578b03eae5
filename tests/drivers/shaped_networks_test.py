"""What shaping promises, held by finite networks: the mean over orthogonal ones of width 512 has the variances and the C map of the solution."""
import unittest

import h5py
import numpy
import yaml

from program import Folder

WIDTH, SAMPLES = 512, 24
CORRELATIONS = (-0.5, 0.0, 0.5, 0.75, 0.9, 0.975)


def dense(w_std=1.0, out=WIDTH):
    return {"dense": {"out_dim": out, "w_std": w_std}}


def chain(depth):
    return [{"repeat": {"times": depth, "layers": [dense(3.0), "tanh"]}}, dense()]


def residual(blocks):
    branch = ["tanh", dense(3.0), "tanh", dense(0.6)]
    block = {"sum": [[{"monomial": {"degree": 1, "output_scale": 0.8}}], branch]}
    return [dense(3.0), {"monomial": {"degree": 1, "output_scale": 1 / 3}}, {"repeat": {"times": blocks, "layers": [block]}}, "tanh", dense()]


class ShapedNetworks(Folder):
    def setUp(self):
        super().setUp()
        # Of mean square 1, with these correlations to the first: in a plane, so also with each other.
        angles = numpy.arccos((1.0, *CORRELATIONS))
        plane = numpy.linalg.qr(numpy.random.default_rng(1).normal(size=(64, 2)))[0]
        with h5py.File(self.folder / "data.h5", "w") as file:
            file["train/x"] = 8 * numpy.stack([numpy.cos(angles), numpy.sin(angles)], 1) @ plane.T

    def shape(self, network):
        self.write_job({"data": {"train": {"file": "data.h5", "x": "train/x"}}, "network": network})
        self.run_job("shape", "job.yaml", "--output", "shaped")
        with h5py.File(self.folder / "shaped/result.h5") as file:
            c, after, before = (file[f"shape/{name}"][()] for name in ("c", "network/c_after", "network/c_before"))
        return [numpy.interp(CORRELATIONS, c, curve) for curve in (after, before)], yaml.safe_load((self.folder / "shaped/shaped.yaml").read_text())

    def mean_kernel(self, network, name):
        """The kernel and its standard errors."""
        kernel = {"kind": "monte_carlo", "get": "nngp", "samples": SAMPLES}
        self.write_job({"data": {"train": {"file": "data.h5", "x": "train/x"}}, "network": network, "kernel": kernel, "parameters": {"init": "suo"}})
        self.run_job("kernel", "job.yaml", "--output", name)
        with h5py.File(self.folder / name / "result.h5") as file:
            return file["train_train/nngp"][()], file["train_train/nngp_error"][()]

    def expect_map(self, network, name):
        (after, before), shaped = self.shape(network)
        self.assertGreater(numpy.abs(after - before).max(), 0.1)
        k, error = self.mean_kernel(shaped["layers"], name)
        print(name, k.diagonal(), error.diagonal())
        norms = numpy.sqrt(k.diagonal())
        found = k[0, 1:] / norms[0] / norms[1:]
        print(found - after, error[0, 1:])

    def test_a_chain(self):
        self.expect_map(chain(15), "chain")

    def test_residual_blocks(self):
        self.expect_map(residual(6), "residual")


if __name__ == "__main__":
    unittest.main()
