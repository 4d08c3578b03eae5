"""infinitile shape: activations shaped by DKS and TAT, and the networks that come of it."""
import unittest

import h5py
import numpy
import yaml

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
                whole = file["shape/network"].attrs
                for name, value in (("q_val_1", 1), ("q_slope_1", 1), ("c_slope_1", slope), *((("c_curve_1", curvature),) if curvature else (("c_val_0", 0),))):
                    self.assertAlmostEqual(whole[f"{name}_after"], value, places=8)
                self.assertGreater(whole["c_slope_1_before"], 1e3)
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

    def test_subnetworks_written_by_hand(self):
        found = self.run_job("shape", "job.yaml", "--output", "graph")
        self.assertNotIn("shape.subnetworks", found.stdout)
        self.run_job("shape", "job.yaml", "--output", "chain", "--set", "shape.subnetworks={chain: 30}", ranks=2)
        self.assertEqual((self.folder / "graph/shaped.yaml").read_text(), (self.folder / "chain/shaped.yaml").read_text())
        # 31 maps where the graph has 30: each has a smaller slope, and of the graph the largest is its 30th power.
        more = self.run_job("shape", "job.yaml", "--output", "more", "--set", "shape.subnetworks={blocks: [{activations: 1, times: 30}], then: 1}")
        self.assertIn("shape.subnetworks", more.stdout)
        with h5py.File(self.folder / "more/result.h5") as file:
            self.assertAlmostEqual(file["shape"].attrs["achieved"], 1.5, places=10)
            self.assertAlmostEqual(file["shape"].attrs["achieved_in_graph"], 1.5 ** (30 / 31), places=10)
        self.assertEqual(yaml.safe_load((self.folder / "more/job.yaml").read_text())["shape"]["subnetworks"]["then"], 1)

    def test_what_cannot_be_shaped(self):
        for words, settings in (
            (["job.yaml", "sum", "not normalized", "0.707107"], ["network=[flatten, dense, {sum: [[], [dense]]}, tanh]"]),
            (["relu", "tat", "slope jumps"], ["network=[flatten, dense, relu]", "shape.method=tat"]),
            (["shape.c_slope_1_target", "0.5", "above 1"], ["shape.c_slope_1_target=0.5"]),
            (["c_slope_1_target", "40", "gelu reaches"], ["network=[flatten, dense, gelu]", "shape.c_slope_1_target=40"]),
            (["--set", "shape.subnetworks.blocks", "shortcut_weight", "from 0 to 1"], ["shape.subnetworks.blocks=[{activations: 2, shortcut_weight: 2}]"]),
            (["shape.method", "dkt", "dks"], ["shape.method=dkt"]),
        ):
            with self.subTest(words):
                self.expect_line(["shape", "job.yaml", *(part for each in settings for part in ("--set", each))], words)

    def test_a_network_of_an_onnx_file(self):
        (self.folder / "net.onnx").write_bytes(b"not read")
        self.write_job(self.job(network={"onnx": "net.onnx"}, kernel={"kind": "empirical"}, data={"scale": "unit_sphere"}), name="onnx.yaml")
        self.expect_line(["shape", "onnx.yaml"], ["network.onnx", "cannot be shaped", "layers"])

    def test_the_directory_of_another_job_is_refused_first(self):
        self.run_job("shape", "job.yaml", "--output", "taken")
        # A goal that cannot be met is found only by solving.
        self.expect_line(["shape", "job.yaml", "--output", "taken", "--set", "network=[flatten, dense, gelu]", "--set", "shape.c_slope_1_target=40"], ["taken", "another job"])

    def test_kernels_are_not_replaced(self):
        self.run_job("kernel", "job.yaml")
        self.expect_line(["shape", "job.yaml"], ["job.run", "kernels", "--output"])


if __name__ == "__main__":
    unittest.main()
