#pragma once

#include <string>
#include <vector>

namespace infinitile {

/// An axis of the numbers that a pair of inputs (x, x') has: of the outputs at x, at x', or once for both.
struct KeptAxis {
  std::string name;
  long size = 1;
  int twin =
      0;  ///< its place when the inputs change sides: that of the same axis of the other input, or its own where there is one for both
};

/// The numbers of each pair of inputs, row-major. Without axes it is one number, as in kernels at infinite width.
class KeptAxes {
public:
  KeptAxes() = default;
  explicit KeptAxes(std::vector<KeptAxis> axes);

  std::vector<KeptAxis> const& axes() const& { return axes_; }
  std::vector<KeptAxis> const& axes() const&& = delete;  // a loop over them would outlive axes without a name
  long count() const;
  /// `rows` and `cols` followed by the sizes of the axes.
  std::vector<long> extents(long rows, long cols) const;
  /// For each number of the pair (x', x), in order, its place among those of (x, x').
  std::vector<long> exchanged() const;
  /// Does every axis have a twin, so that a pair's numbers are a matrix of the outputs at x and those at x'?
  bool is_matrix() const;
  /// The rows of that matrix.
  int outputs() const;
  /// The places of its entries, row by row.
  std::vector<long> as_matrix() const;

private:
  std::vector<long> strides() const;

  std::vector<KeptAxis> axes_;
};

}  // namespace infinitile
