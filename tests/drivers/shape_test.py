"""infinitile shape: activations shaped by DKS and TAT, and the networks that come of it."""
import unittest

import h5py
import numpy

from program import Folder

DEEP = ["flatten", {"repeat": {"times": 30, "layers": [{"dense": {"w_std": 3.0}}, "tanh"]}}, "dense"]


class Shape(Folder):
    def setUp(self):
        super().setUp()
        self.write_data()
        self.write_job(self.job(network=DEEP, data={"scale": "unit_sphere"}))

    def test_shaped_networks_run_and_fulfil_their_conditions(self):
        for method, slope, curvature in (("dks", 1.5, None), ("tat", 1.0, 0.3)):
            self.run_job("shape", "job.yaml", "--output", method, "--set", f"shape.method={method}", ranks=2 if method == "tat" else None)
            with h5py.File(self.folder / method / "result.h5") as file:
                c, after, before = (file[f"shape/{name}"][()] for name in ("c", "network/c_after", "network/c_before"))
                solved = dict(file["shape/tanh"].attrs)
                self.assertAlmostEqual(file["shape/q"][20], 1)
                self.assertAlmostEqual(file["shape/network/q_after"][20], 1, places=9)
            self.assertTrue(all(abs(value) < 1e-10 for key, value in solved.items() if key.startswith("residual")), solved)
            # The slope of the C map of 30 layers at 1, by a difference; its error is half the curvature times the step.
            step = 1 - c[-2]
            bend = (30 * 0.01) if curvature else 0.9
            self.assertAlmostEqual((after[-1] - after[-2]) / step, slope, delta=bend * step)
            self.assertLess(before[-2], 0.5)  # nothing is left of a correlation of 0.975
            self.assertGreater(after[-2], 0.95)
            self.write_job(self.job(network={"file": f"{method}/shaped.yaml"}, data={"scale": "unit_sphere"}), name=f"{method}.yaml")
            self.run_job("kernel", f"{method}.yaml")
            with h5py.File(self.folder / f"{method}.run/result.h5") as file:
                kernel = file["train_train/nngp"][()]
            # The kernel is the C map of the inputs' correlations.
            x = h5py.File(self.folder / "data.h5")["train/x"][()]
            x /= numpy.linalg.norm(x, axis=1, keepdims=True)
            cosine = x @ x.T
            scaled = kernel / kernel[0, 0]
            self.assertLess(numpy.abs(scaled - numpy.interp(cosine, c, after)).max(), 2e-3)

    def test_what_cannot_be_shaped(self):
        for words, settings in (
            (["job.yaml", "sum", "not normalized", "0.707107"], ["network=[flatten, dense, {sum: [[], [dense]]}, tanh]"]),
            (["relu", "tat", "slope jumps"], ["network=[flatten, dense, relu]", "shape.method=tat"]),
            (["shape.c_slope_1_target", "0.5", "above 1"], ["shape.c_slope_1_target=0.5"]),
            (["c_slope_1_target", "40", "gelu reaches"], ["network=[flatten, dense, gelu]", "shape.c_slope_1_target=40"]),
            (["shape.method", "dkt", "dks"], ["shape.method=dkt"]),
        ):
            with self.subTest(words):
                self.expect_line(["shape", "job.yaml", *(part for each in settings for part in ("--set", each))], words)

    def test_kernels_are_not_replaced(self):
        self.run_job("kernel", "job.yaml")
        self.expect_line(["shape", "job.yaml"], ["job.run", "kernels", "--output"])


if __name__ == "__main__":
    unittest.main()
