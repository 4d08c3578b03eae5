"""What mathematics does not allow gives exit code 3 and one line, the same on any number of ranks."""
import sys
import unittest

from program import NUMERICAL, Folder, contains_word


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

    def test_more_digits_are_advised_where_there_are_more(self):
        self.write_data()
        for precision, w_std, advised in (("float32", 1e25, True), ("float64", 1e200, False)):
            network = [{"dense": {"out_dim": 4, "w_std": w_std}}, "relu", {"dense": {"out_dim": 2}}]
            for kind in ("empirical", "monte_carlo"):
                self.write_job(self.job(name=f"{kind}_{precision}", network=network, kernel={"kind": kind, "precision": precision}))
                line = self.expect_answer(["infinite", "data.scale: unit_sphere"], None)
                self.assertEqual("float64" in line, advised, line)

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
