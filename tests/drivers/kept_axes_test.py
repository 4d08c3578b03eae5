"""Empirical kernels that keep output axes: golden ones on 1 and 3 ranks, both halves of symmetric blocks, restart, readers, posterior.
INFINITILE_ALL_CASES=1: all golden networks."""
import os
import random
import sys
import unittest

import h5py
import numpy
import yaml

import read_result
from golden_networks import GOLDEN, GoldenNetworks
from program import BAD_INPUT, datasets, differences
from restart_test import Disturbed

NETWORKS = ["conv2d_same", "mlp_wide_output", "spatial_output", "token_output"]
KEPT = ["ntk", "ntk_full", "ntk_diagonal", "ntk_positions"]  # each with its own axes, in the golden file
SMALL = [{"dense": {"out_dim": 20, "w_std": 1.4, "b_std": 0.1}}, "relu", {"dense": {"out_dim": 3}}]


def turned(values, axes):
    """The block with its inputs exchanged. Kept axes by name: the second of a pair bears the same name as the first."""
    order = [1, 0]
    while len(order) < len(axes):
        place = len(order)
        twice = axes[place : place + 2] == [axes[place]] * 2
        order += [place + 1, place] if twice else [place]
    return values.transpose(order)


def labels(data):
    return [axis.label for axis in data.dims]


class KeptAxes(GoldenNetworks):
    def outputs(self, name):
        """Outputs of the train inputs, and of the test inputs as far as the golden file has them (nngp alone)."""
        with h5py.File(GOLDEN) as golden:
            return golden[name]["y1"][()]

    def check_blocks(self, result):
        """Symmetric blocks are so to the last bit, inputs and outputs exchanged together; the diagonal is that of the test block."""
        with h5py.File(result) as found:
            for block in ("train_train", "test_test"):
                for kind in ("nngp", "ntk"):
                    data = found[block][kind]
                    numpy.testing.assert_array_equal(data[()], turned(data[()], labels(data)))

    def test_golden_kernels_on_1_and_3_ranks(self):
        with h5py.File(GOLDEN) as golden:
            names = sorted(golden) if os.environ.get("INFINITILE_ALL_CASES") else NETWORKS
            cases = [
                (name, kept, data[()], yaml.safe_load(data.attrs["trace_axes"]), yaml.safe_load(data.attrs["diagonal_axes"]))
                for name in names
                for kept, data in golden[name]["test_train"].items()
                if kept in KEPT
            ]
        for name, kept, known, trace, diagonal in cases:
            with self.subTest(f"{name} {kept}"):
                self.golden_job(name, trace_axes=trace, diagonal_axes=diagonal)
                one, three = (self.folder / f"{name}.{kept}.{ranks}" for ranks in (1, 3))
                self.run_job("kernel", "job.yaml", "--output", one)
                self.run_job("kernel", "job.yaml", "--output", three, ranks=3)
                self.assertEqual(differences(one / "result.h5", three / "result.h5"), [])
                found = datasets(three / "result.h5")
                self.assertEqual(found["test_train/ntk"].shape, known.shape)
                self.assertLessEqual(abs(found["test_train/ntk"] - known).max(), 1e-10 * abs(known).max())
                self.check_blocks(three / "result.h5")
                read_result.check_h5py(three / "result.h5")
                read_result.check_xarray(three / "result.h5")

    def test_products_of_outputs(self):
        """nngp with all axes kept is y y' of each two outputs; diagonal axes take its diagonal."""
        y = self.outputs("spatial_output")
        self.golden_job("spatial_output", trace_axes=[], get=["nngp"])
        self.run_job("kernel", "job.yaml", "--output", "full")
        found = datasets(self.folder / "full/result.h5")["train_train/nngp"]
        numpy.testing.assert_allclose(found, numpy.einsum("nhwo,mgvp->nmhgwvop", y, y), rtol=1e-10, atol=1e-12)
        self.golden_job("spatial_output", trace_axes=[2], diagonal_axes=[1], get=["nngp"])
        self.run_job("kernel", "job.yaml", "--output", "some", ranks=2)
        found = datasets(self.folder / "some/result.h5")["train_train/nngp"]
        numpy.testing.assert_allclose(found, numpy.einsum("nhwo,mhwp->nmhop", y, y) / y.shape[2], rtol=1e-10, atol=1e-12)

    def test_lower_tiles_and_the_diagonal_alone(self):
        self.golden_job("token_output", trace_axes=[-1])
        self.run_job("kernel", "job.yaml", "--output", "full")
        self.run_job("kernel", "job.yaml", "--output", "lower", "--set", "kernel.store=lower", ranks=2)
        self.run_job("kernel", "job.yaml", "--output", "diagonal", "--set", "kernel.test_test=diagonal", ranks=3)
        self.run_job("kernel", "job.yaml", "--output", "alone", "--set", "kernel.test_test=diagonal")
        self.assertEqual(differences(self.folder / "alone/result.h5", self.folder / "diagonal/result.h5"), [])
        kept = self.folder / "alone/tiles/ntk.diagonal"
        written = kept.stat().st_mtime_ns
        self.run_job("kernel", "job.yaml", "--output", "alone", "--set", "kernel.test_test=diagonal", ranks=2)
        self.assertEqual(kept.stat().st_mtime_ns, written, "the diagonal was computed again")
        kept.write_bytes(kept.read_bytes()[:-1] + b"?")
        self.run_job("kernel", "job.yaml", "--output", "alone", "--set", "kernel.test_test=diagonal")
        self.assertEqual(differences(self.folder / "alone/result.h5", self.folder / "diagonal/result.h5"), [])
        self.assertFalse((self.folder / "full/tiles/ntk.diagonal").exists(), "a diagonal that nobody asked for")
        full, lower, diagonal = (datasets(self.folder / name / "result.h5") for name in ("full", "lower", "diagonal"))
        for kind in ("nngp", "ntk"):
            rows = numpy.arange(4) // 2
            stored = (rows[:, None] >= rows)[..., None, None]  # of tiles of 2 x 2, those on the diagonal and below
            numpy.testing.assert_array_equal(lower[f"train_train/{kind}"], full[f"train_train/{kind}"] * stored)
            block = full[f"test_test/{kind}"]
            numpy.testing.assert_allclose(diagonal[f"test_test/{kind}"], block[range(3), range(3)], rtol=1e-12)

    def small_job(self, **kernel):
        self.write_data()
        self.write_job(self.job(network=SMALL, kernel={"tile": 8, "kind": "empirical", **kernel}))

    def test_posterior_of_full_blocks(self):
        """Each output of each input is a row: the dense calculation, on 1 and 3 ranks."""
        self.small_job(trace_axes=[], test_test="full")
        self.run_job("posterior", "job.yaml", "--set", "posterior.covariance=full", "--set", "posterior.get=[nngp,ntk,ntkgp]", ranks=3)
        self.run_job("posterior", "job.yaml", "--output", "one", "--set", "posterior.covariance=full", "--set", "posterior.get=[nngp,ntk,ntkgp]")
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "job.run/result.h5"), [])
        self.run_job("posterior", "job.yaml", "--output", "variance", "--set", "kernel.test_test=diagonal", "--set", "posterior.get=[ntkgp]")
        found = datasets(self.folder / "one/result.h5")
        with h5py.File(self.folder / "data.h5") as data:
            y = (numpy.eye(3)[data["train/y"][()]] - 1 / 3).ravel()
            right = data["test/y"][()]

        def matrix(block, kind):
            values = found[f"{block}/{kind}"]
            return values.transpose(0, 2, 1, 3).reshape(values.shape[0] * 3, -1)

        def regularized(kind):
            k = matrix("train_train", kind)
            return k + 1e-4 * k.diagonal().mean() * numpy.eye(len(k))

        def close(path, known):
            numpy.testing.assert_allclose(found[path], known, rtol=1e-7, atol=1e-7 * abs(known).max())

        nngp, ntk = regularized("nngp"), regularized("ntk")
        for kind, a in (("nngp", nngp), ("ntk", ntk), ("ntkgp", ntk)):
            rows = matrix("test_train", "nngp" if kind == "nngp" else "ntk")
            back = numpy.linalg.solve(a, rows.T)  # A⁻¹ k_XZ
            mean = (back.T @ y).reshape(11, 3)
            if kind == "ntk":
                cross = matrix("test_train", "nngp") @ back
                covariance = matrix("test_test", "nngp") + back.T @ matrix("train_train", "nngp") @ back - cross - cross.T
            else:
                covariance = matrix("test_test", "nngp" if kind == "nngp" else "ntk") - rows @ back
            close(f"posterior/{kind}/mean", mean)
            close(f"posterior/{kind}/variance", covariance.diagonal().reshape(11, 3))
            close(f"posterior/{kind}/covariance", covariance.reshape(11, 3, 11, 3).transpose(0, 2, 1, 3))
            likelihood = -0.5 * (y @ numpy.linalg.solve(a, y) + numpy.linalg.slogdet(a)[1] + len(y) * numpy.log(2 * numpy.pi))
            numpy.testing.assert_allclose(found[f"posterior/{kind}@log_marginal_likelihood"], likelihood, rtol=1e-9)
            self.assertEqual(found[f"posterior/{kind}@accuracy"], (mean.argmax(1) == right).mean())
        variance = datasets(self.folder / "variance/result.h5")["posterior/ntkgp/variance"]
        numpy.testing.assert_allclose(variance, found["posterior/ntkgp/variance"], rtol=1e-7, atol=1e-9)

    def test_posteriors_that_cannot_be(self):
        """One clear line, and the kernel itself is computed."""
        self.small_job(trace_axes=[], diagonal_axes=[-1])
        wrong = self.run_job("posterior", "job.yaml", "--quiet", expect=BAD_INPUT)
        self.assertEqual(len(wrong.stderr.splitlines()), 1)
        self.assertIn("kernel.diagonal_axes is [-1]", wrong.stderr)
        self.assertIn("command                      kernel", self.run_job("plan", "job.yaml").stdout)
        self.run_job("kernel", "job.yaml")
        self.write_data(change=lambda arrays: arrays.update({"train/y": arrays["train/x"][:, :2], "test/y": arrays["test/x"][:, :2]}))
        self.write_job(self.job(network=SMALL, kernel={"tile": 8, "kind": "empirical", "trace_axes": []}))
        wrong = self.run_job("posterior", "job.yaml", "--quiet", "--output", "two", expect=BAD_INPUT)
        self.assertEqual(len(wrong.stderr.splitlines()), 1)
        for words in ("kernel.trace_axes is []", "3 outputs", "2 columns"):
            self.assertIn(words, wrong.stderr)

    def test_other_axes_are_another_run(self):
        self.small_job(trace_axes=[])
        self.run_job("kernel", "job.yaml")
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--set", "kernel.diagonal_axes=[-1]", expect=BAD_INPUT)
        self.assertIn("kernel.diagonal_axes was [], now [-1]", refused.stderr)


class Restart(Disturbed):
    job_file = "job.yaml"

    def setUp(self):
        super().setUp()
        self.write_data(train=160, test=20, features=64)
        hidden = {"repeat": {"times": 2, "layers": [{"dense": {"out_dim": 300, "w_std": 1.4}}, "relu"]}}
        kernel = {"kind": "empirical", "tile": 12, "trace_axes": []}
        self.write_job(self.job(network=[hidden, {"dense": {"out_dim": 10}}], kernel=kernel))

    def test_killed_goes_on(self):
        self.expect_the_same_after_a_kill(random.Random(3))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
