"""Whatever is wrong with data, masks and graphs gives exit code 2, one line that names what and where, and leaves nothing behind."""
import sys
import unittest

import numpy

from program import Folder


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


class BadData(Folder):
    def test_data(self):
        self.write_job()
        for what, change, words in DATA:
            with self.subTest(what):
                self.write_data(change=change)
                self.expect_line(["posterior", "job.yaml"], words)

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

    def test_a_position_without_a_norm(self):
        """Row 7 has zeros at position 2, of test inputs row 3 at position 0."""
        for path, place, words in (("train/x", (7, slice(4, 6)), ["train/x", "data.h5", "7", "(2)", "homog_mode", "off"]),
                                   ("test/x", (3, slice(0, 2)), ["test/x", "data.h5", "3", "(0)", "homog_mode", "off"])):
            self.write_data(change=entry(path, place, 0.0))
            job = self.job(data={"shape": [3, 2], "scale": {"per_location": {"homog_mode": "off"}}})
            self.write_job({**job, "network": ["flatten", "dense"]})
            self.expect_line(["kernel", "job.yaml"], words)
            self.expect_line(["kernel", "job.yaml"], words, ranks=2)
            self.run_job("kernel", "job.yaml", "--set", "data.scale.per_location.homog_mode=avg_q", "--output", path.replace("/", "."))

    def test_two_ranks_say_it_once(self):
        self.write_data(change=entry("train/x", (5, 3), numpy.nan))
        self.write_job()
        self.expect_line(["posterior", "job.yaml"], ["train/x"], ranks=2)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
