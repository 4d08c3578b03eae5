"""A full disk ends a run with exit code 75 and the path; what is finished stays, and with more room the same command goes on.

A file system of its own size needs root: exit code 77 (skipped) where it cannot be mounted.
"""
import subprocess
import sys
import unittest

from program import ENVIRONMENT, PROGRAM, STOPPED, Folder, differences

MOUNT = "mount -t tmpfs -o size=240k none full"


class FullDisk(Folder):
    def test_stops_and_goes_on(self):
        self.stop_and_go_on("")

    def test_all_ranks_stop_together(self):
        """The first rank without room ends the round on all: no rank is left waiting, and each keeps what it has finished."""
        self.stop_and_go_on("mpirun -n 3 ")

    def stop_and_go_on(self, launcher):
        self.write_data(train=150, test=40)
        self.write_job()
        self.run_job("posterior", "job.yaml", "--output", "whole")
        (self.folder / "full").mkdir()
        # The mount lives in a namespace of its own and ends with it.
        script = f"""{MOUNT}
            {launcher}{PROGRAM} posterior job.yaml --output full/run --log-level warning >/dev/null; echo "first $?"
            find full/run -name '*.part'
            mount -o remount,size=100m full
            {PROGRAM} posterior job.yaml --output full/run --quiet >/dev/null; echo "second $?"
            cp -r full/run after"""
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", script],
            cwd=self.folder,
            env={**ENVIRONMENT, "INFINITILE_RUN_SECONDS": "0"},
            text=True,
            capture_output=True,
            timeout=60,
        )
        self.assertEqual(done.stdout.split("\n")[:2], [f"first {STOPPED}", "second 0"], done.stdout + done.stderr)
        lines = [line for line in done.stderr.splitlines() if "infinitile:" in line and "fewer ranks" not in line]
        self.assertEqual(len(lines), 2, done.stderr)
        self.assertIn("full/run/tiles has", lines[0])  # said before the first tile
        self.assertIn("full/run", lines[1])
        self.assertEqual(differences(self.folder / "whole/result.h5", self.folder / "after/result.h5"), [])
        tiles = self.report("after")["tiles"]
        self.assertGreater(tiles["reused"], 0)
        self.assertGreater(tiles["computed"], 0)


if __name__ == "__main__":
    probe = ["unshare", "--mount", "--propagation", "private", "bash", "-c", "mount -t tmpfs none /mnt"]
    if subprocess.run(probe, capture_output=True).returncode != 0:
        print("SKIPPED: only root can mount a small file system")
        sys.exit(77)
    sys.exit(unittest.main(verbosity=1))
