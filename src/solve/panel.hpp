#pragma once

#include <array>
#include <optional>
#include <vector>

#include "solve/process_grid.hpp"
#include "solve/tile_matrix.hpp"

namespace infinitile {

/// Tiles on their way to the ranks whose tiles they update. Of the three panels of step k, one travels along the rows of the process grid,
/// two down its columns; each is one message of whole tiles per group of ranks, and holds up to (rows of the matrix) / (process rows or
/// columns) x (tile side) doubles.

/// Rows `first` to the last of one matrix, of which a LeftPanel takes the tiles in one column.
struct PanelPart {
  TileMatrix const* matrix = nullptr;
  int first = 0;
};

/// Tile column k of some matrices, sent along the process rows: afterwards every rank has the tiles of its process row.
class LeftPanel {
public:
  /// Two numbers that travel with the tiles to every rank, such as news of a breakdown.
  using Note = std::array<double, 2>;

  /// Copies the tiles this rank holds and starts the transfer. The matrices keep these tiles as they are while the panel lives.
  LeftPanel(ProcessGrid const& grid, int k, std::vector<PanelPart> parts, Note note = {});

  /// Lets the transfer make progress; true once wait() would not have to.
  bool test() { return !pending_ || pending_->test(); }
  void wait();

  /// After wait().
  Note note() const { return {buffer_[0], buffer_[1]}; }
  /// After wait(): tile (row, k) of a part, if `row` belongs to this rank's process row.
  ConstMatrix tile(std::size_t part, int row) const;

  int width() const { return width_; }
  PanelPart const& part(std::size_t i) const { return parts_[i]; }

private:
  int k_;
  int width_;
  bool in_place_ = false;  ///< one process column: nothing travels, the tiles are used where they are
  std::vector<PanelPart> parts_;
  std::vector<std::vector<std::ptrdiff_t>> places_;  ///< [part][row - first]: where its tile starts in the buffer; -1 if it goes elsewhere
  std::vector<double> buffer_;
  std::optional<Pending<std::span<double>>> pending_;
};

/// The tiles (j, k) of one part of a LeftPanel, sent on down the process columns: afterwards every rank has those with j in its process
/// column, ready to be the transposed right factor of updates of tile column j.
/// With one process row nothing travels: the tiles are the LeftPanel's, which must live on.
class RightPanel {
public:
  RightPanel(ProcessGrid const& grid, LeftPanel const& left, std::size_t part);
  /// Tile (j, k), if j belongs to this rank's process column.
  ConstMatrix tile(int j) const;

private:
  int first_;
  std::vector<ConstMatrix> tiles_;  ///< [j - first]
  std::vector<double> buffer_;
};

/// Tile row k of a matrix, sent down the process columns: afterwards every rank has the tiles (k, j) of its process column.
class TopPanel {
public:
  /// Takes the columns 0..end; copies the tiles this rank holds and starts the transfer.
  TopPanel(ProcessGrid const& grid, TileMatrix const& matrix, int k, int end);
  bool test() { return !pending_ || pending_->test(); }
  void wait();
  ConstMatrix tile(int j) const;

private:
  std::vector<ConstMatrix> tiles_;
  std::vector<double> buffer_;
  std::optional<Pending<std::span<double>>> pending_;
};

}  // namespace infinitile
