"""Parameters of finite networks in files: safetensors as others write them against HDF5, and out again."""
import json
import struct
import unittest

import h5py
import numpy

from program import BAD_INPUT, Folder, differences

SMALL = [{"dense": {"out_dim": 20, "w_std": 1.4, "b_std": 0.1}}, "relu", {"dense": {"out_dim": 3}}]
SHAPES = {"0/w": (6, 20), "0/b": (20,), "2/w": (20, 3)}
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def write_safetensors(path, arrays, kind="F64", metadata=None):
    """As the format's README has it: eight bytes of length, a header, the numbers."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, values in arrays.items():
        if kind == "BF16":  # the upper half of each float
            raw = (numpy.ascontiguousarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
        else:
            raw = numpy.ascontiguousarray(values, TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    words = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(words)) + words + data)


def read_safetensors(path):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    return {
        name: numpy.frombuffer(data[slice(*each["data_offsets"])], TYPES[each["dtype"]]).reshape(each["shape"])
        for name, each in header.items()
        if name != "__metadata__"
    }


class ParameterFiles(Folder):
    def setUp(self):
        super().setUp()
        self.write_data()
        self.write_job(self.job(network=SMALL, kernel={"kind": "empirical", "tile": 8}))
        # Sums of few powers of two, which numbers of 16 bits hold exactly.
        random = numpy.random.default_rng(3)
        self.values = {path: random.integers(-64, 64, shape) / 32 for path, shape in SHAPES.items()}

    def write(self, name, kind="F64", group="", **more):
        arrays = {group + path.replace("/", "."): values for path, values in (self.values | more).items()}
        write_safetensors(self.folder / name, arrays, kind, {"format": "pt"})

    def kernel(self, output, *settings, ranks=None, expect=0):
        options = [option for each in settings for option in ("--set", each)]
        return self.run_job("kernel", "job.yaml", "--quiet", "--output", output, *options, ranks=ranks, expect=expect)

    def test_the_same_kernel_to_the_last_bit_as_from_hdf5(self):
        with h5py.File(self.folder / "p.h5", "w") as file:
            for path, values in self.values.items():
                file[path] = values
        self.kernel("known", "parameters.file=p.h5")
        for kind in ("F64", "F32", "F16", "BF16"):
            self.write(f"{kind}.safetensors", kind)
            self.kernel(kind, f"parameters.file={kind}.safetensors", ranks=2 if kind == "F16" else None)
            self.assertEqual(differences(self.folder / "known/result.h5", self.folder / kind / "result.h5"), [], kind)
        self.write("grouped.safetensors", group="model.layers.")
        self.kernel("grouped", "parameters.file=grouped.safetensors", "parameters.group=model/layers")
        self.assertEqual(differences(self.folder / "known/result.h5", self.folder / "grouped/result.h5"), [])
        for name, file in (("grouped.safetensors", None), ("grouped.h5", "h5")):
            if file:
                with h5py.File(self.folder / name, "w") as opened:
                    for path, values in self.values.items():
                        opened["model/layers/" + path] = values
            self.kernel("slashes." + name, f"parameters.file={name}", "parameters.group=/model/layers/")
            self.assertEqual(differences(self.folder / "known/result.h5", self.folder / f"slashes.{name}/result.h5"), [])
        listed = self.run_job("inspect", "grouped.safetensors").stdout
        self.assertRegex(listed, r"model\.layers\.0\.w +F64 +\(6, 20\)\n")
        self.kernel("known", "parameters.file=F32.safetensors")  # the same values from elsewhere serve the same tiles
        self.assertEqual(self.report("known")["tiles"]["computed"], 0)

    def test_what_the_job_reads_or_keeps_is_never_replaced(self):
        self.write_job({**self.job(kernel={"kind": "empirical", "tile": 8}), "network": {"file": "net.yaml"}}, name="other.yaml")
        (self.folder / "net.yaml").write_text("[{dense: {out_dim: 2}}]")
        (self.folder / "folder").mkdir()
        for place, words in (("data.h5", "the job reads"), ("./folder/../data.h5", "the job reads"), ("other.yaml", "the job reads"),
                             ("net.yaml", "the job reads"), ("other.run/result.h5", "output directory"), ("folder", "a directory"),
                             ("nowhere/p.h5", "there is no directory")):
            for key in ("parameters.save", "dynamics.save"):
                with self.subTest(place, key=key):
                    options = ["--set", f"{key}={place}", *(["--set", "dynamics.steps=[1]"] if key.startswith("d") else [])]
                    self.expect_line(["posterior", "other.yaml", *options], [key, words])

    def test_drawn_parameters_come_out_and_go_in(self):
        self.kernel("drawn", "parameters.save=drawn.safetensors", ranks=2)
        self.kernel("other", "parameters.save=drawn.h5")
        saved = read_safetensors(self.folder / "drawn.safetensors")
        self.assertEqual({name: each.shape for name, each in saved.items()}, {path.replace("/", "."): shape for path, shape in SHAPES.items()})
        with h5py.File(self.folder / "drawn.h5") as file:
            for path in SHAPES:
                numpy.testing.assert_array_equal(file[path][()], saved[path.replace("/", ".")])
        for name in ("drawn.safetensors", "drawn.h5"):
            self.kernel("again." + name, f"parameters.file={name}")
            self.assertEqual(differences(self.folder / "drawn/result.h5", self.folder / f"again.{name}/result.h5"), [])

    def test_files_that_do_not_fit_are_refused(self):
        def expect_refused(change, *words):
            refused = self.kernel("bad", *change, expect=BAD_INPUT)
            self.assertEqual(len(refused.stderr.splitlines()), 1, refused.stderr)
            for word in words:
                self.assertIn(word, refused.stderr)
            self.assertFalse((self.folder / "bad").exists())

        self.write("p.safetensors", **{"5/w": numpy.zeros((2, 2))})
        expect_refused(["parameters.file=p.safetensors"], "p.safetensors", "5.w", "which the network does not have")
        self.write("p.safetensors", **{"2/w": numpy.zeros((3, 20))})
        expect_refused(["parameters.file=p.safetensors"], "2.w of", "(3, 20)", "(20, 3)")
        del self.values["0/b"]
        self.write("p.safetensors")
        expect_refused(["parameters.file=p.safetensors"], "no array 0.b; it has 0.w and 2.w")
        content = (self.folder / "p.safetensors").read_bytes()
        for cut in (4, 50, len(content) - 1):
            (self.folder / "p.safetensors").write_bytes(content[:cut])
            expect_refused(["parameters.file=p.safetensors"], "p.safetensors")
        expect_refused(["parameters.file=none.safetensors"], "none.safetensors", "No such file")
        expect_refused(["parameters.file=job.yaml"], "job.yaml is not an HDF5 file", ".safetensors")
        for place in ("/proc/p.h5", "/proc/p.safetensors"):
            expect_refused([f"parameters.save={place}"], "parameters.save", place, "no file can be written there")
        expect_refused(["kernel.kind=infinite", "parameters.save=p.h5"], "parameters.save", "kernel.kind is infinite")
        expect_refused(["parameters.save=no/such/p.h5"], "no/such/p.h5")


if __name__ == "__main__":
    unittest.main()
