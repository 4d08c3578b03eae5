#include "kernels/primitive_product.hpp"

#include "base/error.hpp"
#include "kernels/strided_product.hpp"

namespace infinitile::primitive {

namespace {

/// The matrices of an operand or the result along copies, rows and groups.
template <class T>
StridedMatrix<T> along(Batch<T> const& x, long group_step, int cols) {
  return {x.data, {x.copy_stride(), x.row_stride(), group_step}, cols, false};
}
template <class T>
StridedMatrix<T> left_of(MatrixProduct const& p, Batch<T> const& x) {
  return along(x, p.left_grouped ? static_cast<long>(p.m) * p.k : 0, p.k);
}
/// As it is stored: (k, n), or (n, k) where it is transposed.
template <class T>
StridedMatrix<T> right_of(MatrixProduct const& p, Batch<T> const& x) {
  return along(x, p.right_grouped ? static_cast<long>(p.k) * p.n : 0, p.transpose_right ? p.k : p.n);
}
template <class T>
StridedMatrix<T> result_of(MatrixProduct const& p, Batch<T> const& x) {
  return along(x, static_cast<long>(p.m) * p.n, p.n);
}

template <class T>
void apply(MatrixProduct const& p, Batch<T const> left, Batch<T const> right, Batch<T> y, Into into) {
  StridedMatrix<T const> const b = right_of(p, right);
  multiply<T>({p.m, p.n, p.k, {y.copies, y.rows, p.groups}}, static_cast<T>(p.scale), left_of(p, left),
              p.transpose_right ? transposed(b) : b, result_of(p, y), into);
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
  StridedMatrix<T const> const left = left_of(p, at.operands[0]), right = right_of(p, at.operands[1]), result = result_of(p, g);
  if (operand == 0) {  // g rightᵀ
    multiply<T>({p.m, p.k, p.n, counts}, scale, result, p.transpose_right ? right : transposed(right), left_of(p, target), into);
  } else if (p.transpose_right) {  // gᵀ left
    multiply<T>({p.n, p.k, p.m, counts}, scale, transposed(result), left, right_of(p, target), into);
  } else {  // leftᵀ g
    multiply<T>({p.k, p.n, p.m, counts}, scale, transposed(left), result, right_of(p, target), into);
  }
}

INFINITILE_INSTANTIATE_PRIMITIVE(MatrixProduct)

}  // namespace infinitile::primitive
