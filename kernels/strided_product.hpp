#pragma once

#include <array>

#include "kernels/primitive.hpp"

namespace infinitile {

/// Many matrices of one shape in an array: the one at (i, j, k) begins at data + stride · (i, j, k). A stride of 0: all are the same.
template <class T>
struct StridedMatrix {
  T* data = nullptr;
  std::array<long, 3> stride{};
  long leading = 0;  ///< from row to row as it is stored
  bool transpose = false;
};

template <class T>
StridedMatrix<T> transposed(StridedMatrix<T> m) {
  m.transpose = !m.transpose;
  return m;
}

/// c(i) ← [c(i) +] alpha a(i) b(i), c being m x n and the inner axis k, for all i of three axes; along axes where c does not move, the sum.
struct StridedShape {
  long m = 1, n = 1, k = 1;
  std::array<int, 3> counts{1, 1, 1};
};

/// 2 m n k flops per product. Axes are merged into the matrices where memory allows, so that a dense layer of a batch is one product and a
/// weight's gradient sums over the batch inside of one; what is left goes to the host's threads in panels of fixed size, so the bits do not
/// depend on their number. Compute-bound from m, n, k of about 100 on; with k = 1 it writes c and no more.
template <class T>
void multiply(StridedShape shape, T alpha, StridedMatrix<T const> a, StridedMatrix<T const> b, StridedMatrix<T> c, Into into);

}  // namespace infinitile
