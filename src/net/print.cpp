#include "net/print.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "net/parameters.hpp"

namespace infinitile {

namespace {

/// Runs of copies that are longer than this are shown once.
constexpr std::size_t shown_copies = 3;

/// Constant arrays of more numbers are shown by their sizes.
constexpr std::size_t shown_values = 16;

/// One node of the table.
struct Row {
  std::vector<std::string> path;   ///< "4/2/1" as {4, 2, 1}
  std::vector<std::string> cells;  ///< all columns but the path
  Op const* op;                    ///< for what the cells leave out
};

using Rows = std::vector<Row>;

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

/// 1,234,567.
std::string write_count(double count) {
  std::string out = fmt::format("{:.0f}", count);
  for (std::size_t i = out.size(); i > 3;) out.insert(i -= 3, 1, ',');
  return out;
}

std::string write_shape(Node const& node) {
  std::vector<std::string> sizes;
  for (long const size : node.shape) sizes.push_back(text(size));
  if (!node.width_known) sizes.back() = text("?");
  return join(sizes, " x ", " x ");
}

/// The parameters that are not at their defaults: "w_std 1.5". Written forms are compared; they tell all values apart.
template <class Operation>
std::vector<std::string> write_parameters(Operation const& op) {
  auto const write = [](double v) { return fmt::format("{}", v); };
  std::vector<std::string> names, words;
  auto const list = [&](std::string_view key, auto const& value, Domain) {
    names.emplace_back(key);
    words.push_back(write_value(value, write));
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, std::optional<ConstantArray>>)
      if (value && value->values.size() > shown_values) words.back() = fmt::format("an array of {}", fmt::join(value->shape, " x "));
  };
  Operation standard;
  if constexpr (std::is_same_v<Operation, Activation>) standard.parameters = op.parameters;
  Operation::for_each_parameter(op, list);
  Operation::for_each_parameter(standard, list);
  std::vector<std::string> out;
  std::size_t const count = names.size() / 2;
  for (std::size_t i = 0; i < count; ++i) {
    bool given = words[i] != words[count + i];
    if constexpr (std::is_same_v<Operation, Activation>) given = given || std::ranges::find(op.given, names[i]) != op.given.end();
    if (given) out.push_back(text(names[i], " ", words[i]));
  }
  return out;
}

/// Long constants are not written out, so equal words do not say it.
bool equal_constants(Op const& one, Op const& other) {
  DotGeneral const* const a = std::get_if<DotGeneral>(&one);
  DotGeneral const* const b = std::get_if<DotGeneral>(&other);
  return a == nullptr || b == nullptr || (a->lhs == b->lhs && a->rhs == b->rhs);
}

/// The prefix of a row's path that says which copy (or branch) at this depth it belongs to; a row that is itself a layer there has none.
bool in_a_copy(Row const& row, std::size_t depth) {
  return row.path.size() > depth + 1;
}

/// Writes rows as lines, equal copies once.
class Table {
public:
  explicit Table(std::vector<std::string> const& titles) { lines_.push_back(titles); }

  /// The rows first to last (exclusive), which share `depth` parts of their paths.
  void add(Rows const& rows, std::size_t first, std::size_t last, std::size_t depth) {
    while (first < last) {
      if (!in_a_copy(rows[first], depth)) {
        add_row(rows[first++]);
        continue;
      }
      std::size_t const end = end_of_copy(rows, first, last, depth);
      std::size_t copies = 1, next = end, final_copy = first;
      for (; next < last && equal_copies(rows, first, end, next, last, depth); ++copies) {
        final_copy = next;
        next += end - first;
      }
      if (copies > shown_copies) {
        std::string const range = join_path(rows[first].path, depth + 2) + ".." + join_path(rows[final_copy].path, depth + 2);
        lines_.push_back({indent() + range, fmt::format("{} copies of:", copies)});
        ++indent_;
        add(rows, first, end, depth + 2);
        --indent_;
        first = next;
      } else {
        add(rows, first, end, depth + 2);
        first = end;
      }
    }
  }

  std::string str() const {
    std::vector<std::size_t> widths(lines_[0].size());
    for (auto const& line : lines_)
      if (line.size() == widths.size())
        for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], line[c].size());
    for (auto const& line : lines_) widths[0] = std::max(widths[0], line[0].size());
    std::string out;
    for (auto const& line : lines_) {
      std::string words;
      for (std::size_t c = 0; c < line.size(); ++c)
        words += c == parameters_column ? fmt::format("{:>{}}  ", line[c], widths[c]) : fmt::format("{:<{}}  ", line[c], widths[c]);
      words.erase(words.find_last_not_of(' ') + 1);
      out += words + "\n";
    }
    return out;
  }

private:
  static constexpr std::size_t parameters_column = 3;

  static std::size_t end_of_copy(Rows const& rows, std::size_t first, std::size_t last, std::size_t depth) {
    std::size_t end = first;
    while (end < last && in_a_copy(rows[end], depth)
           && std::equal(rows[end].path.begin(), rows[end].path.begin() + static_cast<std::ptrdiff_t>(depth) + 2, rows[first].path.begin()))
      ++end;
    return end;
  }

  /// Are the rows from `next` on one more copy of first to end, at the same layer?
  static bool equal_copies(Rows const& rows, std::size_t first, std::size_t end, std::size_t next, std::size_t last, std::size_t depth) {
    if (next >= last || !in_a_copy(rows[next], depth) || rows[next].path[depth] != rows[first].path[depth]) return false;
    if (end_of_copy(rows, next, last, depth) - next != end - first) return false;
    auto const within = static_cast<std::ptrdiff_t>(depth) + 2;
    for (std::size_t i = first, j = next; i < end; ++i, ++j)
      if (rows[i].cells != rows[j].cells || !equal_constants(*rows[i].op, *rows[j].op)
          || !std::equal(rows[i].path.begin() + within, rows[i].path.end(), rows[j].path.begin() + within, rows[j].path.end()))
        return false;
    return true;
  }

  std::string indent() const { return std::string(2 * indent_, ' '); }

  void add_row(Row const& row) {
    std::vector<std::string> line{indent() + join_path(row.path, row.path.size())};
    line.insert(line.end(), row.cells.begin(), row.cells.end());
    lines_.push_back(std::move(line));
  }

  std::vector<std::vector<std::string>> lines_;
  std::size_t indent_ = 0;
};

}  // namespace

std::string describe(Op const& op) {
  auto const parameters = [](auto const& o) {
    using Operation = std::remove_cvref_t<decltype(o)>;
    if constexpr (std::is_same_v<Operation, Input>) {
      return std::vector<std::string>{};
    } else {
      return write_parameters(o);
    }
  };
  std::vector<std::string> const words = std::visit(parameters, op);
  return words.empty() ? std::string(name_of(op)) : text(name_of(op), " (", join(words, ", ", ", "), ")");
}

std::string describe(Network const& network, std::vector<TableColumn> const& columns) {
  std::vector<std::string> titles{"path", "layer", "shape", "parameters", "gaussian"};
  for (auto const& column : columns) titles.push_back(column.title);
  Rows rows;
  double known = 0;
  long unknown = 0;
  for (auto const& node : network.nodes()) {
    std::optional<long> const count = parameter_count(network, node);
    known += static_cast<double>(count.value_or(0));
    unknown += count ? 0 : 1;
    Row row{split_path(node.path),
            {describe(node.op), write_shape(node), count ? write_count(static_cast<double>(*count)) : "?", node.gaussian ? "yes" : "no"},
            &node.op};
    if (std::holds_alternative<Input>(node.op)) row.cells[0] = "";  // its path says it
    if (count == 0) row.cells[2] = "";
    for (auto const& column : columns) row.cells.push_back(column.text(node));
    rows.push_back(std::move(row));
  }
  Table table(titles);
  table.add(rows, 0, rows.size(), 0);
  int const layers = network.size() - network.inputs();
  std::string out = table.str() + fmt::format("\n{} {}, ", layers, layers == 1 ? "layer" : "layers");
  if (unknown == 0) return out + write_count(known) + " parameters\n";
  return out
         + fmt::format("parameters: ? ({} in the layers whose widths are known; {} without a known width)\n", write_count(known), unknown);
}

}  // namespace infinitile
