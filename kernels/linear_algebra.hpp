#pragma once

#include <optional>
#include <span>
#include <type_traits>

#include <Kokkos_Core.hpp>

namespace infinitile {

/// A row-major matrix of someone else's memory: entry (i, j) is data[i * stride + j].
template <class T>
struct BasicMatrix {
  T* data = nullptr;
  int rows = 0;
  int cols = 0;
  long stride = 0;

  BasicMatrix() = default;
  BasicMatrix(T* first, int row_count, int col_count) : BasicMatrix(first, row_count, col_count, col_count) {}
  BasicMatrix(T* first, int row_count, int col_count, long row_stride)
      : data(first), rows(row_count), cols(col_count), stride(row_stride) {}
  operator BasicMatrix<T const>() const { return {data, rows, cols, stride}; }

  T& operator()(int i, int j) const { return data[i * stride + j]; }
  T* row(int i) const { return data + i * stride; }
  BasicMatrix block(int row, int col, int row_count, int col_count) const {
    return {data + row * stride + col, row_count, col_count, stride};
  }
};
using Matrix = BasicMatrix<double>;
using ConstMatrix = BasicMatrix<double const>;
using SingleMatrix = BasicMatrix<float>;

/// A matrix as it is, or transposed, in a product.
template <class T>
struct BasicFactor {
  BasicMatrix<T const> matrix;
  bool transpose = false;
  BasicFactor(BasicMatrix<T const> m) : matrix(m) {}
  BasicFactor(BasicMatrix<T> m) : matrix(m) {}
  int rows() const { return transpose ? matrix.cols : matrix.rows; }
  int cols() const { return transpose ? matrix.rows : matrix.cols; }
};
using Factor = BasicFactor<double>;
using SingleFactor = BasicFactor<float>;
template <class T>
BasicFactor<std::remove_const_t<T>> transposed(BasicMatrix<T> m) {
  BasicFactor<std::remove_const_t<T>> out(m);
  out.transpose = true;
  return out;
}

/// OpenBLAS gives other bits with other thread counts, so each call runs on one thread and the parallelism is ours. Once, before the first
/// call.
void initialize_linear_algebra();

/// c ← alpha a b + beta c. 2 m n k flops, compute-bound from tiles of about 100 on.
void gemm(double alpha, Factor const& a, Factor const& b, double beta, Matrix c);
void gemm(float alpha, SingleFactor const& a, SingleFactor const& b, float beta, SingleMatrix c);

/// The sum of a[i] b[i] in a fixed order, that of eight interleaved sums.
double dot(double const* a, double const* b, int count);

/// The lower triangle of c ← c − a aᵀ, by gemm on blocks: what lies above the diagonal keeps its value or gets a useless one.
/// n² k flops and 1/16 more at n = 256.
void syrk(ConstMatrix a, Matrix c);

/// x ← x op(l)⁻¹, l lower triangular, what lies above its diagonal is not read. m n² flops for x [m, n].
void trsm(Factor const& l, Matrix x);

/// Where and how a factorization stopped.
struct BadPivot {
  int row = 0;
  double pivot = 0;
};

/// The lower triangle of a becomes its Cholesky factor l, a = l lᵀ; what lies above the diagonal is not read and its values mean nothing
/// afterwards. Stops at the first row i whose pivot is not above smallest[i] (NaN never is): LAPACK's potrf goes on with tiny positive
/// pivots, which are rounding errors of a singular matrix. n³/3 flops; blocks of 32 by columns, the rest by syrk and trsm.
std::optional<BadPivot> potrf(Matrix a, std::span<double const> smallest);

/// Runs work(0), ..., work(count - 1) on the host's threads, each when a thread is free; the caller puts large pieces first.
/// Each piece is one thread's, so its bits do not depend on the number of threads. `work` may not throw.
template <class Work>
void parallel_for_tiles(int count, Work const& work) {
  using Host = Kokkos::DefaultHostExecutionSpace;
  using Policy = Kokkos::RangePolicy<Host, Kokkos::Schedule<Kokkos::Dynamic>, Kokkos::IndexType<int>>;
  if (count == 1) return work(0);
  Policy policy(0, count);
  policy.set_chunk_size(1);
  Kokkos::parallel_for("infinitile::parallel_for_tiles", policy, work);
  Host().fence();
}

}  // namespace infinitile
