#include "kernels/expansion.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/lanes.hpp"

namespace infinitile {

namespace {

/// Eight pairs at once, as the compiler's own vector type: the accumulators of the long sums below have to stay in registers.
using Vector = Lanes<double, 8>;
constexpr int lane_count = 8;
constexpr int vectors = 3;
constexpr int block = lane_count * vectors;

/// `block` numbers.
struct Block {
  Vector v[vectors];
};

Block load(double const* from) {
  Block b;
  std::memcpy(&b, from, sizeof b);
  return b;
}

/// A row of the table with the row's own side summed over: per degree n, kept[n] numbers for D, then as many for P.
void contract_row(AngleView const& table, RowSide const& row, std::vector<double>& out) {
  out.clear();
  long const side = table.sides;
  auto const contract = [&](double const* c, int width) {
    std::size_t const start = out.size();
    out.resize(start + static_cast<std::size_t>(width), 0.0);
    double* const sums = out.data() + start;
    for (long i = 0; i < side; ++i) {
      double const factor = row.features[i * row.stride];
      for (int j = 0; j < width; ++j) sums[j] += factor * c[i * side + j];
    }
  };
  for (int n = 0; n < table.degrees; ++n) {
    contract(table.slope + n * side * side, table.kept[n]);
    contract(table.value + n * side * side, table.kept[n]);
  }
  contract(table.excess, table.sides);
}

/// D and P of one block: Clenshaw's recurrence in y, whose coefficients are polynomials in the columns' x. basis is [side][block].
struct AngleSums {
  Block slope, value;
};
AngleSums evaluate(AngleView const& table, double const* contracted_end, double const* basis, Block const& y) {
  Block d0{}, d1{}, p0{}, p1{};
  double const* at = contracted_end;
  for (int n = table.degrees - 1; n >= 0; --n) {
    int const width = table.kept[n];
    at -= 2 * width;
    Block d{}, p{};
    for (int j = 0; j < width; ++j) {
      Block const t = load(basis + j * block);
      for (int v = 0; v < vectors; ++v) {
        d.v[v] += at[j] * t.v[v];
        p.v[v] += at[width + j] * t.v[v];
      }
    }
    double const twice = n > 0 ? 2 : 1;
    for (int v = 0; v < vectors; ++v) {
      Vector const turn = twice * y.v[v];
      d.v[v] += turn * d0.v[v] - d1.v[v];
      p.v[v] += turn * p0.v[v] - p1.v[v];
    }
    d1 = d0;
    d0 = d;
    p1 = p0;
    p0 = p;
  }
  return {d0, p0};
}

}  // namespace

AngleView AngleTable::view() const {
  return {degrees_, sides_, slope_.data(), value_.data(), excess_.data(), kept_.data()};
}

double AngleTable::coordinate(double root) const {
  return (std::log(offset_ + root) - middle_) / half_width_;
}

void AngleTable::features(double root, double* out, long stride) const {
  double const x = coordinate(root);
  double before = x, now = 1;
  for (int i = 0; i < sides_; ++i) {
    out[i * stride] = now;
    double const next = 2 * x * now - before;
    before = now;
    now = next;
  }
  out[sides_ * stride] = x;
}

void AngleTable::carry(RowSide const& row, ColSide const& col, int count, double* gap, double* slope) const {
  thread_local std::vector<double> contracted, basis;
  AngleView const table = view();
  contract_row(table, row, contracted);
  basis.resize(static_cast<std::size_t>(sides_ * block));
  double const* const end = contracted.data() + contracted.size() - sides_;  // what follows is the excess
  double const x1 = row.features[sides_ * row.stride];
  for (int first = 0; first < count; first += block) {
    int const width = std::min(block, count - first);
    for (int i = 0; i < sides_; ++i)
      for (int j = 0; j < block; ++j)
        basis[static_cast<std::size_t>(i * block + j)] = j < width ? col.features[i * col.stride + first + j] : 0;
    double y[block] = {}, unequal[block] = {}, slopes[block], values[block];
    for (int j = 0; j < width; ++j) y[j] = 2 / dual_math::pi * dual_math::angle_of_gap(gap[first + j]) - 1;
    AngleSums const sums = evaluate(table, end, basis.data(), load(y));
    std::memcpy(slopes, &sums.slope, sizeof slopes);
    std::memcpy(values, &sums.value, sizeof values);
    for (int i = 0; i < sides_; ++i)
      for (int j = 0; j < block; ++j) unequal[j] += end[i] * basis[static_cast<std::size_t>(i * block + j)];
    for (int j = 0; j < width; ++j) {
      double const apart = x1 - col.features[sides_ * col.stride + first + j], both = row.next_root * col.next_root[first + j];
      double const safe = both > 0 ? both : 1,
                   turned = row.root * col.root[first + j] / safe * gap[first + j] * dual_math::positive(values[j]);
      double const after = dual_math::positive(unequal[j]) * (apart * apart) + turned;
      gap[first + j] = both > 0 ? (after < 2 ? after : 2) : 1;
      slope[first + j] = slopes[j];
    }
  }
}

}  // namespace infinitile
