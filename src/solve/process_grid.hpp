#pragma once

#include "comm/communicator.hpp"
#include "plan/distribution.hpp"

namespace infinitile {

/// All ranks of a communicator as a grid, with a communicator along this rank's row of it (ranked by column) and one along its column
/// (ranked by row).
struct ProcessGrid {
  explicit ProcessGrid(Communicator const& comm) : ProcessGrid(comm, Distribution(comm.size())) {}
  ProcessGrid(Communicator const& comm, Distribution const& shape)
      : all(comm),
        distribution(shape),
        my_row(shape.row_of(comm.rank())),
        my_col(shape.col_of(comm.rank())),
        row(comm.split(my_row, my_col)),
        col(comm.split(my_col, my_row)) {
    INFINITILE_EXPECT(shape.ranks() == comm.size());
  }

  Communicator all;
  Distribution distribution;
  int my_row;
  int my_col;
  Communicator row;
  Communicator col;
};

}  // namespace infinitile
