"""Any number of ranks and threads gives the same bits."""
import sys
import unittest

from program import Folder, datasets, differences

# What varies between the jobs: precision, ragged tiles, more ranks than tiles, both halves or one, diagonal or full.
JOBS = {
    "float64": {"kernel": {"tile": 8}},
    "float32": {"kernel": {"tile": 5, "precision": "float32"}},
    "one tile": {"kernel": {"tile": 64, "test_test": "full"}, "posterior": {"covariance": "full", "get": ["nngp", "ntk", "ntkgp"]}},
    "ragged": {"kernel": {"tile": 7, "test_test": "full", "store": "lower"}, "posterior": {"covariance": "full", "get": ["nngp", "ntk", "ntkgp"]}},
    "rows of one": {"kernel": {"tile": 1}},
}


class SameBits(Folder):
    def test_posterior(self):
        self.write_data()
        for name, sections in JOBS.items():
            self.write_job(self.job(**sections))
            with self.subTest(name):
                self.run_job("posterior", "job.yaml", "--output", f"{name}.1")
                first = self.folder / f"{name}.1/result.h5"
                self.assertIn("posterior/nngp/mean", datasets(first))
                for ranks in (2, 3, 4):
                    self.run_job("posterior", "job.yaml", "--output", f"{name}.{ranks}", ranks=ranks)
                    self.assertEqual(differences(first, self.folder / f"{name}.{ranks}/result.h5"), [], f"{ranks} ranks")

    def test_threads(self):
        self.write_data(train=70)
        self.write_job()
        self.run_job("posterior", "job.yaml", "--threads", 1, "--output", "one")
        self.run_job("posterior", "job.yaml", "--threads", 2, "--output", "two")
        self.run_job("posterior", "job.yaml", "--threads", 2, "--output", "four", ranks=2)
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "two/result.h5"), [])
        self.assertEqual(differences(self.folder / "one/result.h5", self.folder / "four/result.h5"), [])

    def test_kernel_first_or_at_once(self):
        """The posterior of kernels that an earlier run left, on another number of ranks, is that of one run; and no tile is computed again."""
        self.write_data()
        self.write_job()
        self.run_job("posterior", "job.yaml", "--output", "at-once")
        self.run_job("kernel", "job.yaml", "--output", "first", ranks=3)
        self.run_job("posterior", "job.yaml", "--output", "first", ranks=2)
        self.assertEqual(self.report("first")["tiles"]["computed"], 0)
        self.assertEqual(differences(self.folder / "at-once/result.h5", self.folder / "first/result.h5"), [])

    def test_the_posterior_may_change(self):
        """Another ridge reads the same tiles."""
        self.write_data()
        self.write_job()
        self.run_job("posterior", "job.yaml")
        first = datasets(self.folder / "job.run/result.h5")
        self.run_job("posterior", "job.yaml", "--set", "posterior.diag_reg=0.1")
        second = datasets(self.folder / "job.run/result.h5")
        self.assertEqual(self.report()["tiles"]["computed"], 0)
        self.assertNotEqual(first["posterior/nngp/mean"].tobytes(), second["posterior/nngp/mean"].tobytes())
        self.assertEqual(second["posterior/nngp@diag_reg"], 0.1)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
