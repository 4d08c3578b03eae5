"""Masks, graphs and several outputs from the job file to the result: golden kernels on any number of ranks, and what a restart notices."""
import sys
import unittest

import h5py
import numpy
import yaml

from program import BAD_INPUT, ROOT, Folder, datasets, differences

GOLDEN = ROOT / "tests/reference/positions_masked.h5"
PADDING = 77.25  # what stands at masked positions of the data; nobody may read it


def with_widths(layers, width):
    """The network with its widths written: dense layers, convolutions and attention."""
    out = []
    for layer in layers:
        name, parameters = next(iter(layer.items())) if isinstance(layer, dict) else (layer, {})
        if name in ("dense", "conv", "conv_local", "conv_transpose"):
            parameters = {**parameters, "out_dim" if name == "dense" else "out_chan": width}
        elif name == "global_self_attention":
            parameters = {**parameters, **{f"n_chan_{part}": width for part in ("out", "key", "val")}}
        elif name in ("sum", "product", "parallel"):
            parameters = [with_widths(branch, width) for branch in parameters]
        elif name == "concat":
            parameters = {**parameters, "branches": [with_widths(branch, width) for branch in parameters["branches"]]}
        elif name == "repeat":
            parameters = {**parameters, "layers": with_widths(parameters["layers"], width)}
        out.append({name: parameters} if parameters else name)
    return out


class GoldenJobs(Folder):
    def write_case(self, name, padding=None, scale=1.0, **sections):
        """The data of a golden case and the job that computes it; `padding` instead of masks."""
        data = {"train": {"file": "data.h5"}, "test": {"file": "data.h5"}}
        with h5py.File(GOLDEN) as golden, h5py.File(self.folder / "data.h5", "w") as file:
            case = golden[name]
            names = [suffix for suffix in ("", "b") if f"x1{suffix}" in case]
            for number, part in (("1", "train"), ("2", "test")):
                data[part]["x"] = [f"{part}/x{suffix}" for suffix in names]
                for suffix in names:
                    x = scale * case[f"x{number}{suffix}"][()]
                    if (mask := f"mask{number}{suffix}") in case:
                        x[case[mask][()]] = PADDING if padding is None else padding
                        file[f"{part}/mask{suffix}"] = case[mask][()]
                        data[part].setdefault("mask", []).append(f"{part}/mask{suffix}")
                    file[f"{part}/x{suffix}"] = x
                if f"pattern{number}" in case:
                    file[f"{part}/pattern"] = case[f"pattern{number}"][()]
                    data[part]["pattern"] = f"{part}/pattern"
            if padding is not None:
                data["padding"] = padding
                for part in ("train", "test"):
                    data[part].pop("mask")
            kernel = {"tile": 2, "test_test": "diagonal"}
            if "output" in case.attrs:
                kernel["output"] = int(case.attrs["output"])
            self.network = yaml.safe_load(case.attrs["network"])
        self.write_job({"data": data, "network": self.network, "kernel": kernel, **sections})

    def expect_golden(self, name, result="job.run/result.h5", floor=1e-10):
        with h5py.File(GOLDEN) as golden, h5py.File(self.folder / result) as file:
            for block in ("train_train", "test_train", "test_test"):
                for kind in ("nngp", "ntk"):
                    known, found = golden[name][block][kind][()], file[block][kind][()]
                    allowed = max(floor, 10 * golden[name].attrs[f"float64_loss_{kind}"]) * abs(known).max()
                    self.assertLessEqual(abs(found - known).max(), allowed, f"{name} {block}/{kind}")

    def test_means_of_finite_networks_meet_the_golden_kernels(self):
        """Within 5 standard errors where one nonlinearity is followed by what is linear in its kernel: there means are exact at any width. Elsewhere
        width leaves a bias: tests/monte_carlo_test.cpp says of which size."""
        exact = ("conv_local", "conv_circular", "avg_pool_edges", "resize_nearest", "dot_general", "polynomial", "two_outputs_masked")
        for name in (*exact, "graph_masked", "concat_positions", "layer_norm_positions", "attention"):
            with self.subTest(name):
                width, samples, bias = (24, 300, 0) if name in exact else (48, 40, 6 / 48)
                kernel = {"kind": "monte_carlo", "samples": samples, "test_test": "diagonal"}
                self.write_case(name)
                job = yaml.safe_load((self.folder / "job.yaml").read_text())
                job["network"], job["kernel"] = with_widths(job["network"], width), {**job["kernel"], **kernel, "tile": "auto"}
                self.write_job(job)
                self.run_job("kernel", "job.yaml", "--output", f"{name}.sampled")
                with h5py.File(GOLDEN) as golden, h5py.File(self.folder / f"{name}.sampled/result.h5") as file:
                    for kind in ("nngp", "ntk"):
                        train, test = golden[name]["train_train"][kind][()].diagonal(), golden[name]["test_test"][kind][()]
                        for block, left, right in (("train_train", train, train), ("test_train", test, train)):
                            known, found = golden[name][block][kind][()], file[block][kind][()]
                            scale = numpy.sqrt(numpy.outer(left, right))
                            allowed = 5 * file[block][f"{kind}_error"][()] + (bias + 1e-9) * scale
                            self.assertLessEqual((abs(found - known) - allowed).max(), 0, f"{block}/{kind}")

    def test_kernels_on_any_number_of_ranks(self):
        for name in ("conv_image_strides", "layer_norm_positions", "attention", "graph_image_edges", "graph_masked", "two_outputs_0", "two_outputs_masked"):
            with self.subTest(name):
                self.write_case(name)
                self.run_job("plan", "job.yaml")
                self.run_job("inspect", "job.yaml")
                self.run_job("kernel", "job.yaml", "--output", f"{name}.one")
                self.run_job("kernel", "job.yaml", "--output", f"{name}.three", ranks=3)
                self.expect_golden(name, f"{name}.one/result.h5")
                self.assertEqual(differences(self.folder / f"{name}.one/result.h5", self.folder / f"{name}.three/result.h5"), [])

    def test_inspect_knows_masks_and_graphs(self):
        """Planes have no masks; and a job has edges to count, which a network alone has not."""
        def cost(*arguments):
            return self.run_job("inspect", *arguments).stdout.splitlines()[-1]
        self.write_case("conv_image_strides")
        self.assertIn("infinite width: layer by layer;", cost("job.yaml"))
        self.write_case("graph_image_edges")
        (self.folder / "net.yaml").write_text(yaml.safe_dump(self.network))
        with h5py.File(GOLDEN) as golden:
            shape = list(golden["graph_image_edges/x1"].shape[1:])
        self.assertNotEqual(cost("job.yaml"), cost("net.yaml", "--shape", str(shape)))

    def test_float32(self):
        self.write_case("conv_image_strides")
        self.run_job("kernel", "job.yaml", "--set", "kernel.precision=float32")
        self.expect_golden("conv_image_strides", floor=1e-5)

    def test_a_stated_value_does_what_masks_do(self):
        self.write_case("conv_same", padding=-3.5)
        self.run_job("kernel", "job.yaml")
        self.expect_golden("conv_same")

    def test_nothing_is_read_below_a_mask(self):
        """Not even NaN."""
        self.write_case("avg_pool")
        with h5py.File(self.folder / "data.h5", "r+") as file:
            for part in ("train", "test"):
                x = file[f"{part}/x"]
                x[...] = numpy.where(file[f"{part}/mask"][()][..., None], numpy.nan, x[()])
        self.run_job("kernel", "job.yaml")
        self.expect_golden("avg_pool")

    def test_networks_that_flatten_first(self):
        """No layer sees a position there; what is masked counts as zero."""
        self.write_case("conv_same")
        self.run_job("kernel", "job.yaml", "--set", "network=[flatten, dense, relu, dense]")
        with h5py.File(self.folder / "data.h5") as file, h5py.File(self.folder / "job.run/result.h5") as result:
            x = numpy.where(file["train/mask"][()][..., None], 0, file["train/x"][()]).reshape(4, -1)
            q = (x**2).sum(axis=1) / x.shape[1]
            root = numpy.sqrt(q[:, None] * q)
            angle = numpy.arccos(numpy.clip(x @ x.T / x.shape[1] / root, -1, 1))
            relu = root / (2 * numpy.pi) * (numpy.sin(angle) + (numpy.pi - angle) * numpy.cos(angle))
            numpy.testing.assert_allclose(result["train_train/nngp"][()], relu, rtol=1e-7)

    def test_scales_leave_padding_out(self):
        """Norms, means and deviations are those of what is there: a factor on it, and not on the padding, changes nothing."""
        for scale in ("unit_sphere", "standardize"):
            with self.subTest(scale):
                self.write_case("conv_same")
                self.run_job("kernel", "job.yaml", "--set", f"data.scale={scale}", "--output", f"{scale}.one")
                self.write_case("conv_same", scale=1000.0)
                self.run_job("kernel", "job.yaml", "--set", f"data.scale={scale}", "--output", f"{scale}.large")
                one, large = (datasets(self.folder / f"{scale}.{name}/result.h5") for name in ("one", "large"))
                for block in ("train_train/nngp", "train_train/ntk"):
                    numpy.testing.assert_allclose(one[block], large[block], rtol=1e-6)

    def expect_changed(self, *words):
        refused = self.run_job("kernel", "job.yaml", "--quiet", expect=BAD_INPUT)
        self.assertEqual(len(refused.stderr.splitlines()), 1, refused.stderr)
        for word in words:
            self.assertIn(word, refused.stderr)

    def test_a_restart_notices_another_mask(self):
        self.write_case("avg_pool")
        self.run_job("kernel", "job.yaml")
        self.run_job("kernel", "job.yaml")
        self.assertEqual(self.report()["tiles"]["computed"], 0)
        with h5py.File(self.folder / "data.h5", "r+") as file:
            x, mask = file["test/x"][()], file["test/mask"][()]
            row, *place = numpy.argwhere(mask)[0]
            x[(row, *place)] = 0  # a number that the mask hid, and that is 0 either way
            mask[(row, *place)] = False
            file["test/x"][...], file["test/mask"][...] = x, mask
        self.expect_changed("data.test")

    def test_a_restart_notices_another_graph_or_output(self):
        self.write_case("graph_edges")
        self.run_job("kernel", "job.yaml")
        with h5py.File(self.folder / "data.h5", "r+") as file:
            file["train/pattern"][0, 0, 0, 0] = (file["train/pattern"][0, 0, 0, 0] + 1) % 5
        self.expect_changed("data.train")
        self.write_case("two_outputs_0")
        self.run_job("kernel", "job.yaml", "--output", "two.run")
        refused = self.run_job("kernel", "job.yaml", "--output", "two.run", "--set", "kernel.output=1", "--quiet", expect=BAD_INPUT)
        self.assertIn("kernel.output was 0, now 1", refused.stderr)

    def test_inputs_of_which_windows_leave_nothing_are_told(self):
        """One position without neighbours: the middle of every window of three is padding."""
        self.write_case("nothing_left")
        done = self.run_job("kernel", "job.yaml", ranks=2)
        self.expect_golden("nothing_left")
        self.assertEqual(done.stderr.count("nothing is left of 4 of 7 inputs"), 1, done.stderr)
        self.assertIn("row 0 ", done.stderr)

    def test_posterior_of_one_of_several_outputs(self):
        """The mean at the train inputs without noise to speak of is y."""
        self.write_case("two_outputs_1")
        with h5py.File(self.folder / "data.h5", "r+") as file:
            file["train/y"] = numpy.arange(4.0)[:, None] + 0.5
        job = yaml.safe_load((self.folder / "job.yaml").read_text())
        job["data"]["train"]["y"] = "train/y"
        job["data"]["test"]["x"] = job["data"]["train"]["x"]
        job["posterior"] = {"diag_reg": 1e-9}
        self.write_job(job)
        self.run_job("posterior", "job.yaml", ranks=2)
        mean = datasets(self.folder / "job.run/result.h5")["posterior/nngp/mean"]
        numpy.testing.assert_allclose(mean[:, 0], numpy.arange(4.0) + 0.5, atol=1e-4)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
