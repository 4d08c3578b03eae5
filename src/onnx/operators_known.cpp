#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

// Arithmetic on numbers that are known before any input is: what exporters write to compute shapes. Entries that are the size of the batch,
// which counts as 1, are carried along.

namespace infinitile {

namespace {

using KnownArrays = std::vector<OnnxArray const*>;

/// Entry by entry, axes of size 1 stretched.
OnnxArray combine(NodeContext const& node, KnownArrays const& operands, NumberKind kind,
                  std::function<double(std::vector<double> const&)> const& f) {
  OnnxArray out{kind, {}};
  for (OnnxArray const* const x : operands) {
    if (x->shape.size() > out.shape.size()) out.shape.insert(out.shape.begin(), x->shape.size() - out.shape.size(), 1);
    for (std::size_t a = 0; a < x->shape.size(); ++a) {
      long& size = out.shape[out.shape.size() - x->shape.size() + a];
      if (size != x->shape[a] && size != 1 && x->shape[a] != 1) node.fail("it combines constants whose shapes do not fit.");
      if (size == 1) size = x->shape[a];
    }
  }
  long const count = product_of(out.shape);
  std::vector<double> arguments(operands.size());
  for (long i = 0; i < count; ++i) {
    std::vector<long> const index = index_of(i, out.shape);
    bool of_batch = false;
    for (std::size_t x = 0; x < operands.size(); ++x) {
      std::vector<long> const& shape = operands[x]->shape;
      long place = 0;
      for (std::size_t a = 0; a < shape.size(); ++a)
        place = place * shape[a] + (shape[a] == 1 ? 0 : index[out.shape.size() - shape.size() + a]);
      arguments[x] = operands[x]->numbers[at(place)];
      of_batch = of_batch || operands[x]->counts_batch(at(place));
    }
    out.numbers.push_back(f(arguments));
    out.of_batch.push_back(of_batch && kind != NumberKind::truth);
  }
  return out;
}

using Entries = std::vector<double> const&;
bool both_whole(NodeContext const& node) {
  auto const whole = [&](int i) { return std::get<OnnxArray>(node.value(i)).kind != NumberKind::floating; };
  return whole(0) && whole(1);
}

struct EntryOperator {
  bool is_question = false;  ///< gives truth values
  std::function<double(Entries)> f;
};

std::map<std::string_view, EntryOperator> const& entry_operators() {
  static std::map<std::string_view, EntryOperator> const all{
      {"Add", {false, [](Entries x) { return x[0] + x[1]; }}},
      {"Sub", {false, [](Entries x) { return x[0] - x[1]; }}},
      {"Mul", {false, [](Entries x) { return x[0] * x[1]; }}},
      {"Pow", {false, [](Entries x) { return std::pow(x[0], x[1]); }}},
      {"Min", {false, [](Entries x) { return *std::ranges::min_element(x); }}},
      {"Max", {false, [](Entries x) { return *std::ranges::max_element(x); }}},
      {"Neg", {false, [](Entries x) { return -x[0]; }}},
      {"Floor", {false, [](Entries x) { return std::floor(x[0]); }}},
      {"Ceil", {false, [](Entries x) { return std::ceil(x[0]); }}},
      {"Equal", {true, [](Entries x) { return x[0] == x[1]; }}},
      {"Less", {true, [](Entries x) { return x[0] < x[1]; }}},
      {"LessOrEqual", {true, [](Entries x) { return x[0] <= x[1]; }}},
      {"Greater", {true, [](Entries x) { return x[0] > x[1]; }}},
      {"GreaterOrEqual", {true, [](Entries x) { return x[0] >= x[1]; }}},
      {"Not", {true, [](Entries x) { return x[0] == 0; }}},
      {"And", {true, [](Entries x) { return x[0] != 0 && x[1] != 0; }}},
      {"Or", {true, [](Entries x) { return x[0] != 0 || x[1] != 0; }}},
      {"Xor", {true, [](Entries x) { return (x[0] != 0) != (x[1] != 0); }}},
      {"IsNaN", {true, [](Entries x) { return std::isnan(x[0]); }}},
      {"Where", {false, [](Entries x) { return x[0] != 0 ? x[1] : x[2]; }}},
  };
  return all;
}

OnnxArray cast(OnnxArray x, NumberKind kind) {
  for (double& number : x.numbers) {
    if (kind == NumberKind::integer) number = std::trunc(number);
    if (kind == NumberKind::truth) number = number != 0 ? 1 : 0;
  }
  x.kind = kind;
  return x;
}

NumberKind kind_of_value(GraphValue const& value) {
  return std::visit([](auto const& each) { return each.kind; }, value);
}

/// Entries at known places along an axis, the places being an array of the result's shape.
OnnxArray gather_elements(NodeContext const& node) {
  OnnxArray const &x = node.known(0, "the numbers"), &places = node.known(1, "the places");
  auto const axis = at(node.axis(node.integer("axis", 0), static_cast<int>(x.shape.size())));
  OnnxArray out{x.kind, places.shape};
  std::vector<long> const all = places.integers();
  if (places.shape.size() != x.shape.size()) node.fail("its numbers and places have different axes. The file is damaged: export it again.");
  for (std::size_t i = 0; i < places.numbers.size(); ++i) {
    std::vector<long> index = index_of(static_cast<long>(i), places.shape);
    index[axis] = all[i];
    for (std::size_t a = 0; a < index.size(); ++a) index[a] = node.entry(index[a], static_cast<long>(a), x.shape[a]);
    auto const from = at(place_of(index, x.shape));
    out.numbers.push_back(x.numbers[from]);
    out.of_batch.push_back(x.counts_batch(from));
  }
  return out;
}

/// Blocks of known numbers put at known places of others.
OnnxArray scatter_blocks(NodeContext const& node) {
  OnnxArray out = node.known(0, "the numbers");
  OnnxArray const &places = node.known(1, "the places"), &blocks = node.known(2, "the blocks");
  if (node.word("reduction", "none") != "none") node.fail("it combines blocks with what is there, which is not supported.");
  std::size_t const depth = places.shape.empty() ? 0 : at(places.shape.back());
  if (depth < 1 || depth > out.shape.size()) node.fail("its places do not fit its numbers. The file is damaged: export it again.");
  std::span<long const> const outer = std::span(out.shape).first(depth);
  std::vector<long> const all = places.integers();
  out.of_batch.resize(out.numbers.size(), false);
  auto const size = at(product_of(std::span(out.shape).subspan(depth)));
  if (places.numbers.size() / depth * size != blocks.numbers.size())
    node.fail("its blocks do not fit its places. The file is damaged: export it again.");
  for (std::size_t p = 0; p * depth < places.numbers.size(); ++p) {
    std::vector<long> index;
    for (std::size_t a = 0; a < depth; ++a) index.push_back(node.entry(all[p * depth + a], static_cast<long>(a), outer[a]));
    auto const first = at(place_of(index, outer)) * size;
    for (std::size_t i = 0; i < size; ++i) {
      out.numbers[first + i] = blocks.numbers[p * size + i];
      out.of_batch[first + i] = blocks.counts_batch(p * size + i);
    }
  }
  return out;
}

OnnxArray shape_array(NodeContext const& node) {
  std::vector<long> const shape = node.shape(0);
  long const rank = std::ssize(shape);
  auto const bound = [&](std::string const& name, long standard) {
    long const given = node.integer(name, standard);
    return std::clamp(given < 0 ? given + rank : given, 0L, rank);
  };
  long const start = bound("start", 0), end = std::max(start, bound("end", rank));
  OnnxArray out{NumberKind::integer, {end - start}};
  auto const* const tensor = std::get_if<GraphTensor>(&node.value(0));
  for (long a = start; a < end; ++a) {
    out.numbers.push_back(static_cast<double>(shape[at(a)]));
    out.of_batch.push_back(tensor != nullptr && tensor->batch && tensor->batch->axis == a);
  }
  return out;
}

OnnxArray range(NodeContext const& node) {
  OnnxArray const &start = node.known(0, "the start"), &limit = node.known(1, "the limit");
  double const first = node.known_number(0, "the start"), last = node.known_number(1, "the limit"), by = node.known_number(2, "the step");
  if (limit.counts_batch(0)) node.fail_mixing("counts the samples");
  if (by == 0) node.fail("its step is 0.");
  OnnxArray out{start.kind, {}};
  double const size = std::max(0.0, std::ceil((last - first) / by));
  node.expect_size(size);
  auto const count = static_cast<long>(size);
  for (long i = 0; i < count; ++i) out.numbers.push_back(first + by * static_cast<double>(i));
  out.shape = {count};
  return out;
}

OnnxArray filled(NodeContext const& node) {
  OnnxArray out{NumberKind::floating, node.known(0, "the shape").integers()};
  if (std::ranges::any_of(out.shape, [](long size) { return size < 0; }))
    node.fail(text("it fills the shape ", shape_words(out.shape), "."));
  double value = 0;
  if (node.has_attribute("value")) {
    auto const& array = std::get<OnnxArray>(node.node().attributes.at("value").value);
    out.kind = array.kind;
    if (!array.numbers.empty()) value = array.numbers[0];
  }
  double count = 1;
  for (long const size : out.shape) count *= static_cast<double>(size);
  node.expect_size(count);
  out.numbers.assign(at(product_of(out.shape)), value);
  return out;
}

OnnxArray constant(NodeContext const& node) {
  auto const& attributes = node.node().attributes;
  auto const vector = [](NumberKind kind, auto const& numbers) {
    return OnnxArray{kind, {std::ssize(numbers)}, {numbers.begin(), numbers.end()}};
  };
  for (auto const& [name, attribute] : attributes) {
    if (auto const* const x = std::get_if<OnnxArray>(&attribute.value)) return *x;
    if (auto const* const x = std::get_if<double>(&attribute.value)) return {NumberKind::floating, {}, {*x}};
    if (auto const* const x = std::get_if<long>(&attribute.value)) return {NumberKind::integer, {}, {static_cast<double>(*x)}};
    if (auto const* const x = std::get_if<std::vector<double>>(&attribute.value)) return vector(NumberKind::floating, *x);
    if (auto const* const x = std::get_if<std::vector<long>>(&attribute.value)) return vector(NumberKind::integer, *x);
  }
  node.fail("it holds no numbers, which is not supported. Export the network again.");
}

OnnxArray product_of_all(NodeContext const& node) {
  OnnxArray const& x = node.known(0, "the numbers");
  OnnxArray out{x.kind, node.integer("keepdims", 1) != 0 ? std::vector<long>(x.shape.size(), 1) : std::vector<long>{}, {1}, {false}};
  for (std::size_t i = 0; i < x.numbers.size(); ++i) {
    out.numbers[0] *= x.numbers[i];
    out.of_batch[0] = out.of_batch[0] || x.counts_batch(i);
  }
  return out;
}

OnnxArray size_array(NodeContext const& node) {
  OnnxArray const shape = shape_array(node);
  OnnxArray out{NumberKind::integer, {}, {1}, {false}};
  for (std::size_t i = 0; i < shape.numbers.size(); ++i) {
    out.numbers[0] *= shape.numbers[i];
    out.of_batch[0] = out.of_batch[0] || shape.counts_batch(i);
  }
  return out;
}

/// What is known from a shape alone.
std::optional<OnnxArray> of_shapes(NodeContext const& node) {
  std::string const& op = node.node().op;
  if (op == "Constant") return constant(node);
  if (op == "Shape") return shape_array(node);
  if (op == "Size") return size_array(node);
  return std::nullopt;
}

}  // namespace

std::optional<GraphValues> apply_known(NodeContext const& node) {
  if (auto const out = of_shapes(node)) return GraphValues{*out};
  if (node.node().op == "CastLike" && node.is_known(0) && node.has(1))
    return GraphValues{cast(node.known(0, "the numbers"), kind_of_value(node.value(1)))};
  KnownArrays operands;
  for (int i = 0; i < node.count(); ++i) {
    if (!node.has(i)) continue;
    if (!node.is_known(i)) return std::nullopt;
    operands.push_back(&std::get<OnnxArray>(node.value(i)));
  }
  std::string const& op = node.node().op;
  if (operands.empty()) return std::nullopt;
  if (op == "Range") return GraphValues{range(node)};
  if (op == "ConstantOfShape") return GraphValues{filled(node)};
  if (op == "GatherElements") return GraphValues{gather_elements(node)};
  if (op == "ScatterND") return GraphValues{scatter_blocks(node)};
  if (op == "ReduceProd") return GraphValues{product_of_all(node)};
  if (op == "Cast") return GraphValues{cast(*operands[0], kind_of_cast(node))};
  bool const whole = operands.size() == 2 && both_whole(node);
  NumberKind const kind = operands.back()->kind == NumberKind::floating ? NumberKind::floating : operands[op == "Where" ? 1 : 0]->kind;
  if (op == "Div")
    return GraphValues{combine(node, operands, kind, [&](Entries x) {
      if (whole && x[1] == 0) node.fail("it divides a whole number by 0.");
      return whole ? std::trunc(x[0] / x[1]) : x[0] / x[1];
    })};
  if (op == "Mod")
    return GraphValues{combine(node, operands, kind, [&](Entries x) {
      if (x[1] == 0) node.fail("it divides by 0.");
      return node.integer("fmod", 0) != 0 ? std::fmod(x[0], x[1]) : x[0] - x[1] * std::floor(x[0] / x[1]);
    })};
  auto const found = entry_operators().find(op);
  if (found == entry_operators().end()) return std::nullopt;
  return GraphValues{combine(node, operands, found->second.is_question ? NumberKind::truth : kind, found->second.f)};
}

}  // namespace infinitile
