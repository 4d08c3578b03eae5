#pragma once

#include <vector>

#include "kernels/empirical_terms.hpp"

namespace infinitile {

/// What becomes of the axes of an output in an empirical kernel. Axes are counted with the batch as axis 0, or from the end.
struct KernelAxes {
  std::vector<int> trace{-1};   ///< the mean over them is taken
  std::vector<int> diagonal{};  ///< kept once; all others are kept twice, side by side
  bool operator==(KernelAxes const&) const = default;
};

/// An axis that a pair of samples keeps.
struct KeptOutputAxis {
  int axis = 0;  ///< of one sample's output, counted from 0
  long size = 1;
  int twin = 0;  ///< where the same axis of the other sample is kept; its own place where it is kept once
};

/// The same for outputs of one shape, as the computation wants it: outputs in the order of traced, diagonal and full entries.
class KernelLayout {
public:
  /// `shape`: of one sample's output. Throws Error without a place for axes that are not there, the batch, or are named twice.
  KernelLayout(std::vector<long> const& shape, KernelAxes const& axes);

  OutputSplit split() const { return split_; }
  int outputs() const { return split_.traced * split_.diagonal * split_.full; }
  /// The entry of an output that stands at place c of the order.
  std::vector<int> const& order() const { return order_; }
  /// The axes that a pair of samples keeps, in the order of the output's: (h, h', w, w', o, o').
  std::vector<KeptOutputAxis> const& kept_axes() const& { return kept_axes_; }
  std::vector<KeptOutputAxis> const& kept_axes() const&& = delete;  // a loop over them would outlive a layout without a name
  std::vector<long> kept_shape() const;
  long kept() const { return static_cast<long>(places_.size()); }
  /// Where in the kept axes the entry (diagonal, full, full') stands.
  long place(int diagonal, int full, int other) const {
    return places_[(static_cast<std::size_t>(diagonal) * static_cast<std::size_t>(split_.full) + static_cast<std::size_t>(full))
                       * static_cast<std::size_t>(split_.full)
                   + static_cast<std::size_t>(other)];
  }

private:
  OutputSplit split_;
  std::vector<int> order_;
  std::vector<KeptOutputAxis> kept_axes_;
  std::vector<long> places_;
};

}  // namespace infinitile
