#include "kernels/row_table.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.hpp"
#include "kernels/step_errors.hpp"

namespace infinitile {

namespace {

using Host = Kokkos::DefaultHostExecutionSpace;

/// Norm of one row; scaled so that neither huge nor tiny entries overflow or vanish when squared.
double norm(double const* row, long width) {
  double largest = 0;
  for (long k = 0; k < width; ++k) largest = std::max(largest, std::abs(row[k]));
  if (largest == 0) return 0;
  double sum = 0;
  for (long k = 0; k < width; ++k) sum += (row[k] / largest) * (row[k] / largest);
  return largest * std::sqrt(sum);
}

/// Divides each row by its norm where it is; returns norm / √width, the root of its variance E[u²] = |x|² / width.
std::vector<double> make_unit_rows(RowTable::Matrix const& rows) {
  long const count = static_cast<long>(rows.extent(0)), width = static_cast<long>(rows.extent(1));
  std::vector<double> roots(static_cast<std::size_t>(count));
  Kokkos::parallel_for("infinitile::make_unit_rows", Kokkos::RangePolicy<Host>(0, count), [&](long i) {
    double* const row = rows.data() + i * width;
    double const length = norm(row, width);
    if (length > 0)
      for (long k = 0; k < width; ++k) row[k] /= length;
    roots[static_cast<std::size_t>(i)] = length / std::sqrt(static_cast<double>(width));
  });
  return roots;
}

/// The diagonal of one register: variance and ntk of every row.
struct Diagonal {
  std::vector<double> q;
  std::vector<double> ntk;
};

/// Runs the steps on the diagonal, where the gap is 0, and writes the lines of roots on the way.
class DiagonalRun {
public:
  DiagonalRun(PairProgram const& program, RowTable& table, std::vector<std::vector<double>> const& input_roots)
      : program_(program), table_(table), input_roots_(input_roots), registers_(static_cast<std::size_t>(program.registers)) {}

  Diagonal finish() {
    for (Step const& step : program_.steps) take(step);
    return std::move(registers_.front());
  }
  bool fits_single() const { return fits_single_; }

private:
  void take(Step const& step) {
    Diagonal& r = registers_[static_cast<std::size_t>(step.target)];
    switch (step.kind) {
      case Step::Kind::load:
        load(step, r);
        break;
      case Step::Kind::copy:
        r = source(step);
        return;
      case Step::Kind::dense:
        for_each(r, [&](double& q, double& ntk) {
          double const after = step.weight * q + step.shift;
          ntk = step.trained_out * after + step.trained_in * q + step.trained_one + step.weight * ntk;
          q = after;
        });
        break;
      case Step::Kind::activate:
        activate(step, r);
        break;
      case Step::Kind::normalize:
        normalize(step, r);
        break;
      case Step::Kind::drop:
        for_each(r, [&](double& q, double& ntk) {
          q /= step.weight;
          ntk /= step.weight;
        });
        break;
      case Step::Kind::add:
        merge(r, source(step), [&](double& q, double& ntk, double q2, double ntk2) {
          q = step.weight * q + step.shift * q2;
          ntk = step.weight * ntk + step.shift * ntk2;
        });
        break;
      case Step::Kind::multiply:
        merge(r, source(step), [](double& q, double& ntk, double q2, double ntk2) {
          ntk = ntk * q2 + q * ntk2;
          q *= q2;
        });
        break;
    }
    for (std::size_t i = 0; i < r.q.size(); ++i) {
      if (!std::isfinite(r.q[i]) || !std::isfinite(r.ntk[i]))
        refuse_overflow(program_.where, number(step), "the kernel", static_cast<long>(i));
      double const root = table_.roots(step.after, i) = std::sqrt(r.q[i]);
      fits_single_ &= (root == 0 || root > 1 / most_single_root) && root < most_single_root && std::abs(r.ntk[i]) < square_of_most;
    }
  }

  std::size_t number(Step const& step) const { return static_cast<std::size_t>(&step - program_.steps.data()); }

  Diagonal const& source(Step const& step) const { return registers_[static_cast<std::size_t>(step.source)]; }

  template <class F>
  static void for_each(Diagonal& r, F f) {
    for (std::size_t i = 0; i < r.q.size(); ++i) f(r.q[i], r.ntk[i]);
  }

  template <class F>
  static void merge(Diagonal& r, Diagonal const& other, F f) {
    for (std::size_t i = 0; i < r.q.size(); ++i) f(r.q[i], r.ntk[i], other.q[i], other.ntk[i]);
  }

  void load(Step const& step, Diagonal& r) {
    auto const& roots = input_roots_[static_cast<std::size_t>(step.index)];
    r.q.resize(roots.size());
    r.ntk.assign(roots.size(), 0);
    std::transform(roots.begin(), roots.end(), r.q.begin(), [](double root) { return root * root; });
  }

  void normalize(Step const& step, Diagonal& r) {
    double const eps = program_.layer_norm_eps[static_cast<std::size_t>(step.index)];
    for (std::size_t i = 0; i < r.q.size(); ++i) {
      double const v = r.q[i] + eps;
      table_.roots(step.other, i) = 1 / std::sqrt(v);
      r.q[i] /= v;
      r.ntk[i] /= v;
    }
  }

  /// Prepares the activation for the variances that occur, then evaluates every row on its own.
  void activate(Step const& step, Diagonal& r) {
    auto const index = static_cast<std::size_t>(step.index);
    auto const [least, most] = std::minmax_element(r.q.begin(), r.q.end());
    INFINITILE_EXPECT(index == table_.activations.size());  // activations are numbered in the order of the steps
    table_.activations.push_back(prepare_step_activation(program_.where, number(step), program_.activations[index], *least, *most));
    PreparedActivation const& activation = table_.activations[index];
    int const features = activation.features();
    table_.features[index] = RowTable::Matrix("infinitile::features", features, r.q.size());
    double* const out = table_.features[index].data();
    long const stride = static_cast<long>(r.q.size());
    Kokkos::parallel_for("infinitile::diagonal_activation", Kokkos::RangePolicy<Host>(0, stride), [&](long i) {
      auto const row = static_cast<std::size_t>(i);
      double const q = r.q[row];
      if (features > 0) activation.features(q, out + i, stride);
      r.ntk[row] *= activation.slope_variance(q);
      r.q[row] = activation.variance(q);
    });
  }

  PairProgram const& program_;
  RowTable& table_;
  std::vector<std::vector<double>> const& input_roots_;
  std::vector<Diagonal> registers_;
  bool fits_single_ = true;
  static constexpr double square_of_most = most_single_root * most_single_root;
};

/// The inputs as a matrix: where they are if launches reach it, since there may be no memory for two copies.
RowTable::Matrix take(RowTable& table, std::vector<double> values, long rows, long width) {
  auto const height = static_cast<std::size_t>(rows), length = static_cast<std::size_t>(width);
  if (on_host) {
    table.storage.push_back(std::move(values));
    return RowTable::Matrix(table.storage.back().data(), height, length);
  }
  RowTable::Matrix unit("infinitile::unit", height, length);
  std::copy(values.begin(), values.end(), unit.data());
  return unit;
}

RowTable::SingleMatrix single_copy(char const* label, RowTable::Matrix const& from) {
  RowTable::SingleMatrix single(std::string(label), from.extent(0), from.extent(1));
  std::copy(from.data(), from.data() + from.size(), single.data());
  return single;
}

/// The numbers of the table from `from` on, copied to where launches reach them.
double const* shared_copy(RowTable& table, double const* from, int count) {
  return table.tables.emplace_back(from, from + count).data();
}

/// What launches on a GPU need beside the numbers: the layers without virtual functions.
void make_views(PairProgram const& program, RowTable& table) {
  for (std::size_t index = 0; index < program.activations.size(); ++index) {
    LayerView view{program.activations[index], table.activations[index].table()};
    if (!view.has_form())
      throw Error("an activation with a kink and input_shift has no form for GPUs. Leave input_shift out, or use a build without CUDA.");
    AngleView& t = view.table;
    int const entries = t.degrees * t.sides * t.sides;
    if (t.degrees > 0) {
      t.slope = shared_copy(table, t.slope, entries);
      t.value = shared_copy(table, t.value, entries);
      t.excess = shared_copy(table, t.excess, t.sides * t.sides);
      t.kept = nullptr;  // every column counts
    }
    table.views.push_back(view);
  }
}

}  // namespace

RowTable tabulate_rows(PairProgram const& program, std::vector<InputRows> inputs, Precision precision) {
  INFINITILE_EXPECT(static_cast<int>(inputs.size()) == program.inputs);
  RowTable table;
  std::vector<std::vector<double>> roots;
  for (InputRows& input : inputs) {
    INFINITILE_EXPECT(input.width > 0 && input.values.size() % static_cast<std::size_t>(input.width) == 0);
    long const rows = static_cast<long>(input.values.size()) / input.width;
    INFINITILE_EXPECT(table.rows == 0 || table.rows == rows);
    table.rows = rows;
    RowTable::Matrix const unit = take(table, std::move(input.values), rows, input.width);
    roots.push_back(make_unit_rows(unit));
    table.unit.push_back(unit);
    if (precision == Precision::float32) table.unit_single.push_back(single_copy("infinitile::unit_single", unit));
  }
  table.roots = RowTable::Matrix("infinitile::roots", static_cast<std::size_t>(program.root_rows), static_cast<std::size_t>(table.rows));
  table.features.resize(program.activations.size());
  DiagonalRun run(program, table, roots);
  Diagonal const result = run.finish();
  if (precision == Precision::float32 && run.fits_single()) table.roots_single = single_copy("infinitile::roots_single", table.roots);
  table.nngp.assign(result.q.begin(), result.q.end());
  table.ntk.assign(result.ntk.begin(), result.ntk.end());
  if (!on_host) make_views(program, table);
  return table;
}

}  // namespace infinitile
