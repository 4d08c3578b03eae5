"""ONNX files and jobs with them that are wrong: one line that says where, what and what to try, exit code 2, nothing written."""
import sys
import unittest

import h5py
import numpy

from onnx_file import INT64, field, model, node, port, tensor
from program import BAD_INPUT, ROOT, Folder

GOLDEN = ROOT / "tests/reference/onnx"
X, Y = port("x", ["n", 6]), port("y", ["n", 3])


def floats(*shape):
    return numpy.random.default_rng(1).normal(size=shape).astype("float32")


class BadOnnx(Folder):
    def setUp(self):
        super().setUp()
        self.write_data()

    def refuse(self, words, *arguments, parameters=None, data=None, ranks=1, **kernel):
        """Exit code 2, one line on stderr that has the words, nothing written."""
        self.write_job(
            self.job(network={"onnx": "net.onnx"}, kernel={"kind": "empirical", **kernel}, parameters=parameters or {}, **({"data": data} if data else {}))
        )
        before = self.files()
        done = self.run_job("kernel", "job.yaml", "--quiet", *arguments, expect=BAD_INPUT, ranks=ranks)
        lines = [line for line in done.stderr.splitlines() if line.startswith("infinitile: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(self.files(), before)
        self.assertNotIn("\t", lines[0])
        return lines[0]

    def write(self, bytes_of_file):
        (self.folder / "net.onnx").write_bytes(bytes_of_file)

    def graph(self, nodes, initializers=(), inputs=(X,), outputs=(Y,), **more):
        self.write(model(nodes, initializers, inputs, outputs, **more))

    def test_files_that_are_none(self):
        self.refuse(["there is no ONNX file", "net.onnx", "network.onnx"])
        self.write(b"")
        self.refuse(["net.onnx is empty"])
        self.write(b"PK\x03\x04 this is a zip file of PyTorch" * 30)
        self.refuse(["net.onnx", "cut short or damaged, or no ONNX file"])
        whole = (GOLDEN / "mlp.onnx").read_bytes()
        self.write(whole[: len(whole) // 2])
        self.refuse(["net.onnx", "cut short"], ranks=2)
        self.write(field(1, 8))
        self.refuse(["net.onnx", "no graph"])

    def test_operator_sets(self):
        for opset, word in ((9, "9"), (77, "77")):
            self.graph([node("Relu", ["x"], ["y"])], opset=opset)
            self.refuse(["net.onnx", f"(opset) {word}", "from 11 to 24", "opset_version"])

    def test_operators(self):
        self.graph([node("Relu", ["x"], ["0"]), node("GridSample", ["0", "0"], ["y"], "warp")], opset=16)
        self.refuse(["node 1 (GridSample warp)", "opset 16", "not supported"])
        self.graph([node("FusedMatMul", ["x", "x"], ["y"], domain="com.microsoft")])
        self.refuse(["node 0 (com.microsoft.FusedMatMul)", "not supported"])
        self.graph([node("Dropout", ["x", "", "t"], ["y"])], [tensor("t", numpy.array(True))])
        self.refuse(["node 0 (Dropout)", "net.eval()"])

    def test_shapes(self):
        self.graph([node("Gemm", ["x", "w"], ["y"], "last")], [tensor("w", floats(5, 3))])
        self.refuse(["node 0 (Gemm last)", "(1, 6) and (5, 3)", "6 and 5"])
        self.graph([node("Add", ["x", "b"], ["y"])], [tensor("b", floats(4))])
        self.refuse(["node 0 (Add)", "(1, 6) and (4)"])
        self.graph([node("Reshape", ["x", "s"], ["y"])], [tensor("s", numpy.array([-1, 4]))])
        self.refuse(["node 0 (Reshape)", "(1, 6)"])
        self.graph([node("Softmax", ["x"], ["y"], axis=2)])
        self.refuse(["node 0 (Softmax)", "axis 2", "2 axes"])
        self.graph([node("Conv", ["x", "w"], ["y"])], [tensor("w", floats(4, 3, 3, 3))])
        self.refuse(["node 0 (Conv)", "batch, channels and positions"])
        self.graph([node("Relu", ["gone"], ["y"])])
        self.refuse(["node 0 (Relu)", "reads gone", "damaged"])
        self.graph([node("Relu", ["x"], ["z"])])
        self.refuse(["output y", "made by no node"])
        broken = tensor("w", floats(6, 3)).replace(field(1, 3), field(1, 4), 1)
        self.graph([node("MatMul", ["x", "w"], ["y"])], [broken])
        self.refuse(["initializer w", "bytes"])

    def test_sizes_that_are_none(self):
        """Two sizes below 0 have a product that fits, and so have two that are beyond all numbers."""
        for three, six in ((-3, -6), (2**32, 2**32)):
            weights = floats(6, 3) if three < 0 else floats(0)
            broken = field(1, six) + field(1, three) + field(2, 1) + field(8, "w") + field(9, weights.tobytes())
            self.graph([node("MatMul", ["x", "w"], ["y"])], [broken])
            self.refuse(["initializer w", "size", "damaged"])
        self.graph([node("Pad", ["x", "pads", "", "axes"], ["y"])], [tensor("pads", numpy.array([1, 1])), tensor("axes", numpy.array([0, 1]))], opset=18)
        self.refuse(["node 0 (Pad)", "2 pads for 2 axes"])
        self.graph([node("Split", ["x", "parts"], ["y", "z"], axis=1)], [tensor("parts", numpy.array([8, -2]))])
        self.refuse(["node 0 (Split)", "(8, -2)"])
        self.graph([node("ConstantOfShape", ["s"], ["c"]), node("Add", ["x", "c"], ["y"])], [tensor("s", numpy.array([-2]))])
        self.refuse(["node 0 (ConstantOfShape)", "(-2)"])

    def test_samples_that_would_mix(self):
        three = tensor("three", numpy.array([3, -1]))
        self.graph([node("ReduceMean", ["x"], ["m"], "mean", axes=[0], keepdims=1), node("Sub", ["x", "m"], ["y"])], opset=13)
        self.refuse(["node 0 (ReduceMean mean)", "axis 0, along which the samples lie", "batch of exactly 1"])
        self.graph([node("Softmax", ["x"], ["y"], axis=0)])
        self.refuse(["node 0 (Softmax)", "axis 0", "mix"])
        self.graph([node("Reshape", ["x", "three"], ["y"])], [three])
        self.refuse(["node 0 (Reshape)", "mix"])
        self.graph([node("Transpose", ["x"], ["t"], perm=[1, 0]), node("MatMul", ["x", "t"], ["y"], "gram")])
        self.refuse(["node 1 (MatMul gram)", "mix"])
        self.graph([node("Add", ["x", "w"], ["y"])], [tensor("w", floats(4, 6))])
        self.refuse(["node 0 (Add)", "4 constants against the samples"])

    def test_batches_and_free_axes(self):
        self.graph([node("Relu", ["x"], ["y"])], inputs=[port("x", [4, 6])])
        self.refuse(["input x", "(4, 6)", "exactly 4 samples", "dynamic_axes"])
        self.graph([node("Relu", ["x"], ["y"])], inputs=[port("x", ["n", 2, 3])])
        self.refuse(["input x", "(?, 2, 3)", "(6)", "data.shape"])
        self.run_job("kernel", "job.yaml", "--set", "data.shape=[2, 3]", "--set", "kernel.trace_axes=[1, 2]")
        self.graph([node("Relu", ["x"], ["y"])], inputs=[port("x", ["n", "length"])])
        words = self.run_job("inspect", "net.onnx", expect=BAD_INPUT).stderr
        self.assertIn("(?, ?), whose axis 1 has no fixed size", words)
        self.assertIn("6", self.run_job("inspect", "net.onnx", "--shape", "[6]").stdout)

    def test_outputs(self):
        self.graph([node("Relu", ["x"], ["y"]), node("Exp", ["x"], ["z"])], outputs=[Y, port("z", ["n", 6])])
        self.refuse(["2 outputs (y and z)", "kernel.output", "from 0 to 1"])
        self.refuse(["kernel.output is 2", "2 outputs"], output=2)
        self.run_job("kernel", "job.yaml", "--set", "kernel.output=1")
        self.graph([node("Identity", ["w"], ["y"])], [tensor("w", floats(6))])
        self.refuse(["output y", "does not depend on the input"])

    def test_data(self):
        tokens = [node("Gather", ["w", "x"], ["e"]), node("ReduceSum", ["e"], ["y"], axes=[1], keepdims=0)]
        self.graph(tokens, [tensor("w", floats(9, 4))], [port("x", ["n", 6], INT64)], opset=11)
        self.refuse(["train/x of", "row 0", "takes integers"])
        with h5py.File(self.folder / "data.h5", "w") as file:
            file["x"] = numpy.full((5, 6), 3)
            file["z"] = numpy.where(numpy.arange(30).reshape(5, 6) == 20, 9, 1)
        self.refuse(["z of", "has 9 at row 3, number 2", "9 entries, from 0 to 8"], data={"train": {"file": "data.h5", "x": "z"}, "test": None})
        self.refuse(["has 1 inputs, and the data have 2"], data={"train": {"file": "data.h5", "x": ["x", "z"]}, "test": None})

    def test_places_of_external_data(self):
        nodes = [node("MatMul", ["x", "w"], ["y"])]
        (self.folder / "weights.bin").write_bytes(bytes(200))
        for offset in ("abc", "-5", "0x10", "12abc", "1e3"):
            self.graph(nodes, [tensor("w", floats(6, 3), ("weights.bin", offset))])
            self.refuse(["net.onnx", "initializer w", f'offset "{offset}"', "a number of bytes is needed"])
        for place in (str(self.folder / "weights.bin"), "../weights.bin"):
            self.graph(nodes, [tensor("w", floats(6, 3), (place, 0))])
            self.refuse(["net.onnx", place, "not a path below its own folder"])

    def test_what_inspect_cannot_change(self):
        outputs = [Y, port("z", ["n", 3])]
        self.graph([node("MatMul", ["x", "w"], ["y"]), node("Relu", ["y"], ["z"])], [tensor("w", floats(6, 3))], outputs=outputs)
        said = self.run_job("inspect", "net.onnx", "--set", "parameters.skip=[w]", expect=BAD_INPUT).stderr
        self.assertIn("--set changes keys of a job, and net.onnx is none", said)
        self.assertIn("output 0 of 2", self.run_job("inspect", "net.onnx").stdout)

    def test_sizes_without_bounds(self):
        self.graph([node("Relu", ["x"], ["y"])], inputs=[port("x", ["n", 1 << 40])])
        self.assertIn("numbers for each sample", self.run_job("inspect", "net.onnx", expect=BAD_INPUT).stderr)

    def test_external_data(self):
        self.graph([node("MatMul", ["x", "w"], ["y"])], [tensor("w", floats(6, 3), ("weights.bin", 0))])
        self.refuse(["weights.bin", "not beside it", "external_data=False"])
        (self.folder / "weights.bin").write_bytes(bytes(10))
        self.refuse(["initializer w", "weights.bin", "10 bytes"])

    def test_keys(self):
        self.graph([node("Gemm", ["x", "weight", "bias"], ["y"])], [tensor("weight", floats(6, 3)), tensor("bias", floats(3))])
        self.refuse(["kernel.kind is infinite", "Set kernel.kind to empirical"], kind="infinite")
        self.refuse(["parameters.skip names wieght", 'Did you mean "weight"?'], parameters={"skip": ["wieght"]})
        self.refuse(["parameters.seed", "stand in its file"], parameters={"seed": 3})
        self.refuse(["parameters.init", "stand in its file"], parameters={"init": "suo"})
        self.refuse(["data.scale", "order of its own"], "--set", "data.scale={per_location: {}}")
        self.refuse(["data.padding", "without masks"], "--set", "data.padding=0")
        self.refuse(["network", "stand alone"], "--set", "network.layers=[relu]")
        with h5py.File(self.folder / "p.h5", "w") as file:
            file["weight"], file["bias"] = floats(3, 6), floats(3)
        self.refuse(["weight of", "(3, 6)", "(6, 3)"], parameters={"file": "p.h5"})
        self.write_job(self.job(parameters={"skip": ["b"]}, kernel={"kind": "empirical"}, network=[{"dense": {"out_dim": 2}}]))
        self.assertIn("parameters.skip", self.run_job("kernel", "job.yaml", expect=BAD_INPUT).stderr)

    def test_numbers_that_are_not_finite(self):
        nodes = [node("MatMul", ["x", "w"], ["0"]), node("Add", ["0", "b"], ["y"])]
        for value, shown in ((numpy.nan, "nan"), (numpy.inf, "inf"), (-numpy.inf, "-inf")):
            weights = floats(6, 3)
            weights[2, 1] = value
            self.graph(nodes, [tensor("w", weights), tensor("b", floats(3))])
            self.refuse(["net.onnx", "initializer w", "number 7", f"is {shown};"])
            self.assertIn("number 7", self.run_job("inspect", "net.onnx", expect=BAD_INPUT).stderr)
            self.assertIn("number 7", self.run_job("posterior", "job.yaml", "--quiet", expect=BAD_INPUT).stderr)
        for value in (numpy.nan, numpy.inf):
            self.graph(nodes, [tensor("w", floats(6, 3)), tensor("b", numpy.array([0, value, 0], "float32"))])
            self.refuse(["net.onnx", "initializer b", "number 1"])
        self.graph([*nodes[:1], node("Add", ["0", "b"], ["1"]), node("Softmax", ["1"], ["y"], axis=1)],
                   [tensor("w", floats(6, 3)), tensor("b", numpy.array([0, -numpy.inf, 0], "float32"))])
        self.run_job("kernel", "job.yaml")  # hidden by a mask

    def test_what_inspect_says_of_names_and_parameters(self):
        nodes = [node("MatMul", ["x", "w\n\x1b[31m"], ["y"])]
        self.graph(nodes, [tensor("w\n\x1b[31m", floats(6, 3))])
        said = self.run_job("inspect", "net.onnx").stdout
        self.assertNotIn("\x1b", said)
        self.assertIn("w  [31m", said)
        self.assertIn("\n1 parameter with 18 numbers: all float initializers\n", said)

    def test_no_parameter_left(self):
        self.graph([node("MatMul", ["x", "w"], ["y"])], [tensor("w", floats(6, 3))])
        self.refuse(["job.yaml", "parameters.skip leaves no parameter of net.onnx", "kernel.get"], parameters={"skip": ["w"]})
        self.run_job("kernel", "job.yaml", "--set", "kernel.get=[nngp]")

    def test_files_that_parameters_cannot_be_saved_to(self):
        self.graph(
            [node("MatMul", ["x", "a"], ["0"]), node("Add", ["0", "a/b"], ["1"]), node("Add", ["1", "/a//b"], ["2"]), node("Add", ["2", "a.b"], ["y"])],
            [tensor(name, floats(*shape)) for name, shape in (("a", (6, 3)), ("a/b", (3,)), ("/a//b", (3,)), ("a.b", (3,)))],
        )
        for skip, file, words in (
            (["a.b"], "p.h5", ["a/b and /a//b would both be a/b"]),
            (["/a//b"], "p.h5", ["no place for the initializer a/b below a", ".safetensors"]),
            (["/a//b"], "p.safetensors", ["a/b and a.b would both be a.b", "HDF5"]),
        ):
            self.refuse(["parameters.save is", *words], parameters={"save": file, "skip": skip})
            self.refuse(["parameters.save is", *words], parameters={"save": file, "skip": skip}, ranks=2)
        self.write_job(self.job(network={"onnx": "net.onnx"}, kernel={"kind": "empirical"}, parameters={"skip": ["/a//b", "a"]}))
        self.run_job("kernel", "job.yaml", "--set", "parameters.save=p.h5")

    def test_names_that_files_keep(self):
        for name, files in ((".", ("p.h5",)), ("..", ("p.h5", "p.safetensors")), ("a/../b", ("p.h5",)), ("__metadata__", ("p.safetensors",))):
            self.graph([node("MatMul", ["x", name], ["y"])], [tensor(name, floats(6, 3))])
            for file in files:
                self.refuse(["parameters.save is", f"the initializer {name} ", "keep for themselves"], parameters={"save": file})

    def test_files_of_the_network_are_not_replaced(self):
        self.graph([node("MatMul", ["x", "w"], ["y"])], [tensor("w", floats(6, 3), ("weights.bin", 0))])
        (self.folder / "weights.bin").write_bytes(floats(6, 3).tobytes())
        self.refuse(["parameters.save is", "weights.bin", "numbers in that file"], parameters={"save": "weights.bin"})
        self.refuse(["parameters.save is", "the job reads that file"], parameters={"save": "net.onnx"})


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
