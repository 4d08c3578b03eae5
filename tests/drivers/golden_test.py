"""Golden kernels from the job file to the result, on 1 and 3 ranks with the same bits: every tenth case, or all with INFINITILE_ALL_CASES=1."""
import os
import sys
import unittest

import h5py
import yaml

from program import ROOT, Folder, differences

GOLDEN = [ROOT / "tests/reference" / name for name in ("infinite_fc.h5", "infinite_positions.h5")]
OVER_THE_BATCH = {"layer_norm_batch", "layer_norm_batch_and_image"}  # a tile would depend on all others: refused


class Golden(Folder):
    def test_kernels_on_1_and_3_ranks(self):
        for path in GOLDEN:
            with h5py.File(path) as golden:
                names = sorted(set(golden) - OVER_THE_BATCH)
            for name in names if os.environ.get("INFINITILE_ALL_CASES") else names[::10]:
                with self.subTest(name):
                    self.run_case(path, name)

    def run_case(self, path, name):
        with h5py.File(path) as golden:
            case = golden[name]
            with h5py.File(self.folder / "data.h5", "w") as file:
                file["train/x"], file["test/x"] = case["x1"][()], case["x2"][()]
            self.write_job({"data": {"train": {"file": "data.h5", "x": "train/x"}, "test": {"file": "data.h5", "x": "test/x"}},
                            "network": yaml.safe_load(case.attrs["network"]), "kernel": {"tile": 2}})
            self.run_job("kernel", "job.yaml", "--output", f"{name}.one")
            self.run_job("kernel", "job.yaml", "--output", f"{name}.three", ranks=3)
            self.assertEqual(differences(self.folder / f"{name}.one/result.h5", self.folder / f"{name}.three/result.h5"), [])
            with h5py.File(self.folder / f"{name}.three/result.h5") as result:
                for block in ("train_train", "test_train", "test_test"):
                    for kind in ("nngp", "ntk"):
                        known, found = case[block][kind][()], result[block][kind][()]
                        allowed = max(1e-10, 10 * case.attrs[f"float64_loss_{kind}"]) * abs(known).max()
                        self.assertLessEqual(abs(found - known).max(), allowed, f"{name} {block}/{kind}")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
