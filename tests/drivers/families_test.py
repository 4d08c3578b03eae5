"""Ready-made families from outside: a family is its plain layers, to the bit, and its parameters can be set."""
import re
import shutil
import sys
import unittest

import h5py
import yaml

from program import BAD_INPUT, ROOT, Folder, differences

FAMILIES = ("fully_connected", "vanilla_conv", "myrtle", "wide_resnet", "vision_transformer")


def written_out(family):
    """The network that docs/layers.md gives for a family with its defaults."""
    page = (ROOT / "docs/layers.md").read_text()
    return yaml.safe_load(re.search(rf"### {family}\n\n```yaml\n(.*?)```", page, re.DOTALL).group(1))


class Families(Folder):
    def setUp(self):
        super().setUp()
        with h5py.File(ROOT / "data/digits.h5") as digits, h5py.File(self.folder / "data.h5", "w") as file:
            for part, rows in (("train", 10), ("test", 3)):
                file[f"{part}/x"], file[f"{part}/y"] = digits[f"{part}/x"][:rows], digits[f"{part}/y"][:rows]

    def write(self, network, name="job.yaml"):
        return self.write_job(self.job(network=network, kernel={"tile": 4}), name)

    def test_a_family_has_the_bits_of_its_plain_layers_and_takes_their_tiles(self):
        for family in FAMILIES:
            with self.subTest(family):
                self.write({"family": family})
                self.write(written_out(family), "plain.yaml")
                self.run_job("kernel", "job.yaml", "--output", "made")
                self.run_job("kernel", "plain.yaml", "--output", "plain")
                self.assertEqual(differences(self.folder / "made/result.h5", self.folder / "plain/result.h5"), [])
                self.run_job("kernel", "plain.yaml", "--output", "made")
                self.assertEqual(self.report("made")["tiles"]["computed"], 0)
                shown = [self.run_job("inspect", job).stdout.split("\n", 1)[1] for job in ("job.yaml", "plain.yaml")]
                self.assertEqual(*shown)
                shutil.rmtree(self.folder / "made")
                shutil.rmtree(self.folder / "plain")

    def test_parameters_can_be_set(self):
        self.write({"family": "myrtle"})
        self.write({"family": "myrtle", "depth": 7, "activation": {"leaky_relu": {"alpha": 0.1}}}, "seven.yaml")
        of_set = self.run_job("inspect", "job.yaml", "--set", "network.depth=7", "--set", "network.activation={leaky_relu: {alpha: 0.1}}")
        of_file = self.run_job("inspect", "seven.yaml")
        self.assertEqual(of_set.stdout.split("\n", 1)[1], of_file.stdout.split("\n", 1)[1])
        self.assertEqual(of_set.stdout.count("leaky_relu (alpha 0.1)"), 6)

    def test_a_wrong_parameter_is_one_line_and_nothing_is_written(self):
        self.write({"family": "myrtle"})
        before = self.files()
        for key, words in (
            ("depth=6", ("family myrtle: depth is 6; 5, 7 or 10 is needed",)),
            ("dpeth=7", ("the parameter dpeth is not known", 'Did you mean "depth"?')),
            ("family=mirtle", ("the family mirtle is not known", 'Did you mean "myrtle"?')),
            ("activation=rleu", ("the activation rleu is not known", 'Did you mean "relu"')),
            ("w_std=-1", ("family myrtle: w_std is -1",)),
        ):
            with self.subTest(key):
                done = self.run_job("kernel", "job.yaml", "--quiet", "--set", f"network.{key}", expect=BAD_INPUT)
                self.assertEqual(done.stderr.count("\n"), 1)
                for word in (*words, f"--set network.{key}"):
                    self.assertIn(word, done.stderr)
                self.assertEqual(self.files(), before)

    def test_another_depth_is_another_job_and_its_echo_runs_again(self):
        self.write({"family": "myrtle"})
        self.run_job("kernel", "job.yaml")
        other = self.run_job("kernel", "job.yaml", "--set", "network.depth=7", expect=BAD_INPUT)
        self.assertIn("network.depth was not given, now 7", other.stderr)
        self.run_job("kernel", shutil.copy(self.folder / "job.run/job.yaml", self.folder / "again.yaml"), "--output", "job.run")
        self.assertEqual(self.report()["tiles"]["computed"], 0)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
