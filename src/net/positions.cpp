#include "net/positions.hpp"

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/text.hpp"
#include "net/parameters.hpp"

namespace infinitile {

namespace {

/// a / b rounded up, for a >= 0 and b > 0.
long ceil_div(long a, long b) {
  return (a + b - 1) / b;
}

/// One WindowAxis per size, its low and output still to be filled in by `fill`.
template <class Fill>
std::vector<WindowAxis> axes_of(std::span<long const> sizes, std::vector<long> const& window, std::vector<long> const& strides,
                                Padding padding, Fill fill) {
  INFINITILE_EXPECT(window.size() == sizes.size() && (strides.empty() || strides.size() == sizes.size()));
  std::vector<WindowAxis> out;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    WindowAxis axis{sizes[i], window[i], strides.empty() ? 1 : strides[i], 0, 0, padding};
    INFINITILE_EXPECT(axis.input > 0 && axis.size > 0 && axis.stride > 0);
    fill(axis);
    out.push_back(axis);
  }
  return out;
}

/// Which positions of an axis of `size` a slice takes: python's slice.indices, and how many those are.
IndexAxis resolve_slice(IndexItem const& item, long size) {
  long const step = item.step.value_or(1);
  if (step == 0) throw Error("the step of a slice is 0; a step that is not 0 is needed.");
  long const lowest = step > 0 ? 0 : -1;
  long const highest = step > 0 ? size : size - 1;
  auto const resolve = [&](std::optional<long> given, long missing) {
    if (!given) return missing;
    long const counted = *given < 0 ? std::max(*given, -size - 1) + size : *given;
    return std::clamp(counted, lowest, highest);
  };
  long const start = resolve(item.start, step > 0 ? lowest : highest);
  long const stop = resolve(item.stop, step > 0 ? highest : lowest);
  long const span = step > 0 ? stop - start : start - stop;
  // |step| - 1 cannot overflow, -step can.
  long const stride_less_one = step > 0 ? step - 1 : -(step + 1);
  long const count = span <= 0 ? 0 : stride_less_one >= span ? 1 : (span + stride_less_one) / (stride_less_one + 1);
  return {start, count <= 1 ? 1 : step, count, false};
}

IndexAxis resolve(IndexItem const& item, long size, std::string_view what) {
  auto const words = [&] { return write_item(item); };
  if (item.kind == IndexItem::Kind::number) {
    long const number = item.start.value_or(0);
    if (number < -size || number >= size)
      throw Error(text("idx has ", words(), " for ", what, " of size ", size, "; ", -size, " to ", size - 1, " are there."));
    return {number < 0 ? number + size : number, 1, 1, true};
  }
  IndexAxis const out = resolve_slice(item, size);
  if (out.count == 0) throw Error(text("idx has ", words(), " for ", what, " of size ", size, "; that leaves nothing of it."));
  return out;
}

bool is_whole(IndexItem const& item) {
  return item.kind == IndexItem::Kind::slice && item.start.value_or(0) == 0 && !item.stop && item.step.value_or(1) == 1;
}

}  // namespace

std::vector<WindowAxis> window_axes(std::span<long const> sizes, std::vector<long> const& window, std::vector<long> const& strides,
                                    Padding padding) {
  return axes_of(sizes, window, strides, padding, [](WindowAxis& axis) {
    if (axis.padding == Padding::valid) {
      axis.output = axis.input < axis.size ? 0 : (axis.input - axis.size) / axis.stride + 1;
      return;
    }
    axis.output = ceil_div(axis.input, axis.stride);
    axis.low = std::max((axis.output - 1) * axis.stride + axis.size - axis.input, 0L) / 2;
  });
}

std::vector<WindowAxis> transposed_axes(std::span<long const> sizes, std::vector<long> const& window, std::vector<long> const& strides,
                                        Padding padding) {
  return axes_of(sizes, window, strides, padding, [](WindowAxis& axis) {
    long const overhang = std::max(axis.size - axis.stride, 0L);
    axis.low = axis.size - 1;
    axis.output = axis.stride * axis.input;
    if (axis.padding == Padding::valid) axis.output += overhang;
    if (axis.padding == Padding::same && axis.stride <= axis.size - 1) axis.low = ceil_div(axis.size + axis.stride - 2, 2);
    if (axis.padding == Padding::circular) axis.low -= overhang / 2;
  });
}

std::vector<IndexItem> expand_index(Index const& index, std::size_t axes) {
  auto const is_ellipsis = [](IndexItem const& item) { return item.kind == IndexItem::Kind::ellipsis; };
  auto const ellipses = std::count_if(index.idx.begin(), index.idx.end(), is_ellipsis);
  if (ellipses > 1) throw Error("idx has more than one '...'; one at most is needed.");
  std::size_t const given = index.idx.size() - static_cast<std::size_t>(ellipses);
  if (given > axes)
    throw Error(
        text("idx has ", given, " items; the input has ", axes, " axes, batch and channels included, and that many at most are needed."));
  std::vector<IndexItem> items = index.idx;
  auto const gap = std::find_if(items.begin(), items.end(), is_ellipsis);
  auto const rest = ellipses == 0 ? items.end() : items.erase(gap);
  items.insert(rest, axes - given, IndexItem{});
  return items;
}

std::vector<IndexAxis> index_axes(Index const& index, std::span<long const> sizes) {
  std::vector<IndexItem> const items = expand_index(index, sizes.size() + 2);
  if (!is_whole(items.front())) throw Error("idx takes a part of the batch; ':' is needed for it.");
  if (!is_whole(items.back())) throw Error("idx takes a part of the channels; ':' is needed for them.");
  std::vector<IndexAxis> out;
  for (std::size_t i = 0; i < sizes.size(); ++i) out.push_back(resolve(items[i + 1], sizes[i], text("spatial axis ", i)));
  return out;
}

std::vector<long> written_sizes(Node const& node) {
  std::size_t const axes = node.shape.size() + 1;
  std::vector<long> out(axes);
  std::size_t spatial = 0;
  for (std::size_t i = 0; i < axes; ++i)
    if (static_cast<int>(i) == node.channel_axis) {
      out[i] = node.channels();
    } else if (static_cast<int>(i) != node.batch_axis) {
      out[i] = node.shape[spatial++];
    }
  return out;
}

namespace {

/// Marks an axis of one side as spoken for.
void take_axis(std::vector<bool>& taken, int axis, std::string_view side) {
  if (axis < 0 || axis >= static_cast<int>(taken.size()))
    throw Error(text("dimension_numbers name axis ", axis, " of the ", side, " side, which has ",
                     taken.empty() ? text("no axes") : text("axes 0 to ", taken.size() - 1), "."));
  if (taken[at(axis)]) throw Error(text("dimension_numbers name axis ", axis, " of the ", side, " side twice; once is needed."));
  taken[at(axis)] = true;
}

}  // namespace

ProductLayout product_layout(DotGeneral const& product, Node const& input) {
  if (product.lhs && product.rhs) throw Error("lhs and rhs are both given; one of them is needed, the other side is the input.");
  bool const constant_is_left = product.lhs.has_value();
  ProductAxes const& axes = product.dimension_numbers;
  ProductLayout out;
  out.constant_is_left = constant_is_left;
  if (!product.lhs && !product.rhs) {
    if (axes != ProductAxes{}) throw Error("dimension_numbers are given without lhs or rhs; one of those is needed.");
    for (int i = 0; i <= static_cast<int>(input.shape.size()); ++i) out.output.push_back({i, -1});
    return out;
  }
  std::vector<long> const constant = constant_is_left ? product.lhs->shape : product.rhs->shape;
  std::vector<long> const sizes = written_sizes(input);
  std::vector<long> const& left = constant_is_left ? constant : sizes;
  std::vector<long> const& right = constant_is_left ? sizes : constant;
  std::vector<bool> left_taken(left.size()), right_taken(right.size());
  auto const axis = [&](int l, int r) { return constant_is_left ? ProductAxis{r, l} : ProductAxis{l, r}; };

  auto const pair_up = [&](std::vector<int> const& lefts, std::vector<int> const& rights, std::string_view what,
                           std::vector<ProductAxis>& pairs) {
    if (lefts.size() != rights.size())
      throw Error(text("dimension_numbers ", what, " ", lefts.size(), " axes of the left side and ", rights.size(),
                       " of the right; as many of both are needed."));
    for (std::size_t i = 0; i < lefts.size(); ++i) {
      take_axis(left_taken, lefts[i], "left");
      take_axis(right_taken, rights[i], "right");
      ProductAxis const pair = axis(lefts[i], rights[i]);
      if (pair.input == input.batch_axis || pair.input == input.channel_axis)
        throw Error(text("dimension_numbers ", what, " axis ", pair.input, " of the input, its ",
                         pair.input == input.batch_axis ? "batch" : "channels", "; spatial axes alone can be."));
      if (sizes[at(pair.input)] != constant[at(pair.constant)])
        throw Error(text("dimension_numbers ", what, " axis ", pair.input, " of the input, of size ", sizes[at(pair.input)], ", and axis ",
                         pair.constant, " of the constant, of size ", constant[at(pair.constant)], "; equal sizes are needed."));
      pairs.push_back(pair);
    }
  };
  pair_up(axes.batch_left, axes.batch_right, "run along", out.output);
  pair_up(axes.contract_left, axes.contract_right, "contract", out.contracted);
  for (int i = 0; i < static_cast<int>(left.size()); ++i)
    if (!left_taken[at(i)]) out.output.push_back(axis(i, -1));
  for (int i = 0; i < static_cast<int>(right.size()); ++i)
    if (!right_taken[at(i)]) out.output.push_back(axis(-1, i));
  return out;
}

}  // namespace infinitile
