#include "finite/kernel_axes.hpp"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

enum class Fate { full, traced, diagonal };

void mark(std::vector<Fate>& fates, std::vector<int> const& axes, Fate fate, std::string_view key) {
  int const count = static_cast<int>(fates.size()) + 1;
  for (int const given : axes) {
    int const axis = given < 0 ? given + count : given;
    if (axis < 0 || axis >= count)
      throw Error(
          text(key, " has ", given, "; the network's output has ", count, " axes with the batch: ", -count, " to ", count - 1, "."));
    if (axis == 0) throw Error(text(key, " has ", given, ", the batch; only axes of one output can be there, ", 1 - count, " to -1."));
    Fate& place = fates[at(axis - 1)];
    if (place != Fate::full)
      throw Error(text(key, " has ", given, ", an axis that trace_axes and diagonal_axes name twice; once is needed."));
    place = fate;
  }
}

/// All axes of one fate: the multi-indices row-major, as sums of index times stride.
std::vector<long> places_along(std::span<long const> shape, std::span<long const> strides, std::span<Fate const> fates, Fate fate) {
  std::vector<long> out{0};
  for (std::size_t a = 0; a < shape.size(); ++a) {
    if (fates[a] != fate) continue;
    std::vector<long> next;
    for (long const base : out)
      for (long i = 0; i < shape[a]; ++i) next.push_back(base + i * strides[a]);
    out = std::move(next);
  }
  return out;
}

}  // namespace

KernelLayout::KernelLayout(std::vector<long> const& shape, KernelAxes const& axes) {
  std::vector<Fate> fates(shape.size(), Fate::full);
  mark(fates, axes.trace, Fate::traced, "trace_axes");
  mark(fates, axes.diagonal, Fate::diagonal, "diagonal_axes");

  // Strides of the output's axes in the output, and of the first and second copy of each in the kept axes.
  std::vector<long> own(shape.size()), first(shape.size()), second(shape.size());
  long size = 1, kept = 1;
  for (std::size_t a = shape.size(); a-- > 0;) {
    own[a] = size;
    size *= shape[a];
    second[a] = kept;
    if (fates[a] == Fate::full) kept *= shape[a];
    first[a] = kept;
    if (fates[a] != Fate::traced) kept *= shape[a];
  }
  for (std::size_t a = 0; a < shape.size(); ++a) {
    if (fates[a] == Fate::traced) continue;
    int const axis = static_cast<int>(a), place = static_cast<int>(kept_axes_.size());
    bool const twice = fates[a] == Fate::full;
    kept_axes_.push_back({axis, shape[a], twice ? place + 1 : place});
    if (twice) kept_axes_.push_back({axis, shape[a], place});
  }

  auto const traced = places_along(shape, own, fates, Fate::traced), diagonal = places_along(shape, own, fates, Fate::diagonal),
             full = places_along(shape, own, fates, Fate::full);
  split_ = {static_cast<int>(traced.size()), static_cast<int>(diagonal.size()), static_cast<int>(full.size())};
  for (long const t : traced)
    for (long const d : diagonal)
      for (long const f : full) order_.push_back(static_cast<int>(t + d + f));
  for (long const d : places_along(shape, first, fates, Fate::diagonal))
    for (long const f : places_along(shape, first, fates, Fate::full))
      for (long const g : places_along(shape, second, fates, Fate::full)) places_.push_back(d + f + g);
}

std::vector<long> KernelLayout::kept_shape() const {
  std::vector<long> shape;
  for (KeptOutputAxis const& kept : kept_axes_) shape.push_back(kept.size);
  return shape;
}

}  // namespace infinitile
