#include "kernels/primitive_product.hpp"

#include "base/error.hpp"
#include "kernels/strided_product.hpp"

namespace infinitile::primitive {

namespace {

/// The matrices of a batch along copies, rows and groups.
template <class T>
StridedMatrix<T> matrices_of(Batch<T> const& x, int rows, int cols, bool grouped, bool transpose = false) {
  return {x.data, {x.copy_stride(), x.row_stride(), grouped ? static_cast<long>(rows) * cols : 0}, cols, transpose};
}

template <class T>
void apply(MatrixProduct const& p, Batch<T const> left, Batch<T const> right, Batch<T> y, Into into) {
  StridedMatrix<T const> const b =
      p.transpose_right ? matrices_of(right, p.n, p.k, p.right_grouped, true) : matrices_of(right, p.k, p.n, p.right_grouped);
  multiply<T>({p.m, p.n, p.k, {y.copies, y.rows, p.groups}}, static_cast<T>(p.scale), matrices_of(left, p.m, p.k, p.left_grouped), b,
              matrices_of(y, p.m, p.n, true), into);
}

}  // namespace

template <class T>
void forward(MatrixProduct const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  apply(p, x[0], x[1], y, Into::replace);
}

template <class T>
void push(MatrixProduct const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> dx, Batch<T> dy, Into into) {
  apply(p, operand == 0 ? dx : at.operands[0], operand == 1 ? dx : at.operands[1], dy, into);
}

template <class T>
void pull(MatrixProduct const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  std::array<int, 3> const counts{g.copies, g.rows, p.groups};
  auto const scale = static_cast<T>(p.scale);
  Batch<T const> const left = at.operands[0], right = at.operands[1];
  if (operand == 0) {  // g rightᵀ
    StridedMatrix<T const> const b =
        p.transpose_right ? matrices_of(right, p.n, p.k, p.right_grouped) : matrices_of(right, p.k, p.n, p.right_grouped, true);
    multiply<T>({p.m, p.k, p.n, counts}, scale, matrices_of(g, p.m, p.n, true), b, matrices_of(target, p.m, p.k, p.left_grouped), into);
  } else if (p.transpose_right) {  // gᵀ left
    multiply<T>({p.n, p.k, p.m, counts}, scale, matrices_of(g, p.m, p.n, true, true), matrices_of(left, p.m, p.k, p.left_grouped),
                matrices_of(target, p.n, p.k, p.right_grouped), into);
  } else {  // leftᵀ g
    multiply<T>({p.k, p.n, p.m, counts}, scale, matrices_of(left, p.m, p.k, p.left_grouped, true), matrices_of(g, p.m, p.n, true),
                matrices_of(target, p.k, p.n, p.right_grouped), into);
  }
}

INFINITILE_INSTANTIATE_PRIMITIVE(MatrixProduct)

}  // namespace infinitile::primitive
