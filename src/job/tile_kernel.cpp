#include "job/tile_kernel.hpp"

#include <algorithm>
#include <iterator>

#include "job/empirical_tiles.hpp"
#include "job/monte_carlo_tiles.hpp"

namespace infinitile {

namespace {

/// The inputs as kernels want them: train rows, then test rows. Takes the numbers out of `data`.
std::vector<InputRows> take_inputs(Data& data) {
  std::vector<InputRows> rows;
  for (std::size_t i = 0; i < data.train.inputs.size(); ++i) {
    InputArray& train = data.train.inputs[i];
    InputRows& own = rows.emplace_back();
    own.width = train.features();
    own.values = std::move(train.values);
    own.masked = std::move(train.masked);
    if (data.test) {
      InputArray& test = data.test->inputs[i];
      std::vector<double> const values = std::move(test.values);
      std::vector<unsigned char> const masked = std::move(test.masked);
      own.values.insert(own.values.end(), values.begin(), values.end());
      own.masked.insert(own.masked.end(), masked.begin(), masked.end());
    }
  }
  return rows;
}

/// Tiles at infinite width, as many side by side as there are threads.
class InfiniteTiles : public TileKernel {
public:
  InfiniteTiles(std::vector<std::string> names, InfiniteKernel kernel)
      : TileKernel(std::move(names)),
        kernel_(std::move(kernel)),
        get_(wants(this->names(), "ntk") ? InfiniteKernel::Get::nngp_and_ntk : InfiniteKernel::Get::nngp) {}

  int tiles_at_once(int threads) const override { return threads; }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<double>>& values) const override { compute_as(tiles, values); }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<float>>& values) const override { compute_as(tiles, values); }
  std::vector<double> test_diagonal(std::string_view kind, Communicator const&) override {
    return kind == "nngp" ? kernel_.nngp_diagonal(Block::test_test) : kernel_.ntk_diagonal(Block::test_test);
  }
  bool keeps_diagonal() const override { return false; }
  std::string describe(std::string_view kind) const override {
    return kind == "nngp" ? "covariance of the outputs of the infinitely wide network at initialization (NNGP)"
                          : "neural tangent kernel of the infinitely wide network";
  }

private:
  /// The memory of `values` goes through the computation and comes back.
  template <class T>
  void compute_as(std::vector<TileIndex> const& tiles, std::vector<Values<T>>& values) const {
    std::vector<InfiniteKernel::Values<T>> own(tiles.size());
    values.resize(tiles.size());
    auto const exchange = [&] {
      for (std::size_t t = 0; t < own.size(); ++t) {
        values[t].kernels.resize(names().size());
        for (std::size_t k = 0; k < names().size(); ++k) std::swap(values[t].kernels[k], names()[k] == "nngp" ? own[t].nngp : own[t].ntk);
      }
    };
    exchange();
    kernel_.compute(Exec(), tiles, get_, own);
    exchange();
    for (std::size_t t = 0; t < own.size(); ++t) values[t].tile = own[t].tile;
  }

  InfiniteKernel kernel_;
  InfiniteKernel::Get get_;
};

}  // namespace

std::unique_ptr<TileKernel> make_tile_kernel(Job const& job, Problem& problem, Communicator const& comm) {
  std::vector<std::string> const& names = job.kernel.get;
  if (auto const* const finite = std::get_if<FiniteReading>(&problem.reading))
    return together(comm, [&]() -> std::unique_ptr<TileKernel> {
      bool const read_again = !job.dynamics.steps.empty();  // by training
      Data copy = read_again ? problem.data : Data{};
      std::vector<InputRows> inputs = take_inputs(read_again ? copy : problem.data);
      std::ranges::copy(finite->sides, std::back_inserter(inputs));
      if (job.kernel.is_sampled()) return std::make_unique<MonteCarloTiles>(job, problem.grid, *finite, std::move(inputs));
      return std::make_unique<EmpiricalTiles>(names, problem.grid, *finite, std::move(inputs), precision_of(job));
    });
  auto& infinite = std::get<InfiniteReading>(problem.reading);
  return together(comm, [&] {
    return std::make_unique<InfiniteTiles>(
        names, InfiniteKernel(problem.grid, infinite.program, take_inputs(problem.data), precision_of(job), std::move(infinite.graphs)));
  });
}

}  // namespace infinitile
