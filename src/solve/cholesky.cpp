#include "solve/cholesky.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "comm/agreed_stop.hpp"
#include "solve/panel.hpp"
#include "solve/update.hpp"

namespace infinitile {

namespace {

/// A panel on every rank that needs it.
struct ArrivedPanel {
  std::unique_ptr<LeftPanel> left;
  RightPanel right;
};

/// Updates by one narrow panel read and write a tile for few flops. Those of several panels wait until together they are this wide.
constexpr int update_width = 512;

/// One factorization at work.
class Factorization {
public:
  Factorization(ProcessGrid const& grid, TileMatrix& a, std::span<TileMatrix* const> appended, double tolerance);
  std::optional<Breakdown> run();

private:
  bool in_column(int k) const { return grid_.distribution.process_col(k) == grid_.my_col; }
  LeftPanel factor_panel(int k);
  std::optional<BadPivot> factor_diagonal(int k);
  void solve_panel(int k, ConstMatrix diagonal);
  template <class Columns>
  std::vector<TileUpdate> updates(int k, Columns const& columns);
  Breakdown describe(int k, long row, LeftPanel::Note news) const;

  ProcessGrid const& grid_;
  std::vector<TileMatrix*> matrices_;  ///< a, then the appended ones
  double tolerance_;
  int lag_;                                     ///< a tile column is brought up to date at least every so many steps
  std::vector<int> done_;                       ///< [j]: tile column j has had the updates of the panels before this one
  std::map<int, ArrivedPanel> panels_;          ///< those that some column still needs
  std::vector<std::vector<double>> diagonals_;  ///< [k]: the diagonal of tile (k, k) before the factorization, on its owner
};

Factorization::Factorization(ProcessGrid const& grid, TileMatrix& a, std::span<TileMatrix* const> appended, double tolerance)
    : grid_(grid),
      matrices_{&a},
      tolerance_(tolerance),
      lag_(std::max(1, update_width / a.cols().sizes.front())),
      done_(a.cols().sizes.size(), 0),
      diagonals_(a.cols().sizes.size()) {
  matrices_.insert(matrices_.end(), appended.begin(), appended.end());
  for (int k = 0; k < a.cols().end(); ++k)
    if (a.owns({k, k}))
      for (int i = 0; i < a.cols().size(k); ++i) diagonals_[static_cast<std::size_t>(k)].push_back(a.at({k, k})(i, i));
}

/// On the owner of tile (k, k).
std::optional<BadPivot> Factorization::factor_diagonal(int k) {
  std::vector<double> smallest = diagonals_[static_cast<std::size_t>(k)];
  for (double& limit : smallest) limit *= tolerance_;
  return potrf(matrices_.front()->at({k, k}), smallest);
}

/// The tiles of column k on this rank, below the diagonal, by the factor of the diagonal tile.
void Factorization::solve_panel(int k, ConstMatrix diagonal) {
  std::vector<Matrix> tiles;
  for (TileMatrix* const matrix : matrices_)
    for (TileIndex const t : matrix->mine())
      if (t.col == k && (matrix != matrices_.front() || t.row > k)) tiles.push_back(matrix->at(t));
  parallel_for_tiles(static_cast<int>(tiles.size()), [&](int i) { trsm(transposed(diagonal), tiles[static_cast<std::size_t>(i)]); });
}

/// Column k, all of whose updates are done, becomes a column of the factor and sets out along the process rows.
LeftPanel Factorization::factor_panel(int k) {
  TileMatrix& a = *matrices_.front();
  LeftPanel::Note news{-1, 0};  // the row of a breakdown within the tile, and its pivot
  if (in_column(k)) {
    int const side = a.cols().size(k), owner = grid_.distribution.process_row(k);
    std::vector<double> message(news.size() + static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
    if (owner == grid_.my_row) {
      if (auto const bad = factor_diagonal(k)) news = {static_cast<double>(bad->row), bad->pivot};
      Matrix const tile = a.at({k, k});
      std::copy(news.begin(), news.end(), message.begin());
      std::copy_n(tile.data, message.size() - news.size(), message.begin() + static_cast<std::ptrdiff_t>(news.size()));
    }
    if (grid_.col.size() > 1) grid_.col.broadcast(std::span(message), owner);
    news = {message[0], message[1]};
    if (news[0] < 0) solve_panel(k, ConstMatrix(message.data() + news.size(), side, side));
  }
  std::vector<PanelPart> parts;
  for (TileMatrix const* matrix : matrices_) parts.push_back({matrix, matrix == &a ? k + 1 : matrix->rows().first});
  return LeftPanel(grid_, k, std::move(parts), news);
}

/// What this rank's tiles in the columns j with columns(j) still need of the panels up to k.
template <class Columns>
std::vector<TileUpdate> Factorization::updates(int k, Columns const& columns) {
  std::vector<TileUpdate> out;
  for (std::size_t m = 0; m < matrices_.size(); ++m)
    for (TileIndex const t : matrices_[m]->mine()) {
      if (t.col <= k || !columns(t.col)) continue;
      TileUpdate update{matrices_[m]->at(t), {}, m == 0 && t.row == t.col ? TileUpdate::Part::lower : TileUpdate::Part::whole};
      for (int panel = done_[static_cast<std::size_t>(t.col)]; panel <= k; ++panel) {
        ArrivedPanel const& by = panels_.at(panel);
        update.products.push_back({-1, by.left->tile(m, t.row), transposed(by.right.tile(t.col))});
      }
      out.push_back(std::move(update));
    }
  for (int j = k + 1; j < static_cast<int>(done_.size()); ++j)
    if (columns(j)) done_[static_cast<std::size_t>(j)] = k + 1;
  return out;
}

/// The same on every rank: the numbers of the breakdown that the panel's note told of, `row` the first row of tile k.
Breakdown Factorization::describe(int k, long row, LeftPanel::Note news) const {
  int const owner = grid_.distribution.owner({k, k});
  auto const bad = static_cast<std::size_t>(news[0]);
  double diagonal = grid_.all.rank() == owner ? diagonals_[static_cast<std::size_t>(k)][bad] : 0;
  grid_.all.broadcast(std::span<double>(&diagonal, 1), owner);
  return {row + static_cast<long>(bad), news[1], diagonal};
}

std::optional<Breakdown> Factorization::run() {
  TileAxis const& cols = matrices_.front()->cols();
  long row = 0;
  auto next = std::make_unique<LeftPanel>(factor_panel(0));
  for (int k = 0; k < cols.end(); ++k) {
    next->wait();
    stop_if_asked(grid_.all);  // no transfer is on its way here
    if (next->note()[0] >= 0) return describe(k, row, next->note());
    RightPanel right(grid_, *next, 0);
    panels_.emplace(k, ArrivedPanel{std::move(next), std::move(right)});
    run_updates(updates(k, [&](int j) { return j == k + 1; }));
    if (k + 1 < cols.end()) next = std::make_unique<LeftPanel>(factor_panel(k + 1));
    run_updates(updates(k, [&](int j) { return j > k + 1 && (j + k) % lag_ == 0; }), [&] { return !next || next->test(); });
    panels_.erase(k + 1 - lag_);
    row += cols.size(k);
  }
  return std::nullopt;
}

}  // namespace

double pivot_tolerance(long n) {
  return 4 * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
}

std::optional<Breakdown> cholesky(ProcessGrid const& grid, TileMatrix& a, std::span<TileMatrix* const> appended, double tolerance) {
  return Factorization(grid, a, appended, tolerance).run();
}

void solve_back(ProcessGrid const& grid, TileMatrix const& l, std::span<TileMatrix* const> rows) {
  int const count = l.cols().end();
  auto top = std::make_unique<TopPanel>(grid, l, count - 1, count);
  for (int k = count - 1; k >= 0; --k) {
    top->wait();
    std::vector<Matrix> solved;
    std::vector<PanelPart> parts;
    for (TileMatrix* const matrix : rows) {
      parts.push_back({matrix, matrix->rows().first});
      for (TileIndex const t : matrix->mine())
        if (t.col == k) solved.push_back(matrix->at(t));
    }
    parallel_for_tiles(static_cast<int>(solved.size()), [&](int i) { trsm(top->tile(k), solved[static_cast<std::size_t>(i)]); });
    LeftPanel left(grid, k, std::move(parts));
    auto next = k > 0 ? std::make_unique<TopPanel>(grid, l, k - 1, k) : nullptr;
    left.wait();
    std::vector<TileUpdate> updates;
    for (std::size_t m = 0; m < rows.size(); ++m)
      for (TileIndex const t : rows[m]->mine())
        if (t.col < k) updates.push_back({rows[m]->at(t), {{-1, left.tile(m, t.row), top->tile(t.col)}}});
    run_updates(updates, [&] { return !next || next->test(); });
    top = std::move(next);
  }
}

}  // namespace infinitile
