#include "net/print.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "base/text.hpp"
#include "net/parameters.hpp"
#include "net/table.hpp"

namespace infinitile {

namespace {

/// Constant arrays of more numbers are shown by their sizes.
constexpr std::size_t shown_values = 16;

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

/// Long constants are not written out, so equal words do not say that they are equal.
std::uint64_t hash_of_constants(Op const& op) {
  auto const* const product = std::get_if<DotGeneral>(&op);
  std::uint64_t hash = 0;
  if (product != nullptr)
    for (auto const& side : {product->lhs, product->rhs}) hash = side ? checksum(std::as_bytes(std::span(side->values)), hash + 1) : hash;
  return hash;
}

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
  Table table({{"path"}, {"layer"}, {"shape"}, {"parameters", Table::Align::right}, {"gaussian"}});
  for (auto const& column : columns) table.add_column({column.title});
  double known = 0;
  long unknown = 0;
  for (auto const& node : network.nodes()) {
    std::optional<long> const count = parameter_count(network, node);
    known += static_cast<double>(count.value_or(0));
    unknown += count ? 0 : 1;
    std::vector<std::string> cells{std::holds_alternative<Input>(node.op) ? "" : describe(node.op),  // its path says it
                                   write_shape(node),
                                   !count       ? "?"
                                   : *count > 0 ? write_count(static_cast<double>(*count))
                                                : "",
                                   node.gaussian ? "yes" : "no"};
    for (auto const& column : columns) cells.push_back(column.text(node));
    table.add_row(node.path, std::move(cells), hash_of_constants(node.op));
  }
  int const layers = network.size() - network.inputs();
  std::string out = table.str() + fmt::format("\n{} {}, ", layers, layers == 1 ? "layer" : "layers");
  if (unknown == 0) return out + write_count(known) + " parameters\n";
  return out
         + fmt::format("parameters: ? ({} in the layers whose widths are known; {} without a known width)\n", write_count(known), unknown);
}

}  // namespace infinitile
