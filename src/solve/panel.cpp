#include "solve/panel.hpp"

#include <algorithm>

namespace infinitile {

namespace {

void copy(ConstMatrix from, double* to) {
  for (int i = 0; i < from.rows; ++i) to = std::copy_n(from.row(i), from.cols, to);
}

std::ptrdiff_t entries(int rows, int cols) {
  return static_cast<std::ptrdiff_t>(rows) * cols;
}

std::optional<Pending<std::span<double>>> spread(Communicator const& comm, std::vector<double>& buffer, int root) {
  if (comm.size() == 1) return std::nullopt;
  return comm.start_broadcast(std::span<double>(buffer), root);
}

void finish(std::optional<Pending<std::span<double>>>& pending) {
  if (pending) std::move(*pending).wait();
  pending.reset();
}

}  // namespace

LeftPanel::LeftPanel(ProcessGrid const& grid, int k, std::vector<PanelPart> parts, Note note)
    : k_(k), width_(parts.front().matrix->cols().size(k)), parts_(std::move(parts)) {
  int const root = grid.distribution.process_col(k);
  std::ptrdiff_t size = static_cast<std::ptrdiff_t>(note.size());
  for (PanelPart const& part : parts_) {
    TileAxis const& rows = part.matrix->rows();
    std::vector<std::ptrdiff_t>& places = places_.emplace_back();
    for (int row = part.first; row < rows.end(); ++row) {
      bool const here = grid.distribution.process_row(row) == grid.my_row;
      places.push_back(here ? size : -1);
      if (here) size += entries(rows.size(row), width_);
    }
  }
  in_place_ = grid.row.size() == 1;
  buffer_.resize(static_cast<std::size_t>(in_place_ ? static_cast<std::ptrdiff_t>(note.size()) : size));
  if (root == grid.my_col) {
    std::copy(note.begin(), note.end(), buffer_.begin());
    for (std::size_t p = 0; p < parts_.size() && !in_place_; ++p)
      for (std::size_t i = 0; i < places_[p].size(); ++i)
        if (places_[p][i] >= 0)
          copy(parts_[p].matrix->at(TileIndex{parts_[p].first + static_cast<int>(i), k}), buffer_.data() + places_[p][i]);
  }
  pending_ = spread(grid.row, buffer_, root);
}

void LeftPanel::wait() {
  finish(pending_);
}

ConstMatrix LeftPanel::tile(std::size_t part, int row) const {
  PanelPart const& p = parts_[part];
  std::ptrdiff_t const place = places_[part][static_cast<std::size_t>(row - p.first)];
  INFINITILE_EXPECT(place >= 0);
  if (in_place_) return p.matrix->at(TileIndex{row, k_});
  return {buffer_.data() + place, p.matrix->rows().size(row), width_};
}

RightPanel::RightPanel(ProcessGrid const& grid, LeftPanel const& left, std::size_t part) : first_(left.part(part).first) {
  TileAxis const& rows = left.part(part).matrix->rows();
  int const width = left.width();
  tiles_.resize(static_cast<std::size_t>(rows.end() - first_));
  if (grid.col.size() == 1) {
    for (int j = first_; j < rows.end(); ++j)
      if (grid.distribution.process_col(j) == grid.my_col) tiles_[static_cast<std::size_t>(j - first_)] = left.tile(part, j);
    return;
  }
  std::ptrdiff_t size = 0;
  for (int j = first_; j < rows.end(); ++j)
    if (grid.distribution.process_col(j) == grid.my_col) size += entries(rows.size(j), width);
  buffer_.resize(static_cast<std::size_t>(size));

  // Section by section, one for each process row that holds some of these tiles.
  std::vector<Pending<std::span<double>>> pending;
  double* place = buffer_.data();
  for (int root = 0; root < grid.col.size(); ++root) {
    double* const section = place;
    for (int j = first_; j < rows.end(); ++j) {
      if (grid.distribution.process_col(j) != grid.my_col || grid.distribution.process_row(j) != root) continue;
      tiles_[static_cast<std::size_t>(j - first_)] = ConstMatrix(place, rows.size(j), width);
      if (root == grid.my_row) copy(left.tile(part, j), place);
      place += entries(rows.size(j), width);
    }
    pending.push_back(grid.col.start_broadcast(std::span<double>(section, place), root));
  }
  for (auto& transfer : pending) std::move(transfer).wait();
}

ConstMatrix RightPanel::tile(int j) const {
  ConstMatrix const& found = tiles_[static_cast<std::size_t>(j - first_)];
  INFINITILE_EXPECT(found.data != nullptr);
  return found;
}

TopPanel::TopPanel(ProcessGrid const& grid, TileMatrix const& matrix, int k, int end) : tiles_(static_cast<std::size_t>(end)) {
  int const root = grid.distribution.process_row(k), height = matrix.rows().size(k);
  std::ptrdiff_t size = 0;
  for (int j = 0; j < end; ++j)
    if (grid.distribution.process_col(j) == grid.my_col) size += entries(height, matrix.cols().size(j));
  buffer_.resize(static_cast<std::size_t>(size));
  double* place = buffer_.data();
  for (int j = 0; j < end; ++j) {
    if (grid.distribution.process_col(j) != grid.my_col) continue;
    int const width = matrix.cols().size(j);
    tiles_[static_cast<std::size_t>(j)] = ConstMatrix(place, height, width);
    if (root == grid.my_row) copy(matrix.at(TileIndex{k, j}), place);
    place += entries(height, width);
  }
  pending_ = spread(grid.col, buffer_, root);
}

void TopPanel::wait() {
  finish(pending_);
}

ConstMatrix TopPanel::tile(int j) const {
  ConstMatrix const& found = tiles_[static_cast<std::size_t>(j)];
  INFINITILE_EXPECT(found.data != nullptr);
  return found;
}

}  // namespace infinitile
