"""Runs the program as its users do: alone or under mpirun, in a folder of its own. Shared by the tests of this folder.

INFINITILE: the program, default build/release/infinitile.
"""
import atexit
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("INFINITILE", str(ROOT / "build/release/infinitile"))
LIMIT = 120  # seconds; a hang is a failure
# Open MPI 4.1 makes and removes one directory for all runs of a user. Tests side by side now and then hit upon each other there: "File exists".
SESSIONS = tempfile.mkdtemp(prefix="mpi.")
atexit.register(shutil.rmtree, SESSIONS, ignore_errors=True)
ENVIRONMENT = {
    **os.environ,
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_orte_tmpdir_base": SESSIONS,
    "OMP_WAIT_POLICY": "passive",  # tests share the cores: a thread that waits does not hold one
    "ASAN_OPTIONS": "detect_leaks=0",
}

DONE, DEFECT, BAD_INPUT, NUMERICAL, STOPPED = 0, 1, 2, 3, 75


def command_line(arguments, ranks):
    launch = ["mpirun", "-n", str(ranks)] if ranks else []
    return [*launch, PROGRAM, *map(str, arguments)]


def run(*arguments, ranks=None, cwd, env=None, limit=LIMIT):
    """Runs to the end; ranks=None is without mpirun."""
    return subprocess.run(
        command_line(arguments, ranks), cwd=cwd, env={**ENVIRONMENT, **(env or {})}, text=True, capture_output=True, timeout=limit
    )


def start(*arguments, ranks=None, cwd, env=None):
    """Starts and returns at once. A session of its own, so that all of it can be ended."""
    return subprocess.Popen(
        command_line(arguments, ranks),
        cwd=cwd,
        env={**ENVIRONMENT, **(env or {})},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process, limit=LIMIT):
    """Waits for a started run: exit code and stderr. What outlives the limit is killed, and the test fails."""
    try:
        _, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return process.returncode, errors


def ranks_of(process):
    """Process ids of the ranks below an mpirun that was started, in order of their start."""
    children = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(process.pid)], text=True, capture_output=True).stdout.split("\n")
    return sorted(int(line.split()[0]) for line in children if "infinitile" in line)


class Folder(unittest.TestCase):
    """A test in a folder of its own, with small data: 37 train and 11 test rows of 6 features, 3 classes."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="infinitile-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write_data(self, name="data.h5", train=37, test=11, features=6, change=None):
        """Writes the small data set; `change` is a function that may change the dictionary of arrays first."""
        random = numpy.random.Generator(numpy.random.PCG64(7))
        centres = 2 * random.standard_normal((3, features))
        arrays = {}
        for part, rows in (("train", train), ("test", test)):
            labels = numpy.arange(rows) % 3
            arrays[f"{part}/x"] = centres[labels] + random.standard_normal((rows, features))
            arrays[f"{part}/y"] = labels
        if change:
            change(arrays)
        with h5py.File(self.folder / name, "w") as file:
            for path, values in arrays.items():
                file[path] = values
        return arrays

    def job(self, **sections):
        """A small valid job as a dictionary; sections replace or add keys, None takes one out."""
        job = {
            "data": {"train": {"file": "data.h5", "x": "train/x", "y": "train/y"}, "test": {"file": "data.h5", "x": "test/x", "y": "test/y"}},
            "network": [{"dense": {"w_std": 1.5, "b_std": 0.1}}, "relu", "dense"],
            "kernel": {"tile": 8},
        }
        for key, value in sections.items():
            if value is None:
                job.pop(key, None)
            elif isinstance(value, dict) and isinstance(job.get(key), dict):
                job[key] = {**job[key], **value}
            else:
                job[key] = value
        return job

    def write_job(self, job=None, name="job.yaml"):
        text = job if isinstance(job, str) else yaml.safe_dump(job if job is not None else self.job(), sort_keys=False)
        (self.folder / name).write_text(text)
        return name

    def run_job(self, *arguments, expect=DONE, **options):
        """Runs in the folder and checks the exit code; returns the finished process."""
        done = run(*arguments, cwd=self.folder, **options)
        self.assertEqual(done.returncode, expect, f"{arguments} {options}\nstdout: {done.stdout}\nstderr: {done.stderr}")
        return done

    def expect_line(self, arguments, words, ranks=None):
        """Exit code 2, one line with the words, nothing on stdout, and not a byte changed."""
        before = self.files()
        done = self.run_job(*arguments, "--quiet", expect=BAD_INPUT, ranks=ranks)
        lines = done.stderr.splitlines()
        if ranks:  # mpirun adds its own
            lines = [line for line in lines if "infinitile:" in line]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertTrue(contains_word(lines[0], word), f"no {word!r} in: {lines[0]}")
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.files(), before, "something was written")

    def report(self, run_folder="job.run"):
        return json.loads((self.folder / run_folder / "report.json").read_text())

    def files(self):
        """Every file of the folder with a hash of its bytes: to see that nothing was written."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
            for path in sorted(self.folder.rglob("*"))
        }


def datasets(path):
    """All datasets of a result by name, and the attributes that are results."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            found[name] = item[()]
        for key in ("diag_reg", "log_marginal_likelihood", "residual", "accuracy", "nll", "ece"):
            if key in item.attrs:
                found[f"{name}@{key}"] = numpy.asarray(item.attrs[key])

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def differences(left, right):
    """Names of datasets of two results whose bits differ."""
    a, b = datasets(left), datasets(right)
    wrong = sorted(set(a) ^ set(b))
    return wrong + [name for name in sorted(set(a) & set(b)) if a[name].shape != b[name].shape or a[name].tobytes() != b[name].tobytes()]


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited too long")
        time.sleep(0.01)


def contains_word(text, word):
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])", text) is not None
