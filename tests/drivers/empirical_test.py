"""Kernels of finite networks from the job file to the result: golden ones on 1 and 3 ranks, parameters drawn and read, restart, posterior.
One method per golden network and all for one; INFINITILE_ALL_CASES=1: all networks by all methods."""
import os
import random
import sys
import unittest

import h5py
import numpy

from golden_networks import GOLDEN, TRACED, GoldenNetworks
from program import BAD_INPUT, contains_word, datasets, differences
from restart_test import Disturbed

ALL_CASES = os.environ.get("INFINITILE_ALL_CASES")
METHODS = ["auto", "jacobian_contraction", "ntk_vector_products", "structured_derivatives"]
SMALL = [{"dense": {"out_dim": 20, "w_std": 1.4, "b_std": 0.1}}, "relu", {"dense": {"out_dim": 3}}]


class Empirical(GoldenNetworks):
    def check_golden(self, name, result, digits):
        def close(found, known, what):
            self.assertLessEqual(abs(found - known).max(), digits * abs(known).max(), f"{name} {what}")

        with h5py.File(GOLDEN) as golden, h5py.File(result) as found:
            case = golden[name]
            outputs = case["y1"][()].reshape(len(case["y1"]), -1)
            if name in TRACED:
                close(found["test_train/ntk"][()], case["test_train/ntk_traced"][()], "test_train/ntk")
            else:
                close(found["test_train/ntk"][()], case["test_train/ntk"][()], "test_train/ntk")
                close(found["train_train/ntk"][()], case["train_train/ntk"][()], "train_train/ntk")
                close(found["test_train/nngp"][()], case["test_train/nngp"][()], "test_train/nngp")
            close(found["train_train/nngp"][()], outputs @ outputs.T / outputs.shape[1], "train_train/nngp")
            for block in ("train_train", "test_test"):
                for kind in ("nngp", "ntk"):
                    numpy.testing.assert_array_equal(found[block][kind][()], found[block][kind][()].T)

    def test_golden_networks_by_all_methods_on_1_and_3_ranks(self):
        with h5py.File(GOLDEN) as golden:
            names = sorted(golden)
        for place, name in enumerate(names if ALL_CASES else sorted({*names[::8], *TRACED, "residual"})):
            with self.subTest(name):
                for method in METHODS if name == "residual" or ALL_CASES else [METHODS[place % len(METHODS)]]:
                    self.golden_job(name, method=method)
                    self.run_job("kernel", "job.yaml", "--output", f"{name}.{method}", ranks=3)
                    self.check_golden(name, self.folder / f"{name}.{method}/result.h5", 1e-10)
                self.run_job("kernel", "job.yaml", "--output", f"{name}.one")
                self.assertEqual(differences(self.folder / f"{name}.one/result.h5", self.folder / f"{name}.{method}/result.h5"), [])

    def test_float32_and_the_diagonal(self):
        """The diagonal alone is that of the full block, and float32 has its digits."""
        self.golden_job("residual")
        self.run_job("kernel", "job.yaml", "--output", "full")
        self.run_job("kernel", "job.yaml", "--output", "diagonal", "--set", "kernel.test_test=diagonal", ranks=2)
        self.run_job("kernel", "job.yaml", "--output", "single", "--set", "kernel.precision=float32")
        self.check_golden("residual", self.folder / "single/result.h5", 1e-5)
        full, diagonal = (datasets(self.folder / name / "result.h5") for name in ("full", "diagonal"))
        for kind in ("nngp", "ntk"):
            numpy.testing.assert_allclose(diagonal[f"test_test/{kind}"], full[f"test_test/{kind}"].diagonal(), rtol=1e-12)

    def test_several_inputs(self):
        """A sum of two branches with an input each: tangent kernels of linear branches are those of their inputs, added up."""
        arrays = self.write_data(change=lambda arrays: arrays.update({"train/z": arrays["train/x"][::-1, :4]}))
        branches = {"sum": [[{"dense": {"out_dim": 5}}], [{"dense": {"out_dim": 5}}]]}
        data = {"train": {"file": "data.h5", "x": ["train/x", "train/z"]}, "test": None}
        self.write_job(self.job(data=data, network=[branches], kernel={"kind": "empirical"}))
        self.run_job("kernel", "job.yaml")
        x, z = arrays["train/x"], arrays["train/z"]
        found = datasets(self.folder / "job.run/result.h5")["train_train/ntk"]
        numpy.testing.assert_allclose(found, x @ x.T / 6 + z @ z.T / 4, rtol=1e-12, atol=1e-12)

    def small_job(self, **sections):
        return self.job(**{"network": SMALL, **sections, "kernel": {"tile": 8, "kind": "empirical", **sections.get("kernel", {})}})

    def test_posterior_and_plan_and_inspect(self):
        self.write_data()
        self.write_job(self.small_job())
        planned = self.run_job("plan", "job.yaml").stdout
        self.assertIn("matrix products", planned)
        self.assertIn("finite network: 200 parameters", self.run_job("inspect", "job.yaml").stdout)
        self.run_job("posterior", "job.yaml", ranks=3)
        self.assertIn("empirical", self.run_job("inspect", "job.run/result.h5").stdout)
        self.run_job("posterior", "job.yaml", "--output", "one")
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "job.run/result.h5"), [])
        found = datasets(self.folder / "one/result.h5")
        with h5py.File(self.folder / "data.h5") as data:
            targets = numpy.eye(3)[data["train/y"][()]] - 1 / 3
        k = found["train_train/ntk"]
        ridge = 1e-4 * k.diagonal().mean() * numpy.eye(len(k))
        numpy.testing.assert_allclose(found["posterior/ntk/mean"], found["test_train/ntk"] @ numpy.linalg.solve(k + ridge, targets), atol=1e-8)

    def test_parameters_decide_the_tiles(self):
        """Drawn parameters follow the seed; the same values from another file serve the same tiles, and other values do not."""
        self.write_data()
        self.write_job(self.small_job())
        self.run_job("kernel", "job.yaml")
        self.run_job("kernel", "job.yaml", "--output", "again", "--set", "parameters.seed=0")
        self.assertEqual(differences(self.folder / "again/result.h5", self.folder / "job.run/result.h5"), [])
        self.expect_refused("parameters.seed=1", ["job.run", "parameters.seed", "0", "1"])
        self.expect_refused("kernel.method=ntk_vector_products", ["job.run", "kernel.method", "auto", "ntk_vector_products"])
        self.expect_refused("kernel.kind=infinite", ["job.run", "kernel.kind", "empirical", "infinite"])

        def write(name, factor):
            with h5py.File(self.folder / name, "w") as file:
                for path, shape in (("0/w", (6, 20)), ("0/b", (20,)), ("2/w", (20, 3))):
                    file[path] = factor * numpy.random.default_rng(len(path)).normal(size=shape)

        for name, factor in (("a.h5", 1), ("b.h5", 1), ("c.h5", 2)):
            write(name, factor)
        self.write_job(self.small_job(parameters={"file": "a.h5"}))
        self.run_job("kernel", "job.yaml", "--output", "read")
        self.run_job("kernel", "job.yaml", "--output", "read", "--set", "parameters.file=b.h5")
        self.assertEqual(self.report("read")["tiles"]["computed"], 0)
        self.run_job("kernel", "read/job.yaml", "--output", "echoed")
        self.assertEqual(differences(self.folder / "read/result.h5", self.folder / "echoed/result.h5"), [])
        self.expect_refused("parameters.file=c.h5", ["parameters.file", "c.h5"], "--output", "read")
        write("b.h5", 3)
        self.expect_refused("parameters.file=b.h5", ["parameters"], "--output", "read")

    def expect_refused(self, change, words, *options):
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--set", change, *options, expect=BAD_INPUT)
        self.assertEqual(len(refused.stderr.splitlines()), 1, refused.stderr)
        for word in words:
            self.assertTrue(contains_word(refused.stderr, word), f"no {word!r} in: {refused.stderr}")


class Restart(Disturbed):
    job_file = "job.yaml"

    def setUp(self):
        super().setUp()
        self.write_data(train=240, test=40, features=64)
        hidden = {"repeat": {"times": 3, "layers": [{"dense": {"out_dim": 400, "w_std": 1.4}}, "relu"]}}
        self.write_job(self.job(network=[hidden, {"dense": {"out_dim": 10}}], kernel={"kind": "empirical", "tile": 16}))

    def test_killed_goes_on(self):
        self.expect_the_same_after_a_kill(random.Random(2))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
