#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <Kokkos_Core.hpp>

#include "kernels/exec.hpp"
#include "kernels/kept_memory.hpp"
#include "kernels/lanes.hpp"
#include "kernels/linear_algebra.hpp"

// Primitives: what the layers of finite networks are made of. Each is a plain struct that says what it does to the numbers of one sample,
// and three functions:
//   forward(p, x, y)                     y from the operands x
//   push(p, values, i, dx, dy, into)     dy (+)= ∂y/∂x_i dx: a tangent of operand i is carried to the result
//   pull(p, values, i, g, target, into)  target (+)= (∂y/∂x_i)ᵀ g: a cotangent of the result is carried back to operand i
// dx and g may have many copies. Where all samples share operand i, a target of one row sums over them, and one of as many rows as g keeps
// them apart. needs_operands and needs_result say which values push and pull read. They run on the host's threads; a piece of work is one
// thread's and pieces are cut by shape alone, so the bits do not depend on the number of threads.

namespace infinitile {

/// The numbers of one value of a network for many samples: [copies][rows][size]. Values themselves have one copy; tangents and cotangents
/// as many as are carried at once. A value with one row belongs to all samples alike, such as a parameter.
template <class T>
struct Batch {
  T* data = nullptr;
  int copies = 1;
  int rows = 1;
  long size = 0;  ///< numbers of one sample

  Batch() = default;
  Batch(T* first, int copy_count, int row_count, long sample_size) : data(first), copies(copy_count), rows(row_count), size(sample_size) {}
  operator Batch<T const>() const { return {data, copies, rows, size}; }

  T* at(int copy, int row) const { return data + copy_stride() * copy + row_stride() * row; }
  /// 0 where all copies, all rows are the same.
  long copy_stride() const { return copies == 1 ? 0 : rows * size; }
  long row_stride() const { return rows == 1 ? 0 : size; }
  long count() const { return static_cast<long>(copies) * rows * size; }
};

/// Is what is there replaced, or added to?
enum class Into { replace, add };

/// What a derivative is taken at: the operands of a primitive and its result. Those that the primitive does not need may be empty.
template <class T>
struct PrimitiveValues {
  std::span<Batch<T const> const> operands;
  Batch<T const> result;
};

/// Owned memory of a batch, its numbers undefined at first. Copies of the owner share the memory.
template <class T>
class Numbers {
public:
  Numbers() = default;
  Numbers(int copies, int rows, long size)
      : memory_(
          take_memory(static_cast<std::size_t>(copies) * static_cast<std::size_t>(rows) * static_cast<std::size_t>(size) * sizeof(T))),
        batch_(static_cast<T*>(memory_.get()), copies, rows, size) {}

  bool empty() const { return batch_.data == nullptr; }
  Batch<T> batch() const { return batch_; }

private:
  std::shared_ptr<void> memory_;
  Batch<T> batch_;
};

namespace primitive {

/// The rows of a cotangent that belong to row `row` of a target: itself, or all of them where all samples share the target.
struct RowRange {
  int first, last;
};
inline RowRange rows_of(int target_rows, int rows, int row) {
  return target_rows == rows ? RowRange{row, row + 1} : RowRange{0, rows};
}

/// work(copy, row) for all of them, on the host's threads; each has one thread.
template <class Work>
void for_each_sample(int copies, int rows, Work const& work) {
  parallel_for_tiles(copies * rows, [&](int i) { work(i / rows, i % rows); });
}

/// Memory of one thread for a while, from a vector's boundary on, at least `count` numbers; what a thread had from here before is overwritten.
template <class T>
T* scratch(std::size_t count) {
  thread_local LaneVector<T> memory;
  if (memory.size() < count) memory.resize(count);
  return memory.data();
}

}  // namespace primitive

}  // namespace infinitile

/// The three functions of a primitive, and their bodies in both precisions.
#define INFINITILE_DECLARE_PRIMITIVE(P)                                                                        \
  template <class T>                                                                                           \
  void forward(P const& p, std::span<Batch<T const> const> x, Batch<T> y);                                     \
  template <class T>                                                                                           \
  void push(P const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> dx, Batch<T> dy, Into into); \
  template <class T>                                                                                           \
  void pull(P const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into);

#define INFINITILE_INSTANTIATE_PRIMITIVE(P)                                                                    \
  template void forward(P const&, std::span<Batch<double const> const>, Batch<double>);                        \
  template void forward(P const&, std::span<Batch<float const> const>, Batch<float>);                          \
  template void push(P const&, PrimitiveValues<double> const&, int, Batch<double const>, Batch<double>, Into); \
  template void push(P const&, PrimitiveValues<float> const&, int, Batch<float const>, Batch<float>, Into);    \
  template void pull(P const&, PrimitiveValues<double> const&, int, Batch<double const>, Batch<double>, Into); \
  template void pull(P const&, PrimitiveValues<float> const&, int, Batch<float const>, Batch<float>, Into);
