#pragma once

#include "kernels/strided_product.hpp"

namespace infinitile {

/// c ← [c +] alpha a b where all of copies and rows have one b, as the weights of a dense layer: at most `most_rows` rows in all, not so many
/// that a library's product makes up for packing b as it does.
/// b has to be transposed, or the rows to have zeros in common, or to be one alone: otherwise the library's product is faster, by 1.2 to 1.7
/// for 8 to 32 rows; and columns have to fill three quarters of the vectors at least.
/// b is packed once, transposed on the way where it has to be, a block at a time. Rows of one sample that differ in copy alone go together, and
/// steps where all of them are 0 are left out: behind a ReLU that is half of them.
template <class T>
bool has_few_rows(StridedShape const& shape, StridedMatrix<T const> const& a, StridedMatrix<T const> const& b, StridedMatrix<T> const& c);

template <class T>
void multiply_few_rows(StridedShape const& shape, T alpha, StridedMatrix<T const> a, StridedMatrix<T const> b, StridedMatrix<T> c,
                       Into into);

}  // namespace infinitile
