"""Whatever is wrong with a job, its finite network or the arguments gives exit code 2, one line that names what and where, and leaves nothing behind.
bad_data_test.py and bad_layers_test.py have more of the kind."""
import os
import sys
import unittest

import h5py
import numpy

from program import BAD_INPUT, DONE, Folder


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
    ("an unknown scale", {"data": {"scale": "per_locaton"}}, ["job.yaml", "data.scale", "per_locaton", "per_location"]),
    ("an unknown scale with parameters", {"data": {"scale": {"per_locaton": {}}}}, ["job.yaml", "data.scale.per_locaton", "per_location"]),
    ("a mode that is not there", {"data": {"scale": {"per_location": {"homog_mode": "avgq"}}}}, ["job.yaml", "homog_mode", "avgq", "avg_q", "off"]),
    ("an unknown key of a scale", {"data": {"scale": {"per_location": {"homg_scale": 2}}}}, ["job.yaml", "homg_scale", "homog_scale"]),
    ("a scale that is no number", {"data": {"scale": {"per_location": {"homog_scale": "large"}}}}, ["job.yaml", "homog_scale", "large", "0"]),
    ("parameters of a scale that has none", {"data": {"scale": {"unit_sphere": {}}}}, ["job.yaml", "unit_sphere", "parameters"]),
    ("a mean over no positions", {"data": {"scale": {"per_location": {"homog_mode": "avg_q"}}}},
     ["train/x", "data.h5", "avg_q", "positions", "data.shape", "homog_mode"]),
    ("no network", {"network": None}, ["network"]),
    ("no data", {"data": None}, ["data"]),
    ("layer_norm over the batch", {"network": ["dense", {"layer_norm": {"axis": 0}}, "relu", "dense"]}, ["layer_norm"]),
    ("a negative w_std", {"network": [{"dense": {"w_std": -1}}]}, ["w_std", "-1"]),
]

# What is wrong with a finite network on inputs of shape (3, 2): its layers, what the other sections get, and the words of the line.
WIDTHS = [{"conv": {"out_chan": 4, "filter_shape": [2]}}, "relu", "flatten", {"dense": {"out_dim": 2}}]
DROPOUT = [{"dense": {"out_dim": 4}}, {"dropout": {"rate": 0.5}}, "flatten", {"dense": {"out_dim": 2}}]
FINITE = [
    ("a width that is missing", ["flatten", "dense"], {}, ["job.yaml", "1", "dense", "out_dim"]),
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
    ("a seed that is too large", WIDTHS, {"parameters": {"seed": 2**63}}, ["parameters.seed", "9223372036854775808", "9223372036854775807"]),
    ("a seed and a file", WIDTHS, {"parameters": {"seed": 1, "file": "data.h5"}}, ["parameters.seed", "1", "parameters.file"]),
    ("an unknown init", WIDTHS, {"parameters": {"init": "suoo"}}, ["job.yaml", "parameters.init", "suoo", "suo", "gaussian"]),
    ("an init at infinite width", WIDTHS, {"kernel": {"kind": "infinite"}, "parameters": {"init": "suo"}},
     ["job.yaml", "parameters.init", "suo", "infinite", "empirical"]),
    ("an init and a file", WIDTHS, {"parameters": {"init": "suo", "file": "data.h5"}}, ["parameters.init", "suo", "parameters.file"]),
    ("a filter without a middle", WIDTHS, {"parameters": {"init": "suo"}}, ["job.yaml", "0", "conv", "filter_shape", "2", "suo", "odd"]),
    ("a filter without a middle in random networks", WIDTHS, {"kernel": {"kind": "monte_carlo"}, "parameters": {"init": "suo"}},
     ["job.yaml", "0", "conv", "filter_shape", "2", "suo", "odd"]),
    ("outputs that the middle of a filter does not reach",
     [{"conv_transpose": {"out_chan": 4, "filter_shape": [3], "strides": [2], "padding": "SAME"}}, "flatten", {"dense": {"out_dim": 2}}],
     {"parameters": {"init": "suo"}}, ["job.yaml", "0", "conv_transpose", "strides", "suo"]),
    ("a group without a file", WIDTHS, {"parameters": {"group": "params"}}, ["parameters.group", "params", "parameters.file"]),
    ("no file of parameters", WIDTHS, {"parameters": {"file": "nowhere.h5"}}, ["nowhere.h5"]),
    ("a file without the parameters", WIDTHS, {"parameters": {"file": "data.h5"}}, ["0/w", "data.h5"]),
    ("a group that is not there", WIDTHS, {"parameters": {"file": "data.h5", "group": "nets"}}, ["nets/0/w", "data.h5"]),
    ("parameters of another shape", ["flatten", {"dense": {"out_dim": 2}}], {"parameters": {"file": "data.h5", "group": "params"}},
     ["params/1/w", "(5, 2)", "(6, 2)"]),
    ("stated padding to train with", WIDTHS, {"data": {"padding": 0}, "dynamics": {"steps": [1]}}, ["job.yaml", "dynamics.steps", "masks"]),
    ("dropout that draws", DROPOUT, {}, ["job.yaml", "1", "dropout", "mode", "test"]),
    ("a mask of another shape", WIDTHS, {"data": {"train": {"file": "data.h5", "x": "train/x", "mask": "train/x"}, "test": None}}, ["train/x", "mask"]),
    ("a graph to train with", ["aggregate", "flatten", {"dense": {"out_dim": 2}}],
     {"data": {"train": {"file": "data.h5", "x": "train/x", "y": "train/y", "pattern": "train/graph"}, "test": None}, "dynamics": {"steps": [1]}},
     ["job.yaml", "dynamics.steps", "aggregate"]),
    ("a graph that is not given", ["aggregate", "flatten", {"dense": {"out_dim": 2}}], {}, ["job.yaml", "0", "aggregate", "data.train.pattern"]),
    *((f"{value} samples", WIDTHS, {"kernel": {"kind": "monte_carlo", "samples": value}}, ["job.yaml", "kernel.samples", shown, "2", "2147483647"])
      for value, shown in ((0, "0"), (1, "1"), (-5, "-5"), (2.5, "2.5"), ("many", "many"), (2**31, "2147483648"), ([10], "[10]"))),
    ("samples of one network", WIDTHS, {"kernel": {"samples": 10}}, ["job.yaml", "kernel.samples", "10", "empirical", "monte_carlo"]),
    ("samples at infinite width", WIDTHS, {"kernel": {"kind": "infinite", "samples": 10}}, ["kernel.samples", "10", "infinite", "monte_carlo"]),
    ("random networks from a file", WIDTHS, {"kernel": {"kind": "monte_carlo"}, "parameters": {"file": "data.h5"}},
     ["job.yaml", "parameters.file", "data.h5", "monte_carlo", "empirical"]),
    ("random networks without a width", ["flatten", "dense"], {"kernel": {"kind": "monte_carlo"}}, ["job.yaml", "1", "dense", "out_dim"]),
    ("random networks of which one is known", {"onnx": "net.onnx"}, {"kernel": {"kind": "monte_carlo"}},
     ["job.yaml", "kernel.kind", "monte_carlo", "ONNX", "empirical"]),
    ("random dropout", DROPOUT, {"kernel": {"kind": "monte_carlo"}}, ["job.yaml", "1", "dropout", "mode", "test"]),
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
    ("a sample without axes", ["inspect", "job.yaml", "--shape", "[]", "--set", "data.scale=per_location"], ["job.yaml", "no axis"]),
    ("unknown log level", ["kernel", "job.yaml", "--log-level", "loud"], ["loud", "none, quiet, error, warning, info or debug"]),
    ("orders that do not grow", ["kernel", "job.yaml", "--set", "dynamics.orders=[1, 1]"], ["dynamics.orders", "[1, 2]"]),
    ("output inside a file", ["kernel", "job.yaml", "--output", "data.h5/run"], ["data.h5"]),
    ("output that cannot be made", ["kernel", "job.yaml", "--output", "/proc/infinitile.run"], ["/proc"]),
]


class BadInput(Folder):
    def test_job(self):
        self.write_data()
        for what, sections, words in JOB:
            with self.subTest(what):
                self.write_job(self.job(**sections))
                self.expect_line(["posterior", "job.yaml"], words)

    def test_finite_networks(self):
        self.write_data(change=lambda arrays: arrays.update({"params/1/w": numpy.zeros((5, 2)), "train/graph": numpy.zeros((37, 3, 3))}))
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

    def test_nothing_stands_beside_the_line(self):
        """Also without --quiet: what the log has to say of threads and data waits until the input is known to be right."""
        self.write_data(change=lambda arrays: [arrays.update({f"{part}/y": arrays[f"{part}/y"] * 1.0}) for part in ("train", "test")])
        threads = str(len(os.sched_getaffinity(0)) + 1)
        self.write_job(self.job(network=["dens"]))
        lines = self.run_job("posterior", "job.yaml", "--threads", threads, expect=BAD_INPUT).stderr.splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("dens", lines[0])
        self.write_job()
        said = self.run_job("posterior", "job.yaml", "--threads", threads).stderr
        kept = (self.folder / "job.run/log.txt").read_text()
        for word in (f"1 rank of {threads} threads share", "train/y of"):
            self.assertEqual(said.count(word), 1, said)
            self.assertEqual(kept.count(word), 1, kept)
        self.assertIn(f"1 rank of {threads} threads share", self.run_job("plan", "job.yaml", "--threads", threads).stderr)

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

    def test_the_job_without_a_fault_is_taken(self):
        """What the rows above change is what makes them fail."""
        self.write_data()
        self.write_job()
        self.run_job("posterior", "job.yaml", "--quiet", expect=DONE)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
