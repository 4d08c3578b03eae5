#include "kernels/empirical_contraction.hpp"

#include <algorithm>

#include "kernels/strided_product.hpp"
#include "kernels/winograd.hpp"

namespace infinitile {

namespace {

/// How many of `count` pieces of `size` numbers of the weights go into a slice.
template <class T>
int slice_of(int count, long size, WeightUse<T> const& left, WeightUse<T> const& right, long numbers_at_once) {
  long const samples = std::max(left.g.rows, right.g.rows);
  return static_cast<int>(std::clamp(numbers_at_once / (left.g.copies * samples * size), 1L, static_cast<long>(count)));
}

/// Contracts the Jacobians that jacobian_of makes of both sides; of one where the sides are the same.
template <class T, class JacobianOf>
void contract_slice(JacobianOf const& jacobian_of, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum) {
  Numbers<T> const one = jacobian_of(left), other = left.g.data == right.g.data ? one : jacobian_of(right);
  add_contraction<T>(one.batch(), other.batch(), sum);
}

}  // namespace

template <class T>
void add_sliced_contraction(primitive::MatrixProduct const& product, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum,
                            long numbers_at_once) {
  primitive::MatrixProduct const p = with_groups_merged(product);
  int const slice = slice_of(p.k, p.n, left, right, numbers_at_once);
  for (int group = 0; group < p.groups; ++group)
    for (int first = 0; first < p.k; first += slice) {
      int const count = std::min(slice, p.k - first);
      long const first_x = (p.left_grouped ? static_cast<long>(group) * p.m * p.k : 0) + first,
                 first_g = static_cast<long>(group) * p.m * p.n;
      auto const jacobian_of = [&](WeightUse<T> const& use) {
        Numbers<T> const out(use.g.copies, use.g.rows, static_cast<long>(count) * p.n);
        multiply<T>({count, p.n, p.m, {use.g.copies, use.g.rows, 1}}, static_cast<T>(p.scale),
                    {use.x.data + first_x, {0, use.x.row_stride(), 0}, p.k, true},
                    {use.g.data + first_g, {use.g.copy_stride(), use.g.row_stride(), 0}, p.n, false},
                    StridedMatrix<T>{out.batch().data, {out.batch().copy_stride(), out.batch().row_stride(), 0}, p.n}, Into::replace);
        return out;
      };
      contract_slice(jacobian_of, left, right, sum);
    }
}

namespace {

/// Taps are slices.
template <class T>
void add_taps(primitive::Convolve const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum, long numbers_at_once) {
  long const size = static_cast<long>(p.in / p.groups) * p.out;
  int const slice = slice_of(p.taps, size, left, right, numbers_at_once);
  for (int first = 0; first < p.taps; first += slice) {
    primitive::Convolve part = p;
    part.taps = std::min(slice, p.taps - first);
    part.picks.clear();
    for (auto window = p.picks.begin(); window != p.picks.end(); window += p.taps)
      part.picks.insert(part.picks.end(), window + first, window + first + part.taps);
    auto const jacobian_of = [&](WeightUse<T> const& use) {
      Numbers<T> const out(use.g.copies, use.g.rows, part.taps * size);
      Batch<T const> const operands[2] = {use.x, {}};
      primitive::pull(part, PrimitiveValues<T>{operands, {}}, 1, use.g, out.batch(), Into::replace);
      return out;
    };
    contract_slice(jacobian_of, left, right, sum);
  }
}

/// Input channels are slices, in whole vectors: all taps come together.
template <class T>
void add_channels(primitive::Convolve const& p, PlaneWindows const& plane, WeightUse<T> const& left, WeightUse<T> const& right,
                  TermSum<T> sum, long numbers_at_once) {
  int const unit = 16, units = (p.in + unit - 1) / unit;
  int const most = slice_of(units, static_cast<long>(unit) * p.taps * p.out, left, right, numbers_at_once),
            slices = (units + most - 1) / most;
  for (int slice = 0; slice < slices; ++slice) {
    int const first = units * slice / slices * unit, count = std::min(p.in, units * (slice + 1) / slices * unit) - first;
    auto const jacobian_of = [&](WeightUse<T> const& use) {
      Numbers<T> const out(use.g.copies, use.g.rows, static_cast<long>(count) * p.taps * p.out);
      winograd_pull_weights(p, plane, use.x, use.g, first, count, out.batch(), Into::replace);
      return out;
    };
    contract_slice(jacobian_of, left, right, sum);
  }
}

}  // namespace

template <class T>
void add_sliced_contraction(primitive::Convolve const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum,
                            long numbers_at_once) {
  if (auto const plane = find_plane<T>(p); plane && plane->tiles() >= least_tiles_of_weights)
    add_channels(p, *plane, left, right, sum, numbers_at_once);
  else
    add_taps(p, left, right, sum, numbers_at_once);
}

template <class T>
void add_sliced_contraction(primitive::Lookup const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum,
                            long numbers_at_once) {
  int const slice = slice_of(p.entries, p.width, left, right, numbers_at_once);
  for (int first = 0; first < p.entries; first += slice) {
    int const count = std::min(slice, p.entries - first);
    auto const jacobian_of = [&](WeightUse<T> const& use) {
      Numbers<T> const out(use.g.copies, use.g.rows, static_cast<long>(count) * p.width);
      std::fill_n(out.batch().data, out.batch().count(), T(0));
      primitive::for_each_sample(use.g.copies, use.g.rows, [&](int copy, int row) {
        for (int i = 0; i < p.count; ++i) {
          int const entry = p.entry(use.x.at(0, row)[i]) - first;
          if (entry < 0 || entry >= count) continue;
          T* const target = out.batch().at(copy, row) + static_cast<long>(entry) * p.width;
          T const* const g = use.g.at(copy, row) + static_cast<long>(i) * p.width;
          for (int c = 0; c < p.width; ++c) target[c] += g[c];
        }
      });
      return out;
    };
    contract_slice(jacobian_of, left, right, sum);
  }
}

template void add_sliced_contraction(primitive::MatrixProduct const&, WeightUse<double> const&, WeightUse<double> const&, TermSum<double>,
                                     long);
template void add_sliced_contraction(primitive::MatrixProduct const&, WeightUse<float> const&, WeightUse<float> const&, TermSum<float>,
                                     long);
template void add_sliced_contraction(primitive::Convolve const&, WeightUse<double> const&, WeightUse<double> const&, TermSum<double>, long);
template void add_sliced_contraction(primitive::Convolve const&, WeightUse<float> const&, WeightUse<float> const&, TermSum<float>, long);
template void add_sliced_contraction(primitive::Lookup const&, WeightUse<double> const&, WeightUse<double> const&, TermSum<double>, long);
template void add_sliced_contraction(primitive::Lookup const&, WeightUse<float> const&, WeightUse<float> const&, TermSum<float>, long);

}  // namespace infinitile
