#pragma once

#include <compare>
#include <vector>

namespace infinitile {

/// Rows first, first + 1, ..., last - 1.
struct Range {
  long first = 0;
  long last = 0;
  long size() const { return last - first; }
  friend bool operator==(Range const&, Range const&) = default;
};

/// Which block of the kernel matrix.
enum class Block { train_train, test_train, test_test };

/// A tile by its row and column in the grid of train rows followed by test rows; col <= row.
struct TileIndex {
  int row = 0;
  int col = 0;
  friend auto operator<=>(TileIndex const&, TileIndex const&) = default;
};

/// How the kernel matrix of `train` rows followed by `test` rows is cut into tiles of side x side, or one that takes all if there are fewer
/// rows. The last tile of the train rows and the last one of the test rows may be smaller; no tile has rows of both. Only tiles with
/// col <= row exist: the matrix is symmetric. A pure function of its arguments.
class TileGrid {
public:
  TileGrid(long train, long test, int side);

  long train() const { return train_; }
  long test() const { return test_; }
  int side() const { return side_; }
  int train_tiles() const { return tiles_for(train_); }
  int test_tiles() const { return tiles_for(test_); }
  int tiles() const { return train_tiles() + test_tiles(); }

  bool is_test(int tile) const { return tile >= train_tiles(); }
  /// The rows of a tile within its own data set, train or test.
  Range range(int tile) const;
  int height(TileIndex t) const { return static_cast<int>(range(t.row).size()); }
  int width(TileIndex t) const { return static_cast<int>(range(t.col).size()); }
  Block block(TileIndex t) const;

  /// All tiles of one block, column by column from the left: the order in which a factorization needs them.
  std::vector<TileIndex> tiles_of(Block block) const;
  /// Entries of a block that are stored (lower triangle of tiles, whole diagonal tiles).
  double entries_of(Block block) const;

  friend bool operator==(TileGrid const&, TileGrid const&) = default;

private:
  int tiles_for(long rows) const { return static_cast<int>((rows + side_ - 1) / side_); }

  long train_;
  long test_;
  int side_;
};

/// The side that `tile: auto` stands for: depends on the job alone, so that neither ranks nor threads change a bit of the result. About 32
/// tiles a side, multiples of 64, between 256 (below, factorizations slow down) and 2048. Where one pair costs much, as in convolutional
/// kernels, a multiple of 16 (strips of vectors begin there), such that a tile takes a second or two: a signal waits for the tile in hand.
int automatic_side(long train, double pair_flops = 0);

}  // namespace infinitile
