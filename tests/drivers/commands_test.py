"""Every command and option of the README answers."""
import json
import re
import shutil
import sys
import unittest

import h5py
import numpy
import yaml

from program import BAD_INPUT, ROOT, Folder, contains_word, datasets

COMMANDS = ("kernel", "posterior", "shape", "plan", "inspect", "bench")


class Commands(Folder):
    def say(self, *arguments):
        """What a command prints on stdout; nothing may be written."""
        before = self.files()
        done = self.run_job(*arguments)
        self.assertEqual(self.files(), before)
        self.assertNotEqual(done.stdout.strip(), "")
        return done.stdout

    def test_help_names_every_command_and_common_option(self):
        text = self.say("--help")
        for word in (*COMMANDS, "--set", "--output", "--threads", "--quiet", "--log-level", "--version", "--info", "--defaults"):
            self.assertTrue(contains_word(text, word.lstrip("-")), word)
        for command in COMMANDS:
            self.assertTrue(contains_word(self.say(command, "--help"), command), command)

    def test_version(self):
        self.assertRegex(self.say("--version"), r"^infinitile \d+\.\d+\.\d+ \(\w+")

    def test_targets_that_are_there_can_be_left_aside(self):
        """y: null is no targets, also where the file has a dataset y, in the job and by --set."""
        arrays = self.write_data()
        for part in ("train", "test"):
            with h5py.File(self.folder / f"{part}.h5", "w") as file:
                file["x"], file["y"] = arrays[f"{part}/x"], arrays[f"{part}/y"]
        data = {part: {"file": f"{part}.h5"} for part in ("train", "test")}
        self.write_job({**self.job(), "data": data})
        self.assertRegex(self.run_job("posterior", "job.yaml", "--output", "scored").stdout, r"(?m)^nngp +[01]\.")
        without = {"train": data["train"], "test": {"file": "test.h5", "y": None}}
        self.write_job({**self.job(), "data": without}, "null.yaml")
        for output, job, *options in (("null", "null.yaml"), ("set", "job.yaml", "--set", "data.test.y=null"), ("again", "null/job.yaml")):
            self.assertRegex(self.run_job("posterior", job, "--output", output, *options).stdout, r"(?m)^nngp +-")
            found = datasets(self.folder / output / "result.h5")
            self.assertNotIn("posterior/nngp@accuracy", found)
            numpy.testing.assert_array_equal(found["posterior/nngp/mean"], datasets(self.folder / "scored/result.h5")["posterior/nngp/mean"])
        self.run_job("posterior", "null.yaml", "--output", "null", "--set", "data.test.y=y")  # the tiles serve both
        self.assertEqual(self.report("null")["tiles"]["computed"], 0)
        refused = self.run_job("posterior", "job.yaml", "--set", "data.train.y=null", expect=BAD_INPUT).stderr
        self.assertIn("data.train has no targets", refused)
        self.run_job("kernel", "job.yaml", "--output", "kernel", "--set", "data.train.y=null", "--set", "data.test.y=null")

    def test_info(self):
        text = self.say("--info")
        for word in ("MPI", "Kokkos", "HDF5", "BLAS", "cores", "memory"):
            self.assertIn(word, text)

    def test_defaults_are_a_valid_job_with_a_comment_on_each_key(self):
        text = self.say("--defaults")
        job = yaml.safe_load(text)
        self.assertEqual(job["kernel"]["kind"], "infinite")
        self.assertEqual(job["posterior"]["diag_reg"] if isinstance(job["posterior"]["diag_reg"], float) else float(job["posterior"]["diag_reg"]), 1e-4)
        target = self.folder / job["data"]["train"]["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "data/digits.h5", target)
        self.write_job(text, "defaults.yaml")
        self.run_job("plan", "defaults.yaml")
        self.run_job("posterior", "defaults.yaml", "--output", "defaults.run", ranks=2)

    def test_the_echo_of_a_job_runs_again_and_means_the_same(self):
        self.write_data()
        self.write_job()
        self.run_job("kernel", "job.yaml")
        (self.folder / "elsewhere").mkdir()
        echo = shutil.copy(self.folder / "job.run/job.yaml", self.folder / "elsewhere/again.yaml")
        self.run_job("kernel", echo, "--output", "job.run")
        self.assertEqual(self.report()["tiles"]["computed"], 0)

    def test_plan_says_what_a_job_costs(self):
        self.write_data()
        self.write_job()
        for extra in ([], ["--ranks", 4096], ["--memory", "64GiB"], ["--ranks", 64, "--memory", "1GiB"]):
            with self.subTest(extra):
                text = self.say("plan", "job.yaml", *extra)
                for word in ("memory", "disk", "flops"):
                    self.assertIn(word, text)

    def test_no_rank_takes_more_memory_than_planned(self):
        units = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
        self.write_data(train=2500, test=400, features=600)
        with_targets = self.job(kernel={"tile": 256})
        without = self.job(kernel={"tile": 256}, data={"train": {"file": "data.h5", "x": "train/x"}, "test": {"file": "data.h5", "x": "test/x"}})
        for command, job in (("posterior", with_targets), ("kernel", without)):
            for ranks in (1, 2):
                with self.subTest(command, ranks=ranks):
                    self.write_job(job)
                    plan = self.run_job("plan", "job.yaml", ranks=ranks).stdout
                    self.assertRegex(plan, rf"command +{command}")
                    number, unit = re.search(r"memory per rank +([0-9.]+) (\w+)", plan).groups()
                    self.run_job(command, "job.yaml", ranks=ranks)
                    self.assertLess(max(self.report()["peak_memory"]), 1.2 * float(number) * units[unit])
                    shutil.rmtree(self.folder / "job.run")

    def test_inspect(self):
        self.write_data()
        self.write_job()
        text = self.say("inspect", "job.yaml")
        for word in ("dense", "relu", "w_std", "1.5"):
            self.assertIn(word, text)
        (self.folder / "net.yaml").write_text("- dense: {out_dim: 100}\n- erf\n- dense: {out_dim: 3}\n")
        self.assertIn("erf", self.say("inspect", "net.yaml"))
        self.run_job("posterior", "job.yaml")
        text = self.say("inspect", "job.run/result.h5")
        for word in ("train_train/nngp", "test_train/ntk", "posterior/nngp", "37"):
            self.assertIn(word, text)

    def test_bench_runs_everything_at_a_tiny_size(self):
        names = self.say("bench", "--list")
        self.run_job("bench", "--tiny", "--json", "bench.json")
        measured = json.loads((self.folder / "bench.json").read_text())
        self.assertTrue(measured)
        self.run_job("bench", names.split()[0], "--tiny")

    def test_quiet_and_results_apart(self):
        """Results go to stdout, everything else to stderr; --quiet leaves stderr empty."""
        self.write_data()
        self.write_job()
        first = self.run_job("posterior", "job.yaml", "--quiet")
        again = self.run_job("posterior", "job.yaml")
        quiet = self.run_job("posterior", "job.yaml", "--quiet")
        self.assertIn("finished already", again.stderr)
        self.assertEqual(first.stderr + quiet.stderr, "")
        self.assertEqual(first.stdout, quiet.stdout)
        self.assertIn("nngp", first.stdout)

    def test_only_one_rank_prints(self):
        self.write_data()
        self.write_job()
        alone = self.run_job("posterior", "job.yaml", "--output", "one")
        many = self.run_job("posterior", "job.yaml", "--output", "many", ranks=3)
        self.assertEqual(len(alone.stdout.splitlines()), len(many.stdout.splitlines()))

    def test_smoke_jobs_run(self):
        for job in sorted((ROOT / "jobs/smoke").glob("*.yaml")):
            with self.subTest(job.name):
                self.run_job("posterior", job, "--output", job.stem, ranks=2)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
