#include <algorithm>
#include <limits>
#include <numeric>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

// Operators that take values apart and put them together.

namespace infinitile {

namespace {

/// Entries of one axis, in the given order.
GraphTensor take(NodeContext const& node, GraphTensor x, int axis, std::vector<int> const& entries) {
  if (entries.empty() && !node.is_known(0)) node.fail(text("it takes nothing of axis ", axis, ", whose size is ", x.axis(axis), "."));
  std::vector<int> const all = in_order(at(x.axis(axis)));
  if (entries == all) return x;
  node.expect_apart(x, axis, "takes parts of");
  x.stored = node.builder().take(x.stored, x.order[at(axis)], entries);
  return x;
}

/// The entries of each part of an axis.
std::vector<std::vector<int>> parts_of(NodeContext const& node, long size, std::vector<long> const& sizes) {
  bool const outside = std::ranges::any_of(sizes, [&](long part) { return part < 0 || part > size; });
  if (outside || std::accumulate(sizes.begin(), sizes.end(), 0L) != size)
    node.fail(text("it splits an axis of ", size, " into parts of ", shape_words(sizes), ", which do not add up."));
  std::vector<std::vector<int>> out;
  int first = 0;
  for (long const part : sizes) {
    std::vector<int>& entries = out.emplace_back(at(part));
    std::iota(entries.begin(), entries.end(), first);
    first += static_cast<int>(part);
  }
  return out;
}

GraphValues apply_split(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  int const axis = node.axis(node.integer("axis", 0), x.rank());
  long const size = x.axis(axis), parts = std::ssize(node.node().outputs), each = (size + parts - 1) / parts;
  std::vector<long> sizes(at(parts), each);
  sizes.back() = size - each * (parts - 1);
  if (auto const given = node.integers(1, "split")) sizes = *given;
  if (std::ssize(sizes) != parts) node.fail(text("it has ", parts, " outputs for parts of ", shape_words(sizes), "."));
  GraphValues out;
  for (std::vector<int> const& entries : parts_of(node, size, sizes)) out.push_back(take(node, x, axis, entries));
  return out;
}

/// The same, into a list that SequenceAt picks from: parts of one size, the last one what is left, or of given sizes, or single entries.
GraphValues apply_split_to_sequence(NodeContext const& node) {
  GraphTensor const x = node.tensor(0);
  int const axis = node.axis(node.integer("axis", 0), x.rank());
  long const size = x.axis(axis);
  node.expect_apart(x, axis, "takes parts of");
  std::vector<long> sizes(at(size), 1);
  if (node.has(1)) {
    OnnxArray const& given = node.known(1, "the sizes");
    sizes = given.integers();
    if (given.shape.empty() && node.known_number(1, "the size") > 0) {
      sizes.assign(at(size / sizes[0]), sizes[0]);
      if (long const rest = size - std::accumulate(sizes.begin(), sizes.end(), 0L); rest > 0) sizes.push_back(rest);
    }
  }
  GraphValues out;
  for (std::vector<int> const& entries : parts_of(node, size, sizes)) {
    GraphTensor const part = take(node, x, axis, entries);
    out.push_back(node.has(1) || node.integer("keepdims", 1) != 0 ? part : without_axes(node, part, {axis}));
  }
  return out;
}

/// Entries from start to end by steps, as Python slices count them.
std::vector<int> sliced(long start, long end, long step, long size) {
  auto const from_end = [&](long i) { return i < 0 ? i + size : i; };
  std::vector<int> out;
  if (step > 0)
    for (long i = std::clamp(from_end(start), 0L, size); i < std::clamp(from_end(end), 0L, size); i += step)
      out.push_back(static_cast<int>(i));
  else
    for (long i = std::clamp(from_end(start), -1L, size - 1); i > std::clamp(from_end(end), -1L, size - 1); i += step)
      out.push_back(static_cast<int>(i));
  return out;
}

GraphValues apply_slice(NodeContext const& node) {
  GraphTensor x = node.tensor(0);
  OnnxArray const &starts_of = node.known(1, "the starts"), &ends_of = node.known(2, "the ends");
  std::vector<long> const starts = starts_of.integers(), ends = ends_of.integers();
  std::vector<long> axes(starts.size()), steps(starts.size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  if (node.has(3)) axes = node.known(3, "the axes").integers();
  if (node.has(4)) steps = node.known(4, "the steps").integers();
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size() || std::ranges::count(steps, 0) > 0)
    node.fail("its starts, ends, axes and steps do not fit each other. The file is damaged: export it again.");
  for (std::size_t i = 0; i < starts.size(); ++i) {
    int const axis = node.axis(axes[i], x.rank());
    // Of an axis of samples, which counts as 1, only all can be meant.
    bool const samples = x.batch_axis() == axis, to_end = ends[i] >= std::numeric_limits<int>::max() || ends_of.counts_batch(i);
    if (starts_of.counts_batch(i) || (ends_of.counts_batch(i) && !samples)) node.fail_mixing("computes with the size of the batch");
    if (starts[i] != 0 || steps[i] != 1 || !to_end) node.expect_apart(x, axis, "takes parts of");
    std::vector<int> const entries = sliced(starts[i], ends[i], steps[i], x.axis(axis));
    x = take(node, x, axis, entries);
  }
  return {x};
}

/// Rows of a table at indices that are inputs: an embedding.
GraphValues look_up(NodeContext const& node, int axis) {
  GraphTensor const table = node.tensor(0), indices = node.tensor(1);
  if (table.batch || axis != 0)
    node.fail(
        "it looks up entries by computed indices in something else than the rows of a table; only tables that all samples share are "
        "supported.");
  Tensor const rows = node.builder().look_up(plain(node.builder(), indices), plain(node.builder(), table));
  GraphTensor out = graph_tensor(rows, table);
  out.batch = indices.batch;
  return {out};
}

GraphValues apply_gather(NodeContext const& node) {
  int const rank = static_cast<int>(node.shape(0).size()), axis = node.axis(node.integer("axis", 0), rank);
  if (!node.is_known(1)) return look_up(node, axis);
  OnnxArray const& indices = node.known(1, "the indices");
  GraphTensor x = node.tensor(0);
  std::vector<int> entries;
  for (long const given : indices.integers()) entries.push_back(static_cast<int>(node.entry(given, axis, x.axis(axis))));
  node.expect_apart(x, axis, "takes parts of");
  x = take(node, x, axis, entries);
  if (indices.shape.size() == 1) return {x};
  if (indices.shape.empty()) return {without_axes(node, x, {axis})};
  std::vector<long> shape = x.shape();
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, indices.shape.begin(), indices.shape.end());
  int const more = static_cast<int>(indices.shape.size()) - 1;
  std::optional<int> const batch = x.batch ? std::optional(x.batch->axis + (x.batch->axis > axis ? more : 0)) : std::nullopt;
  return {with_shape(node, x, shape, batch)};
}

/// Entries by their places in the first axes, all of which are known.
GraphValues apply_gather_nd(NodeContext const& node) {
  if (node.integer("batch_dims", 0) != 0) node.fail("its batch_dims is not 0, which is not supported.");
  GraphTensor const x = node.tensor(0);
  OnnxArray const& indices = node.known(1, "the indices");
  std::vector<long> const sizes = x.shape(), places = indices.integers();
  long const depth = indices.shape.empty() ? 0 : indices.shape.back();
  if (depth < 1 || depth > x.rank())
    node.fail(text("its indices have the shape ", shape_words(indices.shape), " for an operand of the shape ", shape_words(sizes), "."));
  for (int a = 0; a < depth; ++a) node.expect_apart(x, a, "takes parts of");
  std::vector<int> entries;
  for (std::size_t p = 0; p < places.size(); p += at(depth)) {
    long entry = 0;
    for (long a = 0; a < depth; ++a) entry = entry * sizes[at(a)] + node.entry(places[p + at(a)], a, sizes[at(a)]);
    entries.push_back(static_cast<int>(entry));
  }
  auto const with_front = [&](GraphTensor const& from, std::span<long const> front) {
    std::vector<long> shape(front.begin(), front.end());
    shape.insert(shape.end(), sizes.begin() + depth, sizes.end());
    return with_shape(node, from, shape, x.batch_axis().value_or(0) - static_cast<int>(depth) + static_cast<int>(front.size()));
  };
  long const all = product_of(std::span(sizes).first(at(depth)));
  GraphTensor const found = take(node, with_front(x, std::span(&all, 1)), 0, entries);
  return {with_front(found, std::span(indices.shape).first(indices.shape.size() - 1))};
}

GraphValues apply_concat(NodeContext const& node) {
  std::vector<GraphTensor> parts;
  for (int i = 0; i < node.count(); ++i) parts.push_back(node.tensor(i));
  GraphTensor like = parts[0];
  int const axis = node.axis(node.integer("axis", 0), like.rank());
  std::vector<Tensor> pieces;
  for (GraphTensor const& part : parts) {
    for (int a = 0; a < like.rank(); ++a)
      if (part.rank() != like.rank() || (a != axis && part.axis(a) != like.axis(a)))
        node.fail(text("it joins values of the shapes ", shape_words(like.shape()), " and ", shape_words(part.shape()),
                       " (the batch counted as 1) along axis ", axis, ", which do not fit."));
    node.expect_apart(part, axis, "joins along");
    if (part.batch && like.batch && (part.batch->axis != like.batch->axis || part.batch->outer != like.batch->outer))
      node.fail_mixing("joins values whose samples lie along different axes");
    if (part.batch) like.batch = part.batch;
    pieces.push_back(laid_out(node.builder(), part, like.order));
  }
  like.stored = node.builder().join(pieces, like.order[at(axis)]);
  return {like};
}

/// Copies side by side.
GraphValues apply_tile(NodeContext const& node) {
  GraphTensor x = node.tensor(0);
  OnnxArray const& given = node.known(1, "the repeats");
  std::vector<long> const repeats = given.integers();
  if (std::ssize(repeats) != x.rank()) node.fail(text("it has ", repeats.size(), " repeats for ", x.rank(), " axes."));
  for (int a = 0; a < x.rank(); ++a) {
    if (given.counts_batch(at(a))) node.fail_mixing("computes with the size of the batch");
    if (repeats[at(a)] == 1) continue;
    node.expect_apart(x, a, "repeats");
    node.expect_size(static_cast<double>(x.stored.size()) * static_cast<double>(repeats[at(a)]));
    std::vector<int> entries;
    for (long r = 0; r < repeats[at(a)]; ++r)
      for (int e = 0; e < x.axis(a); ++e) entries.push_back(e);
    x = take(node, x, a, entries);
  }
  return {x};
}

/// Constants around a value, or its own entries.
GraphValues apply_pad(NodeContext const& node) {
  GraphTensor x = node.tensor(0);
  std::vector<long> const pads = node.known(1, "the pads").integers();
  double const filling = node.has(2) ? node.known_number(2, "the value") : 0;
  std::vector<long> axes(pads.size() / 2);
  std::iota(axes.begin(), axes.end(), 0);
  if (node.has(3)) axes = node.known(3, "the axes").integers();
  std::string const mode = node.word("mode", "constant");
  if (pads.size() != 2 * axes.size())
    node.fail(text("it has ", pads.size(), " pads for ", axes.size(), axes.size() == 1 ? " axis" : " axes", "; two for each are needed."));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    int const axis = node.axis(axes[i], x.rank());
    long const low = pads[i], high = pads[i + axes.size()], size = x.axis(axis);
    if (low == 0 && high == 0) continue;
    node.expect_apart(x, axis, "pads");
    if (mode == "constant" && low >= 0 && high >= 0) {
      std::vector<Tensor> pieces{x.stored};
      auto const block = [&](long count) {
        std::vector<long> shape = x.stored.shape;
        shape[at(x.order[at(axis)])] = count;
        return node.builder().constant(std::vector<double>(at(product_of(shape)), filling), shape);
      };
      if (low > 0) pieces.insert(pieces.begin(), block(low));
      if (high > 0) pieces.push_back(block(high));
      x.stored = node.builder().join(pieces, x.order[at(axis)]);
      continue;
    }
    std::vector<int> entries;
    for (long e = -low; e < size + high; ++e) {
      long const around = mode == "wrap"                         ? (e % size + size) % size
                          : mode == "edge" || mode == "constant" ? std::clamp(e, 0L, size - 1)
                                                                 : (e < 0       ? -e
                                                                    : e >= size ? 2 * size - 2 - e
                                                                                : e);
      if (around < 0 || around >= size || (mode == "constant" && (low > 0 || high > 0)))
        node.fail(
            text("it pads axis ", axis, " of size ", size, " by ", low, " and ", high, " in mode ", mode, ", which is not supported."));
      entries.push_back(static_cast<int>(around));
    }
    x = take(node, x, axis, entries);
  }
  return {x};
}

}  // namespace

std::vector<NamedOperator> parting_operators() {
  return {{"Split", apply_split},   {"SplitToSequence", apply_split_to_sequence},
          {"Tile", apply_tile},     {"Slice", apply_slice},
          {"Gather", apply_gather}, {"GatherND", apply_gather_nd},
          {"Concat", apply_concat}, {"Pad", apply_pad}};
}

}  // namespace infinitile
