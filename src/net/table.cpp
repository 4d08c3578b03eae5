#include "net/table.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace infinitile {

namespace {

/// Runs of copies that are longer than this are shown once.
constexpr std::size_t shown_copies = 3;

std::vector<std::string> split_path(std::string const& path) {
  std::vector<std::string> out(1);
  for (char const c : path) {
    if (c == '/') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

std::string join_path(std::vector<std::string> const& path, std::size_t parts) {
  return join({path.begin(), path.begin() + static_cast<std::ptrdiff_t>(std::min(parts, path.size()))}, "/", "/");
}

/// Do two paths have the same parts from the first to the last (exclusive)?
bool agree(std::vector<std::string> const& one, std::vector<std::string> const& other, std::size_t first, std::size_t last) {
  auto const parts = [=](std::vector<std::string> const& path) {
    return std::pair(path.begin() + static_cast<std::ptrdiff_t>(first),
                     path.begin() + static_cast<std::ptrdiff_t>(std::min(last, path.size())));
  };
  auto const [a, a_end] = parts(one);
  auto const [b, b_end] = parts(other);
  return std::equal(a, a_end, b, b_end);
}

}  // namespace

void Table::add_row(std::string const& path, std::vector<std::string> cells, std::uint64_t unseen) {
  INFINITILE_EXPECT(cells.size() + 1 == columns_.size());
  rows_.push_back({split_path(path), std::move(cells), unseen});
}

/// Is the part of the path behind `depth` a copy (or branch) that the row belongs to? A row that is itself a layer there is in none.
bool Table::in_a_copy(std::size_t row, std::size_t depth) const {
  return rows_[row].path.size() > depth + 1;
}

std::size_t Table::end_of_copy(std::size_t first, std::size_t last, std::size_t depth) const {
  std::size_t end = first;
  while (end < last && in_a_copy(end, depth) && agree(rows_[end].path, rows_[first].path, 0, depth + 2)) ++end;
  return end;
}

/// Are the rows from `next` on one more copy of first to end, at the same layer?
bool Table::equal_copies(std::size_t first, std::size_t end, std::size_t next, std::size_t last, std::size_t depth) const {
  if (next >= last || !in_a_copy(next, depth) || rows_[next].path[depth] != rows_[first].path[depth]) return false;
  if (end_of_copy(next, last, depth) - next != end - first) return false;
  for (std::size_t i = first, j = next; i < end; ++i, ++j)
    if (rows_[i].cells != rows_[j].cells || rows_[i].unseen != rows_[j].unseen
        || !agree(rows_[i].path, rows_[j].path, depth + 2, std::max(rows_[i].path.size(), rows_[j].path.size())))
      return false;
  return true;
}

/// The rows first to last (exclusive), which share `depth` parts of their paths.
void Table::write(std::size_t first, std::size_t last, std::size_t depth, std::size_t indent, std::vector<Line>& lines) const {
  std::string const margin(2 * indent, ' ');
  while (first < last) {
    Row const& row = rows_[first];
    if (!in_a_copy(first, depth)) {
      Line& line = lines.emplace_back(Line{margin + join_path(row.path, row.path.size())});
      line.insert(line.end(), row.cells.begin(), row.cells.end());
      ++first;
      continue;
    }
    std::size_t const end = end_of_copy(first, last, depth);
    std::size_t copies = 1, next = end, final_copy = first;
    for (; next < last && equal_copies(first, end, next, last, depth); ++copies) {
      final_copy = next;
      next += end - first;
    }
    bool const once = copies > shown_copies;
    if (once)
      lines.push_back({margin + join_path(row.path, depth + 2) + ".." + join_path(rows_[final_copy].path, depth + 2),
                       fmt::format("{} copies of:", copies)});
    write(first, end, depth + 2, once ? indent + 1 : indent, lines);
    first = once ? next : end;
  }
}

std::string Table::str() const {
  std::vector<Line> lines(1);
  for (Column const& column : columns_) lines[0].push_back(column.title);
  write(0, rows_.size(), 0, 0, lines);
  std::vector<std::size_t> widths(columns_.size());
  for (Line const& line : lines) {
    bool const whole = line.size() == widths.size();
    for (std::size_t c = 0; c < (whole ? widths.size() : 1); ++c) widths[c] = std::max(widths[c], line[c].size());
  }
  std::string out;
  for (Line const& line : lines) {
    std::string words;
    for (std::size_t c = 0; c < line.size(); ++c)
      words +=
          columns_[c].align == Align::right ? fmt::format("{:>{}}  ", line[c], widths[c]) : fmt::format("{:<{}}  ", line[c], widths[c]);
    words.erase(words.find_last_not_of(' ') + 1);
    out += words + "\n";
  }
  return out;
}

}  // namespace infinitile
