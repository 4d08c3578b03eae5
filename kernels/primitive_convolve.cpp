#include "kernels/primitive_convolve.hpp"

#include <optional>

#include "base/error.hpp"
#include "kernels/depthwise.hpp"
#include "kernels/winograd.hpp"

namespace infinitile::primitive {

namespace {

constexpr int numbers_at_once = 1 << 18;  // of a panel of windows: they stay in the cache, and packing the weights for each panel is cheap
constexpr int least_rows = 512;           // of a product for weights: taps go together until there are as many

/// Windows `first` to `first + count`, and of each the taps from `tap` on.
struct Panel {
  int first, count, tap, taps;
};

/// The numbers of a sample under some windows, [count][groups][taps][in of a group].
class Windows {
public:
  Windows(Convolve const& p, Panel const& panel) : p_(p), panel_(panel), group_in_(p.in / p.groups) {}

  int width() const { return panel_.taps * p_.in; }
  std::size_t count() const { return static_cast<std::size_t>(panel_.count) * static_cast<std::size_t>(width()); }

  template <class T>
  void gather(T const* x, T* windows) const {
    walk([&](int pick, long from, long to) {
      if (pick < 0)
        std::fill_n(windows + to, group_in_, T(0));
      else
        std::copy_n(x + from, group_in_, windows + to);
    });
  }
  template <class T>
  void scatter(T const* windows, T* x) const {
    walk([&](int pick, long from, long to) {
      if (pick < 0) return;
      for (int i = 0; i < group_in_; ++i) x[from + i] += windows[to + i];
    });
  }
  /// The part of a group, (count, taps · in of a group).
  template <class T>
  BasicMatrix<T> of_group(T* windows, int group) const {
    return {windows + static_cast<long>(group) * panel_.taps * group_in_, panel_.count, panel_.taps * group_in_, width()};
  }

private:
  template <class Visit>
  void walk(Visit const& visit) const {
    long to = 0;
    for (int o = panel_.first; o < panel_.first + panel_.count; ++o) {
      int const* const picks = p_.picks.data() + static_cast<long>(o) * p_.taps + panel_.tap;
      for (int group = 0; group < p_.groups; ++group)
        for (int t = 0; t < panel_.taps; ++t, to += group_in_)
          visit(picks[t], static_cast<long>(picks[t]) * p_.in + static_cast<long>(group) * group_in_, to);
    }
  }

  Convolve const& p_;
  Panel panel_;
  int group_in_;
};

/// Weights of a group from a tap on, (taps · in of a group, out of a group).
template <class T>
BasicMatrix<T> weights_of(Convolve const& p, T* w, int group, int tap, int taps) {
  int const group_in = p.in / p.groups, group_out = p.out / p.groups;
  return {w + static_cast<long>(tap) * group_in * p.out + static_cast<long>(group) * group_out, taps * group_in, group_out, p.out};
}
/// Results of a group in a panel, (count, out of a group).
template <class T>
BasicMatrix<T> results_of(Convolve const& p, T* y, int group, Panel const& panel) {
  int const group_out = p.out / p.groups;
  return {y + static_cast<long>(panel.first) * p.out + static_cast<long>(group) * group_out, panel.count, group_out, p.out};
}

int panel_size(Convolve const& p, int taps) {
  return std::min(p.out_positions, std::max(16, numbers_at_once / (taps * p.in)));
}

template <class T>
void apply(Convolve const& p, Batch<T const> x, Batch<T const> w, Batch<T> y, Into into) {
  if (is_depthwise(p)) return depthwise_forward(p, x, w, y, into);
  if (w.copies == 1 && w.rows == 1)
    if (auto const plane = find_plane<T>(p); plane && plane->tiles() * y.copies * y.rows >= least_tiles_forward)
      return winograd_forward(p, *plane, x, w.data, y, into);
  int const size = panel_size(p, p.taps), panels = (p.out_positions + size - 1) / size;
  T const beta = into == Into::add ? T(1) : T(0);
  parallel_for_tiles(y.copies * y.rows * panels, [&](int piece) {
    int const copy = piece / panels / y.rows, row = piece / panels % y.rows, first = piece % panels * size;
    Panel const panel{first, std::min(size, p.out_positions - first), 0, p.taps};
    Windows const windows(p, panel);
    T* const memory = scratch<T>(windows.count());
    windows.gather(x.at(copy, row), memory);
    for (int group = 0; group < p.groups; ++group)
      gemm(static_cast<T>(p.scale), BasicFactor<T>(windows.of_group(memory, group)),
           BasicFactor<T>(weights_of(p, w.at(copy, row), group, 0, p.taps)), beta, results_of(p, y.at(copy, row), group, panel));
  });
}

/// The convolution that carries cotangents to the input by reading: position i takes through tap t what that tap carried from it, which is one
/// output at most. Nothing where a tap carries a position twice, or where more than half of the readings would be of zeros, as with strides.
std::optional<Convolve> reversed(Convolve const& p) {
  Convolve back = p;
  std::swap(back.in, back.out);
  std::swap(back.in_positions, back.out_positions);
  back.picks.assign(static_cast<std::size_t>(p.in_positions) * static_cast<std::size_t>(p.taps), -1);
  long carried = 0;
  for (int o = 0; o < p.out_positions; ++o)
    for (int t = 0; t < p.taps; ++t) {
      int const pick = p.picks[static_cast<std::size_t>(o) * static_cast<std::size_t>(p.taps) + static_cast<std::size_t>(t)];
      if (pick < 0) continue;
      int& place = back.picks[static_cast<std::size_t>(pick) * static_cast<std::size_t>(p.taps) + static_cast<std::size_t>(t)];
      if (place >= 0) return std::nullopt;
      place = o;
      ++carried;
    }
  if (2 * carried < std::ssize(back.picks)) return std::nullopt;
  return back;
}

/// Weights (taps, in of a group, out) as those of the reversed convolution, (taps, out of a group, in).
template <class T>
Numbers<T> reversed_weights(Convolve const& p, T const* w) {
  int const group_in = p.in / p.groups, group_out = p.out / p.groups;
  Numbers<T> const out(1, 1, static_cast<long>(p.taps) * group_out * p.in);
  T* to = out.batch().data;
  for (int t = 0; t < p.taps; ++t)
    for (int o = 0; o < group_out; ++o)
      for (int group = 0; group < p.groups; ++group)
        for (int i = 0; i < group_in; ++i)
          *to++ = w[(static_cast<long>(t) * group_in + i) * p.out + static_cast<long>(group) * group_out + o];
  return out;
}

/// Each sample of the target scatters its windows alone, in order.
template <class T>
void scatter_input(Convolve const& p, Batch<T const> w, Batch<T const> g, Batch<T> target, Into into) {
  int const size = panel_size(p, p.taps);
  for_each_sample(target.copies, target.rows, [&](int copy, int target_row) {
    T* const sum = target.at(copy, target_row);
    if (into == Into::replace) std::fill_n(sum, target.size, T(0));
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    for (int row = rows.first; row < rows.last; ++row)
      for (int first = 0; first < p.out_positions; first += size) {
        Panel const panel{first, std::min(size, p.out_positions - first), 0, p.taps};
        Windows const windows(p, panel);
        T* const memory = scratch<T>(windows.count());
        for (int group = 0; group < p.groups; ++group)
          gemm(static_cast<T>(p.scale), BasicFactor<T>(results_of(p, g.at(copy, row), group, panel)),
               transposed(weights_of(p, w.at(0, row), group, 0, p.taps)), T(0), windows.of_group(memory, group));
        windows.scatter(memory, sum);
      }
  });
}

template <class T>
void pull_input(Convolve const& p, Batch<T const> w, Batch<T const> g, Batch<T> target, Into into) {
  if (is_depthwise(p)) return depthwise_pull_input(p, w, g, target, into);
  if (target.rows == g.rows && w.rows == 1)
    if (auto const plane = find_plane<T>(p); plane && plane->tiles() * g.copies * g.rows >= least_tiles_forward)
      return winograd_pull_input(p, *plane, w.data, g, target, into);
  std::optional<Convolve> const back = target.rows == g.rows && w.rows == 1 ? reversed(p) : std::nullopt;
  if (!back) return scatter_input(p, w, g, target, into);
  apply<T>(*back, g, reversed_weights(p, w.data).batch(), target, into);
}

/// A piece is some taps of the weights of one target row, for all copies: windows are gathered once for them.
template <class T>
void pull_weights(Convolve const& p, Batch<T const> x, Batch<T const> g, Batch<T> target, Into into) {
  if (is_depthwise(p)) return depthwise_pull_weights(p, x, g, target, into);
  if (auto const plane = find_plane<T>(p); plane && plane->tiles() * g.rows >= least_tiles_of_weights * target.rows)
    return winograd_pull_weights(p, *plane, x, g, 0, p.in, target, into);
  int const taps = std::clamp(least_rows * p.groups / p.in, 1, p.taps), blocks = (p.taps + taps - 1) / taps;
  int const size = panel_size(p, taps);
  parallel_for_tiles(target.rows * blocks, [&](int piece) {
    int const target_row = piece / blocks, tap = piece % blocks * taps, count = std::min(taps, p.taps - tap);
    RowRange const rows = rows_of(target.rows, g.rows, target_row);
    T beta = into == Into::add ? T(1) : T(0);
    for (int row = rows.first; row < rows.last; ++row)
      for (int first = 0; first < p.out_positions; first += size) {
        Panel const panel{first, std::min(size, p.out_positions - first), tap, count};
        Windows const windows(p, panel);
        T* const memory = scratch<T>(windows.count());
        windows.gather(x.at(0, row), memory);
        for (int copy = 0; copy < g.copies; ++copy)
          for (int group = 0; group < p.groups; ++group)
            gemm(static_cast<T>(p.scale), transposed(windows.of_group(memory, group)),
                 BasicFactor<T>(results_of(p, g.at(copy, row), group, panel)), beta,
                 weights_of(p, target.at(copy, target_row), group, tap, count));
        beta = 1;
      }
  });
}

}  // namespace

template <class T>
void forward(Convolve const& p, std::span<Batch<T const> const> x, Batch<T> y) {
  apply(p, x[0], x[1], y, Into::replace);
}

template <class T>
void push(Convolve const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> dx, Batch<T> dy, Into into) {
  apply(p, operand == 0 ? dx : at.operands[0], operand == 1 ? dx : at.operands[1], dy, into);
}

template <class T>
void pull(Convolve const& p, PrimitiveValues<T> const& at, int operand, Batch<T const> g, Batch<T> target, Into into) {
  if (operand == 0)
    pull_input(p, at.operands[1], g, target, into);
  else
    pull_weights(p, at.operands[0], g, target, into);
}

template <class T>
void gather_windows(Convolve const& p, T const* x, T* windows) {
  Windows(p, {0, p.out_positions, 0, p.taps}).gather(x, windows);
}

template void gather_windows(Convolve const&, double const*, double*);
template void gather_windows(Convolve const&, float const*, float*);
INFINITILE_INSTANTIATE_PRIMITIVE(Convolve)

}  // namespace infinitile::primitive
