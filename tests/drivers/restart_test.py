"""Killed, stopped or changed half way: the same command goes on and gives the bits of a run that was never disturbed."""
import os
import random
import re
import signal
import sys
import time
import unittest

import h5py
import numpy

from program import BAD_INPUT, DONE, ROOT, STOPPED, Folder, datasets, differences, finish, ranks_of, start, wait_until

JOB = ROOT / "jobs/smoke/slow.yaml"
OFTEN = {"INFINITILE_RUN_SECONDS": "0.05"}  # finished tiles get their names all the time, not every 20 seconds


def finished_tiles(folder):
    """The tiles that are finished, as (row, col), by reading the files with h5py: each file under a final name must be whole."""
    found = []
    for path in sorted((folder / "tiles").glob("*.h5")):
        with h5py.File(path, "r", locking=False) as file:
            names = [tuple(map(int, name.split("_"))) for name in file["nngp"]]
            for name in names:
                assert file[f"nngp/{name[0]}_{name[1]}"].shape == file[f"ntk/{name[0]}_{name[1]}"].shape
            found += [tile for tile in names if tile[0] >= tile[1]]
    return found


class Disturbed(Folder):
    """Runs of a job that are killed, and go on."""

    job_file = JOB

    def undisturbed(self):
        self.run_job("kernel", self.job_file, "--output", "whole")
        return self.folder / "whole/result.h5"

    def start_and_wait_for_tiles(self, ranks, output):
        """Starts the job and waits until one more file of finished tiles is there than now."""
        tiles = self.folder / output / "tiles"
        before = len(list(tiles.glob("*.h5")))
        process = start("kernel", self.job_file, "--output", output, ranks=ranks, cwd=self.folder, env=OFTEN)
        wait_until(lambda: len(list(tiles.glob("*.h5"))) > before or process.poll() is not None)
        return process

    def kill(self, process, chance):
        """SIGKILL of one rank or of all; returns the exit code."""
        victims = ranks_of(process)
        for victim in victims if chance.random() < 0.3 else chance.sample(victims, min(1, len(victims))):
            os.kill(victim, signal.SIGKILL)
        return finish(process)[0]

    def go_on(self, output, ranks):
        """Runs to the end; no finished tile may be computed again."""
        kept = finished_tiles(self.folder / output)
        self.assertEqual(len(kept), len(set(kept)), "a tile is there twice")
        self.run_job("kernel", self.job_file, "--output", output, ranks=ranks, env=OFTEN)
        tiles = self.report(output)["tiles"]
        self.assertEqual(tiles["reused"], len(kept))
        self.assertEqual(tiles["computed"], tiles["total"] - len(kept))
        return len(kept)

    def expect_the_same_after_a_kill(self, chance):
        """A run on three ranks that is killed while it has some tiles goes on on two and ends with the bits of one that was not."""
        whole = self.undisturbed()
        self.kill(self.start_and_wait_for_tiles(3, "killed"), chance)
        self.assertGreater(self.go_on("killed", ranks=2), 0)
        self.assertEqual(differences(whole, self.folder / "killed/result.h5"), [])


class Restart(Disturbed):
    def test_killed_at_any_moment(self):
        """SIGKILL of one rank or of all, at moments chosen by chance, again and again on other numbers of ranks."""
        began = time.monotonic()
        whole = self.undisturbed()
        duration = time.monotonic() - began
        chance = random.Random(int(os.environ.get("INFINITILE_SEED", "0")) or time.time_ns())
        self.kill(self.start_and_wait_for_tiles(3, "killed"), chance)  # once for certain while it has some tiles, but not all
        for ranks in (1, 2, 4, 2, 3):
            process = start("kernel", JOB, "--output", "killed", ranks=ranks, cwd=self.folder, env=OFTEN)
            time.sleep(chance.uniform(0.1, 0.7) * duration)
            if self.kill(process, chance) == DONE:
                break
        kept = self.go_on("killed", ranks=2)
        self.assertGreater(kept, 0, "no run had finished a tile before it was killed")
        self.assertEqual(differences(whole, self.folder / "killed/result.h5"), [])
        left = [path.name for path in (self.folder / "killed").rglob("*") if path.name.endswith(".part")]
        self.assertEqual(left, [], "unfinished files were left behind")

    def test_convolutions_go_on_too(self):
        """Tiles of images, by planes between pools: strips of other ranks and tiles, the same bits."""
        images = numpy.random.default_rng(5).normal(size=(120, 8, 8, 2))
        with h5py.File(self.folder / "images.h5", "w") as file:
            file["x"] = images
        layers = [{"conv": {"filter_shape": [3, 3], "padding": "SAME", "b_std": 0.1}}, "relu"]
        network = [{"repeat": {"times": 4, "layers": layers}}, {"avg_pool": {"window_shape": [2, 2], "strides": [2, 2]}}, *layers, "global_avg_pool", "dense"]
        self.write_job({"data": {"train": {"file": "images.h5", "x": "x"}}, "network": network, "kernel": {"tile": 24}})
        self.job_file = "job.yaml"
        whole = self.undisturbed()
        self.kill(self.start_and_wait_for_tiles(3, "killed"), random.Random(1))
        self.assertGreater(self.go_on("killed", ranks=2), 0)
        self.assertEqual(differences(whole, self.folder / "killed/result.h5"), [])

    def test_signals_stop_at_the_next_tile(self):
        """SIGTERM to one process or to all ranks, SIGUSR1 through mpirun as from Slurm: exit code 75, then the rest."""
        whole = self.undisturbed()

        def term_all(process):
            for rank in ranks_of(process):
                os.kill(rank, signal.SIGTERM)

        ways = {
            "alone-term": (None, lambda process: process.send_signal(signal.SIGTERM)),
            "alone-usr1": (None, lambda process: process.send_signal(signal.SIGUSR1)),
            "ranks-term": (3, term_all),
            "one-rank": (3, lambda process: os.kill(ranks_of(process)[-1], signal.SIGTERM)),
            "mpirun-usr1": (2, lambda process: process.send_signal(signal.SIGUSR1)),
        }
        for name, (ranks, stop) in ways.items():
            with self.subTest(name):
                process = self.start_and_wait_for_tiles(ranks, name)
                stop(process)
                code, errors = finish(process)
                self.assertEqual(code, STOPPED, errors)
                self.assertIn("same command", errors)
                self.assertEqual(self.report(name)["exit"], STOPPED)
                self.assertGreater(self.go_on(name, ranks=2), 0)
                self.assertEqual(differences(whole, self.folder / name / "result.h5"), [])

    def test_signal_during_the_factorization(self):
        """Small tiles make it long: hundreds of panels after the last kernel tile."""
        self.write_data(train=1200, test=50)
        self.write_job(self.job(kernel={"tile": 8}))
        self.run_job("kernel", "job.yaml", ranks=2)
        process = start("posterior", "job.yaml", ranks=2, cwd=self.folder)
        log = self.folder / "job.run/log.txt"
        wait_until(lambda: "finished already" in log.read_text() or process.poll() is not None)
        os.kill(ranks_of(process)[-1], signal.SIGUSR1)
        code, errors = finish(process)
        self.assertEqual(code, STOPPED, errors)
        self.run_job("posterior", "job.yaml", ranks=2)

    def test_two_runs_at_once(self):
        """The second run on one output is refused and says who has it; the first is not disturbed."""
        process = self.start_and_wait_for_tiles(2, "shared")
        second = self.run_job("kernel", JOB, "--output", "shared", "--quiet", expect=BAD_INPUT)
        self.assertEqual(len(second.stderr.splitlines()), 1)
        named = [int(word) for word in re.findall(r"\d+", second.stderr.replace(str(self.folder), ""))]
        self.assertTrue(set(named) & set(ranks_of(process)), second.stderr)
        code, errors = finish(process)
        self.assertEqual(code, DONE, errors)
        self.run_job("kernel", JOB, "--output", "shared")


class ChangedJob(Folder):
    # The change, the key that the line must name, and what was and is.
    CHANGES = [
        ({"kernel": {"tile": 16}}, "kernel.tile", "8", "16"),
        ({"kernel": {"precision": "float32"}}, "kernel.precision", "float64", "float32"),
        ({"kernel": {"get": ["nngp"]}}, "kernel.get", "ntk", "nngp"),
        ({"data": {"scale": "standardize"}}, "data.scale", "none", "standardize"),
        ({"network": ["dense", "erf", "dense"]}, "network", "relu", "erf"),
    ]

    def test_is_refused_with_the_keys_that_differ(self):
        self.write_data()
        self.write_job()
        self.run_job("kernel", "job.yaml")
        for sections, key, before, now in self.CHANGES:
            with self.subTest(key):
                self.write_job(self.job(**sections))
                files = self.files()
                refused = self.run_job("kernel", "job.yaml", "--quiet", expect=BAD_INPUT)
                self.assertEqual(len(refused.stderr.splitlines()), 1)
                for word in (key, before, now):
                    self.assertIn(word, refused.stderr)
                self.assertEqual(self.files(), files, "something was written")

    def test_changed_data_under_the_same_name_are_refused(self):
        self.write_data()
        self.write_job()
        self.run_job("kernel", "job.yaml")

        def nudge(arrays):
            arrays["train/x"][0, 0] += 1e-3

        self.write_data(change=nudge)
        refused = self.run_job("kernel", "job.yaml", "--quiet", expect=BAD_INPUT)
        self.assertIn("data", refused.stderr)

    def test_other_words_for_the_same_job_are_taken(self):
        """Order, spelling and place of the job do not matter."""
        self.write_data()
        self.write_job()
        self.run_job("kernel", "job.yaml")
        job = self.job(network={"layers": ["dense", "relu", "dense"], "defaults": {"w_std": 1.5}}, kernel={"get": ["nngp", "ntk"]})
        job["network"]["layers"] = [{"dense": {"b_std": 0.1}}, {"relu": {}}, {"dense": {"w_std": 1.0}}]
        self.write_job(dict(reversed(job.items())), "other.yaml")
        self.run_job("kernel", "other.yaml", "--output", "job.run")
        self.assertEqual(self.report()["tiles"]["computed"], 0)

    def test_a_finished_run_is_not_done_again(self):
        self.write_data()
        self.write_job()
        self.run_job("posterior", "job.yaml")
        first = datasets(self.folder / "job.run/result.h5")
        self.run_job("posterior", "job.yaml", ranks=2)
        self.assertEqual(self.report()["tiles"]["computed"], 0)
        second = datasets(self.folder / "job.run/result.h5")
        self.assertTrue(all(first[name].tobytes() == second[name].tobytes() for name in first))


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
