// The structured term of a table that is looked up; declared in kernels/empirical_terms.hpp.
#include <algorithm>

#include "kernels/empirical_terms.hpp"

namespace infinitile {

namespace {

/// The cotangents of one side, those of one index added up where it stands first.
template <class T>
class CotangentsByIndex {
public:
  /// An index, and where it stands first in its sample.
  struct Place {
    int entry, at;
    bool operator<(Place const& other) const { return entry < other.entry || (entry == other.entry && at < other.at); }
  };

  CotangentsByIndex(primitive::Lookup const& p, WeightUse<T> const& use)
      : width_(p.width), g_(use.g.copies, use.g.rows, use.g.size), places_(static_cast<std::size_t>(use.g.rows)) {
    std::copy_n(use.g.data, use.g.count(), g_.batch().data);
    primitive::for_each_sample(1, use.g.rows, [&](int, int row) {
      std::vector<Place> all, &first = places_[static_cast<std::size_t>(row)];
      for (int i = 0; i < p.count; ++i) all.push_back({p.entry(use.x.at(0, row)[i]), i});
      std::sort(all.begin(), all.end());
      for (Place const& place : all) {
        if (first.empty() || first.back().entry != place.entry)
          first.push_back(place);
        else
          add(row, place.at, first.back().at);
      }
    });
  }

  std::vector<Place> const& places(int row) const { return places_[static_cast<std::size_t>(row)]; }
  T const* at(int copy, int row, int place) const { return g_.batch().at(copy, row) + static_cast<long>(place) * width_; }

private:
  void add(int row, int from, int to) {
    for (int copy = 0; copy < g_.batch().copies; ++copy) {
      T* const sample = g_.batch().at(copy, row);
      for (int c = 0; c < width_; ++c) sample[static_cast<long>(to) * width_ + c] += sample[static_cast<long>(from) * width_ + c];
    }
  }

  int width_;
  Numbers<T> g_;
  std::vector<std::vector<Place>> places_;
};

/// met(place of the left, place of the right) for each index that both samples have.
template <class Places, class Met>
void for_each_shared(Places const& left, Places const& right, Met const& met) {
  auto r = right.begin();
  for (auto const& l : left) {
    while (r != right.end() && r->entry < l.entry) ++r;
    if (r != right.end() && r->entry == l.entry) met(l.at, r->at);
  }
}

}  // namespace

template <class T>
void add_weight_term(primitive::Lookup const& p, WeightUse<T> const& left, WeightUse<T> const& right, TermSum<T> sum) {
  bool const same = left.g.data == right.g.data;
  CotangentsByIndex<T> const own(p, left);
  CotangentsByIndex<T> const other_side = same ? own : CotangentsByIndex<T>(p, right);
  auto const [traced, diagonal, full] = sum.outputs;
  parallel_for_tiles(sum.rows * sum.cols, [&, traced = traced, diagonal = diagonal, full = full](int piece) {
    int const row = piece / sum.cols, col = piece % sum.cols;
    if (same && col > row) return;
    for_each_shared(own.places(row), other_side.places(col), [&](int i, int j) {
      for (int copy = 0; copy < traced * diagonal * full; ++copy)
        for (int other = 0; other < full; ++other) {
          T const *const g = own.at(copy, row, i), *const h = other_side.at(copy - copy % full + other, col, j);
          T term = 0;
          for (int c = 0; c < p.width; ++c) term += g[c] * h[c];
          *sum.at(copy / full % diagonal, copy % full, row, other, col) += term;
        }
    });
  });
}

template void add_weight_term(primitive::Lookup const&, WeightUse<double> const&, WeightUse<double> const&, TermSum<double>);
template void add_weight_term(primitive::Lookup const&, WeightUse<float> const&, WeightUse<float> const&, TermSum<float>);

}  // namespace infinitile
