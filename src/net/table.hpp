#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace infinitile {

/// A table in words, columns aligned, as `infinitile inspect` prints networks. Rows have paths, such as "3/1/0" (layer 3, branch or copy 1, layer
/// 0), in the first column. Runs of more than three copies that are alike are shown once: "4/1..4/19  19 copies of:".
class Table {
public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add_column(Column column) { columns_.push_back(std::move(column)); }
  /// `cells`: of all columns but the path. `unseen`: a hash of what makes two rows different though their cells are equal.
  void add_row(std::string const& path, std::vector<std::string> cells, std::uint64_t unseen = 0);

  /// One line for each row or run of copies, each with its end.
  std::string str() const;

private:
  struct Row {
    std::vector<std::string> path;  ///< "4/2/1" as {4, 2, 1}
    std::vector<std::string> cells;
    std::uint64_t unseen = 0;
  };
  /// A line that has one cell only says how many copies follow.
  using Line = std::vector<std::string>;

  bool in_a_copy(std::size_t row, std::size_t depth) const;
  std::size_t end_of_copy(std::size_t first, std::size_t last, std::size_t depth) const;
  bool equal_copies(std::size_t first, std::size_t end, std::size_t next, std::size_t last, std::size_t depth) const;
  void write(std::size_t first, std::size_t last, std::size_t depth, std::size_t indent, std::vector<Line>& lines) const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace infinitile
