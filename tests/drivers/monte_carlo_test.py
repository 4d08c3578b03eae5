"""Means over random finite networks from the job file to the result: exact expectations, any number of ranks, killed, stopped and raised."""
import random
import shutil
import signal
import sys
import time
import unittest

import h5py
import numpy

from program import BAD_INPUT, STOPPED, Folder, datasets, differences, finish, start, wait_until
from restart_test import OFTEN, Disturbed

HIDDEN = [{"dense": {"out_dim": 30, "w_std": 1.4, "b_std": 0.1}}, "relu", {"dense": {"out_dim": 5}}]


class MonteCarlo(Folder):
    def setUp(self):
        super().setUp()
        self.arrays = self.write_data()

    def write_sampled(self, **sections):
        kernel = {"kind": "monte_carlo", "samples": 50, "tile": 8, "test_test": "full", **sections.pop("kernel", {})}
        self.write_job(self.job(**{"network": HIDDEN, **sections, "kernel": kernel}))

    def drawn(self, run_folder="job.run"):
        return self.report(run_folder)["numbers"]["networks_drawn"]

    def test_a_linear_network_has_its_exact_mean_and_error(self):
        """Outputs of one dense layer are Gaussian: the mean over o of them of f f' has the expectation k and the variance (q q' + k²) / o; the
        tangent kernel is the same for all networks, its error that of rounding."""
        samples, outputs = 400, 3
        self.write_sampled(network=[{"dense": {"out_dim": outputs, "w_std": 1.5, "b_std": 0.4}}], kernel={"samples": samples})
        for precision, digits in (("float64", 1e-14), ("float32", 1e-6)):
            self.run_job("kernel", "job.yaml", "--output", precision, "--set", f"kernel.precision={precision}", ranks=2)
            found = datasets(self.folder / precision / "result.h5")
            rows = {"train": self.arrays["train/x"], "test": self.arrays["test/x"]}
            for block in ("train_train", "test_train", "test_test"):
                left, right = (rows[part] for part in block.split("_"))
                k, q, other_q = (
                    1.5**2 * inner / left.shape[1] + 0.4**2 for inner in (left @ right.T, (left**2).sum(1)[:, None], (right**2).sum(1))
                )
                error = numpy.sqrt((q * other_q + k**2) / outputs / samples)
                self.assertLess(abs((found[f"{block}/nngp"] - k) / error).max(), 5)
                # A variance from n networks is good to √(2 / n) of itself, for products of Gaussians to less than √(14 / (n outputs)); half for its root.
                self.assertLess(abs(found[f"{block}/nngp_error"] / error - 1).max(), 5 * numpy.sqrt(14 / outputs / samples) / 2)
                numpy.testing.assert_allclose(found[f"{block}/ntk"], k, rtol=digits, atol=digits)
                self.assertLess(found[f"{block}/ntk_error"].max(), digits)

    def test_the_same_bits_on_any_number_of_ranks(self):
        self.write_sampled()
        self.run_job("posterior", "job.yaml", "--output", "one")
        self.run_job("posterior", "job.yaml", "--output", "three", ranks=3)
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "three/result.h5"), [])
        found = datasets(self.folder / "one/result.h5")
        for name in ("train_train/nngp", "train_train/ntk_error", "test_test/ntk"):
            numpy.testing.assert_array_equal(found[name], found[name].T)
        self.assertEqual(self.drawn("one"), 50)
        self.run_job("posterior", "job.yaml", "--output", "one", ranks=2)
        self.assertEqual((self.drawn("one"), self.report("one")["tiles"]["computed"]), (0, 0))

    def test_the_diagonal_is_that_of_the_block(self):
        self.write_sampled()
        self.run_job("kernel", "job.yaml", "--output", "full")
        self.run_job("kernel", "job.yaml", "--output", "diagonal", "--set", "kernel.test_test=diagonal", ranks=2)
        full, diagonal = (datasets(self.folder / name / "result.h5") for name in ("full", "diagonal"))
        for kind in ("nngp", "nngp_error", "ntk", "ntk_error"):
            numpy.testing.assert_array_equal(diagonal[f"test_test/{kind}"], full[f"test_test/{kind}"].diagonal())
        with h5py.File(self.folder / "diagonal/result.h5") as result:
            for path, axes in (("train_train/ntk_error", ["train_index", "train_index"]), ("test_test/nngp_error", ["test_index"])):
                self.assertEqual([axis.label for axis in result[path].dims], axes)
                self.assertTrue(all(len(axis) == 1 for axis in result[path].dims))
                self.assertIn("standard error of the mean over 50 random finite networks", result[path].attrs["description"])

    def test_more_samples_go_on(self):
        """From 30 to 50 is as 50 at once, to the bit, whatever the ranks; fewer are refused; the first result is whole until the second is."""
        self.write_sampled()
        self.run_job("posterior", "job.yaml", "--output", "fresh")
        self.run_job("posterior", "job.yaml", "--set", "kernel.samples=30", ranks=2)
        self.assertEqual(self.drawn(), 30)
        self.run_job("posterior", "job.yaml", ranks=3)
        self.assertEqual(self.drawn(), 20)
        self.assertEqual(differences(self.folder / "fresh/result.h5", self.folder / "job.run/result.h5"), [])
        self.assertEqual([path.name for path in (self.folder / "job.run/tiles").iterdir()], ["50"])
        before = self.files()
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--set", "kernel.samples=49", expect=BAD_INPUT)
        self.assertEqual(len(refused.stderr.splitlines()), 1)
        self.assertIn("job.run holds means over more networks: kernel.samples was 50, now 49. Set it to 50 or more", refused.stderr)
        self.assertEqual(self.files(), before)

    def test_means_that_are_gone_are_made_again(self):
        self.write_sampled()
        self.run_job("kernel", "job.yaml")
        first = datasets(self.folder / "job.run/result.h5")
        shutil.rmtree(self.folder / "job.run/samples")
        self.run_job("posterior", "job.yaml")  # tiles are there; the variances of the test inputs are not
        second = datasets(self.folder / "job.run/result.h5")
        self.assertEqual(self.report()["tiles"]["computed"], 0)
        self.assertTrue(all(first[name].tobytes() == second[name].tobytes() for name in first))
        (self.folder / "job.run/job.yaml").unlink()
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--set", "kernel.samples=20", expect=BAD_INPUT)
        self.assertIn("means over 50 networks and kernel.samples is 20", refused.stderr)

    def test_other_networks_are_other_jobs(self):
        self.write_sampled()
        self.run_job("kernel", "job.yaml", "--set", "kernel.get=nngp")
        for change, words in (("parameters.seed=1", "parameters.seed was 0, now 1"), ("kernel.kind=empirical", "kernel.kind was monte_carlo")):
            changes = ["--set", change, "--set", "kernel.get=nngp", *(["--set", "kernel.samples=null"] if "kind" in change else [])]
            self.assertIn(words, self.run_job("kernel", "job.yaml", *changes, expect=BAD_INPUT).stderr)

    def test_plan_and_inspect(self):
        self.write_sampled()
        planned = self.run_job("plan", "job.yaml").stdout
        self.assertRegex(planned, r"networks +50 +of 360 parameters each")
        self.assertIn("50 random networks, each:\nfinite network: 360 parameters;", self.run_job("inspect", "job.yaml").stdout)
        self.run_job("kernel", "job.yaml")
        self.assertIn("standard error", self.run_job("inspect", "job.run/result.h5").stdout)


class Restart(Disturbed):
    job_file = "job.yaml"

    def setUp(self):
        super().setUp()
        self.write_data(train=60, test=20, features=40)
        network = [{"repeat": {"times": 2, "layers": [{"dense": {"out_dim": 100, "w_std": 1.4}}, "relu"]}}, {"dense": {"out_dim": 10}}]
        self.write_job(self.job(network=network, kernel={"kind": "monte_carlo", "samples": 200, "tile": 16}))

    def start_and_wait_for_means(self, ranks, output, samples=200):
        """Starts the job and waits until running means have another file than now."""
        means = self.folder / output / "samples"
        before = set(means.glob("*.h5"))
        process = start(
            "kernel", "job.yaml", "--output", output, "--set", f"kernel.samples={samples}", ranks=ranks, cwd=self.folder, env=OFTEN
        )
        wait_until(lambda: set(means.glob("*.h5")) - before or process.poll() is not None)
        return process

    def drawn(self, output):
        return self.report(output)["numbers"]["networks_drawn"]

    def test_killed_goes_on(self):
        whole = self.undisturbed()
        chance = random.Random(3)
        for ranks in (3, 1, 2):
            process = self.start_and_wait_for_means(ranks, "killed")
            if ranks == 1:
                process.kill()
                finish(process)
            else:
                self.kill(process, chance)
        self.run_job("kernel", "job.yaml", "--output", "killed", ranks=2)
        self.assertLess(self.drawn("killed"), 200)
        self.assertEqual(differences(whole, self.folder / "killed/result.h5"), [])

    def test_a_signal_loses_no_network(self):
        whole = self.undisturbed()
        process = start("kernel", "job.yaml", "--output", "stopped", cwd=self.folder)  # means are saved every 20 seconds, and now
        wait_until(lambda: (self.folder / "stopped/samples").exists())
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(finish(process)[0], STOPPED)
        first = self.drawn("stopped")
        self.run_job("kernel", "job.yaml", "--output", "stopped", ranks=3)
        self.assertEqual(self.drawn("stopped"), 200 - first)
        self.assertEqual(differences(whole, self.folder / "stopped/result.h5"), [])

    def test_killed_while_more_are_drawn_the_result_stays(self):
        self.run_job("kernel", "job.yaml", "--output", "raised", "--set", "kernel.samples=20")
        first = datasets(self.folder / "raised/result.h5")
        process = self.start_and_wait_for_means(1, "raised")
        self.kill(process, random.Random(4))
        still = datasets(self.folder / "raised/result.h5")
        self.assertTrue(all(first[name].tobytes() == still[name].tobytes() for name in first))
        self.run_job("kernel", "job.yaml", "--output", "raised", ranks=2)
        self.assertLess(self.drawn("raised"), 180)
        self.assertEqual(differences(self.undisturbed(), self.folder / "raised/result.h5"), [])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
