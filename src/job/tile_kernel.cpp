#include "job/tile_kernel.hpp"

#include <algorithm>
#include <iterator>

#include "job/empirical_tiles.hpp"

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
  InfiniteTiles(InfiniteKernel kernel, InfiniteKernel::Get get) : kernel_(std::move(kernel)), get_(get) {}

  int tiles_at_once(int threads) const override { return threads; }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<double>>& values) const override {
    kernel_.compute(Exec(), tiles, get_, values);
  }
  void compute(std::vector<TileIndex> const& tiles, std::vector<Values<float>>& values) const override {
    kernel_.compute(Exec(), tiles, get_, values);
  }
  std::vector<double> test_diagonal(std::string_view kind, Communicator const&) override {
    return kind == "nngp" ? kernel_.nngp_diagonal(Block::test_test) : kernel_.ntk_diagonal(Block::test_test);
  }
  std::string describe(std::string_view kind) const override {
    return kind == "nngp" ? "covariance of the outputs of the infinitely wide network at initialization (NNGP)"
                          : "neural tangent kernel of the infinitely wide network";
  }

private:
  InfiniteKernel kernel_;
  InfiniteKernel::Get get_;
};

}  // namespace

std::unique_ptr<TileKernel> make_tile_kernel(Job const& job, Problem& problem, Communicator const& comm) {
  if (auto const* const finite = std::get_if<FiniteReading>(&problem.reading))
    return together(comm, [&] {
      bool const read_again = !job.dynamics.steps.empty();  // by training
      Data copy = read_again ? problem.data : Data{};
      std::vector<InputRows> inputs = take_inputs(read_again ? copy : problem.data);
      std::ranges::copy(finite->graphs, std::back_inserter(inputs));
      return std::make_unique<EmpiricalTiles>(problem.grid, *finite, std::move(inputs), precision_of(job));
    });
  auto& infinite = std::get<InfiniteReading>(problem.reading);
  using Get = InfiniteKernel::Get;
  return together(comm, [&] {
    return std::make_unique<InfiniteTiles>(
        InfiniteKernel(problem.grid, infinite.program, take_inputs(problem.data), precision_of(job), std::move(infinite.graphs)),
        wants(job.kernel.get, "ntk") ? Get::nngp_and_ntk : Get::nngp);
  });
}

}  // namespace infinitile
