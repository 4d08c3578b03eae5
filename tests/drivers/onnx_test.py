"""Networks of ONNX files from the job file to the result: kernels that PyTorch computed, on 1 and 3 ranks, posterior, parameters, restart.
INFINITILE_ALL_CASES=1: all networks by all methods."""
import json
import os
import random
import shutil
import sys
import unittest

import h5py
import numpy

from onnx_file import model, node, port, tensor
from parameters_test import read_safetensors
from program import ROOT, Folder, datasets, differences
from restart_test import Disturbed

ALL_CASES = os.environ.get("INFINITILE_ALL_CASES")
GOLDEN = ROOT / "tests/reference/onnx.h5"
METHODS = ["auto", "jacobian_contraction", "ntk_vector_products", "structured_derivatives"]


class Onnx(Folder):
    def golden_job(self, name, parameters=None, **kernel):
        """The job of a golden network, network and data copied into the folder."""
        shutil.copy(ROOT / f"tests/reference/onnx/{name}.onnx", self.folder / "net.onnx")
        with h5py.File(GOLDEN) as golden, h5py.File(self.folder / "data.h5", "w") as data:
            case = golden[name]
            for part, number in (("train", 1), ("test", 2)):
                data[f"{part}/x"], data[f"{part}/y"] = case[f"x{number}"][()], case[f"y{number}"][()]
        job = {
            "data": {part: {"file": "data.h5", "x": f"{part}/x", "y": f"{part}/y"} for part in ("train", "test")},
            "network": {"onnx": "net.onnx"},
            "kernel": {"kind": "empirical", "tile": 2, **kernel},
        }
        self.write_job({**job, "parameters": parameters} if parameters else job)

    def check_golden(self, name, result, digits=1e-7):
        with h5py.File(GOLDEN) as golden, h5py.File(result) as found:
            for path in ("train_train/ntk", "test_train/ntk", "test_train/nngp"):
                known = golden[name][path][()]
                self.assertLessEqual(abs(found[path][()] - known).max(), digits * abs(known).max(), f"{name} {path}")

    def test_golden_networks_on_1_and_3_ranks(self):
        with h5py.File(GOLDEN) as golden:
            names = sorted(golden)
        for place, name in enumerate(names if ALL_CASES else ["mlp", "lenet", "resnet_recent", "vision", "tokens_layer"]):
            with self.subTest(name):
                for method in METHODS if ALL_CASES else [METHODS[place % len(METHODS)]]:
                    self.golden_job(name, method=method)
                    self.run_job("kernel", "job.yaml", "--output", f"{name}.{method}", ranks=3)
                    self.check_golden(name, self.folder / f"{name}.{method}/result.h5")
                self.run_job("kernel", "job.yaml", "--output", f"{name}.one")
                self.assertEqual(differences(self.folder / f"{name}.one/result.h5", self.folder / f"{name}.{method}/result.h5"), [])

    def test_posterior(self):
        self.golden_job("tokens", tile=3)
        self.run_job("posterior", "job.yaml", ranks=3)
        self.run_job("posterior", "job.yaml", "--output", "one")
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "job.run/result.h5"), [])
        found = datasets(self.folder / "one/result.h5")
        k = found["train_train/ntk"]
        ridge = 1e-4 * k.diagonal().mean() * numpy.eye(len(k))
        with h5py.File(GOLDEN) as golden:
            targets = golden["tokens/y1"][()]
        numpy.testing.assert_allclose(found["posterior/ntk/mean"], found["test_train/ntk"] @ numpy.linalg.solve(k + ridge, targets), rtol=1e-7)

    def test_inspect_lists_nodes_parameters_and_methods(self):
        with h5py.File(GOLDEN) as golden:
            for name in golden:
                with self.subTest(name):
                    words = self.run_job("inspect", str(ROOT / f"tests/reference/onnx/{name}.onnx")).stdout
                    attributes = golden[name].attrs
                    for parameter in json.loads(attributes["parameters"]):
                        self.assertRegex(words, rf"(?m) {parameter} +\d+  (structured|contraction)")
                    for statistics in json.loads(attributes["not_parameters"]):
                        self.assertRegex(words, rf"(?m)^constant: {statistics} \(running (mean|variance)\)$")
                    self.assertIn(f"{len(json.loads(attributes['parameters']))} parameters", words)
                    self.assertIn(f"opset {attributes['opset']}", words)
        self.golden_job("vision")
        self.assertIn("flops per pair of inputs in tiles of 2", self.run_job("inspect", "job.yaml").stdout)

    def small(self, **more):
        """y = x w: tangent kernel <x, x'> in each output, and <x, x'> + 1 with a bias."""
        chance = numpy.random.default_rng(3)
        self.w, self.b = chance.normal(size=(6, 3)).astype("float32"), chance.normal(size=3).astype("float64")
        parts = [tensor("w", self.w, more.pop("external", None)), tensor("b", self.b)]
        nodes = [node("Gemm", ["x", "w", "b"], ["y"], "last")]
        (self.folder / "net.onnx").write_bytes(model(nodes, parts, [port("x", ["n", 6])], [port("y", ["n", 3])]))
        x = self.write_data()["train/x"]
        self.write_job(self.job(network={"onnx": "net.onnx"}, kernel={"kind": "empirical"}, **more))
        return x

    def test_parameters_are_skipped_and_read_from_files(self):
        x = self.small()
        gram = x @ x.T
        self.run_job("kernel", "job.yaml")
        numpy.testing.assert_allclose(datasets(self.folder / "job.run/result.h5")["train_train/ntk"], gram + 1, rtol=1e-10, atol=1e-10)
        self.run_job("kernel", "job.yaml", "--output", "skipped", "--set", "parameters.skip=[b]")
        numpy.testing.assert_allclose(datasets(self.folder / "skipped/result.h5")["train_train/ntk"], gram, rtol=1e-10, atol=1e-10)
        with h5py.File(self.folder / "p.h5", "w") as file:
            file["other/w"], file["other/b"] = 2 * self.w, self.b
        self.run_job("kernel", "job.yaml", "--output", "read", "--set", "parameters={file: p.h5, group: other}")
        y = x @ (2 * self.w) + self.b
        numpy.testing.assert_allclose(datasets(self.folder / "read/result.h5")["train_train/nngp"], y @ y.T / 3, rtol=1e-10, atol=1e-10)
        self.run_job("kernel", "read/job.yaml", "--output", "echoed")
        self.assertEqual(differences(self.folder / "read/result.h5", self.folder / "echoed/result.h5"), [])

    def test_parameters_that_may_be_constants_are_told(self):
        """The two forms in which PyTorch notes buffers."""
        signatures = (
            "\n# inputs\np_w: PARAMETER target='w'\nb_pe: BUFFER target='pe' persistent=True\nx: USER_INPUT\n",
            "ExportGraphSignature(input_specs=[InputSpec(kind=<InputKind.PARAMETER: 2>, arg=TensorArgument(name='p_w'), target='w', "
            "persistent=None), InputSpec(kind=<InputKind.BUFFER: 3>, arg=TensorArgument(name='b_pe'), target='pe', persistent=True)])",
        )
        nodes = [node("Add", ["x", "pe"], ["0"]), node("MatMul", ["0", "w"], ["1"]), node("Mul", ["1", "val_3"], ["y"])]
        parts = [tensor(name, numpy.ones(shape, "float32")) for name, shape in (("w", (6, 3)), ("pe", 6), ("val_3", 1))]
        x = self.write_data()["train/x"]
        self.write_job(self.job(network={"onnx": "net.onnx"}, kernel={"kind": "empirical"}))
        for form, signature in enumerate(signatures):
            notes = {"pkg.torch.export.ExportedProgram.graph_signature": signature}
            (self.folder / "net.onnx").write_bytes(model(nodes, parts, [port("x", ["n", 6])], [port("y", ["n", 3])], notes=notes))
            told = self.run_job("kernel", "job.yaml", "--output", f"form.{form}").stderr
            said = [line for line in told.splitlines() if "skip" in line]
            self.assertEqual(len(said), 1)
            self.assertIn("net.onnx: parameters that may be constants", said[0])
            self.assertIn("skip: [pe, val_3]", said[0])
            self.assertIn("skip: [pe, val_3]", self.run_job("inspect", "net.onnx").stdout)
        for skip, constant in (("[]", False), ("[pe, val_3]", True)):
            self.assertNotIn("skip", self.run_job("kernel", "job.yaml", "--output", "told", "--set", f"parameters.skip={skip}").stderr)
            if constant:  # y = (x + 1) w
                x1 = x + 1
                numpy.testing.assert_allclose(datasets(self.folder / "told/result.h5")["train_train/ntk"], x1 @ x1.T, rtol=1e-10)
            shutil.rmtree(self.folder / "told")
        self.assertNotIn("skip", self.run_job("kernel", "job.yaml", "--set", "kernel.get=nngp", "--output", "outputs").stderr)

    def test_parameters_come_back_from_where_they_are_saved(self):
        chance = numpy.random.default_rng(4)
        arrays = {
            "/features/w": chance.normal(size=(4, 2, 3, 2)).astype("float32"),
            "b": chance.normal(size=4),
            "up.w": chance.normal(size=(4, 2, 2, 2)).astype("float16"),
            "scale": numpy.array(1.5, "float32"),
        }
        nodes = [
            node("Conv", ["x", "/features/w", "b"], ["0"]),
            node("Tanh", ["0"], ["1"]),
            node("ConvTranspose", ["1", "up.w"], ["2"]),
            node("Mul", ["2", "scale"], ["3"]),
            node("Flatten", ["3"], ["y"]),
        ]
        (self.folder / "net.onnx").write_bytes(
            model(nodes, [tensor(*each) for each in arrays.items()], [port("x", ["n", 2, 4, 3])], [port("y", ["n", 24])])
        )
        self.write_data(features=24)
        self.write_job(self.job(network={"onnx": "net.onnx"}, kernel={"kind": "empirical"}, data={"shape": [2, 4, 3]}))
        self.run_job("kernel", "job.yaml", "--output", "known", "--set", "parameters.save=p.h5", ranks=2)
        self.run_job("kernel", "job.yaml", "--output", "known", "--set", "parameters.save=p.safetensors")
        with h5py.File(self.folder / "p.h5") as file:
            saved = {name: file[name][()] for name in arrays}
        dotted = read_safetensors(self.folder / "p.safetensors")
        for name, array in arrays.items():
            for found in (saved[name], dotted[name.strip("/").replace("/", ".")]):
                self.assertEqual((found.shape, found.dtype), (array.shape, numpy.float64), name)
                numpy.testing.assert_array_equal(found, array)
        for file in ("p.h5", "p.safetensors"):
            self.run_job("kernel", "job.yaml", "--output", file + ".run", "--set", f"parameters.file={file}")
            self.assertEqual(differences(self.folder / "known/result.h5", self.folder / f"{file}.run/result.h5"), [], file)

    def test_golden_parameters_come_back(self):
        with h5py.File(GOLDEN) as golden:
            names = sorted(golden)
        for name in names if ALL_CASES else ["resnet_recent", "vision"]:
            self.golden_job(name)
            for file in ("p.h5", "p.safetensors"):
                with self.subTest(f"{name} {file}"):
                    self.run_job("kernel", "job.yaml", "--output", f"{name}.known", "--set", f"parameters.save={file}")
                    self.run_job("kernel", "job.yaml", "--output", f"{name}.{file}", "--set", f"parameters.file={file}")
                    self.assertEqual(differences(self.folder / f"{name}.known/result.h5", self.folder / f"{name}.{file}/result.h5"), [])

    def test_trained_parameters_are_saved(self):
        x = self.small(dynamics={"steps": [0, 1], "learning_rate": 0.5})
        self.run_job("posterior", "job.yaml", "--set", "dynamics.save=trained.h5")
        labels = numpy.arange(len(x)) % 3
        y = (labels[:, None] == numpy.arange(3)) - 1 / 3
        with h5py.File(self.folder / "trained.h5") as file:
            expected = self.w - 0.5 * x.T @ (x @ self.w + self.b - y) / y.size
            numpy.testing.assert_allclose(file["w"], expected, rtol=1e-10, atol=1e-12)

    def test_another_file_of_that_name_is_another_network(self):
        self.small()
        self.run_job("kernel", "job.yaml")
        self.run_job("kernel", "job.yaml", "--set", "network={onnx: ./net.onnx}")
        self.assertEqual(self.report("job.run")["tiles"]["computed"], 0)
        shutil.copy(ROOT / "tests/reference/onnx/mlp.onnx", self.folder / "net.onnx")
        refused = self.run_job("kernel", "job.yaml", expect=2).stderr
        self.assertIn("content of network", refused)

    def test_weights_in_a_file_beside_it(self):
        x = self.small(external=("weights.bin", 8))
        (self.folder / "weights.bin").write_bytes(bytes(8) + self.w.tobytes())
        self.run_job("kernel", "job.yaml", ranks=3)
        y = x @ self.w + self.b
        numpy.testing.assert_allclose(datasets(self.folder / "job.run/result.h5")["train_train/nngp"], y @ y.T / 3, rtol=1e-10, atol=1e-10)


class Restart(Disturbed):
    job_file = "job.yaml"

    def setUp(self):
        super().setUp()
        chance = numpy.random.default_rng(5)
        shape = {"a": (64, 400), "b": (400, 400), "c": (400, 400), "d": (400, 10)}
        weights = [tensor(name, (chance.normal(size=size) / 20).astype("float32")) for name, size in shape.items()]
        nodes = [node("MatMul", ["x", "a"], ["0"])]
        for place, name in enumerate("bcd"):
            nodes += [node("Relu", [str(place)], [f"{place}r"]), node("MatMul", [f"{place}r", name], [str(place + 1)])]
        (self.folder / "net.onnx").write_bytes(model(nodes, weights, [port("x", ["n", 64])], [port("3", ["n", 10])]))
        self.write_data(train=240, test=40, features=64)
        self.write_job(self.job(network={"onnx": "net.onnx"}, kernel={"kind": "empirical", "tile": 16}))

    def test_killed_goes_on(self):
        self.expect_the_same_after_a_kill(random.Random(2))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
