"""What shaping promises, held by finite networks: the mean over orthogonal ones of width 512 has the variances and the C map of the solution."""
import unittest

import h5py
import numpy
import yaml

from program import Folder, datasets

WIDTH, SEEDS = 512, 16
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

    def write_finite(self, layers, **kernel):
        data = {"train": {"file": "data.h5", "x": "train/x"}}
        self.write_job({"data": data, "network": layers, "kernel": {"get": "nngp", **kernel}, "parameters": {"init": "suo"}})

    def correlations_of(self, layers):
        """Of each network the correlations of its outputs with those of the first input."""
        self.write_finite(layers, kind="empirical")
        found = []
        for seed in range(SEEDS):
            self.run_job("kernel", "job.yaml", "--output", f"seed.{seed}", "--set", f"parameters.seed={seed}")
            k = datasets(self.folder / f"seed.{seed}/result.h5")["train_train/nngp"]
            found.append(k[0, 1:] / numpy.sqrt(k[0, 0] * k.diagonal()[1:]))
        return numpy.array(found)

    def expect_map(self, network):
        (after, before), shaped = self.shape(network)
        self.assertGreater(numpy.abs(after - before).max(), 0.08)  # there was something to shape
        found = self.correlations_of(shaped["layers"])
        error = found.std(0, ddof=1) / numpy.sqrt(SEEDS)
        self.assertLess(error.max(), 0.02)
        self.assertLess((numpy.abs(found.mean(0) - after) / error).max(), 4, f"{found.mean(0)} instead of {after}, errors {error}")
        return shaped["layers"]

    def expect_mean(self, layers, name):
        """The mean kernel over random networks: variances are 1."""
        self.write_finite(layers, kind="monte_carlo", samples=24)
        self.run_job("kernel", "job.yaml", "--output", name)
        found = datasets(self.folder / name / "result.h5")
        k, error = found["train_train/nngp"], found["train_train/nngp_error"]
        self.assertLess(error.max(), 0.05)
        # Variances behind one layer of weights are exact, so that of the first activation scatters little: what finite width does counts too.
        self.assertLess((numpy.abs(k.diagonal() - 1) / (error.diagonal() + 1 / WIDTH)).max(), 4)

    def test_a_chain(self):
        layers = self.expect_map(chain(15))
        for depth in (1, 5, 15):
            layers[0]["repeat"]["times"] = depth
            self.expect_mean(layers, f"mean.{depth}")

    def test_residual_blocks(self):
        self.expect_mean(self.expect_map(residual(8)), "mean")


if __name__ == "__main__":
    unittest.main()
