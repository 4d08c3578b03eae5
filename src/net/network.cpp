#include "net/network.hpp"

#include <functional>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"
#include "net/parameters.hpp"
#include "net/rules.hpp"
#include "net/shapes.hpp"

namespace infinitile {

namespace {

/// Does the node hand on its only input unchanged?
bool does_nothing(Node const& node) {
  if (node.inputs.size() != 1) return false;
  Dropout const* const dropout = std::get_if<Dropout>(&node.op);
  DotGeneral const* const product = std::get_if<DotGeneral>(&node.op);
  return std::holds_alternative<Identity>(node.op) || std::holds_alternative<Sum>(node.op)
         || (product != nullptr && !product->lhs && !product->rhs) || (dropout != nullptr && dropout->mode == Mode::test);
}

/// An operation with all its parameters to the last bit: "dense out_dim=none w_std=0x1.8p+0 ...".
std::string spell_out(Op const& op) {
  std::string out(name_of(op));
  auto const spell = [&](auto const& o) {
    o.for_each_parameter(o, [&](std::string_view key, auto const& value, Domain) {
      std::string const words = write_value(value, [](double v) { return fmt::format("{:a}", v); });
      if (!words.empty()) out += fmt::format(" {}={}", key, words);
    });
  };
  std::visit(spell, op);
  return out;
}

void check_input_shape(std::vector<long> const& shape, std::string const& place) {
  long numbers = 1;
  for (long const size : shape) {
    if (size < 1 || size > std::numeric_limits<int>::max() / numbers)
      throw Error(text(place, ": one of its sizes is ", size, "; sizes from 1 on are needed, and at most 2147483647 numbers per sample."));
    numbers *= size;
  }
  if (shape.empty()) throw Error(text(place, ": a sample has no axis; at least one is needed, the channels. Give data.shape."));
}

}  // namespace

long Node::positions() const {
  long out = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) out *= shape[i];
  return out;
}

std::string Network::where(Node const& node) const {
  return where_written(source_, node);
}

std::uint64_t Network::hash() const {
  // The inputs of each node are numbered by the nodes that count, so that a layer that does nothing changes no number.
  std::uint64_t out = checksum(std::string_view("infinitile network, form 1"));
  std::vector<int> number(nodes_.size());
  int counted = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Node const& node = nodes_[i];
    if (!needed_[i]) continue;
    if (does_nothing(node)) {
      number[i] = number[static_cast<std::size_t>(node.inputs[0])];
      continue;
    }
    number[i] = counted++;
    std::string words = spell_out(node.op);
    for (int const input : node.inputs) words += fmt::format(" #{}", number[static_cast<std::size_t>(input)]);
    if (node.inputs.empty()) words += fmt::format(" {}", fmt::join(node.shape, "x"));
    out = checksum(words, out);
  }
  return checksum(fmt::format("#{}", number[static_cast<std::size_t>(output_)]), out);
}

NetworkBuilder::NetworkBuilder(std::string source, std::vector<std::vector<long>> const& input_shapes) {
  network_.source_ = std::move(source);
  network_.inputs_ = static_cast<int>(input_shapes.size());
  for (int i = 0; i < network_.inputs_; ++i) {
    Node node;
    node.op = Input{i};
    node.shape = input_shapes[static_cast<std::size_t>(i)];
    node.path = network_.inputs_ == 1 ? "input" : text("input ", i);
    check_input_shape(node.shape, where_written(network_.source_, node));
    node.channel_axis = static_cast<int>(node.shape.size());
    network_.nodes_.push_back(std::move(node));
  }
  INFINITILE_EXPECT(network_.inputs_ > 0);
}

int NetworkBuilder::add(Op op, std::vector<int> inputs, std::string path, int line) {
  Node draft;
  draft.op = std::move(op);
  draft.inputs = std::move(inputs);
  draft.path = std::move(path);
  draft.line = line;
  if (network_.size() >= largest)
    throw Error(
        text(network_.where(draft), ": the network has more than ", largest,
             " layers, repeats counted; that many at most can be handled. Check the times of its repeats, or the depth of its family."));
  std::vector<Node const*> sources;
  for (int const input : draft.inputs) sources.push_back(&network_.node(input));
  network_.nodes_.push_back(complete(std::move(draft), sources, network_.source_));
  return network_.size() - 1;
}

Network NetworkBuilder::finish(int output, int outputs) && {
  Node const& last = network_.node(output);
  if (last.width_multiplier != 1)
    throw Error(text(network_.where(last), ": the network ends with the multiplier s[1] = ", last.width_multiplier,
                     "; the last layer with weights needs s[1] = 1."));
  network_.output_ = output;
  network_.outputs_ = outputs;
  network_.needed_.resize(network_.nodes_.size(), false);
  network_.needed_[static_cast<std::size_t>(output)] = true;
  for (int n = network_.size() - 1; n >= 0; --n)
    if (network_.is_needed(n))
      for (int const input : network_.node(n).inputs) network_.needed_[static_cast<std::size_t>(input)] = true;
  return std::move(network_);
}

void expect_infinite_width(Network const& network) {
  for (int n = 0; n < network.size(); ++n) {
    Node const& node = network.node(n);
    if (network.is_needed(n) && !node.only_finite.empty()) throw Error(text(network.where(node), ": ", node.only_finite));
  }
}

namespace {

/// Trainable numbers by operation, of a node that has weights.
struct CountParameters {
  Node const& before;
  Node const& node;

  std::optional<long> operator()(Dense const& op) const {
    if (!widths_known()) return std::nullopt;
    return before.channels() * node.channels() + (op.b_std ? node.channels() : 0);
  }
  std::optional<long> operator()(Conv const& op) const { return convolution(op, 1); }
  std::optional<long> operator()(ConvTranspose const& op) const { return convolution(op, 1); }
  std::optional<long> operator()(ConvLocal const& op) const { return convolution(op, node.positions()); }

  std::optional<long> operator()(GlobalSelfAttention const& op) const {
    if (!widths_known() || !op.n_chan_key || !op.n_chan_val) return std::nullopt;
    bool const embedded = op.pos_emb_type != PositionalEmbedding::none;
    long const embedding = embedded ? op.n_chan_pos_emb.value_or(before.channels()) : 0;
    long const joined = before.channels() + (op.pos_emb_type == PositionalEmbedding::concat ? embedding : 0);
    long const key = joined * op.n_heads * *op.n_chan_key;
    long const value = (op.val_pos_emb ? joined : before.channels()) * op.n_heads * *op.n_chan_val;
    long const out = *op.n_chan_val * op.n_heads * node.channels();
    return key * (op.linear_scaling ? 1 : 2) + value + out + (op.b_std ? node.channels() : 0) + before.positions() * embedding;
  }

  template <class Operation>
  std::optional<long> operator()(Operation const&) const {
    static_assert(!has_weights<Operation>);
    return 0;
  }

private:
  bool widths_known() const { return before.width_known && node.width_known; }

  /// `copies`: how many output positions have weights of their own.
  std::optional<long> convolution(Convolution const& op, long copies) const {
    if (!widths_known()) return std::nullopt;
    return copies * node.channels() * (product_of(op.filter_shape) * before.channels() + (op.b_std ? 1 : 0));
  }
};

}  // namespace

std::optional<long> parameter_count(Network const& network, Node const& node) {
  if (node.inputs.empty()) return 0;
  return std::visit(CountParameters{network.node(node.inputs[0]), node}, node.op);
}

std::optional<int> shared_by_branches(Network const& network, int node) {
  Node const& merge = network.node(node);
  Concat const* const concat = std::get_if<Concat>(&merge.op);
  bool const along_positions = concat != nullptr && concat->axis != -1;
  if (!std::holds_alternative<Sum>(merge.op) && !std::holds_alternative<Product>(merge.op) && !along_positions) return std::nullopt;

  // From each branch backwards, latest nodes first, until fresh weights; it can end as soon as one branch alone is left.
  std::map<int, std::size_t, std::greater<>> open;
  std::vector<int> left(merge.inputs.size(), 0);
  std::size_t branches = 0;
  auto const visit = [&](int source, std::size_t branch) {
    auto const [place, fresh] = open.try_emplace(source, branch);
    if (fresh && left[branch]++ == 0) ++branches;
    return place->second == branch;
  };
  for (std::size_t b = 0; b < merge.inputs.size(); ++b)
    if (!visit(merge.inputs[b], b)) return merge.inputs[b];
  while (branches > 1) {
    auto const [source, branch] = *open.begin();
    open.erase(open.begin());
    if (--left[branch] == 0) --branches;
    Node const& at = network.node(source);
    if (has_fresh_weights(at.op)) continue;
    for (int const before : at.inputs)
      if (!visit(before, branch)) return before;
  }
  return std::nullopt;
}

}  // namespace infinitile
