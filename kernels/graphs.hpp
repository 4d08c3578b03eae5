#pragma once

#include <vector>

namespace infinitile {

/// Edges between the positions of every input, for one layer that passes messages along them: y_r = sum of weight x_sender over the edges of
/// receiver r. In one form: sorted by receiver and sender, none twice, so that equal graphs have equal bits whatever file they come from.
struct Graphs {
  int positions = 1;
  std::vector<long> first{0};  ///< edges of receiver r of input i: first[i * positions + r], ..., first[i * positions + r + 1] - 1
  std::vector<int> sender;
  std::vector<double> weight;

  long rows() const { return (static_cast<long>(first.size()) - 1) / positions; }
};

}  // namespace infinitile
