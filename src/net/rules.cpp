#include "net/rules.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "net/parameters.hpp"
#include "net/rule_set.hpp"

namespace infinitile {

namespace {

std::string in_brackets(std::vector<std::string> const& sizes) {
  return text("(", join(sizes, ", ", ", "), ")");
}

std::vector<std::string> write_sizes(std::vector<long> const& shape) {
  std::vector<std::string> sizes;
  for (long const size : shape) sizes.push_back(text(size));
  return sizes;
}

}  // namespace

std::string in_words(std::vector<long> const& shape) {
  return in_brackets(write_sizes(shape));
}

std::string shape_in_words(Node const& node) {
  std::vector<std::string> sizes = write_sizes(node.shape);
  if (!node.width_known) sizes.back() = "?";
  return in_brackets(sizes);
}

std::string in_words(Node const& node) {
  if (node.path == "input") return "the data";
  return node.path.starts_with("input") ? "the data of " + node.path : text("layer ", node.path, " (", name_of(node.op), ")");
}

void Rules::operator()(Input&) const {
  INFINITILE_EXPECT(!"only a NetworkBuilder makes inputs");
}

void Rules::operator()(Dense& op) const {
  take_only_input();
  set_width("out_dim", op.out_dim, op.parameterization, op.s);
}

void Rules::operator()(Flatten&) const {
  Node const& before = take_only_input();
  set_shape({before.channels() * before.positions()});
  node_.gaussian = false;
}

void Rules::operator()(Identity&) const {
  take_only_input();
}

void Rules::operator()(LayerNorm& op) const {
  Node const& before = take_only_input();
  expect_gaussian(before, "layer_norm");
  for (int& axis : op.axis) axis = count_from_channels(axis);
  std::sort(op.axis.begin(), op.axis.end());
  op.axis.erase(std::unique(op.axis.begin(), op.axis.end()), op.axis.end());
  if (op.axis.empty() || op.axis.back() != -1) fail("axis leaves out the channels; it has to include them. Add -1 to the list.");
  if (op.axis.front() == batch_axis())
    fail("axis includes the batch (axis 0); then a tile of the kernel would depend on the other inputs. Leave axis 0 out.");
}

void Rules::operator()(Dropout& op) const {
  take_only_input();
  if (op.mode == Mode::train) node_.gaussian = false;
}

void Rules::operator()(Activation&) const {
  expect_gaussian(take_only_input(), "an activation");
  node_.gaussian = false;
}

void Rules::operator()(Sum&) const {
  take_equal_inputs();
  if (inputs_.size() > 1) expect_gaussian_branches("the branches of a sum");
}

void Rules::operator()(Product&) const {
  take_equal_inputs();
  node_.gaussian = false;
}

void Rules::operator()(Concat& op) const {
  op.axis = count_from_channels(op.axis);
  if (op.axis == batch_axis()) fail("axis 0 is the batch; branches are joined along the channels (-1) or a spatial axis.");
  if (op.axis == -1) {
    join_channels();
  } else {
    join_positions(static_cast<std::size_t>(axes() + op.axis) - 1);
  }
}

void Rules::expect_usual_axes() const {
  for (Node const* before : inputs_)
    if (before->has_moved_axes())
      fail(text("at its input, ", in_words(*before), ", a dot_general has left the batch as axis ", before->batch_axis,
                " and the channels as axis ", before->channel_axis, " of ", before->shape.size() + 1, ", counted from 0; ",
                name_of(node_.op),
                " needs the batch first and the channels last. Only dense, flatten, identity, dropout, activations, sum, product, global"
                " pools, index and dot_general can stand here."));
}

void Rules::fail(std::string_view message) const {
  throw Error(text(where_written(source_, node_), ": ", message));
}

int Rules::count_from_channels(int axis) const {
  if (axis < -axes() || axis >= axes())
    fail(text("axis ", axis, " is not there; the input has ", axes(), " axes, batch and channels included: ", -axes(), " to ", axes() - 1,
              "."));
  return axis < 0 ? axis : axis - axes();
}

void Rules::take(Node const& before) const {
  node_.shape = before.shape;
  node_.batch_axis = before.batch_axis;
  node_.channel_axis = before.channel_axis;
  node_.width_known = before.width_known;
  node_.gaussian = before.gaussian;
  node_.width_multiplier = before.width_multiplier;
}

Node const& Rules::take_only_input() const {
  INFINITILE_EXPECT(inputs_.size() == 1);
  take(*inputs_[0]);
  return *inputs_[0];
}

void Rules::expect_gaussian(Node const& before, std::string_view who) const {
  if (!before.gaussian)
    node_.only_finite =
        text("its input, ", in_words(before), ", is not Gaussian; ", who, " needs a Gaussian input. Put a dense layer before it.");
}

std::string Rules::branch_in_words(std::size_t branch, std::string_view result) const {
  bool const empty = !inputs_[branch]->path.starts_with(text(node_.path, "/", branch, "/"));
  return text("branch ", branch, empty ? " is empty and hands on " : " ends with ", result);
}

void Rules::expect_gaussian_branches(std::string_view who) const {
  node_.gaussian = true;
  for (std::size_t b = 0; b < inputs_.size() && node_.gaussian; ++b) {
    node_.gaussian = inputs_[b]->gaussian;
    if (!node_.gaussian)
      node_.only_finite = text(branch_in_words(b, in_words(*inputs_[b])), ", which is not Gaussian; ", who,
                               " have to be. Put a dense layer at the end of that branch.");
  }
}

void Rules::set_width(std::string_view key, std::optional<long> width, Parameterization parameterization, std::array<long, 2> s) const {
  Node const& before = *inputs_[0];
  bool const standard = parameterization == Parameterization::standard;
  if (!standard && s != std::array<long, 2>{1, 1})
    fail(text("s is [", s[0], ", ", s[1],
              "]; with parameterization ntk widths do not matter and s is [1, 1]. Set parameterization: standard."));
  if (standard && !before.width_known)
    fail(text("the width of ", in_words(before),
              " is not known; parameterization standard needs it. Give a width (out_dim, out_chan) to the layer that sets it."));
  if (standard && s[0] != before.width_multiplier)
    fail(text("s[0] is ", s[0], "; it has to be s[1] of the layer before, ", before.width_multiplier, " at ", in_words(before), "."));
  for (auto const& [name, size] : {std::pair(std::string(key), width.value_or(1)), std::pair(std::string("s[1]"), s[1])})
    if (size > largest_size) fail(text(name, " is ", size, "; at most ", largest_size, " can be handled."));
  node_.width_multiplier = s[1];
  node_.shape.back() = width.value_or(1) * s[1];
  node_.width_known = width.has_value();
  node_.gaussian = true;
}

void Rules::set_shape(std::vector<long> shape) const {
  node_.batch_axis = 0;
  node_.channel_axis = static_cast<int>(shape.size());
  node_.shape = std::move(shape);
}

void Rules::take_equal_inputs(std::size_t joined) const {
  std::size_t first = 0;  // that has a known width, or none has
  while (first + 1 < inputs_.size() && !inputs_[first]->width_known) ++first;
  if (!inputs_[first]->width_known) first = 0;
  take(*inputs_[first]);
  for (std::size_t b = 0; b < inputs_.size(); ++b) {
    Node const& branch = *inputs_[b];
    if (branch.width_multiplier != inputs_[0]->width_multiplier)
      fail(text("the branches leave different multipliers s[1], ", inputs_[0]->width_multiplier, " and ", branch.width_multiplier,
                "; one is needed."));
    expect_equal_shapes(std::min(first, b), std::max(first, b), joined);
    if (branch.batch_axis != node_.batch_axis || branch.channel_axis != node_.channel_axis)
      fail(text("the branches have batch and channels at different places, axes ", node_.batch_axis, " and ", node_.channel_axis, " at ",
                in_words(*inputs_[first]), ", ", branch.batch_axis, " and ", branch.channel_axis, " at ", in_words(branch),
                "; the same order is needed."));
  }
}

void Rules::expect_equal_shapes(std::size_t one, std::size_t other, std::size_t joined) const {
  Node const &a = *inputs_[one], &b = *inputs_[other];
  bool agree = a.shape.size() == b.shape.size();
  for (std::size_t i = 0; agree && i < a.shape.size(); ++i)
    agree = i == joined || a.shape[i] == b.shape[i] || (i + 1 == a.shape.size() && a.width_known != b.width_known);
  if (agree) return;
  auto const end = [&](std::size_t branch) {
    return branch_in_words(branch, text("the shape ", shape_in_words(*inputs_[branch]), " of ", in_words(*inputs_[branch])));
  };
  fail(text("its branches have different shapes: ", end(one), ", ", end(other),
            "; one shape is needed. Check widths, strides and padding."));
}

void Rules::join_channels() const {
  take_equal_inputs(inputs_[0]->shape.size() - 1);
  node_.shape.back() = 0;
  for (Node const* branch : inputs_) {
    if (branch->width_known != inputs_[0]->width_known)
      fail(text("the width of ", in_words(branch->width_known ? *inputs_[0] : *branch),
                " is not known while other branches have one; they weigh the branches."
                " Give a width (out_dim, out_chan) in all branches or in none."));
    node_.shape.back() += branch->channels();
  }
  node_.gaussian = false;
}

void Rules::join_positions(std::size_t axis) const {
  take_equal_inputs(axis);
  expect_gaussian_branches("branches that are joined along a spatial axis");
  node_.shape[axis] = 0;
  for (Node const* branch : inputs_) node_.shape[axis] += branch->shape[axis];
}

namespace {

/// Parameters in their domains also where no file was read.
void check_domains(Node const& node, std::string const& source) {
  auto const check = [&](auto const& op) {
    op.for_each_parameter(op, [&](std::string_view key, auto const& value, Domain domain) {
      if (is_in_domain(value, domain)) return;
      std::string const words = write_value(value, [](double v) { return fmt::format("{}", v); });
      throw Error(text(where_written(source, node), ": ", key, " is ", words, "; ",
                       in_words_of<std::remove_cvref_t<decltype(value)>>(domain), " is needed."));
    });
  };
  std::visit(check, node.op);
}

}  // namespace

std::string where_written(std::string const& source, Node const& node) {
  std::string const file = node.line > 0 ? text(source, ":", node.line) : source;
  return node.path.starts_with("input") ? text(file, ": ", node.path) : text(file, ": layer ", node.path, " (", name_of(node.op), ")");
}

Node complete(Node draft, std::vector<Node const*> const& inputs, std::string const& source) {
  if (inputs.empty()) throw Error(text(where_written(source, draft), ": found no branch; at least one is needed."));
  check_domains(draft, source);
  Rules const rules(draft, inputs, source);
  std::visit(
      [&]<class Operation>(Operation& op) {
        if (!takes_any_axis_order<Operation>) rules.expect_usual_axes();
        rules(op);
      },
      draft.op);
  long numbers = 1;
  for (long const size : draft.shape) {
    if (size > largest_size / numbers)
      throw Error(text(where_written(source, draft), ": its output of shape ", shape_in_words(draft), " is too large; at most ",
                       largest_size, " numbers per sample can be handled."));
    numbers *= size;
  }
  return draft;
}

}  // namespace infinitile
