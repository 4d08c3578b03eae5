#include "job/empirical_tiles.hpp"

#include <algorithm>
#include <cmath>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "comm/agreed_stop.hpp"

namespace infinitile {

template <class T>
void expect_finite(std::vector<T> const& values, std::string const& place) {
  auto const bad = std::ranges::count_if(values, [](T v) { return !std::isfinite(v); });
  if (bad > 0)
    throw NumericalAnswer(
        text(bad, " kernel values of ", place,
             " are infinite or not a number: outputs or derivatives leave the range of the numbers. Use smaller weights",
             std::is_same_v<T, float> ? ", data.scale: unit_sphere, or kernel.precision: float64." : " or data.scale: unit_sphere."));
}
template void expect_finite(std::vector<double> const&, std::string const&);
template void expect_finite(std::vector<float> const&, std::string const&);

template <class T>
EmpiricalTiles::Samples<T>::Samples(FiniteReading const& reading, std::vector<InputRows> rows)
    : kernel(reading.program, reading.parameters, reading.axes, reading.method, cotangents_at_once), inputs(std::move(rows)) {}

EmpiricalTiles::EmpiricalTiles(std::vector<std::string> names, TileGrid grid, FiniteReading reading, std::vector<InputRows> inputs,
                               Precision precision)
    : TileKernel(std::move(names)), grid_(grid), get_(reading.get), layout_(reading.layout()), samples_([&]() -> decltype(samples_) {
        if (precision == Precision::float64) return Samples<double>(reading, std::move(inputs));
        return Samples<float>(reading, std::move(inputs));
      }()) {}

template <class T>
void EmpiricalTiles::compute_as(std::vector<TileIndex> const& tiles, std::vector<Values<T>>& values) const {
  Samples<T> const& samples = std::get<Samples<T>>(samples_);
  auto const get = static_cast<typename EmpiricalKernel<T>::Get>(get_);
  values.resize(tiles.size());
  for (std::size_t t = 0; t < tiles.size(); ++t) {
    stop_if_signalled();
    TileIndex const tile = tiles[t];
    auto const rows = samples.inputs.rows_of(grid_, tile.row), cols = samples.inputs.rows_of(grid_, tile.col);
    auto const block = tile.row == tile.col ? samples.kernel.within(rows, get) : samples.kernel.between(rows, cols, get);
    for (auto const* const kernel : {&block.nngp, &block.ntk}) expect_finite(*kernel, text("tile (", tile.row, ", ", tile.col, ")"));
    values[t].tile = tile;
    values[t].kernels.resize(names().size());
    for (std::size_t k = 0; k < names().size(); ++k) {
      auto const& from = names()[k] == "nngp" ? block.nngp : block.ntk;
      values[t].kernels[k].assign(from.begin(), from.end());
    }
  }
}

std::vector<double> EmpiricalTiles::test_diagonal(std::string_view kind, Communicator const& comm) {
  if (test_nngp_.empty()) fill_test_diagonal(comm);
  return kind == "nngp" ? test_nngp_ : test_ntk_;
}

void EmpiricalTiles::fill_test_diagonal(Communicator const& comm) {
  long const kept = layout_.kept();
  for (auto* const diagonal : {&test_nngp_, &test_ntk_}) diagonal->assign(at(grid_.test() * kept), 0);
  // All ranks but one have 0, so that the sum is that rank's number to the last bit; without them -0 becomes 0 too.
  auto const put = [&](auto const& pair, std::vector<double>& into, long i) {
    std::ranges::transform(pair, into.begin() + i * kept, [](double number) { return number + 0.0; });
  };
  auto const fill = [&]<class T>(Samples<T> const& samples) {
    for (long i = comm.rank(); i < grid_.test(); i += comm.size()) {
      stop_if_signalled();
      auto const block =
          samples.kernel.within(samples.inputs.rows(grid_.train() + i, 1), static_cast<typename EmpiricalKernel<T>::Get>(get_));
      for (auto const* const kernel : {&block.nngp, &block.ntk}) expect_finite(*kernel, text("test row ", i));
      put(block.nngp, test_nngp_, i);
      put(block.ntk, test_ntk_, i);
    }
  };
  together(
      comm, [&] { std::visit(fill, samples_); }, no_hurry);
  for (auto* const diagonal : {&test_nngp_, &test_ntk_}) comm.all_reduce(std::span(*diagonal), Reduction::sum);
}

std::string EmpiricalTiles::describe(std::string_view kind) const {
  std::string const what =
      kind == "nngp" ? "products f(x) f(x') of the outputs of the finite network" : "empirical tangent kernel of the finite network";
  auto const [traced, diagonal, full] = layout_.split();
  return what + (traced > 1 ? text(", mean over ", traced, " outputs") : "")
         + (full > 1 ? text(", each of ", full, " outputs with each") : "")
         + (diagonal > 1 ? text(", each of ", diagonal, " outputs with itself") : "");
}

}  // namespace infinitile
