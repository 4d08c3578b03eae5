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

template <class T>
INFINITILE_INLINE void store_points(Vector<T> const (&square)[points], T* to, long step) {
  for (int point = 0; point < points; ++point) store_lanes(square[point], to + point * step);
}
template <class T>
INFINITILE_INLINE void load_points(Vector<T> (&square)[points], T const* from, long step) {
  for (int point = 0; point < points; ++point) square[point] = load_lanes<lanes<T>>(from + point * step);
}

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

/// sums(point) (+)= left(point) right(point), left being row-major (rows, steps) or its transpose's memory (steps, rows).
enum class Left { plain, transposed };

template <class T, Left left_way>
void multiply_points(T const* left, int rows, PointMatrices<T> const& right, T* sums, Sums from) {
  int const steps = right.rows(), cols = right.cols();
  constexpr int most_rows = Registers<T>::wide_rows;
  for (int point = 0; point < points; ++point)
    for (int col = 0; col < cols; col += PointMatrices<T>::width) {
      int const width = right.panel_width(col);
      T const* const panel = right.panel(point, col);
      for (int row = 0; row < rows; row += most_rows) {
        long const row_step = left_way == Left::plain ? steps : 1, step = left_way == Left::plain ? 1 : rows;
        T const* const first = left + point * point_step<T>(rows, steps) + row * row_step;
        T* const c = sums + point * point_step<T>(rows, cols) + static_cast<long>(row) * cols + col;
        with_rows<most_rows>(std::min(most_rows, rows - row), [&]<int R>() {
          with_rows<Registers<T>::wide_vectors>(width / lanes<T>, [&]<int V>() {
            T const* begins[R];
            for (int r = 0; r < R; ++r) begins[r] = first + r * row_step;
            multiply_in_registers<T, R, V>(
                steps, [&](int i, int r) { return begins[r][i * step]; },
                [&](int i) { return panel + static_cast<long>(i) * (V * lanes<T>); }, c, cols, from);
          });
        });
      }
    }
}

/// Squares of a plane of `side` x `side` numbers per tile, beginning `top` above and `left` of the tile.
struct Squares {
  int height, width, channels, top, left, side;

  template <class T>
  INFINITILE_INLINE void load(T const* sample, int row, int col, int channel, Vector<T> (&square)[points]) const {
    int const y = row - top, x = col - left;
    if (y >= 0 && x >= 0 && y + side <= height && x + side <= width) {
      T const* const first = sample + (static_cast<long>(y) * width + x) * channels + channel;
      for (int i = 0; i < side; ++i)
        for (int j = 0; j < side; ++j) square[i * reach + j] = load_lanes<lanes<T>>(first + (static_cast<long>(i) * width + j) * channels);
      return;
    }
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) {
        bool const inside = y + i >= 0 && y + i < height && x + j >= 0 && x + j < width;
        T const* const from = sample + (static_cast<long>(y + i) * width + x + j) * channels + channel;
        square[i * reach + j] = inside ? load_lanes<lanes<T>>(from) : Vector<T>{};
      }
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
    for (int o = 0; o < out; o += lanes<T>) {
      Vector<T> square[points] = {};
      for (int t = 0; t < window * window; ++t) square[t / window * reach + t % window] = scale * weight_of(t, i, o);
      transform<WeightTransform<T>>(square);
      store_points(square, to.at(0, i, o), point_step<T>(in, out));
    }
  });
}

/// y (+)= x through transformed weights; the plane's outputs are y's positions.
template <class T>
void carry(PlaneWindows const& plane, Batch<T const> x, PointMatrices<T> const& weights, Batch<T> y, Into into) {
  int const in = weights.rows(), out = weights.cols();
  Squares const inputs{plane.in_height, plane.in_width, in, plane.top, plane.left, reach};
  long const all = static_cast<long>(plane.tiles()) * y.copies * y.rows;
  int const pieces = static_cast<int>((all + tiles_at_once - 1) / tiles_at_once);
  parallel_for_tiles(pieces, [&](int piece) {
    long const first = all * piece / pieces;
    int const count = static_cast<int>(all * (piece + 1) / pieces - first);
    T* const left = primitive::scratch<T>(numbers_of<T>(count, in) + numbers_of<T>(count, out));
    T* const sums = left + numbers_of<T>(count, in);
    for_tiles(plane, y, first, count, [&](int t, int copy, int row, Corner corner) {
      for (int c = 0; c < in; c += lanes<T>) {
        Vector<T> square[points];
        inputs.load(x.at(copy, row), corner.row, corner.col, c, square);
        transform<InputTransform<T>>(square);
        store_points(square, left + static_cast<long>(t) * in + c, point_step<T>(count, in));
      }
    });
    multiply_points<T, Left::plain>(left, count, weights, sums, Sums::new_ones);
    for_tiles(plane, y, first, count, [&](int t, int copy, int row, Corner corner) {
      int const rows = std::min(tile, plane.out_height - corner.row), cols = std::min(tile, plane.out_width - corner.col);
      for (int o = 0; o < out; o += lanes<T>) {
        Vector<T> square[points];
        load_points(square, sums + static_cast<long>(t) * out + o, point_step<T>(count, out));
        transform<OutputTransform<T>>(square);
        for (int i = 0; i < rows; ++i)
          for (int j = 0; j < cols; ++j) {
            T* const to = y.at(copy, row) + (static_cast<long>(corner.row + i) * plane.out_width + corner.col + j) * out + o;
            store_lanes(into == Into::add ? load_lanes<lanes<T>>(to) + square[i * reach + j] : square[i * reach + j], to);
          }
      }
    });
  });
}

/// The positions through the first tap that carry anything tell where the plane's edges are.
std::optional<PlaneWindows> guess_plane(Convolve const& p) {
  auto const pick = [&](int o, int tap) { return p.picks[at(static_cast<long>(o) * p.taps + tap)]; };
  PlaneWindows plane;
  for (int o = 0; o < p.out_positions && plane.in_width == 0; ++o)
    if (pick(o, 4) >= 0 && pick(o, 7) >= 0) plane.in_width = pick(o, 7) - pick(o, 4);
  if (plane.in_width <= 0 || p.in_positions % plane.in_width != 0) return std::nullopt;
  plane.in_height = p.in_positions / plane.in_width;
  int tap = 0;
  while (tap < 9 && pick(0, tap) < 0) ++tap;
  if (tap == 9) return std::nullopt;
  plane.top = tap / window - pick(0, tap) / plane.in_width;
  plane.left = tap % window - pick(0, tap) % plane.in_width;
  int const second_row = (2 - plane.top) * plane.in_width + 2 - plane.left;  // what its first output sees through tap (1, 2)
  plane.out_width = 1;
  while (plane.out_width < p.out_positions && pick(plane.out_width, 5) != second_row) ++plane.out_width;
  if (p.out_positions % plane.out_width != 0) return std::nullopt;
  plane.out_height = p.out_positions / plane.out_width;
  return plane;
}

bool is_plane(Convolve const& p, PlaneWindows const& plane) {
  long at = 0;
  for (int o = 0; o < p.out_positions; ++o)
    for (int t = 0; t < p.taps; ++t, ++at) {
      int const y = o / plane.out_width - plane.top + t / window, x = o % plane.out_width - plane.left + t % window;
      bool const inside = y >= 0 && y < plane.in_height && x >= 0 && x < plane.in_width;
      if (p.picks[static_cast<std::size_t>(at)] != (inside ? y * plane.in_width + x : -1)) return false;
    }
  return true;
}

}  // namespace

template <class T>
std::optional<PlaneWindows> find_plane(Convolve const& p) {
  if (p.taps != window * window || p.groups != 1 || p.in % lanes<T> != 0 || p.out % lanes<T> != 0) return std::nullopt;
  std::optional<PlaneWindows> const plane = guess_plane(p);
  if (!plane || !is_plane(p, *plane)) return std::nullopt;
  bool const pays = 3 * points * plane->tiles() < 2 * window * window * p.out_positions;  // half as many again at least
  return pays ? plane : std::nullopt;
}

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
    Squares const squares{plane_.out_height, plane_.out_width, p_.out, 0, 0, tile};
    for (int t = 0; t < to.rows(); ++t) {
      Corner const corner = corner_of(plane_, first + t);
      for (int o = 0; o < p_.out; o += lanes<T>) {
        Vector<T> square[points];
        squares.load(g, corner.row, corner.col, o, square);
        transform<CotangentTransform<T>>(square);
        store_points(square, to.at(0, t, o), point_step<T>(to.rows(), to.cols()));
      }
    }
  }
  /// [point][tile][count], the channels from `channel` on.
  void transform_inputs(T const* x, int first, int tiles, int channel, int count, T* to) const {
    Squares const squares{plane_.in_height, plane_.in_width, p_.in, plane_.top, plane_.left, reach};
    for (int t = 0; t < tiles; ++t) {
      Corner const corner = corner_of(plane_, first + t);
      for (int c = 0; c < count; c += lanes<T>) {
        Vector<T> square[points];
        squares.load(x, corner.row, corner.col, channel + c, square);
        transform<InputTransform<T>>(square);
        store_points(square, to + static_cast<long>(t) * count + c, point_step<T>(tiles, count));
      }
    }
  }
  void write(T const* sums, int channel, int count, T* target, Into into) const {
    for (int c = 0; c < count; ++c)
      for (int o = 0; o < p_.out; o += lanes<T>) {
        Vector<T> square[points];
        load_points(square, sums + static_cast<long>(c) * p_.out + o, point_step<T>(count, p_.out));
        transform<WeightCotangentTransform<T>>(square);
        for (int tap = 0; tap < window * window; ++tap) {
          T* const to = target + (static_cast<long>(tap) * channels_ + channel + c) * p_.out + o;
          Vector<T> const value = static_cast<T>(p_.scale) * square[tap / window * reach + tap % window];
          store_lanes(into == Into::add ? load_lanes<lanes<T>>(to) + value : value, to);
        }
      }
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
  template std::optional<PlaneWindows> find_plane<T>(Convolve const&);                                               \
  template void winograd_forward(Convolve const&, PlaneWindows const&, Batch<T const>, T const*, Batch<T>, Into);    \
  template void winograd_pull_input(Convolve const&, PlaneWindows const&, T const*, Batch<T const>, Batch<T>, Into); \
  template void winograd_pull_weights(Convolve const&, PlaneWindows const&, Batch<T const>, Batch<T const>, int, int, Batch<T>, Into);
INFINITILE_WINOGRAD(double)
INFINITILE_WINOGRAD(float)

}  // namespace infinitile
