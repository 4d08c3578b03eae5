"""Golden networks of tests/reference/finite.h5 as jobs."""
import h5py
import yaml

from program import ROOT, Folder

GOLDEN = ROOT / "tests/reference/finite.h5"
TRACED = {"spatial_output": [1, 2, 3], "token_output": [-2, -1]}  # the networks whose outputs have positions: all output axes


class GoldenNetworks(Folder):
    def golden_job(self, name, **kernel):
        """The job of a golden network, one number for each pair; its data and parameters are written into the folder."""
        with h5py.File(GOLDEN) as golden, h5py.File(self.folder / "data.h5", "w") as data, h5py.File(self.folder / "net.h5", "w") as net:
            case = golden[name]
            data["train/x"], data["test/x"] = case["x1"][()], case["x2"][()]
            case.copy("params", net, "params")
            network = yaml.safe_load(case.attrs["network"])
        job = {
            "data": {"train": {"file": "data.h5", "x": "train/x"}, "test": {"file": "data.h5", "x": "test/x"}},
            "network": network,
            "kernel": {"kind": "empirical", "tile": 2, "test_test": "full", "trace_axes": TRACED.get(name, [-1]), **kernel},
            "parameters": {"file": "net.h5", "group": "params"},
        }
        self.write_job(job)
        return job
