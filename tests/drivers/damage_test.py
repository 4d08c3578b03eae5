"""A tile or result file with one bit flipped or its end cut off is noticed and computed again, with a line that says so."""
import random
import sys
import unittest

from program import Folder, differences

SEED = 5  # of the places that are damaged


def flip(path, place):
    """Turns one bit round."""
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << (place % 8)
    path.write_bytes(content)


def cut(path, bytes_left):
    path.write_bytes(path.read_bytes()[:bytes_left])


class Damage(Folder):
    def setUp(self):
        super().setUp()
        self.write_data()
        self.write_job()
        self.run_job("posterior", "job.yaml", "--output", "whole")
        self.run_job("posterior", "job.yaml", ranks=2)
        self.result = self.folder / "job.run/result.h5"
        self.tiles = sorted((self.folder / "job.run/tiles").glob("*.h5"))
        self.assertGreater(len(self.tiles), 1)

    def expect_mended(self, name, tiles_again, command="posterior", ranks=None):
        """The next run says what was damaged, and its result has the bits of the run that was left in peace."""
        again = self.run_job(command, "job.yaml", ranks=ranks)
        self.assertIn(name, again.stderr)
        computed = self.report()["tiles"]["computed"]
        self.assertTrue(computed > 0 if tiles_again else computed == 0, f"{computed} tiles were computed")
        self.assertEqual(differences(self.folder / "whole/result.h5", self.result), [])
        quiet = self.run_job(command, "job.yaml")
        self.assertNotIn(name, quiet.stderr)
        self.assertEqual(self.report()["tiles"]["computed"], 0)

    def test_flipped_bits_in_tiles(self):
        """Anywhere in the file: values, the structures of HDF5, the index at the end."""
        chance = random.Random(SEED)
        path = self.tiles[0]
        size = path.stat().st_size
        for place in [0, 9, size // 2, size - 1, size - 30, *(chance.randrange(size) for _ in range(10))]:
            with self.subTest(place=place):
                path = sorted((self.folder / "job.run/tiles").glob("*.h5"))[0]
                flip(path, place)
                self.expect_mended(path.name, tiles_again=True)

    def test_damage_in_a_file_of_tiles_that_now_belong_to_others(self):
        for ranks in (3, 2):
            with self.subTest(ranks=ranks):
                path = sorted((self.folder / "job.run/tiles").glob("*.h5"))[0]
                flip(path, path.stat().st_size // 2)
                self.expect_mended(path.name, tiles_again=True, ranks=ranks)

    def test_tiles_cut_off(self):
        for fraction in (0, 0.3, 0.99):
            with self.subTest(fraction):
                path = sorted((self.folder / "job.run/tiles").glob("*.h5"))[-1]
                cut(path, int(fraction * path.stat().st_size))
                self.expect_mended(path.name, tiles_again=True)

    def test_a_tile_file_taken_away(self):
        path = self.tiles[0]
        path.unlink()
        self.run_job("posterior", "job.yaml")
        self.assertGreater(self.report()["tiles"]["computed"], 0)
        self.assertEqual(differences(self.folder / "whole/result.h5", self.result), [])

    def test_result(self):
        """Flipped anywhere, cut off, or gone: written again from the tiles."""
        chance = random.Random(SEED)
        size = self.result.stat().st_size
        for place in [0, size // 2, size - 1, *(chance.randrange(size) for _ in range(5))]:
            with self.subTest(place=place):
                flip(self.result, place)
                self.expect_mended("result.h5", tiles_again=False)
        with self.subTest("cut off"):
            cut(self.result, size // 3)
            self.expect_mended("result.h5", tiles_again=False)
        with self.subTest("gone"):
            self.result.unlink()
            self.run_job("posterior", "job.yaml")
            self.assertEqual(differences(self.folder / "whole/result.h5", self.result), [])

    def test_kernel_mends_as_well(self):
        self.run_job("kernel", "job.yaml", "--output", "kernel.run")
        path = sorted((self.folder / "kernel.run/tiles").glob("*.h5"))[0]
        flip(path, path.stat().st_size // 2)
        again = self.run_job("kernel", "job.yaml", "--output", "kernel.run")
        self.assertIn(path.name, again.stderr)
        self.assertGreater(self.report("kernel.run")["tiles"]["computed"], 0)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=1))
