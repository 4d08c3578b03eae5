#include "job/shared_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/index.hpp"
#include "comm/agreed_stop.hpp"
#include "comm/exact_sum.hpp"
#include "finite/ntk_cost.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

/// Rows of a piece: constant for a network, since bits depend on it.
int piece_rows(FiniteProgram const& program) {
  constexpr double most_numbers = 1L << 22;  // of its values
  return static_cast<int>(std::clamp(most_numbers / sample_size(program).all, 1.0, static_cast<double>(SharedRows::most_rows)));
}

/// What grows beyond has diverged, and is stopped before its products leave the range of numbers.
constexpr double most_gradient = 1e60;

double largest_of(std::vector<Numbers<double>> const& gradient) {
  double most = 0;
  for (Numbers<double> const& each : gradient)
    for (long i = 0; i < each.batch().count(); ++i) {
      double const size = std::abs(each.batch().data[i]);
      most = std::isfinite(size) ? std::max(most, size) : std::numeric_limits<double>::infinity();
      if (std::isinf(most)) return most;
    }
  return most;
}

void add_to(ExactSums& sums, std::vector<Numbers<double>> const& gradient) {
  std::size_t place = 0;
  for (Numbers<double> const& each : gradient)
    for (long i = 0; i < each.batch().count(); ++i) sums.add(place++, each.batch().data[i]);
}

}  // namespace

SharedRows::SharedRows(FiniteProgram const& program, Dataset const& data, Communicator const& comm)
    : program_(program), comm_(comm), rows_(data.rows), outputs_(product_of(program.output_shape)) {
  int const most = piece_rows(program);
  for (long first = comm.rank() * static_cast<long>(most); first < rows_; first += static_cast<long>(comm.size()) * most) {
    Piece piece{{}, first, static_cast<int>(std::min<long>(most, rows_ - first))};
    for (InputArray const& input : data.inputs) {
      INFINITILE_EXPECT(std::ssize(input.values) == rows_ * input.features());
      piece.inputs.emplace_back(input.values.data() + first * input.features(), 1, piece.count, input.features());
    }
    pieces_.push_back(std::move(piece));
  }
}

/// Every rank has zeros where others compute, so that the sum is their number to the last bit.
std::vector<std::vector<double>> SharedRows::gather(int count, Compute const& compute) const {
  std::vector<std::vector<double>> out(at(count), std::vector<double>(at(numbers()), 0));
  together(
      comm_,
      [&] {
        for (Piece const& piece : pieces_) {
          std::vector<Numbers<double>> const values = compute(piece);
          INFINITILE_EXPECT(std::ssize(values) == count);
          for (std::size_t v = 0; v < values.size(); ++v)
            std::copy_n(values[v].batch().data, values[v].batch().count(), out[v].data() + piece.first * outputs_);
        }
      },
      no_hurry);
  for (auto& each : out) comm_.all_reduce(std::span(each), Reduction::sum);
  return out;
}

std::vector<Batch<double const>> batches_of(ParameterValues const& values) {
  std::vector<Batch<double const>> out;
  for (auto const& each : values) out.emplace_back(each.data(), 1, 1, std::ssize(each));
  return out;
}
std::vector<Batch<double const>> batches_of(std::vector<Numbers<double>> const& values) {
  std::vector<Batch<double const>> out;
  for (auto const& each : values) out.push_back(each.batch());
  return out;
}

std::optional<ParameterValues> GradientSum::over(SharedRows const& rows, Gradient const& gradient) {
  std::size_t count = 0;
  for (ParameterSpec const& spec : rows.program().parameters) count += at(spec.size());
  for (;;) {
    ExactSums sums(count, bound_);
    double mine = 0;
    together(
        rows.comm(),
        [&] {
          for (SharedRows::Piece const& piece : rows.pieces()) {
            std::vector<Numbers<double>> const each = gradient(piece);
            mine = std::max(mine, largest_of(each));
            if (mine <= bound_) add_to(sums, each);
          }
        },
        no_hurry);
    double const largest = rows.comm().all_reduce(mine, Reduction::max);
    if (!(largest <= most_gradient)) return std::nullopt;
    bool const fits = largest <= bound_;
    bound_ = 4 * largest;
    if (!fits) continue;
    std::vector<double> const total = sums.total(rows.comm());
    ParameterValues out;
    auto from = total.begin();
    for (ParameterSpec const& spec : rows.program().parameters) {
      out.emplace_back(from, from + spec.size());
      from += spec.size();
    }
    return out;
  }
}

}  // namespace infinitile
