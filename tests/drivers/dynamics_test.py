"""Training of a finite network beside its linearization, against networks in numpy; ranks, signals, refusals."""
import os
import re
import shutil
import signal
import time
import unittest

import h5py
import numpy

from program import BAD_INPUT, NUMERICAL, Folder, datasets, differences, finish, ranks_of, start, wait_until

WIDTH, IN, OUT = 20, 6, 3
SHAPES = {"0/w": (IN, WIDTH), "0/b": (WIDTH,), "2/w": (WIDTH, OUT)}
W_STD, B_STD = 1.4, 0.1


def network(width=WIDTH, activation="tanh", last=OUT):
    return [{"dense": {"out_dim": width, "w_std": W_STD, "b_std": B_STD}}, activation, {"dense": {"out_dim": last}}]


class Plain:
    """y = tanh(x w0 a + b b_std) w2 / sqrt(width) in numpy, with its Jacobian and its expansion of order 2 written out by hand."""

    def __init__(self, parameters):
        self.w, self.b, self.v = (parameters[path] for path in SHAPES)

    def parts(self, x):
        scale = W_STD / numpy.sqrt(x.shape[1])
        h = numpy.tanh(x @ self.w * scale + self.b * B_STD)
        return scale, h, 1 - h**2

    def outputs(self, x):
        return self.parts(x)[1] @ self.v / numpy.sqrt(len(self.v))

    def jacobian(self, x):
        """(rows * outputs, parameters), in the order w, b, v."""
        scale, h, slope = self.parts(x)
        root, n = numpy.sqrt(len(self.v)), len(x)
        along = slope[:, :, None] * self.v[None] / root  # rows, hidden, outputs
        w = numpy.einsum("ni,nho->noih", x, along) * scale
        b = numpy.swapaxes(along, 1, 2) * B_STD
        v = numpy.einsum("nh,op->nohp", h, numpy.eye(self.v.shape[1])) / root
        return numpy.concatenate([each.reshape(n * self.v.shape[1], -1) for each in (w, b, v)], axis=1)

    def second(self, x, dw, db, dv):
        """Half the second derivative along a displacement."""
        scale, h, slope = self.parts(x)
        du = x @ dw * scale + db * B_STD
        return ((slope * du) @ dv - (h * slope * du**2) @ self.v) / numpy.sqrt(len(self.v))

    def moved(self, delta):
        cut = numpy.split(delta, numpy.cumsum([self.w.size, self.b.size]))
        return Plain(dict(zip(SHAPES, (a + d.reshape(a.shape) for a, d in zip((self.w, self.b, self.v), cut)))))


class Dynamics(Folder):
    def prepare(self, steps=(0, 1, 2, 7, 40), layers=None, rows=37, **dynamics):
        self.arrays = self.write_data(train=rows)
        self.write_job(
            self.job(
                network=layers or network(),
                kernel={"kind": "empirical", "tile": 8},
                dynamics={"steps": list(steps), **dynamics},
            )
        )

    def targets(self, name="train/y"):
        return numpy.eye(OUT)[self.arrays[name]] - 1 / OUT

    def test_against_networks_in_numpy(self):
        self.prepare(orders=[1, 2])
        printed = self.run_job("posterior", "job.yaml", "--set", "parameters.save=p.h5", "--set", "dynamics.save=trained.h5").stdout
        self.assertIn("gradient descent", printed)
        found = datasets(self.folder / "job.run/result.h5")
        with h5py.File(self.folder / "job.run/result.h5") as result, h5py.File(self.folder / "p.h5") as file:
            rate, largest = (result["dynamics"].attrs[name] for name in ("learning_rate", "largest_learning_rate"))
            begin = Plain({path: file[path][()] for path in SHAPES})
        x, z, y = self.arrays["train/x"], self.arrays["test/x"], self.targets()
        jacobian, test_jacobian, count = begin.jacobian(x), begin.jacobian(z), y.size
        theta = jacobian @ jacobian.T
        eigenvalues, vectors = numpy.linalg.eigh(theta)
        self.assertAlmostEqual(largest / (2 * count / eigenvalues[-1]), 1, delta=0.03)
        self.assertEqual(rate, largest / 2)
        now, done = begin, 0
        for place, steps in enumerate((0, 1, 2, 7, 40)):
            for _ in range(steps - done):
                now = now.moved(-rate * (now.outputs(x) - y).ravel() @ now.jacobian(x) / count)
            done = steps
            # The closed form of the linearization, by eigenvectors.
            grown = vectors @ numpy.diag((1 - (1 - rate * eigenvalues / count) ** steps) / eigenvalues) @ vectors.T @ (y - begin.outputs(x)).ravel()
            delta = numpy.concatenate([(a - b).ravel() for a, b in ((now.w, begin.w), (now.b, begin.b), (now.v, begin.v))])
            for name, inputs, own in (("train", x, jacobian), ("test", z, test_jacobian)):
                known = {
                    "network": now.outputs(inputs),
                    "linearized": begin.outputs(inputs) + (own @ jacobian.T @ grown).reshape(-1, OUT),
                    "order_1": begin.outputs(inputs) + (own @ delta).reshape(-1, OUT),
                }
                known["order_2"] = known["order_1"] + begin.second(inputs, now.w - begin.w, now.b - begin.b, now.v - begin.v)
                for kind, values in known.items():
                    numpy.testing.assert_allclose(found[f"dynamics/{name}/{kind}"][place], values, rtol=0, atol=1e-10, err_msg=f"{name} {kind} {steps}")
                    if kind != "network":
                        apart = numpy.sqrt(numpy.mean((values - known["network"]) ** 2))
                        self.assertAlmostEqual(found[f"dynamics/{name}/{kind}_distance"][place], apart, delta=1e-10)
            loss = ((now.outputs(x) - y) ** 2).sum() / (2 * count)
            self.assertAlmostEqual(found["dynamics/train/network_loss"][place], loss, delta=1e-10)
        numpy.testing.assert_array_equal(found["dynamics/steps"], [0, 1, 2, 7, 40])
        with h5py.File(self.folder / "trained.h5") as file:
            numpy.testing.assert_allclose(file["0/w"][()], now.w, atol=1e-10)

    def test_the_same_bits_on_any_number_of_ranks(self):
        self.prepare(steps=[3, 20], rows=300)  # five pieces of at most 64
        self.run_job("posterior", "job.yaml")
        for ranks in (2, 3):
            self.run_job("posterior", "job.yaml", "--output", f"{ranks}", ranks=ranks)
            self.assertEqual(differences(self.folder / "job.run/result.h5", self.folder / f"{ranks}/result.h5"), [])

    def test_a_network_that_is_linear_in_its_parameters_is_its_linearization(self):
        self.prepare(steps=[0, 50], layers=[{"dense": {"out_dim": OUT, "b_std": 0.5}}], orders=[])
        self.run_job("posterior", "job.yaml")
        found = datasets(self.folder / "job.run/result.h5")
        for place in ("train", "test"):
            numpy.testing.assert_allclose(found[f"dynamics/{place}/network"], found[f"dynamics/{place}/linearized"], rtol=0, atol=1e-12)
        self.assertNotIn("dynamics/train/order_1", found)

    def test_the_largest_learning_rate_is_that_of_outputs_that_move_apart(self):
        """y = w v x with w = 0.1, v = (1, -1) and x = 1: the largest eigenvalue of n inputs is (w² + v²) n, of two outputs that differ in sign."""
        rows = 5
        with h5py.File(self.folder / "data.h5", "w") as file:
            file["x"], file["y"] = numpy.ones((rows, 1)), numpy.zeros((rows, 2))
            file["params/0/w"], file["params/1/w"] = numpy.full((1, 1), 0.1), numpy.array([[1.0, -1.0]])
        data = {part: {"file": "data.h5"} for part in ("train", "test")}
        layers = [{"dense": {"out_dim": 1}}, {"dense": {"out_dim": 2}}]
        parameters = {"file": "data.h5", "group": "params"}
        self.write_job(self.job(data=data, network=layers, kernel={"kind": "empirical"}, parameters=parameters, dynamics={"steps": [1]}))
        self.run_job("posterior", "job.yaml")
        with h5py.File(self.folder / "job.run/result.h5") as file:
            self.assertAlmostEqual(file["dynamics"].attrs["largest_learning_rate"], 2 * 2 * rows / (2.01 * rows), delta=0.01)

    def test_wider_networks_stay_closer_to_their_linearization(self):
        """The distance falls as 1 / sqrt(width): 64 times wider, 8 times closer, up to chance."""
        self.prepare()
        distance = []
        for width in (16, 1024):
            self.write_job(
                self.job(network=network(width), kernel={"kind": "empirical", "tile": 8}, dynamics={"steps": [60], "learning_rate": 0.5})
            )
            self.run_job("posterior", "job.yaml", "--output", f"{width}")
            distance.append(datasets(self.folder / f"{width}/result.h5")["dynamics/test/linearized_distance"][0])
        self.assertLess(distance[1], distance[0] / 4)

    def test_expansions_of_higher_order_are_closer(self):
        self.prepare(steps=[10], orders=[1, 2, 3, 4], learning_rate=0.2)
        self.run_job("posterior", "job.yaml")
        found = datasets(self.folder / "job.run/result.h5")
        distances = [found[f"dynamics/test/order_{k}_distance"][0] for k in (1, 2, 3, 4)]
        for before, after in zip(distances, distances[1:]):
            self.assertLess(after, before / 2)

    def test_a_signal_stops_it_and_it_goes_on_with_the_same_bits(self):
        """Whole on one rank; stopped on two and gone on with three. What was stopped serves no other training."""
        steps = ["--set", "dynamics.steps=[0, 20, 4000]"]
        self.prepare(steps=[1], rows=100)
        self.run_job("posterior", "job.yaml", "--output", "whole", *steps)
        self.run_job("kernel", "job.yaml", "--output", "broken", ranks=2)
        running = start("posterior", "job.yaml", "--output", "broken", *steps, ranks=2, cwd=self.folder)
        log = self.folder / "broken/log.txt"
        wait_until(lambda: "training to step" in log.read_text())
        time.sleep(0.3)
        for rank in ranks_of(running):
            os.kill(rank, signal.SIGTERM)
        code, errors = finish(running)
        self.assertIn("stopped by SIGTERM", errors)
        self.assertTrue((self.folder / "broken/training.h5").exists())
        shutil.copytree(self.folder / "broken", self.folder / "other")
        gone_on = self.run_job("posterior", "job.yaml", "--output", "broken", *steps, ranks=3)
        self.assertRegex(gone_on.stderr, "training goes on from step [1-9]")
        reached = int(re.search(r"goes on from step (\d+)", gone_on.stderr)[1])
        self.assertEqual(differences(self.folder / "whole/result.h5", self.folder / "broken/result.h5"), [])
        self.assertFalse((self.folder / "broken/training.h5").exists())

        earlier = ["--set", f"dynamics.steps={sorted({0, min(20, reached - 1)})}"]
        self.run_job("posterior", "job.yaml", "--output", "short", *earlier)
        state = bytearray((self.folder / "other/training.h5").read_bytes())
        for damaged in (False, True):
            state[-100] ^= damaged
            (self.folder / "other/training.h5").write_bytes(state)
            fresh = self.run_job("posterior", "job.yaml", "--output", "other", *earlier)
            self.assertNotIn("goes on", fresh.stderr)
            self.assertEqual(damaged, "training.h5 is damaged" in fresh.stderr)
        found, expected = (datasets(self.folder / name / "result.h5")["dynamics/test/network"] for name in ("other", "short"))
        numpy.testing.assert_array_equal(found, expected)

    def test_what_cannot_be_is_told(self):
        self.prepare()

        def expect(code, words, *changes):
            options = [option for each in changes for option in ("--set", each)]
            refused = self.run_job("posterior", "job.yaml", "--quiet", "--output", "bad", *options, expect=code)
            self.assertEqual(len(refused.stderr.splitlines()), 1, refused.stderr)
            for word in words:
                self.assertIn(word, refused.stderr)
            if code == BAD_INPUT:
                self.assertFalse((self.folder / "bad").exists())

        expect(BAD_INPUT, ["dynamics.steps", "growing whole numbers"], "dynamics.steps=[3, 3]")
        expect(BAD_INPUT, ["dynamics.orders", "1 to 31"], "dynamics.orders=[1, 32]")
        expect(BAD_INPUT, ["dynamics.learning_rate", "above 0"], "dynamics.learning_rate=0")
        expect(BAD_INPUT, ["dynamics.steps", "kernel.kind is infinite"], "kernel.kind=infinite")
        expect(BAD_INPUT, ["dynamics", "4 outputs", "3 targets"], "network.2.dense.out_dim=4")
        expect(NUMERICAL, ["learning rate 1000000", "dynamics.learning_rate"], "dynamics.learning_rate=1e6", "dynamics.steps=[500]")


if __name__ == "__main__":
    unittest.main()
