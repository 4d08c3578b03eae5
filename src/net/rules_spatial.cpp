// Rules of the operations that mix or move positions.
#include <algorithm>
#include <tuple>

#include "base/text.hpp"
#include "net/parameters.hpp"
#include "net/rule_set.hpp"

namespace infinitile {

namespace {

std::string in_words(Padding padding) {
  return std::string(words_of<Padding>[static_cast<std::size_t>(padding)]);
}

long bounded_product(std::vector<long> const& sizes) {
  long out = 1;
  for (long const size : sizes) {
    if (size > largest_size / out) return largest_size + 1;
    out *= size;
  }
  return out;
}

/// The one spelling of what an index takes of an axis: parts that make no difference are left out.
IndexItem spell(IndexAxis const& axis, long size) {
  if (axis.dropped) return {IndexItem::Kind::number, axis.start, {}, {}};
  IndexItem out;
  bool const forward = axis.step > 0;
  long const last = axis.start + (axis.count - 1) * axis.step;
  if (axis.start != (forward ? 0 : size - 1)) out.start = axis.start;
  if (last != (forward ? size - 1 : 0)) out.stop = last + (forward ? 1 : -1);
  if (axis.step != 1) out.step = axis.step;
  return out;
}

/// What an index takes of the axes as written, in the order batch, spatial axes, channels.
Index with_usual_axes(Index const& index, Node const& input) {
  std::vector<IndexItem> const items = expand_index(index, input.shape.size() + 1);
  Index out;
  out.idx.push_back(items[static_cast<std::size_t>(input.batch_axis)]);
  for (std::size_t i = 0; i < items.size(); ++i)
    if (static_cast<int>(i) != input.batch_axis && static_cast<int>(i) != input.channel_axis) out.idx.push_back(items[i]);
  out.idx.push_back(items[static_cast<std::size_t>(input.channel_axis)]);
  return out;
}

/// Sums over several axes in the order of the left ones.
void sort_together(std::vector<int>& left, std::vector<int>& right) {
  std::vector<std::pair<int, int>> pairs;
  for (std::size_t i = 0; i < left.size(); ++i) pairs.emplace_back(left[i], right[i]);
  std::ranges::sort(pairs);
  for (std::size_t i = 0; i < left.size(); ++i) std::tie(left[i], right[i]) = pairs[i];
}

}  // namespace

std::vector<long> Rules::slide(FindAxes find_axes, std::string_view key, std::vector<long> const& window, std::vector<long>& strides,
                               Padding padding) const {
  Node const& before = *inputs_[0];
  std::span<long const> const sizes = before.sizes();
  auto const check_count = [&](std::string_view name, std::vector<long> const& given) {
    if (given.size() != sizes.size())
      fail(text(name, " has ", given.size(), given.size() == 1 ? " entry" : " entries", "; the input, ", in_words(before), ", of shape ",
                infinitile::in_words(before.shape), ", has ", sizes.size(), sizes.size() == 1 ? " spatial axis" : " spatial axes",
                ", and one entry for each is needed."));
    for (long const each : given)
      if (each > largest_size) fail(text(name, " has ", each, "; at most ", largest_size, " can be handled."));
  };
  check_count(key, window);
  if (!strides.empty()) check_count("strides", strides);
  if (bounded_product(window) > largest_size / before.channels())
    fail(text(key, " is ", infinitile::in_words(window), "; at most ", largest_size, " numbers of the input can be under one window."));
  std::vector<long> out;
  for (WindowAxis const& axis : find_axes(sizes, window, strides, padding)) {
    if (axis.output == 0)
      fail(text(key, " has ", axis.size, " for a spatial axis of size ", axis.input, " of the input, ", in_words(before), ", of shape ",
                infinitile::in_words(before.shape), "; with padding ", in_words(padding),
                " it has to fit into it. Make it smaller, or set padding: SAME."));
    out.push_back(axis.output);
  }
  if (std::ranges::all_of(strides, [](long stride) { return stride == 1; })) strides.clear();
  return out;
}

void Rules::convolve(Convolution& op, FindAxes find_axes) const {
  Node const& before = take_only_input();
  std::vector<long> shape = slide(find_axes, "filter_shape", op.filter_shape, op.strides, op.padding);
  shape.push_back(before.channels());
  set_shape(std::move(shape));
  set_width("out_chan", op.out_chan, op.parameterization, op.s);
}

void Rules::operator()(Conv& op) const {
  convolve(op, window_axes);
}
void Rules::operator()(ConvTranspose& op) const {
  convolve(op, transposed_axes);
}
void Rules::operator()(ConvLocal& op) const {
  convolve(op, window_axes);
}

void Rules::pool(std::vector<long> const& window, std::vector<long>& strides, Padding padding) const {
  Node const& before = take_only_input();
  std::vector<long> shape = slide(window_axes, "window_shape", window, strides, padding);
  shape.push_back(before.channels());
  set_shape(std::move(shape));
}

void Rules::operator()(AvgPool& op) const {
  pool(op.window_shape, op.strides, op.padding);
  op.normalize_edges = op.normalize_edges && op.padding == Padding::same;  // elsewhere nothing is missing at the edges
}
void Rules::operator()(SumPool& op) const {
  pool(op.window_shape, op.strides, op.padding);
}

void Rules::pool_globally() const {
  Node const& before = take_only_input();
  set_shape({before.channels()});  // dot_general keeps the batch before the channels
}

void Rules::operator()(GlobalAvgPool&) const {
  pool_globally();
}
void Rules::operator()(GlobalSumPool&) const {
  pool_globally();
}

void Rules::complete_embedding(GlobalSelfAttention& op, Node const& before) const {
  GlobalSelfAttention const standard;
  if (op.pos_emb_type == PositionalEmbedding::sum && op.n_chan_pos_emb && (!before.width_known || *op.n_chan_pos_emb != before.channels()))
    fail(text("n_chan_pos_emb is ", *op.n_chan_pos_emb, "; with pos_emb_type SUM embeddings are added to ", in_words(before),
              ", and their width is that of it, ", before.width_known ? text(before.channels()) : "which is not known",
              ". Leave n_chan_pos_emb out, or set pos_emb_type: CONCAT."));
  if (op.pos_emb_type == PositionalEmbedding::concat && !before.width_known)
    fail(text("the width of ", in_words(before),
              " is not known; pos_emb_type CONCAT weighs it against the width of the embeddings."
              " Give a width (out_dim, out_chan) to the layer that sets it."));
  op.pos_emb_p_norm = standard.pos_emb_p_norm;  // belongs to a decay, which cannot be given
  if (op.pos_emb_type == PositionalEmbedding::sum) op.n_chan_pos_emb = standard.n_chan_pos_emb;
  if (op.pos_emb_type != PositionalEmbedding::none) return;
  op.n_chan_pos_emb = standard.n_chan_pos_emb;
  op.w_pos_emb_std = standard.w_pos_emb_std;
  op.val_pos_emb = standard.val_pos_emb;
}

void Rules::operator()(GlobalSelfAttention& op) const {
  Node const& before = take_only_input();
  if (before.shape.size() < 2)
    fail(text("its input, ", in_words(before), ", has the shape ", infinitile::in_words(before.shape),
              "; attention needs positions to attend to, a shape such as (positions, channels). Put it before the layer that drops them."));
  complete_embedding(op, before);
  // The sum of all its parameters stays within a long.
  for (auto const& [key, width] : {std::pair("n_chan_key", op.n_chan_key), std::pair("n_chan_val", op.n_chan_val)})
    if (bounded_product({op.n_heads, width.value_or(1)}) > largest_size / 8)
      fail(text("n_heads is ", op.n_heads, " and ", key, " ", width.value_or(1), "; their product can be at most ", largest_size / 8, "."));
  if (op.n_chan_pos_emb.value_or(1) > largest_size / 8)
    fail(text("n_chan_pos_emb is ", *op.n_chan_pos_emb, "; at most ", largest_size / 8, " can be handled."));
  set_width("n_chan_out", op.n_chan_out, Parameterization::ntk, {1, 1});
}

void Rules::operator()(Aggregate& op) const {
  Node const& before = take_only_input();
  if (before.shape.size() < 2)
    fail(text("its input, ", in_words(before), ", has the shape ", infinitile::in_words(before.shape),
              "; aggregate needs positions, the vertices of a graph, a shape such as (vertices, channels)."
              " Put it before the layer that drops them."));
  for (long& axis : op.aggregate_axis) {
    if (axis < -axes() || axis >= axes())
      fail(text("aggregate_axis has ", axis, "; the input, ", in_words(before), ", of shape ", infinitile::in_words(before.shape), ", has ",
                axes(), " axes with the batch: ", -axes(), " to ", axes() - 1, "."));
    if (axis >= 0) axis -= axes();
    if (axis == -1 || axis == batch_axis())
      fail(text("aggregate_axis names the ", axis == -1 ? "channels" : "batch", " (axis ", axis + axes(),
                "); the vertices of a graph are positions, so axes between the batch and the channels are needed."));
  }
  std::ranges::sort(op.aggregate_axis);
  if (std::ranges::adjacent_find(op.aggregate_axis) != op.aggregate_axis.end()) fail("aggregate_axis names an axis twice; once is needed.");
  if (op.aggregate_axis.size() == before.sizes().size()) op.aggregate_axis.clear();
}

void Rules::operator()(ImageResize& op) const {
  Node const& before = take_only_input();
  std::size_t const axes = before.shape.size() + 1;
  if (op.shape.size() != axes)
    fail(text("shape has ", op.shape.size(), op.shape.size() == 1 ? " entry" : " entries", "; the input, ", in_words(before), ", of shape ",
              infinitile::in_words(before.shape), ", has ", axes,
              " axes with the batch, and one entry for each is needed, -1 for what stays."));
  for (long const size : op.shape)
    if (size != -1 && (size < 1 || size > largest_size))
      fail(text("shape has the entry ", size, "; -1 (as it is) or a size from 1 to ", largest_size, " is needed."));
  if (op.shape.front() != -1) fail(text("shape has ", op.shape.front(), " for the batch, which cannot be resized; -1 is needed."));
  if (op.shape.back() != -1 && (!before.width_known || op.shape.back() != before.channels()))
    fail(text("shape has ", op.shape.back(), " for the channels, which cannot be resized; -1 is needed."));
  op.shape.back() = -1;
  bool shrinks = false;
  for (std::size_t i = 1; i + 1 < axes; ++i) {
    if (op.shape[i] == -1) op.shape[i] = before.shape[i - 1];
    shrinks = shrinks || op.shape[i] < before.shape[i - 1];
    node_.shape[i - 1] = op.shape[i];
  }
  if (op.method != ResizeMethod::nearest) op.method = ResizeMethod::linear;
  if (op.method == ResizeMethod::nearest || !shrinks) op.antialias = true;  // it makes no difference there
}

std::vector<IndexAxis> Rules::find_index(Index const& op, Node const& before) const {
  try {
    return index_axes(with_usual_axes(op, before), before.sizes());
  } catch (Error const& error) {
    fail(text(error.what(), " Its input is ", in_words(before), ", of shape ", infinitile::in_words(before.shape), "."));
  }
}

void Rules::operator()(Index& op) const {
  Node const& before = take_only_input();
  std::vector<IndexAxis> const taken = find_index(op, before);
  op.idx = {IndexItem{}};
  node_.shape.clear();
  int spatial = 0;
  for (int axis = 0; axis <= static_cast<int>(before.shape.size()); ++axis) {
    if (axis == before.batch_axis || axis == before.channel_axis) continue;
    IndexAxis const& item = taken[static_cast<std::size_t>(spatial)];
    op.idx.push_back(spell(item, before.shape[static_cast<std::size_t>(spatial)]));
    ++spatial;
    if (!item.dropped) {
      node_.shape.push_back(item.count);
      continue;
    }
    if (axis < before.batch_axis) --node_.batch_axis;
    if (axis < before.channel_axis) --node_.channel_axis;
  }
  node_.shape.push_back(before.channels());
}

ProductLayout Rules::find_product(DotGeneral const& op, Node const& before) const {
  try {
    return product_layout(op, before);
  } catch (Error const& error) {
    fail(text(error.what(), " Its input is ", in_words(before), ", of shape ", infinitile::in_words(before.shape), "."));
  }
}

void Rules::operator()(DotGeneral& op) const {
  Node const& before = take_only_input();
  ProductLayout layout = find_product(op, before);
  auto& [contract_left, contract_right, batch_left, batch_right] = op.dimension_numbers;
  if (op.lhs && std::ranges::none_of(layout.output, [](ProductAxis axis) { return axis.input < 0; })) {
    // No axis of the output is the constant's alone: then it is the same on the right.
    std::swap(op.lhs, op.rhs);
    std::swap(contract_left, contract_right);
    std::swap(batch_left, batch_right);
    layout = find_product(op, before);
  }
  sort_together(contract_left, contract_right);
  std::vector<long> const sizes = written_sizes(before);
  node_.shape.clear();
  for (std::size_t i = 0; i < layout.output.size(); ++i) {
    ProductAxis const axis = layout.output[i];
    if (axis.input == before.batch_axis) {
      node_.batch_axis = static_cast<int>(i);
    } else if (axis.input == before.channel_axis) {
      node_.channel_axis = static_cast<int>(i);
    } else if (axis.input >= 0) {
      node_.shape.push_back(sizes[static_cast<std::size_t>(axis.input)]);
    } else {
      node_.shape.push_back((op.lhs ? op.lhs : op.rhs)->shape[static_cast<std::size_t>(axis.constant)]);
    }
  }
  node_.shape.push_back(before.channels());
}

}  // namespace infinitile
