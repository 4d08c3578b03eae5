#include "store/raw_array.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/hdf5.hpp"
#include "store/npy.hpp"

namespace infinitile {

long product(std::vector<long> const& extents, std::size_t from) {
  return std::accumulate(extents.begin() + static_cast<std::ptrdiff_t>(std::min(from, extents.size())), extents.end(), 1L,
                         std::multiplies<>());
}

std::string shape_text(std::vector<long> const& extents) {
  std::vector<std::string> words;
  for (long const extent : extents) words.push_back(text(extent));
  return text("(", join(words, ", ", ", "), extents.size() == 1 ? ",)" : ")");
}

RawArray read_array(std::string const& file, std::string const& path) {
  if (file.empty()) {
    NpyArray array = read_npy(path);
    return {{path, "", ""}, std::move(array.shape), array.integral, std::move(array.values)};
  }
  h5::Handle const opened = h5::open_file(file);
  h5::Handle const dataset = h5::open_dataset(opened, file, path);
  h5::Shape const shape = h5::shape_of(dataset);
  ArraySource source{file, path, ""};
  if (shape.kind == h5::Kind::other) throw Error(text(source.name(), " does not hold numbers. Floats or integers are needed."));
  return {std::move(source), shape.extents, shape.kind == h5::Kind::integer, h5::read_all<double>(dataset, path + " of " + file)};
}

void expect_finite(ArraySource const& source, std::vector<long> const& shape, std::vector<double> const& values) {
  auto const bad = std::find_if_not(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  if (bad == values.end()) return;
  long const at = bad - values.begin(), width = product(shape, 1);
  throw Error(text(source.name(), " has ", std::isnan(*bad) ? "NaN" : "inf", " at row ", at / width, ", column ", at % width,
                   " (counted from 0). Every value must be finite: repair the data or take the row out."));
}

}  // namespace infinitile
