#include <algorithm>
#include <cctype>
#include <map>

#include "base/index.hpp"
#include "base/text.hpp"
#include "net/shapes.hpp"
#include "onnx/operators.hpp"

// Sums over products of entries that are named by letters: products of matrices, two operands at a time from the left.

namespace infinitile {

namespace {

/// A value whose axes have letters.
struct Lettered {
  GraphTensor x;
  std::string letters;

  bool has(char letter) const { return letters.find(letter) != std::string::npos; }
  long size(char letter) const { return x.axis(static_cast<int>(letters.find(letter))); }
};

struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

[[noreturn]] void refuse(NodeContext const& node, std::string const& why) {
  node.fail(text("its equation \"", node.word("equation", ""), "\" ", why));
}

Equation read_equation(NodeContext const& node) {
  std::string words = node.word("equation", "");
  std::erase(words, ' ');
  auto const arrow = words.find("->");
  std::string const left = words.substr(0, arrow);
  if (left.find('.') != std::string::npos) refuse(node, "has an ellipsis, which is not supported. Write all axes as letters.");
  Equation out;
  out.operands.emplace_back();
  for (char const c : left)
    if (c == ',')
      out.operands.emplace_back();
    else if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      out.operands.back() += c;
    else
      refuse(node, "cannot be read. The file is damaged: export it again.");
  if (std::ssize(out.operands) != node.count())
    refuse(node, text("is for ", out.operands.size(), " operands, and it has ", node.count(), "."));
  if (arrow != std::string::npos) {
    out.result = words.substr(arrow + 2);
  } else {
    std::map<char, int> times;
    for (std::string const& operand : out.operands)
      for (char const c : operand) ++times[c];
    for (auto const& [letter, count] : times)
      if (count == 1) out.result += letter;
  }
  for (char const c : out.result)
    if (std::isalpha(static_cast<unsigned char>(c)) == 0 || std::ranges::count(out.result, c) > 1 || left.find(c) == std::string::npos)
      refuse(node, "gives an axis twice, or one that no operand has.");
  return out;
}

Lettered operand(NodeContext const& node, int i, std::string const& letters) {
  Lettered out{node.tensor(i), letters};
  if (std::ssize(letters) != out.x.rank())
    refuse(node, text("has ", letters.size(), " letters for operand ", i, " of the shape ", shape_words(out.x.shape()), "."));
  for (char const c : letters)
    if (std::ranges::count(letters, c) > 1) refuse(node, "takes a diagonal of an operand, which is not supported.");
  return out;
}

/// Without the axes that nobody needs any more.
Lettered summed(NodeContext const& node, Lettered v, std::string const& needed) {
  std::vector<int> gone;
  std::string left;
  for (std::size_t a = 0; a < v.letters.size(); ++a)
    if (needed.find(v.letters[a]) == std::string::npos)
      gone.push_back(static_cast<int>(a));
    else
      left += v.letters[a];
  if (gone.empty()) return v;
  return {without_axes(node, reduce(node, v.x, gone, Reduction::sum), gone), left};
}

/// Its axes in that order.
GraphTensor ordered(Lettered const& v, std::string const& letters) {
  std::vector<int> axes;
  for (char const c : letters) axes.push_back(static_cast<int>(v.letters.find(c)));
  return transposed(v.x, axes);
}

/// Axes groups.., and then the rest in two: the first `rows` of them, and the others.
GraphTensor as_matrices(NodeContext const& node, Lettered const& v, std::string const& groups, std::string const& rows,
                        std::string const& cols) {
  GraphTensor const x = ordered(v, groups + rows + cols);
  std::vector<long> const sizes = x.shape();
  auto const first = sizes.begin() + std::ssize(groups), second = first + std::ssize(rows);
  std::vector<long> shape(sizes.begin(), first);
  shape.push_back(product_of(std::span(first, second)));
  shape.push_back(product_of(std::span(second, sizes.end())));
  if (!x.batch) return with_shape(node, x, shape, std::nullopt);
  int const axis = x.batch->axis, before = static_cast<int>(std::ssize(groups)), to_rows = before + static_cast<int>(std::ssize(rows));
  return with_shape(node, x, shape, axis < before ? axis : axis < to_rows ? before : before + 1);
}

/// The sum of products over the letters that both have and nobody needs any more.
Lettered contract(NodeContext const& node, Lettered const& a, Lettered const& b, std::string const& needed) {
  std::string groups, inner, rows, cols;
  auto const is_needed = [&](char c) { return needed.find(c) != std::string::npos; };
  for (char const c : a.letters) (!b.has(c) ? rows : is_needed(c) ? groups : inner) += c;
  for (char const c : b.letters)
    if (!a.has(c)) cols += c;
  for (char const c : groups + inner)
    if (a.size(c) != b.size(c)) refuse(node, text("has ", a.size(c), " and ", b.size(c), " entries along ", std::string(1, c), "."));
  GraphTensor const left = as_matrices(node, a, groups, rows, inner), right = as_matrices(node, b, groups, inner, cols);
  GraphTensor const product = matmul(node, left, right);
  Lettered out{product, groups + rows + cols};
  std::vector<long> shape;
  int batch = -1;
  for (char const c : out.letters) {
    for (Lettered const* const side : {&a, &b})
      if (side->has(c) && side->x.batch_axis() == static_cast<int>(side->letters.find(c))) batch = static_cast<int>(std::ssize(shape));
    shape.push_back((a.has(c) ? a : b).size(c));
  }
  out.x = with_shape(node, product, shape, batch < 0 ? std::nullopt : std::optional(batch));
  return out;
}

GraphValues apply_einsum(NodeContext const& node) {
  Equation const equation = read_equation(node);
  auto const needed_behind = [&](std::size_t i) {
    std::string needed = equation.result;
    for (std::size_t later = i + 1; later < equation.operands.size(); ++later) needed += equation.operands[later];
    return needed;
  };
  Lettered all = summed(node, operand(node, 0, equation.operands[0]), needed_behind(0));
  for (std::size_t i = 1; i < equation.operands.size(); ++i) {
    Lettered const next = summed(node, operand(node, static_cast<int>(i), equation.operands[i]), needed_behind(i) + all.letters);
    all = contract(node, summed(node, all, needed_behind(i) + next.letters), next, needed_behind(i));
  }
  return {ordered(all, equation.result)};
}

}  // namespace

std::vector<NamedOperator> summing_operators() {
  return {{"Einsum", apply_einsum}};
}

}  // namespace infinitile
