// The scale that looks at one position after the other.
#include <algorithm>
#include <cmath>
#include <span>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/raw_array.hpp"
#include "store/scaling.hpp"

namespace infinitile {

namespace {

/// The root of the sum of squares, without overflow.
double norm_of(std::span<double const> x) {
  double largest = 0, squares = 0;
  for (double const each : x) largest = std::max(largest, std::abs(each));
  if (largest == 0) return 0;
  for (double const each : x) squares += (each / largest) * (each / largest);
  return largest * std::sqrt(squares);
}

class LocationNormalizer {
public:
  LocationNormalizer(InputArray& input, PerLocation const& how)
      : input_(input),
        how_(how),
        channels_(static_cast<std::size_t>(input.shape.back())),
        positions_(static_cast<std::size_t>(input.features()) / channels_) {
    if (how.mode == PerLocation::Mode::avg_q && input.shape.size() < 2)
      throw Error(text("data.scale: per_location with homog_mode avg_q takes a mean over positions, and a sample of ", input.source.name(),
                       " has shape ", shape_text(input.shape),
                       ", without any. Say where they are by data.shape, or set homog_mode to one."));
  }

  void normalize() && {
    std::size_t const rows = input_.values.size() / (channels_ * positions_);
    std::vector<double> out;
    std::vector<double> x;
    for (std::size_t row = 0; row < rows; ++row) {
      double const h = homogeneous(row);
      for (std::size_t p = 0; p < positions_; ++p) {
        auto const from = input_.values.begin() + static_cast<std::ptrdiff_t>((row * positions_ + p) * channels_);
        x.assign(from, from + static_cast<std::ptrdiff_t>(channels_));
        if (how_.mode != PerLocation::Mode::off) x.push_back(is_there(row, p) ? h : 0);
        if (is_there(row, p)) normalize_one(x, row, p);
        out.insert(out.end(), x.begin(), x.end());
      }
    }
    input_.values = std::move(out);
    input_.shape = how_.shape_after(input_.shape);
  }

private:
  bool is_there(std::size_t row, std::size_t position) const {
    return input_.masked.empty() || input_.masked[row * positions_ + position] == 0;
  }

  /// What comes to the channels of a row.
  double homogeneous(std::size_t row) const {
    if (how_.mode != PerLocation::Mode::avg_q) return how_.scale;
    std::size_t count = 0;
    for (std::size_t p = 0; p < positions_; ++p) count += is_there(row, p) ? channels_ : 0;
    std::size_t const features = positions_ * channels_;
    return how_.scale * norm_of(std::span(input_.values).subspan(row * features, features)) / std::sqrt(static_cast<double>(count));
  }

  void normalize_one(std::vector<double>& x, std::size_t row, std::size_t position) const {
    double const norm = norm_of(x);
    if (norm == 0) fail(row, position);
    double const root = std::sqrt(static_cast<double>(x.size()));
    for (double& each : x) each = each / norm * root;
  }

  [[noreturn]] void fail(std::size_t row, std::size_t position) const {
    bool const off = how_.mode == PerLocation::Mode::off;
    std::vector<std::string> index;
    for (std::size_t a = input_.shape.size() - 1, rest = position; a-- > 0; rest /= static_cast<std::size_t>(input_.shape[a]))
      index.insert(index.begin(), text(rest % static_cast<std::size_t>(input_.shape[a])));
    throw Error(text("row ", row, " of ", input_.source.name(), " is all zeros",
                     index.empty() ? "" : text(" at position (", join(index, ", ", ", "), "), counted from 0"),
                     ", and data.scale: per_location with homog_mode ", off ? "off" : "avg_q", " divides by what is there. ",
                     off ? "Set homog_mode to one or avg_q, or mask the position." : "Set homog_mode to one, or take the row out."));
  }

  InputArray& input_;
  PerLocation const& how_;
  std::size_t channels_, positions_;
};

}  // namespace

void normalize_locations(InputArray& input, PerLocation const& how) {
  LocationNormalizer(input, how).normalize();
}

}  // namespace infinitile
