"""How finite networks start (parameters.init), and inputs that are normalized position by position, from outside."""
import unittest

import h5py
import numpy

from program import BAD_INPUT, Folder, datasets, differences

NETWORK = [
    {"conv": {"out_chan": 5, "filter_shape": [3, 1], "padding": "SAME", "w_std": 3.0, "b_std": 1.0}},
    "tanh",
    "flatten",
    {"dense": {"out_dim": 150, "b_std": 0.5}},
    "tanh",
    {"dense": {"out_dim": 40, "parameterization": "standard", "w_std": 2.0}},
]


def normalized(x, mode="one", scale=1.0):
    """Of (rows, positions, channels), as the definition has it."""
    h = {
        "one": numpy.full((*x.shape[:-1], 1), scale),
        "avg_q": numpy.broadcast_to(scale * numpy.sqrt((x**2).mean((1, 2)))[:, None, None], (*x.shape[:-1], 1)),
        "off": x[..., :0],
    }[mode]
    joined = numpy.concatenate([x, h], -1)
    return joined / numpy.sqrt((joined**2).mean(-1, keepdims=True))


class Init(Folder):
    def setUp(self):
        super().setUp()
        self.write_data()
        self.write_job(self.job(network=NETWORK, data={"shape": [3, 2, 1]}, kernel={"kind": "empirical"}, parameters={"init": "suo", "seed": 3}))

    def test_parameters_are_what_the_init_says(self):
        saved = {}
        for init in ("gaussian", "suo", "fan_in", "lecun"):
            self.run_job("kernel", "job.yaml", "--output", init, "--set", f"parameters.init={init}", "--set", f"parameters.save={init}.h5")
            with h5py.File(self.folder / f"{init}.h5") as file:
                saved[init] = {path: file[path][()] for path in ("0/w", "0/b", "3/w", "3/b", "5/w")}
        suo, gaussian = saved["suo"], saved["gaussian"]
        for init in ("suo", "fan_in", "lecun"):
            self.assertFalse(numpy.any(saved[init]["0/b"]) or numpy.any(saved[init]["3/b"]))
        self.assertTrue(numpy.all(gaussian["3/b"]))
        for path in ("0/w", "3/w", "5/w"):
            numpy.testing.assert_array_equal(gaussian[path], saved["fan_in"][path])
            self.assertGreater(numpy.abs(gaussian[path] - saved["lecun"][path]).max(), 0.01)
        # What multiplies x in parameterization ntk is w_std w / sqrt(fan in), in standard w itself.
        self.assertFalse(numpy.any(suo["0/w"][[0, 2]]))
        numpy.testing.assert_allclose(numpy.linalg.norm(suo["0/w"][1, 0, 0] / numpy.sqrt(3)), numpy.sqrt(5), rtol=1e-13)
        effective = suo["3/w"] / numpy.sqrt(30)
        numpy.testing.assert_allclose(effective @ effective.T, 5 * numpy.eye(30), atol=1e-12)
        numpy.testing.assert_allclose(suo["5/w"].T @ suo["5/w"], 4 * numpy.eye(40), atol=1e-12)
        self.assertLess(numpy.abs(saved["lecun"]["3/w"]).max(), 2 / 0.8796)

    def test_the_same_bits_on_any_number_of_ranks_and_threads(self):
        for kind, more in (("empirical", []), ("monte_carlo", ["--set", "kernel.samples=7"])):
            for ranks, threads in ((1, 1), (2, 1), (3, 1), (1, 2)):
                self.run_job("kernel", "job.yaml", "--set", f"kernel.kind={kind}", *more, "--threads", threads,
                             "--output", f"{kind}.{ranks}.{threads}", ranks=ranks)
                first, second = (self.folder / f"{kind}.{which}/result.h5" for which in ("1.1", f"{ranks}.{threads}"))
                self.assertEqual(differences(first, second), [])
        one, mean = (datasets(self.folder / f"{kind}.1.1/result.h5")["train_train/nngp"] for kind in ("empirical", "monte_carlo"))
        self.assertNotEqual(one[0, 0], mean[0, 0])

    def test_another_init_is_another_job(self):
        self.run_job("kernel", "job.yaml")
        self.run_job("kernel", "job.run/job.yaml", "--output", "echoed")
        self.assertEqual(differences(self.folder / "job.run/result.h5", self.folder / "echoed/result.h5"), [])
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--set", "parameters.init=null", expect=BAD_INPUT)
        self.assertIn("parameters.init was suo, now not given", refused.stderr)
        self.assertIn("parameters, init suo;", self.run_job("inspect", "job.yaml").stdout)
        # A run from before there was a choice has no such key in its echo, and goes on where there is one.
        self.run_job("kernel", "job.yaml", "--output", "plain", "--set", "parameters.init=null")
        self.assertNotIn("init:", (self.folder / "plain/job.yaml").read_text())
        self.run_job("kernel", "job.yaml", "--output", "plain", "--set", "parameters.init=gaussian")
        self.assertEqual(self.report("plain")["tiles"]["computed"], 0)

    def test_training_starts_there(self):
        self.run_job("posterior", "job.yaml", "--set", "network.5.dense.out_dim=3", "--set", "dynamics.steps=[0, 5]")
        found = datasets(self.folder / "job.run/result.h5")
        self.assertTrue(numpy.isfinite(found["dynamics/train/network"]).all())
        self.assertLess(found["dynamics/train/network_loss"][1], found["dynamics/train/network_loss"][0])


class PerLocation(Folder):
    """Data lie flat, (rows, 6); their shape is (3, 2): three positions of two channels."""

    def setUp(self):
        super().setUp()
        with_zeros = self.write_data(change=lambda arrays: arrays["train/x"].__setitem__((7, slice(4, 6)), 0.0))
        self.rows = {part: with_zeros[f"{part}/x"].reshape(-1, 3, 2) for part in ("train", "test")}

    def write(self, scale, network, **sections):
        self.write_job(self.job(network=network, data={"shape": [3, 2], **({"scale": scale} if scale else {})}, **sections))

    def test_the_kernel_is_that_of_normalized_inputs(self):
        for mode, scale in (("one", 1.0), ("one", 2.5), ("avg_q", 1.0)):
            self.write({"per_location": {"homog_mode": mode, "homog_scale": scale}}, ["flatten", "dense"])
            output = f"{mode}.{scale}"
            self.run_job("kernel", "job.yaml", "--output", output, ranks=2)
            found = datasets(self.folder / output / "result.h5")
            train, test = (normalized(self.rows[part], mode, scale).reshape(-1, 9) for part in ("train", "test"))
            numpy.testing.assert_allclose(found["train_train/nngp"], train @ train.T / 9, rtol=1e-12, atol=1e-14)
            numpy.testing.assert_allclose(found["test_train/nngp"], test @ train.T / 9, rtol=1e-12, atol=1e-14)
            numpy.testing.assert_allclose(found["train_train/nngp"].diagonal(), 1, rtol=1e-13)  # q is 1

    def test_defaults_and_the_command_line(self):
        self.write(None, ["flatten", "dense"])
        for number, change in enumerate(("data.scale={per_location: {}}", "data.scale=per_location", "data.scale.per_location.homog_scale=1")):
            self.run_job("kernel", "job.yaml", "--set", change, "--output", "same")  # the same job each time
            self.assertEqual(self.report("same")["tiles"]["computed"] > 0, number == 0)
        self.run_job("kernel", "same/job.yaml", "--output", "echoed")
        self.assertEqual(differences(self.folder / "same/result.h5", self.folder / "echoed/result.h5"), [])
        self.assertIn("per_location: {homog_mode: one, homog_scale: 1}", (self.folder / "same/job.yaml").read_text())
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--output", "same", "--set", "data.scale.per_location.homog_mode=avg_q", expect=BAD_INPUT)
        self.assertIn("data.scale.per_location.homog_mode was one, now avg_q", refused.stderr)

    def test_the_network_has_one_channel_more(self):
        conv = [{"conv": {"out_chan": 4, "filter_shape": [1]}}, "tanh", "flatten", {"dense": {"out_dim": 3}}]
        self.write("per_location", conv, kernel={"kind": "empirical"}, parameters={"save": "p.h5"})
        self.assertRegex(self.run_job("inspect", "job.yaml").stdout, r"input +3 x 3")
        self.run_job("plan", "job.yaml")
        self.run_job("kernel", "job.yaml")
        with h5py.File(self.folder / "p.h5") as file:
            self.assertEqual(file["0/w"].shape, (1, 3, 4))
        self.run_job("shape", "job.yaml", "--output", "shaped", "--set", "kernel.kind=infinite", "--set", "parameters=null")
        self.assertIn("tanh", (self.folder / "shaped/shaped.yaml").read_text())
        unscaled = self.run_job("inspect", "job.yaml", "--set", "data.scale=none").stdout
        self.assertRegex(unscaled, r"input +3 x 2")

    def test_padding_stays_padding(self):
        """Zeros are padding, before normalization and behind it."""
        self.write("per_location", [{"conv": {"filter_shape": [1]}}, "relu", "global_avg_pool", "dense"])
        self.run_job("kernel", "job.yaml", "--set", "data.padding=0", "--output", "masked")
        self.run_job("kernel", "job.yaml", "--output", "whole")
        masked, whole = (datasets(self.folder / name / "result.h5")["train_train/nngp"] for name in ("masked", "whole"))
        # Of the row with padding two positions are left, and without weights in between the pool takes their mean.
        self.assertGreater(abs(masked[7, 7] - whole[7, 7]), 1e-3)
        numpy.testing.assert_allclose(numpy.delete(numpy.delete(masked, 7, 0), 7, 1), numpy.delete(numpy.delete(whole, 7, 0), 7, 1), rtol=1e-12)
        two = normalized(self.rows["train"][[7]][:, :2])[0]
        q = numpy.ones((2, 2)) * (two @ two.T) / 3
        angle = numpy.arccos(numpy.clip(q, -1, 1))
        relu = (numpy.sin(angle) + (numpy.pi - angle) * q) / (2 * numpy.pi)
        self.assertAlmostEqual(masked[7, 7], relu.mean(), places=12)

    def test_few_numbers_are_warned_of(self):
        self.write({"per_location": {"homog_mode": "avg_q"}}, ["flatten", "dense"])
        warning = self.run_job("kernel", "job.yaml").stderr
        self.assertIn("homog_mode avg_q takes one degree of freedom of the 6 numbers of each input of train/x", warning)
        self.write_data()  # without zeros
        warning = self.run_job("kernel", "job.yaml", "--output", "off", "--set", "data.scale.per_location.homog_mode=off").stderr
        self.assertIn("homog_mode off takes one degree of freedom of the 2 channels at each position of train/x", warning)
        self.assertNotIn("freedom", self.run_job("kernel", "job.yaml", "--output", "one", "--set", "data.scale=per_location").stderr)


if __name__ == "__main__":
    unittest.main()
