"""Whatever is wrong with the input gives exit code 2, one line that names what and where, and leaves nothing behind."""
import sys
import unittest

import h5py
import numpy

from program import BAD_INPUT, DONE, NUMERICAL, Folder, contains_word


def put(path, value):
    """A change of the data: the array at `path` becomes `value(array)`."""

    def change(arrays):
        arrays[path] = value(arrays[path])

    return change


def entry(path, place, value):
    """A change of the data: one entry of an array of floats."""

    def change(arrays):
        arrays[path] = arrays[path].astype(float)
        arrays[path][place] = value

    return change


def drop(path):
    return lambda arrays: arrays.pop(path)


def train_only_class_2(arrays):
    arrays["test/y"] = arrays["test/y"] + 3


def no_rows(part):
    def change(arrays):
        for name in ("x", "y"):
            arrays[f"{part}/{name}"] = arrays[f"{part}/{name}"][:0]

    return change


# What is wrong, how the data change, and the words that the line must have.
DATA = [
    ("dataset absent", drop("train/x"), ["train/x", "data.h5"]),
    ("labels absent where they are named", drop("train/y"), ["train/y", "data.h5"]),
    ("x has no columns", put("train/x", lambda x: x[0, 0]), ["train/x", "data.h5"]),
    ("y of rank 3", put("train/y", lambda y: y[:, None, None]), ["train/y", "data.h5"]),
    ("x and y of different length", put("train/y", lambda y: y[:-1]), ["train/y", "37", "36"]),
    ("test x and y of different length", put("test/y", lambda y: y[:-1]), ["test/y", "11", "10"]),
    ("NaN in x", entry("train/x", (5, 3), numpy.nan), ["train/x", "5", "3"]),
    ("infinity in test x", entry("test/x", (4, 1), numpy.inf), ["test/x", "4", "1"]),
    ("NaN in y", lambda a: a.update({"train/y": numpy.where(numpy.arange(37) == 9, numpy.nan, 0.5)}), ["train/y", "9"]),
    ("negative label", put("train/y", lambda y: y - 1), ["train/y", "-1"]),
    ("more classes than rows", put("train/y", lambda y: y + 900), ["train/y", "902", "37"]),
    ("test label beyond the classes of train", train_only_class_2, ["test/y", "3"]),
    ("no rows to train on", no_rows("train"), ["train/x", "0"]),
    ("no rows to test on", no_rows("test"), ["test/x", "0"]),
    ("test inputs of another width", put("test/x", lambda x: x[:, :-1]), ["test/x", "5", "6"]),
    ("text instead of numbers", lambda a: a.update({"train/x": numpy.array([[b"a"] * 6] * 37)}), ["train/x", "data.h5"]),
]

# What is wrong, how the job changes (of Folder.job), and the words that the line must have.
JOB = [
    ("missing file", {"data": {"train": {"file": "nowhere.h5"}}}, ["nowhere.h5"]),
    ("wrong shape", {"data": {"shape": [2, 2]}}, ["6", "2"]),
    ("unknown key", {"kernal": {}}, ["kernal", "kernel", "job.yaml"]),
    ("unknown key in a section", {"kernel": {"precison": "float32"}}, ["precison", "precision", "job.yaml"]),
    ("unknown layer", {"network": ["dense", "rellu", "dense"]}, ["rellu", "relu", "job.yaml"]),
    ("unknown key of a layer", {"network": [{"dense": {"wstd": 1}}]}, ["wstd", "w_std", "job.yaml"]),
    ("activation after activation", {"network": ["dense", "relu", "relu", "dense"]}, ["relu", "dense", "job.yaml"]),
    ("tile 0", {"kernel": {"tile": 0}}, ["tile", "0"]),
    ("negative tile", {"kernel": {"tile": -8}}, ["tile", "-8"]),
    ("a tile beyond integers", {"kernel": {"tile": 2147483648}}, ["tile", "2147483648", "2147483647"]),
    ("tile that is no number", {"kernel": {"tile": "large"}}, ["tile", "large"]),
    ("unknown precision", {"kernel": {"precision": "float16"}}, ["precision", "float16", "float32"]),
    ("unknown kernel", {"kernel": {"get": ["nngpp"]}}, ["nngpp", "nngp"]),
    ("a kind that is not there", {"kernel": {"kind": "finite"}}, ["kind", "finite", "infinite"]),
    ("negative ridge", {"posterior": {"diag_reg": -1}}, ["diag_reg", "-1"]),
    ("posterior of a kernel that is not computed", {"kernel": {"get": ["nngp"]}, "posterior": {"get": ["ntk"]}}, ["ntk", "kernel.get"]),
    ("full covariance of a diagonal block", {"posterior": {"covariance": "full"}}, ["covariance", "test_test"]),
    ("no network", {"network": None}, ["network"]),
    ("no data", {"data": None}, ["data"]),
    ("layer_norm over the batch", {"network": ["dense", {"layer_norm": {"axis": 0}}, "relu", "dense"]}, ["layer_norm"]),
    ("a negative w_std", {"network": [{"dense": {"w_std": -1}}]}, ["w_std", "-1"]),
]

# What is wrong, the network on inputs of shape (3, 2), and the words that the line must have: the layer, the shapes, what to do.
LAYERS = [
    ("a filter larger than the image", ["dense", {"conv": {"filter_shape": [4]}}], ["1", "conv", "4", "(3, ?)", "VALID", "SAME"]),
    ("a filter larger than the image, transposed strides", [{"conv_local": {"filter_shape": [5], "strides": [2]}}], ["0", "conv_local", "5", "(3, 2)"]),
    ("a filter of too many axes", [{"conv": {"filter_shape": [2, 2]}}], ["conv", "filter_shape", "2", "(3, 2)", "1"]),
    ("a pool that leaves nothing", ["dense", {"avg_pool": {"window_shape": [2], "strides": [2]}}, {"sum_pool": {"window_shape": [2]}}],
     ["2", "sum_pool", "window_shape", "(1, ?)", "VALID"]),
    ("attention to a wrong axis", [{"global_self_attention": {"channel_axis": 1}}, "flatten"], ["global_self_attention", "channel_axis", "1", "-1", "3"]),
    ("attention without positions", ["flatten", "global_self_attention"], ["1", "global_self_attention", "(6)", "positions"]),
    ("attention that is random at infinite width", [{"global_self_attention": {"linear_scaling": False}}, "flatten"],
     ["0", "global_self_attention", "linear_scaling", "SOFTMAX", "IDENTITY", "infinite width"]),
    ("a resize of the channels", ["dense", {"image_resize": {"shape": [-1, 6, 4], "method": "linear"}}], ["1", "image_resize", "4", "channels", "-1"]),
    ("a resize of too few axes", [{"image_resize": {"shape": [6], "method": "linear"}}], ["image_resize", "1", "3", "(3, 2)"]),
    ("an index out of range", ["dense", {"index": {"idx": [":", 3, ":"]}}], ["1", "index", "3", "(3, ?)", "2"]),
    ("an index that leaves nothing", [{"index": {"idx": [":", "2:1"]}}], ["index", "2:1", "(3, 2)"]),
    ("an activation after an activation", [{"conv": {"filter_shape": [2]}}, "relu", "relu", "flatten"], ["2", "relu", "1", "Gaussian", "dense"]),
    ("an activation of the data", ["relu", "flatten"], ["0", "relu", "input", "Gaussian"]),
    ("a network that ends with positions", [{"conv": {"filter_shape": [2]}}], ["0", "conv", "2", "flatten", "global_avg_pool"]),
    ("a graph that is not given", ["dense", "aggregate", "flatten"], ["1", "aggregate", "data.train.pattern"]),
    ("a graph of channels", [{"aggregate": {"aggregate_axis": 2}}, "flatten"], ["0", "aggregate", "aggregate_axis", "channels", "2"]),
    ("a graph on an axis that is not there", [{"aggregate": {"aggregate_axis": [5]}}], ["aggregate_axis", "5", "(3, 2)", "3"]),
    ("a graph without vertices", ["flatten", "aggregate"], ["1", "aggregate", "(6)", "vertices"]),
    ("branches of two shapes, one of them empty", ["dense", {"sum": [[], [{"conv": {"filter_shape": [2]}}]]}, "flatten"],
     ["1", "sum", "branch", "empty", "(3, ?)", "0", "(2, ?)", "1/1/0"]),
    ("an activation behind dropout", ["flatten", "dense", {"dropout": {"rate": 0.5}}, "relu"], ["3", "relu", "2", "dropout", "Gaussian", "dense"]),
    ("parameters that are no mapping", [{"conv": 64}], ["0", "conv", "64", "out_chan"]),
    ("a name in capitals", ["GlobalAvgPool"], ["GlobalAvgPool", "global_avg_pool", "docs/layers.md"]),
    ("an empty network", [], ["job.yaml", "empty"]),
    ("embeddings that are related and not there", [{"global_self_attention": {"pos_emb_decay_fn": "exp"}}, "flatten"],
     ["0", "pos_emb_decay_fn", "NONE", "SUM"]),
    ("embeddings that no numbers can relate so", [{"global_self_attention": {"pos_emb_type": "SUM", "pos_emb_decay_fn": [1, 0.9]}}, "flatten"],
     ["0", "pos_emb_decay_fn", "covariance", "3"]),
    ("patches of other axes", {"family": "vision_transformer"}, ["vision_transformer", "patch_shape", "[4, 4]", "(3, 2)"]),
    ("embeddings that weigh against an unknown width", {"family": "vision_transformer", "patch_shape": [1], "pos_emb_type": "CONCAT"},
     ["vision_transformer", "pos_emb_type", "CONCAT", "width"]),
    ("a factor of widths beyond integers", {"family": "wide_resnet", "k": 100000000000, "filter_shape": [3]}, ["wide_resnet", "k", "2147483647"]),
    ("a gaussian that grows too fast", ["flatten", "dense", {"gaussian": {"b": 2}}, "dense"], ["job.yaml", "2", "gaussian", "0.125", "w_std"]),
    ("graphs that are neither", [{"aggregate": {"implementation": "COO"}}], ["implementation", "COO", "DENSE", "SPARSE"]),
]


def cover(arrays, path, shape, dtype=bool):
    arrays[path] = numpy.zeros(shape, dtype)


def masked(train=(37, 3), test=(11, 3), dtype=bool, whole=None):
    def change(arrays):
        cover(arrays, "train/mask", train, dtype)
        cover(arrays, "test/mask", test, dtype)
        if whole is not None:
            arrays["test/mask"][whole] = True

    return change


def graphs(train, test, dtype=float, value=0):
    def change(arrays):
        arrays["train/graph"] = numpy.full(train, value, dtype)
        arrays["test/graph"] = numpy.full(test, value, dtype)

    return change


BOTH_MASKS = {"train": {"mask": "train/mask"}, "test": {"mask": "test/mask"}}
BOTH_GRAPHS = {"train": {"pattern": "train/graph"}, "test": {"pattern": "test/graph"}}
SPARSE = [{"aggregate": {"implementation": "SPARSE"}}, "flatten"]

# What is wrong with masks and graphs of inputs of shape (3, 2): the data, what the sections of data get, the network, the words.
COVERS = [
    ("a mask of another shape", masked(train=(37, 4)), BOTH_MASKS, ["flatten"], ["data.train.mask", "train/mask", "(37, 4)", "(37, 3)"]),
    ("a mask with channels", masked(test=(11, 3, 2)), BOTH_MASKS, ["flatten"], ["data.test.mask", "(11, 3, 2)", "(11, 3)", "channels"]),
    ("a mask of too few rows", masked(train=(36, 3)), BOTH_MASKS, ["flatten"], ["data.train.mask", "(36, 3)", "(37, 3)"]),
    ("a mask of floats", masked(dtype=float), BOTH_MASKS, ["flatten"], ["data.train.mask", "train/mask", "floats", "truth"]),
    ("an input that is all padding", masked(whole=4), BOTH_MASKS, ["flatten"], ["data.test.mask", "4", "test/x"]),
    ("a mask that is not there", None, BOTH_MASKS, ["flatten"], ["train/mask", "data.h5"]),
    ("a mask of train alone", masked(), {"train": {"mask": "train/mask"}}, ["flatten"], ["data.train.mask", "data.test.mask", "job.yaml"]),
    ("two masks for one input", masked(), {"train": {"mask": ["train/mask", "train/mask"]}, "test": {"mask": "test/mask"}}, ["flatten"],
     ["data.train.mask", "1", "data.train.x"]),
    ("a mask and a stated value", masked(), {**BOTH_MASKS, "padding": 0}, ["flatten"], ["data.padding", "data.train.mask"]),
    ("a stated value that is none", None, {"padding": ".nan"}, ["flatten"], ["data.padding", "finite"]),
    ("a stated value that leaves nothing", put("train/x", lambda x: x * (numpy.arange(37) != 9)[:, None]), {"padding": 0.0}, ["flatten"],
     ["data.padding", "9", "train/x"]),
    ("a mask of inputs without positions", masked(), {**BOTH_MASKS, "shape": [6]}, ["flatten"], ["data.train.mask", "(6,)", "data.shape"]),
    ("an adjacency that is not square", graphs((37, 3, 4), (11, 3, 4)), BOTH_GRAPHS, ["aggregate", "flatten"],
     ["0", "aggregate", "data.train.pattern", "train/graph", "(37, 3, 4)", "(37, 3, 3)", "square"]),
    ("an adjacency of other vertices", graphs((37, 3, 3), (11, 3, 3)), BOTH_GRAPHS, [{"conv": {"filter_shape": [2]}}, "aggregate", "flatten"],
     ["1", "aggregate", "(37, 3, 3)", "(37, 2, 2)"]),
    ("graphs of too few inputs", graphs((37, 3, 3), (10, 3, 3)), BOTH_GRAPHS, ["aggregate", "flatten"], ["data.test.pattern", "(10, 3, 3)", "11"]),
    ("graphs of train alone", graphs((37, 3, 3), (11, 3, 3)), {"train": {"pattern": "train/graph"}}, ["aggregate", "flatten"],
     ["data.train.pattern", "data.test.pattern"]),
    ("a matrix as a list of edges", graphs((37, 3, 3), (11, 3, 3)), BOTH_GRAPHS, SPARSE, ["aggregate", "(37, 3, 3)", "(37, 3, 1, 2)", "DENSE"]),
    ("edges that are floats", graphs((37, 5, 2), (11, 5, 2)), BOTH_GRAPHS, SPARSE, ["aggregate", "floats", "SPARSE"]),
    ("an edge to a vertex that is not there", graphs((37, 5, 2), (11, 5, 2), int, 3), BOTH_GRAPHS, SPARSE, ["aggregate", "sender", "3", "0", "2"]),
    ("graphs that no layer reads", graphs((37, 3, 3), (11, 3, 3)), BOTH_GRAPHS, ["dense", "relu", "flatten"],
     ["data.train.pattern", "train/graph", "data.h5", "aggregate"]),
    ("NaN in a graph", graphs((37, 3, 3), (11, 3, 3), float, numpy.nan), BOTH_GRAPHS, ["aggregate", "flatten"], ["train/graph", "NaN"]),
]

# What is wrong with a finite network on inputs of shape (3, 2): its layers, what the other sections get, and the words of the line.
WIDTHS = [{"conv": {"out_chan": 4, "filter_shape": [2]}}, "relu", "flatten", {"dense": {"out_dim": 2}}]
POSITIONS = [{"conv": {"out_chan": 4, "filter_shape": [2]}}]
DROPOUT = [{"dense": {"out_dim": 4}}, {"dropout": {"rate": 0.5}}, "flatten", {"dense": {"out_dim": 2}}]
FINITE = [
    ("a width that is missing", ["flatten", "dense"], {}, ["job.yaml", "1", "dense", "out_dim"]),
    ("outputs with positions", POSITIONS, {}, ["job.yaml", "kernel.trace_axes", "[-1]", "(2, 4)", "(2, 2)", "[-2, -1]"]),
    ("outputs in pairs", WIDTHS, {"kernel": {"trace_axes": []}}, ["kernel.trace_axes", "[]", "(2)", "(2, 2)", "[-1]"]),
    ("outputs one by one", WIDTHS, {"kernel": {"trace_axes": [], "diagonal_axes": [-1]}}, ["kernel.diagonal_axes", "[-1]", "(2)"]),
    ("an axis that is not there", WIDTHS, {"kernel": {"trace_axes": [-3]}}, ["job.yaml", "kernel.trace_axes", "-3", "-2", "1"]),
    ("the batch as an axis", WIDTHS, {"kernel": {"trace_axes": [0]}}, ["kernel.trace_axes", "0", "batch"]),
    ("an axis twice", WIDTHS, {"kernel": {"diagonal_axes": [1]}}, ["kernel.diagonal_axes", "1", "twice"]),
    ("an axis that is no list", WIDTHS, {"kernel": {"trace_axes": -1}}, ["kernel.trace_axes", "-1", "list"]),
    ("an axis that is no number", WIDTHS, {"kernel": {"trace_axes": ["o"]}}, ["kernel.trace_axes", "o", "list"]),
    ("an unknown method", WIDTHS, {"kernel": {"method": "jacobian"}}, ["kernel.method", "jacobian", "jacobian_contraction", "auto"]),
    ("a method at infinite width", WIDTHS, {"kernel": {"kind": "infinite", "method": "ntk_vector_products"}},
     ["job.yaml", "kernel.method", "ntk_vector_products", "infinite", "empirical"]),
    ("parameters at infinite width", WIDTHS, {"kernel": {"kind": "infinite"}, "parameters": {"seed": 3}},
     ["job.yaml", "parameters.seed", "3", "infinite", "empirical"]),
    ("a seed below 0", WIDTHS, {"parameters": {"seed": -1}}, ["parameters.seed", "-1"]),
    ("a seed and a file", WIDTHS, {"parameters": {"seed": 1, "file": "data.h5"}}, ["parameters.seed", "1", "parameters.file"]),
    ("a group without a file", WIDTHS, {"parameters": {"group": "params"}}, ["parameters.group", "params", "parameters.file"]),
    ("no file of parameters", WIDTHS, {"parameters": {"file": "nowhere.h5"}}, ["nowhere.h5"]),
    ("a file without the parameters", WIDTHS, {"parameters": {"file": "data.h5"}}, ["0/w", "data.h5"]),
    ("a group that is not there", WIDTHS, {"parameters": {"file": "data.h5", "group": "nets"}}, ["nets/0/w", "data.h5"]),
    ("parameters of another shape", ["flatten", {"dense": {"out_dim": 2}}], {"parameters": {"file": "data.h5", "group": "params"}},
     ["params/1/w", "(5, 2)", "(6, 2)"]),
    ("stated padding", WIDTHS, {"data": {"padding": 0}}, ["job.yaml", "data.padding", "empirical", "masks"]),
    ("dropout that draws", DROPOUT, {}, ["job.yaml", "1", "dropout", "mode", "test"]),
    *((f"{value} samples", WIDTHS, {"kernel": {"kind": "monte_carlo", "samples": value}}, ["job.yaml", "kernel.samples", shown, "2", "2147483647"])
      for value, shown in ((0, "0"), (1, "1"), (-5, "-5"), (2.5, "2.5"), ("many", "many"), (2**31, "2147483648"), ([10], "[10]"))),
    ("samples of one network", WIDTHS, {"kernel": {"samples": 10}}, ["job.yaml", "kernel.samples", "10", "empirical", "monte_carlo"]),
    ("samples at infinite width", WIDTHS, {"kernel": {"kind": "infinite", "samples": 10}}, ["kernel.samples", "10", "infinite", "monte_carlo"]),
    ("random networks from a file", WIDTHS, {"kernel": {"kind": "monte_carlo"}, "parameters": {"file": "data.h5"}},
     ["job.yaml", "parameters.file", "data.h5", "monte_carlo", "empirical"]),
    ("random networks without a width", ["flatten", "dense"], {"kernel": {"kind": "monte_carlo"}}, ["job.yaml", "1", "dense", "out_dim"]),
    ("random networks of which one is known", {"onnx": "net.onnx"}, {"kernel": {"kind": "monte_carlo"}},
     ["job.yaml", "kernel.kind", "monte_carlo", "network.onnx", "empirical"]),
    ("random dropout", DROPOUT, {"kernel": {"kind": "monte_carlo"}}, ["job.yaml", "1", "dropout", "mode", "test"]),
    ("padding of random networks", WIDTHS, {"kernel": {"kind": "monte_carlo"}, "data": {"padding": 0}},
     ["job.yaml", "data.padding", "monte_carlo", "masks"]),
    ("a graph of random networks", ["aggregate", "flatten", {"dense": {"out_dim": 2}}], {"kernel": {"kind": "monte_carlo"}},
     ["job.yaml", "0", "aggregate", "monte_carlo"]),
    ("a graph", ["aggregate", "flatten", {"dense": {"out_dim": 2}}], {}, ["job.yaml", "0", "aggregate", "empirical"]),
]

# What is wrong with the choice of an output, the inputs, the network, kernel.output, and the words.
TWO = [{"parallel": [["dense", "relu"], ["dense"]]}]
OUTPUTS = [
    ("several outputs and no choice", ["train/x", "train/x"], TWO, None, ["2", "kernel.output", "0", "1"]),
    ("two heads of one input and no choice", ["train/x"], ["dense", *TWO], None, ["2", "kernel.output", "0", "1"]),
    ("an output that is not there", ["train/x", "train/x"], TWO, 2, ["2", "kernel.output", "0", "1"]),
    ("an output of one", ["train/x"], ["dense"], 1, ["one", "kernel.output", "1", "0"]),
    ("a negative output", ["train/x", "train/x"], TWO, -1, ["kernel.output", "-1", "0"]),
]

# What is wrong, the text of the job, and the words that the line must have.
TEXT = [
    ("syntax error", "data: {train: {file: data.h5}\nnetwork: [dense]\n", ["job.yaml", "2"]),
    ("duplicate key", "data: {train: {file: data.h5, x: train/x}}\nnetwork: [dense]\nnetwork: [relu]\n", ["job.yaml", "network", "3"]),
    ("a list instead of a job", "- data\n- network\n", ["job.yaml"]),
    ("an empty job", "", ["job.yaml"]),
]

# What is wrong, the arguments, and the words that the line must have.
ARGUMENTS = [
    ("no job", ["kernel"], ["kernel"]),
    ("a missing job", ["kernel", "nowhere.yaml"], ["nowhere.yaml"]),
    ("unknown command", ["kernl", "job.yaml"], ["kernl", "kernel"]),
    ("unknown option", ["kernel", "job.yaml", "--fast"], ["--fast"]),
    ("unknown key in --set", ["kernel", "job.yaml", "--set", "kernel.tiles=4"], ["kernel.tiles", "tile"]),
    ("a thousand threads", ["kernel", "job.yaml", "--threads", "1000"], ["1000", "--threads"]),
    ("output without a name", ["kernel", "job.yaml", "--output", ""], ["--output"]),
    ("output that would overwrite the job", ["kernel", "job.yaml", "--output", "."], ["job.yaml", "--output"]),
    ("--set without a value", ["kernel", "job.yaml", "--set", "kernel.tile"], ["--set"]),
    ("a wrong value in --set", ["kernel", "job.yaml", "--set", "kernel.tile=0"], ["--set", "kernel.tile"]),
    ("no threads", ["kernel", "job.yaml", "--threads", "0"], ["--threads"]),
    ("unknown log level", ["kernel", "job.yaml", "--log-level", "loud"], ["loud"]),
    ("output inside a file", ["kernel", "job.yaml", "--output", "data.h5/run"], ["data.h5"]),
    ("output that cannot be made", ["kernel", "job.yaml", "--output", "/proc/infinitile.run"], ["/proc"]),
]


class BadInput(Folder):
    def expect_line(self, arguments, words, ranks=None):
        """Exit code 2, one line with the words, nothing on stdout, and not a byte changed."""
        before = self.files()
        done = self.run_job(*arguments, "--quiet", expect=BAD_INPUT, ranks=ranks)
        lines = done.stderr.splitlines()
        if ranks:  # mpirun adds its own
            lines = [line for line in lines if "infinitile:" in line]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertTrue(contains_word(lines[0], word), f"no {word!r} in: {lines[0]}")
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.files(), before, "something was written")

    def test_data(self):
        self.write_job()
        for what, change, words in DATA:
            with self.subTest(what):
                self.write_data(change=change)
                self.expect_line(["posterior", "job.yaml"], words)

    def test_job(self):
        self.write_data()
        for what, sections, words in JOB:
            with self.subTest(what):
                self.write_job(self.job(**sections))
                self.expect_line(["posterior", "job.yaml"], words)

    def test_layers(self):
        self.write_data()
        for what, network, words in LAYERS:
            with self.subTest(what):
                self.write_job(self.job(network=network, data={"shape": [3, 2]}))
                self.expect_line(["kernel", "job.yaml"], words)

    def test_masks_and_graphs(self):
        for what, change, sections, network, words in COVERS:
            with self.subTest(what):
                self.write_data(change=change)
                job = self.job(network=network)
                job["data"]["shape"] = [3, 2]
                for key, value in sections.items():
                    job["data"][key] = {**job["data"][key], **value} if isinstance(value, dict) else value
                self.write_job(job)
                self.expect_line(["kernel", "job.yaml"], words)

    def test_finite_networks(self):
        self.write_data(change=lambda arrays: arrays.update({"params/1/w": numpy.zeros((5, 2))}))
        for what, network, sections, words in FINITE:
            with self.subTest(what):
                sections = {**sections, "kernel": {"kind": "empirical", **sections.get("kernel", {})}}
                job = self.job(network=network, **{**sections, "data": {"shape": [3, 2], **sections.get("data", {})}})
                self.write_job(job)
                self.expect_line(["kernel", "job.yaml"], words)
                if sections["kernel"]["kind"] == "empirical" and "file" in sections.get("parameters", {}):
                    self.expect_line(["kernel", "job.yaml"], words, ranks=2)

    def test_outputs(self):
        self.write_data()
        for what, inputs, network, output, words in OUTPUTS:
            with self.subTest(what):
                self.write_job(
                    self.job(network=network, kernel={"output": output}, data={"train": {"file": "data.h5", "x": inputs}, "test": None})
                )
                self.expect_line(["kernel", "job.yaml"], words)

    def test_text(self):
        self.write_data()
        for what, text, words in TEXT:
            with self.subTest(what):
                self.write_job(text)
                self.expect_line(["kernel", "job.yaml"], words)

    def test_arguments(self):
        self.write_data()
        self.write_job()
        for what, arguments, words in ARGUMENTS:
            with self.subTest(what):
                self.expect_line(arguments, words)

    def test_unreadable_hdf5(self):
        self.write_job()
        whole = self.folder / "whole.h5"
        self.write_data("whole.h5")
        for what, content in [("cut off", whole.read_bytes()[:5000]), ("text", b"not a data set\n" * 100), ("empty", b"")]:
            with self.subTest(what):
                (self.folder / "data.h5").write_bytes(content)
                self.expect_line(["kernel", "job.yaml"], ["data.h5"])

    def test_inputs_without_variance(self):
        self.write_data(change=entry("train/x", 7, 0.0))
        self.write_job(self.job(data={"scale": "unit_sphere"}))
        self.expect_line(["kernel", "job.yaml"], ["train/x", "7", "unit_sphere"])
        self.write_data(change=put("train/x", numpy.ones_like))
        self.write_job(self.job(data={"scale": "standardize"}))
        self.expect_line(["kernel", "job.yaml"], ["train/x", "standardize"])

    def test_more_memory_than_there_is(self):
        """The matrix of three million rows is 36 TB, and more than that with its factor: said before anything is allocated."""
        with h5py.File(self.folder / "data.h5", "w") as file:
            x = numpy.random.Generator(numpy.random.PCG64(1)).integers(0, 255, (3_000_000, 1), dtype=numpy.uint8)
            for part in ("train", "test"):
                rows = slice(None) if part == "train" else slice(0, 10)
                file[f"{part}/x"] = x[rows]
                file[f"{part}/y"] = numpy.zeros((len(x[rows]), 1), dtype=numpy.float32)
        self.write_job(self.job(kernel={"tile": "auto"}))
        self.expect_line(["posterior", "job.yaml"], ["memory"])

    def test_two_ranks_say_it_once(self):
        self.write_data(change=entry("train/x", (5, 3), numpy.nan))
        self.write_job()
        self.expect_line(["posterior", "job.yaml"], ["train/x"], ranks=2)

    def test_the_job_without_a_fault_is_taken(self):
        """What the rows above change is what makes them fail."""
        self.write_data()
        self.write_job()
        self.run_job("posterior", "job.yaml", "--quiet", expect=DONE)


class NumericalAnswers(Folder):
    def expect_answer(self, words, ranks):
        done = self.run_job("posterior", "job.yaml", "--quiet", expect=NUMERICAL, ranks=ranks)
        lines = [line for line in done.stderr.splitlines() if "infinitile:" in line]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertTrue(contains_word(lines[0], word), f"no {word!r} in: {lines[0]}")
        return lines[0]

    def test_duplicate_rows_without_ridge(self):
        """Row 20 is row 4 again: the factorization must stop at row 20, with the same line for any number of ranks."""

        def repeat_row(arrays):
            arrays["train/x"][20] = arrays["train/x"][4]

        self.write_data(change=repeat_row)
        self.write_job(self.job(posterior={"diag_reg": 0}))
        lines = {self.expect_answer(["20", "diag_reg"], ranks) for ranks in (None, 2, 3)}
        self.assertEqual(len(lines), 1, lines)

    def test_kernels_beyond_the_numbers(self):
        """Exponentials of exponentials, and weights that square to infinity: said before anything is written."""
        self.write_data()
        tower = ["dense", "exp", "dense", "exp", "dense", "exp", "dense"]
        heavy = {"dense": {"w_std": 1e200}}
        branches = ["dense", {"sum": [[], [heavy]]}, "relu", "dense"]
        positions = [{"conv": {"filter_shape": [2]}}, {"repeat": {"times": 2, "layers": ["relu", heavy]}}, "flatten"]
        for network, shape, layer in (
            (tower, [6], "layer 3 (exp)"),
            ([heavy, "relu", "dense"], [6], "layer 0 (dense)"),
            (branches, [6], "layer 1/1/0 (dense)"),
            (positions, [3, 2], "layer 1/0/1 (dense)"),
        ):
            self.write_job(self.job(network=network, data={"shape": shape}))
            for ranks in (None, 2):
                with self.subTest(network, ranks=ranks):
                    line = self.expect_answer(["job.yaml", "row", "w_std"], ranks)
                    self.assertIn(layer + ": the ", line)
                    self.assertFalse((self.folder / "job.run").exists())

    def test_linear_network_of_low_rank(self):
        """A linear network on 6 features has a kernel of rank 6: with 37 rows and no ridge there is no factor."""
        self.write_data()
        self.write_job(self.job(network=["dense"], posterior={"diag_reg": 0}))
        self.expect_answer(["diag_reg"], None)
        self.run_job("posterior", "job.yaml", "--set", "posterior.diag_reg=1e-6")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
