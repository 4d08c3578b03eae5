#include "kernels/few_rows_product.hpp"

#include "base/index.hpp"
#include "kernels/register_product.hpp"

namespace infinitile {

namespace {

constexpr long most_rows = 1024, least_multiplications = 1 << 18;
constexpr int least_copies = 3;  // that zeros are common to

template <class T>
constexpr int panel_width = Registers<T>::vectors* Registers<T>::lanes;

/// How the work is cut into pieces: a piece has some columns and some of the steps, which it takes block by block. Memory gives half as much
/// where its pages are left after less than 4 KB of them, so b is read along its rows as far as that goes.
struct Cut {
  bool packs;    ///< blocks of b into panels that stay in the second cache; few rows read it where it lies
  long columns;  ///< of a piece
  long steps;    ///< of a piece; where that is not all, pieces have sums of their own, which are added up in order
  long depth;    ///< steps of a block

  long column_pieces(StridedShape const& s) const { return (s.n + columns - 1) / columns; }
  long step_pieces(StridedShape const& s) const { return (s.k + steps - 1) / steps; }
};

template <class T>
Cut cut_of(StridedShape const& s, long rows, bool transpose) {
  constexpr long width = panel_width<T>, cached = (1 << 19) / sizeof(T);
  if (transpose) return {true, width, s.k, std::min(s.k, cached / width)};
  if (rows > 32) return {true, 4 * width, s.k, 256};
  return {false, std::min(s.n, 64 * width), 256, 16};
}

/// A group of rows: the first one's place and how far the next one is, in a and in c; how many rows other groups have before it.
struct RowGroup {
  long a = 0, c = 0, a_step = 0, c_step = 0, before = 0;
  int rows = 0;
};

/// Rows that differ in copy alone have the same zeros, where there are at least three; else rows are taken as they lie.
template <class T>
std::vector<RowGroup> group_rows(StridedShape const& s, StridedMatrix<T const> const& a, StridedMatrix<T> const& c) {
  struct Axis {
    long count, a, c;
  };
  Axis const copies{s.counts[0], a.stride[0], c.stride[0]}, rows{s.counts[1], a.stride[1], c.stride[1]}, lines{s.m, a.leading, c.leading};
  std::array<Axis, 3> axes{copies, rows, lines};
  if (copies.count < least_copies) axes = lines.count >= rows.count ? std::array{lines, rows, copies} : std::array{rows, lines, copies};
  auto const [inner, middle, outer] = axes;
  long const most = Registers<T>::rows, parts = (inner.count + most - 1) / most;
  std::vector<RowGroup> out;
  long before = 0;
  for (long o = 0; o < outer.count; ++o)
    for (long m = 0; m < middle.count; ++m)
      for (long p = 0; p < parts; ++p) {
        long const first = p * inner.count / parts, last = (p + 1) * inner.count / parts;
        out.push_back({o * outer.a + m * middle.a + first * inner.a, o * outer.c + m * middle.c + first * inner.c, inner.a, inner.c, before,
                       static_cast<int>(last - first)});
        before += last - first;
      }
  return out;
}

/// The rows of a group without the steps where all of them are 0: their numbers [steps][rows], times alpha, and the rows of b that they meet,
/// counted in their block, block after block.
template <class T>
struct PackedGroup {
  T* numbers;
  int* meets;
  int* starts;  ///< of each block, and the end of the last
};

template <class T>
class PackedRows {
public:
  PackedRows(std::vector<RowGroup> const& groups, long k, long depth, T const* a, T alpha)
      : k_(k),
        depth_(depth),
        blocks_((k + depth - 1) / depth),
        numbers_(1, static_cast<int>(groups.size()), k * Registers<T>::rows),
        meets_(groups.size() * static_cast<std::size_t>(k + blocks_ + 1)) {
    parallel_for_tiles(static_cast<int>(groups.size()), [&](int g) { pack(groups[at(g)], a, alpha, group(g)); });
  }

  PackedGroup<T> group(int g) {
    int* const meets = meets_.data() + g * (k_ + blocks_ + 1);
    return {numbers_.batch().data + g * k_ * Registers<T>::rows, meets, meets + k_};
  }

private:
  void pack(RowGroup const& rows, T const* a, T alpha, PackedGroup<T> out) const {
    with_rows<Registers<T>::rows>(rows.rows, [&]<int R>() {
      int step = 0;
      for (long i = 0; i < k_; ++i) {
        if (i % depth_ == 0) out.starts[i / depth_] = step;
        T* const to = out.numbers + static_cast<long>(step) * R;
        bool any = false;
        for (int r = 0; r < R; ++r) {
          T const number = a[rows.a + r * rows.a_step + i];
          any |= number != 0;
          to[r] = alpha * number;
        }
        out.meets[step] = static_cast<int>(i % depth_);
        step += any ? 1 : 0;
      }
      out.starts[blocks_] = step;
    });
  }

  long k_, depth_, blocks_;
  Numbers<T> numbers_;
  LaneVector<int> meets_;
};

/// Rows of b in some columns, at most panel_width of them.
template <class T>
struct Panel {
  T const* data;
  long stride;   ///< from row to row
  long columns;  ///< behind them are zeros, or what does no harm
};

/// Part of b as panels [row][panel_width] of its columns, one after the other, zeros behind the last column.
template <class T>
class PackedColumns {
public:
  PackedColumns(StridedMatrix<T const> const& b, T* memory) : b_(b), memory_(memory) {}

  /// Rows `first` to `first + rows` of `columns` columns from `col` on.
  void pack(long first, long rows, long col, long columns) {
    rows_ = rows;
    if (columns % width != 0) std::fill_n(at(columns / width * width), rows * width, T(0));
    if (b_.transpose)
      for (long panel = 0; panel < columns; panel += width) turn(first, col + panel, std::min<long>(width, columns - panel), at(panel));
    else
      for (long i = first; i < first + rows; ++i)
        for (long panel = 0; panel < columns; panel += width)
          std::copy_n(b_.data + i * b_.leading + col + panel, std::min<long>(width, columns - panel), at(panel) + (i - first) * width);
  }
  T* at(long column) const { return memory_ + column * rows_; }

private:
  static constexpr int width = panel_width<T>, lanes = Registers<T>::lanes;

  /// Rows of what is stored become columns.
  void turn(long first, long col, long count, T* panel) const {
    long j = 0;
    for (; j + lanes <= count; j += lanes) {
      T const* const from = b_.data + (col + j) * b_.leading + first;
      long i = 0;
      for (; i + lanes <= rows_; i += lanes) turn_square(from + i, b_.leading, panel + i * width + j, width);
      for (; i < rows_; ++i)
        for (int l = 0; l < lanes; ++l) panel[i * width + j + l] = from[l * b_.leading + i];
    }
    for (; j < count; ++j)
      for (long i = 0; i < rows_; ++i) panel[i * width + j] = b_.data[(col + j) * b_.leading + first + i];
  }

  StridedMatrix<T const> b_;
  long rows_ = 0;
  T* memory_;
};

/// One product c ← [c +] alpha a b, the groups of rows being its left factor.
template <class T>
class FewRows {
public:
  FewRows(StridedShape const& shape, T alpha, StridedMatrix<T const> const& a, StridedMatrix<T const> const& b, StridedMatrix<T> const& c,
          Into into)
      : shape_(shape),
        b_(b),
        c_(c),
        into_(into),
        groups_(group_rows(shape, a, c)),
        rows_(shape.m * shape.counts[0] * shape.counts[1]),
        cut_(cut_of<T>(shape, rows_, b.transpose)),
        left_(groups_, shape.k, cut_.depth, a.data, alpha) {}

  void run() {
    long const columns = cut_.column_pieces(shape_), steps = cut_.step_pieces(shape_);
    Numbers<T> const sums = steps == 1 ? Numbers<T>() : Numbers<T>(static_cast<int>(steps), static_cast<int>(rows_), shape_.n);
    parallel_for_tiles(static_cast<int>(columns * steps), [&](int piece) {
      run_piece(piece / columns, piece % columns * cut_.columns,
                sums.empty() ? nullptr : sums.batch().at(static_cast<int>(piece / columns), 0));
    });
    if (steps > 1) parallel_for_tiles(static_cast<int>(groups_.size()), [&](int g) { add_up(groups_[at(g)], sums.batch()); });
  }

private:
  /// Into c, or into sums of its own [rows][n].
  void run_piece(long number, long col, T* sums) {
    constexpr int width = panel_width<T>;
    long const columns = std::min(cut_.columns, shape_.n - col), begin = number * cut_.steps, end = std::min(shape_.k, begin + cut_.steps);
    long const padded = (columns + width - 1) / width * width, last = padded - width;
    PackedColumns<T> packed(b_, primitive::scratch<T>(static_cast<std::size_t>(cut_.depth * (cut_.packs ? padded : width))));
    for (long first = begin; first < end; first += cut_.depth) {
      long const rows = std::min(end - first, cut_.depth);
      if (cut_.packs)
        packed.pack(first, rows, col, columns);
      else if (columns < padded)
        packed.pack(first, rows, col + last, columns - last);
      for (long panel = 0; panel < columns; panel += width) {
        long const here = std::min<long>(width, columns - panel);
        Panel<T> const right = cut_.packs     ? Panel<T>{packed.at(panel), width, here}
                               : here < width ? Panel<T>{packed.at(0), width, here}
                                              : Panel<T>{b_.data + first * b_.leading + col + panel, b_.leading, here};
        multiply_panel(first, right, sums, col + panel, first > begin);
      }
    }
  }

  /// All groups in one panel. What a piece reads from memory first is asked for one block ahead.
  void multiply_panel(long first, Panel<T> const& right, T* sums, long col, bool begun) {
    Sums const from = begun || (sums == nullptr && into_ == Into::add) ? Sums::go_on : Sums::new_ones;
    long const ahead = cut_.packs || right.stride == panel_width<T> ? 0 : cut_.depth * right.stride;
    for (int g = 0; g < static_cast<int>(groups_.size()); ++g) {
      RowGroup const& group = groups_[at(g)];
      T* const c = (sums == nullptr ? c_.data + group.c : sums + group.before * shape_.n) + col;
      multiply(group.rows, left_.group(g), first / cut_.depth, right, g == 0 ? ahead : 0, c, sums == nullptr ? group.c_step : shape_.n,
               from);
    }
  }

  static void multiply(int rows, PackedGroup<T> const& left, long block, Panel<T> const& right, long ahead, T* c, long stride, Sums sums) {
    constexpr int width = panel_width<T>, vectors = Registers<T>::vectors;
    T edge[Registers<T>::rows * width];
    bool const whole = right.columns == width;
    if (!whole && sums == Sums::go_on)
      for (int r = 0; r < rows; ++r) std::copy_n(c + r * stride, right.columns, edge + r * width);
    int const first = left.starts[block], steps = left.starts[block + 1] - first;
    with_rows<Registers<T>::rows>(rows, [&]<int R>() {
      T const* const numbers = left.numbers + static_cast<long>(first) * R;
      int const* const meets = left.meets + first;
      auto const row = [&](int i) {
        T const* const from = right.data + meets[i] * right.stride;
        if (ahead != 0)
          for (int v = 0; v < vectors; ++v) __builtin_prefetch(from + ahead + v * Registers<T>::lanes, 0, 2);
        return from;
      };
      multiply_in_registers<T, R, vectors>(
          steps, [&](int i, int r) { return numbers[i * R + r]; }, row, whole ? c : edge, whole ? stride : width, sums);
    });
    if (!whole)
      for (int r = 0; r < rows; ++r) std::copy_n(edge + r * width, right.columns, c + r * stride);
  }

  void add_up(RowGroup const& group, Batch<T> sums) const {
    for (int r = 0; r < group.rows; ++r) {
      T* const to = c_.data + group.c + r * group.c_step;
      if (into_ == Into::replace) std::fill_n(to, shape_.n, T(0));
      for (int s = 0; s < sums.copies; ++s) {
        T const* const part = sums.at(s, static_cast<int>(group.before) + r);
        for (long j = 0; j < shape_.n; ++j) to[j] += part[j];
      }
    }
  }

  StridedShape shape_;
  StridedMatrix<T const> b_;
  StridedMatrix<T> c_;
  Into into_;
  std::vector<RowGroup> groups_;
  long rows_;
  Cut cut_;
  PackedRows<T> left_;
};

}  // namespace

template <class T>
bool has_few_rows(StridedShape const& s, StridedMatrix<T const> const& a, StridedMatrix<T const> const& b, StridedMatrix<T> const& c) {
  bool const shared = b.stride[0] == 0 && b.stride[1] == 0 && !a.transpose;
  bool const moves =
      (s.counts[0] == 1 || c.stride[0] != 0) && (s.counts[1] == 1 || c.stride[1] != 0) && (s.counts[2] == 1 || c.stride[2] != 0);
  long const rows = s.m * s.counts[0] * s.counts[1], panels = (s.n + panel_width<T> - 1) / panel_width<T>;
  bool const gains = b.transpose || rows == 1 || s.counts[0] >= least_copies, fills = 4 * s.n >= 3 * panels * panel_width<T>;
  return shared && moves && gains && fills && rows <= most_rows && rows * s.n * s.k >= least_multiplications;
}

template <class T>
void multiply_few_rows(StridedShape const& shape, T alpha, StridedMatrix<T const> a, StridedMatrix<T const> b, StridedMatrix<T> c,
                       Into into) {
  for (int group = 0; group < shape.counts[2]; ++group) {
    FewRows<T>(shape, alpha, a, b, c, into).run();
    a.data += a.stride[2];
    b.data += b.stride[2];
    c.data += c.stride[2];
  }
}

#define INFINITILE_FEW_ROWS(T)                                                                                                            \
  template bool has_few_rows(StridedShape const&, StridedMatrix<T const> const&, StridedMatrix<T const> const&, StridedMatrix<T> const&); \
  template void multiply_few_rows(StridedShape const&, T, StridedMatrix<T const>, StridedMatrix<T const>, StridedMatrix<T>, Into);
INFINITILE_FEW_ROWS(double)
INFINITILE_FEW_ROWS(float)

}  // namespace infinitile
