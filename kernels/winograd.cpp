#include "kernels/winograd.hpp"

#include "base/index.hpp"
#include "kernels/winograd_transforms.hpp"

namespace infinitile {

namespace {

using primitive::Convolve;
using namespace winograd;

constexpr int tiles_at_once =
    64;  // their numbers at all points, of 128 channels, are 1.2 MB in float: they come from the second and third cache

template <class T>
constexpr int lanes = Registers<T>::lanes;
template <class T>
using Vector = Lanes<T, lanes<T>>;

/// Numbers from the matrix of a point to that of the next: a few lines of the cache more than it has, else all 36 would fall on one another there.
template <class T>
constexpr long point_step(int rows, int cols) {
  return static_cast<long>(rows) * cols + 5 * lanes<T>;
}
template <class T>
constexpr std::size_t numbers_of(int rows, int cols) {
  return static_cast<std::size_t>(points * point_step<T>(rows, cols));
}

/// Where the vectors of a square lie, or go, at all points.
template <class T>
struct AtPoints {
  using Number = std::remove_const_t<T>;
  T* first;
  long step;
  INFINITILE_INLINE Vector<Number> operator()(int i, int j) const { return load_lanes<lanes<Number>>(first + (i * reach + j) * step); }
  INFINITILE_INLINE void operator()(int i, int j, Vector<Number> const& v) const { store_lanes(v, first + (i * reach + j) * step); }
};

/// A (rows, channels) matrix for each point, in panels of some vectors of columns: [point][panel][row][column of the panel].
template <class T>
class PointMatrices {
public:
  static constexpr int width = Registers<T>::wide_vectors * lanes<T>;

  PointMatrices(T* memory, int rows, int cols) : memory_(memory), rows_(rows), cols_(cols) {}

  int rows() const { return rows_; }
  int cols() const { return cols_; }
  int panel_width(int col) const { return std::min(width, cols_ - col / width * width); }
  T* panel(int point, int col) const { return memory_ + point * point_step<T>(rows_, cols_) + static_cast<long>(col) * rows_; }
  T* at(int point, int row, int col) const {
    return panel(point, col / width * width) + static_cast<long>(row) * panel_width(col) + col % width;
  }

private:
  T* memory_;
  int rows_, cols_;
};

enum class Left { plain, transposed };

/// sums(point) (+)= left(point) right(point), left being row-major (rows, steps) or its transpose's memory (steps, rows). With each row of right
/// a line of what comes next is asked for: of the next panel, then of the next point's left.
template <class T, Left left_way>
void multiply_points(T const* left, int rows, PointMatrices<T> const& right, T* sums, Sums from) {
  int const steps = right.rows(), cols = right.cols();
  constexpr int most_rows = Registers<T>::wide_rows, line = lanes<T>;
  long const row_step = left_way == Left::plain ? steps : 1, step = left_way == Left::plain ? 1 : rows,
             left_step = point_step<T>(rows, steps);
  for (int point = 0; point < points; ++point)
    for (int col = 0; col < cols; col += PointMatrices<T>::width) {
      int const vectors = right.panel_width(col) / line;
      T const* const panel = right.panel(point, col);
      for (int row = 0, group = 0; row < rows; row += most_rows, ++group) {
        T const* const first = left + point * left_step + row * row_step;
        T* const c = sums + point * point_step<T>(rows, cols) + static_cast<long>(row) * cols + col;
        T const* const ahead = group < vectors ? panel + static_cast<long>(vectors + group) * steps * line
                                               : left + (point + 1) * left_step + static_cast<long>(group - vectors) * steps * line;
        with_rows<most_rows>(std::min(most_rows, rows - row), [&]<int R>() {
          with_rows<Registers<T>::wide_vectors>(vectors, [&]<int V>() {
            T const* begins[R];
            for (int r = 0; r < R; ++r) begins[r] = first + r * row_step;
            auto const right_row = [&](int i) {
              __builtin_prefetch(ahead + static_cast<long>(i) * line, 0, 2);
              return panel + static_cast<long>(i) * (V * line);
            };
            multiply_in_registers<T, R, V>(
                steps, [&](int i, int r) { return begins[r][i * step]; }, right_row, c, cols, from);
          });
        });
      }
    }
}

/// Numbers of a plane, transformed square by square to all points; a square begins `top` above and `left` of its tile.
template <class Transform>
struct Squares {
  int height, width, channels, top, left;

  template <class T>
  INFINITILE_INLINE void transform_to(AtPoints<T> const& to, T const* sample, int row, int col, int channel) const {
    int const y = row - top, x = col - left;
    bool const whole = y >= 0 && x >= 0 && y + Transform::from <= height && x + Transform::from <= width;
    T const* const first = sample + (static_cast<long>(y) * width + x) * channels + channel;
    long const down = static_cast<long>(width) * channels, right = channels;
    auto const load = [=](int i, int j) {
      __builtin_prefetch(first + i * down + (j + tile) * right, 0, 2);  // of the next tile
      return load_lanes<lanes<T>>(first + i * down + j * right);
    };
    if (whole) return transform<Transform, Vector<T>>(load, to);
    transform<Transform, Vector<T>>(
        [&](int i, int j) {
          bool const inside = y + i >= 0 && y + i < height && x + j >= 0 && x + j < width;
          return inside ? load(i, j) : Vector<T>{};
        },
        to);
  }
};

/// Where tile `number` of a plane begins.
struct Corner {
  int row, col;
};
Corner corner_of(PlaneWindows const& plane, int number) {
  return {number / plane.tile_cols() * tile, number % plane.tile_cols() * tile};
}

/// Tiles first to first + count of all samples, one sample after the other: visit(number among these, copy, row, corner).
template <class T, class Visit>
void for_tiles(PlaneWindows const& plane, Batch<T> const& x, long first, int count, Visit const& visit) {
  for (int t = 0; t < count; ++t) {
    int const sample = static_cast<int>((first + t) / plane.tiles());
    visit(t, sample / x.rows, sample % x.rows, corner_of(plane, static_cast<int>((first + t) % plane.tiles())));
  }
}

/// weight(tap, in, out), all points: in parallel over inputs, `scale` is in them.
template <class T, class WeightOf>
void transform_weights(int in, int out, T scale, WeightOf const& weight_of, PointMatrices<T> const& to) {
  parallel_for_tiles(in, [&](int i) {
    for (int o = 0; o < out; o += lanes<T>)
      transform<WeightTransform<T>, Vector<T>>([&](int y, int x) -> Vector<T> { return scale * weight_of(y * window + x, i, o); },
                                               AtPoints<T>{to.at(0, i, o), point_step<T>(in, out)});
  });
}

/// y (+)= x through transformed weights; the plane's outputs are y's positions.
template <class T>
void carry(PlaneWindows const& plane, Batch<T const> x, PointMatrices<T> const& weights, Batch<T> y, Into into) {
  int const in = weights.rows(), out = weights.cols();
  Squares<InputTransform<T>> const inputs{plane.in_height, plane.in_width, in, plane.top, plane.left};
  long const all = static_cast<long>(plane.tiles()) * y.copies * y.rows;
  int const pieces = static_cast<int>((all + tiles_at_once - 1) / tiles_at_once);
  parallel_for_tiles(pieces, [&](int piece) {
    long const first = all * piece / pieces;
    int const count = static_cast<int>(all * (piece + 1) / pieces - first);
    T* const left = primitive::scratch<T>(numbers_of<T>(count, in) + numbers_of<T>(count, out));
    T* const sums = left + numbers_of<T>(count, in);
    for_tiles(plane, y, first, count, [&](int t, int copy, int row, Corner corner) {
      for (int c = 0; c < in; c += lanes<T>)
        inputs.transform_to(AtPoints<T>{left + static_cast<long>(t) * in + c, point_step<T>(count, in)}, x.at(copy, row), corner.row,
                            corner.col, c);
    });
    multiply_points<T, Left::plain>(left, count, weights, sums, Sums::new_ones);
    for_tiles(plane, y, first, count, [&](int t, int copy, int row, Corner corner) {
      int const rows = std::min(tile, plane.out_height - corner.row), cols = std::min(tile, plane.out_width - corner.col);
      T* const begin = y.at(copy, row) + (static_cast<long>(corner.row) * plane.out_width + corner.col) * out;
      for (int o = 0; o < out; o += lanes<T>)
        transform<OutputTransform<T>, Vector<T>>(AtPoints<T const>{sums + static_cast<long>(t) * out + o, point_step<T>(count, out)},
                                                 [&](int i, int j, Vector<T> const& v) {
                                                   if (i >= rows || j >= cols) return;
                                                   T* const to = begin + (static_cast<long>(i) * plane.out_width + j) * out + o;
                                                   store_lanes(into == Into::add ? load_lanes<lanes<T>>(to) + v : v, to);
                                                 });
    });
  });
}

}  // namespace

template <class T>
void winograd_forward(Convolve const& p, PlaneWindows const& plane, Batch<T const> x, T const* w, Batch<T> y, Into into) {
  Numbers<T> const memory(1, 1, static_cast<long>(numbers_of<T>(p.in, p.out)));
  PointMatrices<T> const weights(memory.batch().data, p.in, p.out);
  transform_weights(
      p.in, p.out, static_cast<T>(p.scale),
      [&](int t, int i, int o) { return load_lanes<lanes<T>>(w + (static_cast<long>(t) * p.in + i) * p.out + o); }, weights);
  carry(plane, x, weights, y, into);
}

template <class T>
void winograd_pull_input(Convolve const& p, PlaneWindows const& plane, T const* w, Batch<T const> g, Batch<T> target, Into into) {
  Numbers<T> const memory(1, 1, static_cast<long>(numbers_of<T>(p.out, p.in)));
  PointMatrices<T> const weights(memory.batch().data, p.out, p.in);
  transform_weights(
      p.out, p.in, static_cast<T>(p.scale),
      [&](int t, int o, int i) {  // the taps the other way around
        Vector<T> out;
        for (int l = 0; l < lanes<T>; ++l) out[l] = w[(static_cast<long>(window * window - 1 - t) * p.in + i + l) * p.out + o];
        return out;
      },
      weights);
  PlaneWindows const back{plane.out_height, plane.out_width,        plane.in_height,
                          plane.in_width,   window - 1 - plane.top, window - 1 - plane.left};
  carry(back, g, weights, target, into);
}

namespace {

/// The cotangents of the weights of some channels, from one sample or from all.
template <class T>
class WeightPull {
public:
  WeightPull(Convolve const& p, PlaneWindows const& plane, int first, int channels)
      : p_(p), plane_(plane), first_(first), channels_(channels), tiles_(std::min(tiles_at_once, plane.tiles())) {}

  void run(Batch<T const> const& x, Batch<T const> const& g, int copy, primitive::RowRange rows, T* target, Into into) const {
    int const block = block_size();
    std::size_t const of_g = numbers_of<T>(tiles_, p_.out), of_x = numbers_of<T>(tiles_, block);
    T* const memory = primitive::scratch<T>(of_g + of_x + numbers_of<T>(block, p_.out));
    for (int c = 0; c < channels_; c += block) {
      int const count = std::min(block, channels_ - c);
      T* const sums = memory + of_g + of_x;
      Sums from = Sums::new_ones;
      for (int row = rows.first; row < rows.last; ++row)
        for (int first = 0; first < plane_.tiles(); first += tiles_) {
          int const tiles = std::min(tiles_, plane_.tiles() - first);
          PointMatrices<T> const cotangents(memory, tiles, p_.out);
          bool const have_them = c > 0 && tiles == plane_.tiles() && rows.last - rows.first == 1;
          if (!have_them) transform_cotangents(g.at(copy, row), first, cotangents);
          transform_inputs(x.at(0, row), first, tiles, first_ + c, count, memory + of_g);
          multiply_points<T, Left::transposed>(memory + of_g, count, cotangents, sums, from);
          from = Sums::go_on;
        }
      write(sums, c, count, target, into);
    }
  }

private:
  /// Channels whose sums, at all points, stay in the second cache.
  int block_size() const { return std::clamp(150000 / (points * p_.out) / lanes<T> * lanes<T>, lanes<T>, channels_); }

  void transform_cotangents(T const* g, int first, PointMatrices<T> const& to) const {
    Squares<CotangentTransform<T>> const squares{plane_.out_height, plane_.out_width, p_.out, 0, 0};
    for (int t = 0; t < to.rows(); ++t) {
      Corner const corner = corner_of(plane_, first + t);
      for (int o = 0; o < p_.out; o += lanes<T>)
        squares.transform_to(AtPoints<T>{to.at(0, t, o), point_step<T>(to.rows(), to.cols())}, g, corner.row, corner.col, o);
    }
  }
  /// [point][tile][count], the channels from `channel` on.
  void transform_inputs(T const* x, int first, int tiles, int channel, int count, T* to) const {
    Squares<InputTransform<T>> const squares{plane_.in_height, plane_.in_width, p_.in, plane_.top, plane_.left};
    for (int t = 0; t < tiles; ++t) {
      Corner const corner = corner_of(plane_, first + t);
      for (int c = 0; c < count; c += lanes<T>)
        squares.transform_to(AtPoints<T>{to + static_cast<long>(t) * count + c, point_step<T>(tiles, count)}, x, corner.row, corner.col,
                             channel + c);
    }
  }
  void write(T const* sums, int channel, int count, T* target, Into into) const {
    for (int c = 0; c < count; ++c)
      for (int o = 0; o < p_.out; o += lanes<T>)
        transform<WeightCotangentTransform<T>, Vector<T>>(
            AtPoints<T const>{sums + static_cast<long>(c) * p_.out + o, point_step<T>(count, p_.out)},
            [&](int y, int x, Vector<T> const& v) {
              T* const to = target + ((static_cast<long>(y) * window + x) * channels_ + channel + c) * p_.out + o;
              Vector<T> const value = static_cast<T>(p_.scale) * v;
              store_lanes(into == Into::add ? load_lanes<lanes<T>>(to) + value : value, to);
            });
  }

  Convolve const& p_;
  PlaneWindows const& plane_;
  int first_, channels_, tiles_;
};

}  // namespace

template <class T>
void winograd_pull_weights(Convolve const& p, PlaneWindows const& plane, Batch<T const> x, Batch<T const> g, int first, int channels,
                           Batch<T> target, Into into) {
  WeightPull<T> const pull(p, plane, first, channels);
  primitive::for_each_sample(target.copies, target.rows, [&](int copy, int row) {
    pull.run(x, g, copy, primitive::rows_of(target.rows, g.rows, row), target.at(copy, row), into);
  });
}

#define INFINITILE_WINOGRAD(T)                                                                                       \
  template void winograd_forward(Convolve const&, PlaneWindows const&, Batch<T const>, T const*, Batch<T>, Into);    \
  template void winograd_pull_input(Convolve const&, PlaneWindows const&, T const*, Batch<T const>, Batch<T>, Into); \
  template void winograd_pull_weights(Convolve const&, PlaneWindows const&, Batch<T const>, Batch<T const>, int, int, Batch<T>, Into);
INFINITILE_WINOGRAD(double)
INFINITILE_WINOGRAD(float)

}  // namespace infinitile
