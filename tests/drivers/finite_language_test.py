"""What finite networks read and infinite ones do not, and graphs: against dense calculations, the tangent kernel by central differences."""
import re
import sys
import unittest
from math import erf

import h5py
import numpy

from program import BAD_INPUT, Folder, datasets, differences


def tangent_kernel(f, parameters, x, z):
    """The mean over outputs of J(x) J(z)', with J by central differences in each parameter; f(parameters, x) is (n, outputs)."""
    total = 0
    for name, value in parameters.items():
        columns = []
        for place in numpy.ndindex(value.shape):
            step = numpy.zeros_like(value)
            step[place] = 1e-5
            ends = [{**parameters, name: value + sign * step} for sign in (1, -1)]
            columns.append([(f(ends[0], rows) - f(ends[1], rows)) / 2e-5 for rows in (x, z)])
        left, right = (numpy.stack(side, axis=-1) for side in zip(*columns))
        total = total + numpy.einsum("iop,jop->ij", left, right) / left.shape[1]
    return total


def relu(x):
    return numpy.maximum(x, 0)


class FiniteLanguage(Folder):
    def write_parameters(self, **shapes):
        """Random parameters in net.h5: w3 is layer 3's."""
        values = {name: numpy.random.default_rng(place).normal(size=shape) for place, (name, shape) in enumerate(shapes.items())}
        with h5py.File(self.folder / "net.h5", "w") as file:
            for name, value in values.items():
                file[f"{name[1:]}/{name[0]}"] = value
        return values

    def check(self, f, parameters, train, test, run="job.run"):
        found = datasets(self.folder / run / "result.h5")
        for block, rows, cols in (("train_train", train, train), ("test_train", test, train)):
            left, right = f(parameters, rows), f(parameters, cols)
            numpy.testing.assert_allclose(found[f"{block}/nngp"], left @ right.T / left.shape[1], rtol=1e-11, atol=1e-12)
            known = tangent_kernel(f, parameters, rows, cols)
            numpy.testing.assert_allclose(found[f"{block}/ntk"], known, rtol=1e-7, atol=1e-7 * abs(known).max())

    def test_activations_of_anything(self):
        """Of the data, of an activation and of a sum of activations: no width could be infinite there."""
        network = ["relu", {"dense": {"out_dim": 4}}, "relu", {"sum": [[], ["tanh"]]}, "erf", "layer_norm", {"dense": {"out_dim": 3}}]
        arrays = self.write_data(train=9, test=4)
        parameters = self.write_parameters(w1=(6, 4), w6=(4, 3))
        self.write_job(self.job(network=network, kernel={"kind": "empirical", "tile": 4}, parameters={"file": "net.h5"}))

        def f(p, x):
            h = relu(relu(x) @ p["w1"] / numpy.sqrt(6))
            h = numpy.vectorize(erf)(h + numpy.tanh(h))
            h = (h - h.mean(1, keepdims=True)) / numpy.sqrt(h.var(1, keepdims=True) + 1e-12)
            return h @ p["w6"] / 2

        self.run_job("kernel", "job.yaml", ranks=2)
        self.check(f, parameters, arrays["train/x"], arrays["test/x"])
        self.assertIn("finite network: 36 parameters", self.run_job("inspect", "job.yaml").stdout)
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--set", "kernel.kind=infinite", "--set", "parameters=null", "--output", "wide",
                               expect=BAD_INPUT)
        self.assertIn("layer 0 (relu): its input, the data, is not Gaussian; an activation needs a Gaussian input.", refused.stderr)
        shown = self.run_job("inspect", "job.yaml", "--set", "kernel.kind=infinite", "--set", "parameters=null").stdout
        self.assertIn("infinite width: no. ", shown)

    def test_graphs(self):
        """Messages along one axis of two, weights of both signs; edges written as lists have the bits of the matrix."""
        random = numpy.random.default_rng(11)
        x = {part: random.normal(size=(rows, 4, 3, 2)) for part, rows in (("train", 7), ("test", 3))}
        edges = {part: random.integers(-1, 4, size=(len(rows), 5, 2)) for part, rows in x.items()}
        graphs = {part: numpy.zeros((len(rows), 4, 4)) for part, rows in x.items()}
        for part in x:
            for row, sender, receiver in ((n, *edge) for n in range(len(x[part])) for edge in edges[part][n]):
                if sender >= 0 and receiver >= 0:
                    graphs[part][row, sender, receiver] += 1
        with h5py.File(self.folder / "data.h5", "w") as file:
            for part in x:
                file[f"{part}/x"], file[f"{part}/graph"], file[f"{part}/edges"] = x[part], graphs[part], edges[part]

        def job(pattern, implementation):
            layer = {"aggregate": {"aggregate_axis": [1], "implementation": implementation}}
            data = {part: {"file": "data.h5", "x": f"{part}/x", "pattern": f"{part}/{pattern}"} for part in x}
            network = [{"dense": {"out_dim": 3}}, layer, "tanh", layer, "flatten", {"dense": {"out_dim": 2, "b_std": 0.5}}]
            return {"data": data, "network": network, "kernel": {"kind": "empirical", "tile": 3}, "parameters": {"file": "net.h5"}}

        parameters = self.write_parameters(w0=(2, 3), w5=(36, 2), b5=(2,))
        self.write_job(job("graph", "DENSE"))
        self.run_job("plan", "job.yaml")
        self.run_job("inspect", "job.yaml")
        self.run_job("kernel", "job.yaml", ranks=3)
        self.run_job("kernel", "job.yaml", "--output", "one")
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "job.run/result.h5"), [])

        def f(p, rows):
            graph = graphs["train" if len(rows) == 7 else "test"]
            h = rows @ p["w0"] / numpy.sqrt(2)
            h = numpy.einsum("nsr,nshc->nrhc", graph, h)
            h = numpy.einsum("nsr,nshc->nrhc", graph, numpy.tanh(h))
            return h.reshape(len(rows), -1) @ p["w5"] / 6 + 0.5 * p["b5"]

        self.check(f, parameters, x["train"], x["test"])
        self.write_job(job("edges", "SPARSE"))
        self.run_job("kernel", "job.yaml", "--output", "edges")
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "edges/result.h5"), [])
        with h5py.File(self.folder / "data.h5", "r+") as file:
            file["train/edges"][0, 0] = 1, 2
        refused = self.run_job("kernel", "job.yaml", "--quiet", "--output", "edges", expect=BAD_INPUT)
        self.assertIn("data.train", refused.stderr)

    def column(self, name, *arguments):
        """One column of the table that inspect prints, by the paths of the layers."""
        lines = self.run_job("inspect", *arguments).stdout.splitlines()
        head = next(n for n, line in enumerate(lines) if line.startswith("path"))
        titles = re.split(r"  +", lines[head])

        def place(title):
            return re.search(rf"(?<!\S){title}(?!\S)", lines[head]).start()

        later = titles[titles.index(name) + 1 :]
        start, end = place(name), place(later[0]) if later else None
        rows = lines[head + 1 : lines.index("", head)]
        return {line.split()[0]: line[start:end].strip() for line in rows}

    def test_inspect_shows_the_ways(self):
        network = [{"dense": {"out_dim": 40, "b_std": 0.1}}, "relu", {"dense": {"out_dim": 3}}]
        self.write_data()
        self.write_job(self.job(network=network, kernel={"kind": "empirical", "tile": 8}))

        def ways(method, *changes):
            return self.column("tangent kernel", "job.yaml", "--set", f"kernel.method={method}", *changes)

        self.assertEqual(ways("structured_derivatives"), {"input": "", "0": "w structured, b contraction", "1": "", "2": "structured"})
        self.assertEqual(ways("jacobian_contraction"), {"input": "", "0": "contraction", "1": "", "2": "contraction"})
        self.assertEqual(ways("ntk_vector_products"), {"input": "", "0": "vector products", "1": "", "2": "vector products"})
        self.assertIn(ways("auto")["2"], ("structured", "contraction"))
        self.assertEqual(set(ways("auto", "--set", "kernel.get=nngp").values()), {""})
        shown = self.run_job("inspect", "job.yaml", "--set", "kernel.trace_axes=[]").stdout
        self.assertIn("finite network: 400 parameters; ", shown)
        self.assertIn("in tiles of 8 x 8", shown)
        self.assertIn("; each pair has 3 x 3 numbers", shown)

    def test_inspect_shows_what_each_reading_supports(self):
        (self.folder / "net.yaml").write_text("[relu, dense, {dropout: {rate: 0.5}}, {dense: {out_dim: 3}}, exp_normalized, {dense: {out_dim: 2}}]")
        self.assertEqual(self.column("finite", "net.yaml", "--shape", "[4]"),
                         {"input": "yes", "0": "yes", "1": "needs widths", "2": "no", "3": "needs widths", "4": "no", "5": "yes"})
        infinite = self.column("infinite", "net.yaml", "--shape", "[4]")
        self.assertEqual(infinite, {"input": "yes", "0": "no", **{str(layer): "yes" for layer in range(1, 6)}})


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
