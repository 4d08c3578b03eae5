#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "shaping/block_map.hpp"

namespace infinitile {

/// A residual network of the published examples, reference 1.6 and 2.2: groups of blocks, each with a branch of `activations` beside a shortcut
/// of weight w. V2 activates before each layer and, where a group has a projection, projects what is activated in its first block; V1
/// activates behind each sum.
struct Residual {
  std::vector<int> blocks;
  int activations = 1;
  double w = 0;
  bool v2 = true;
  std::vector<bool> projections{true, true, true, true};

  bool projects(std::size_t group, int block) const { return v2 && block == 0 && w > 0 && projections[group]; }

  /// In the network language, with one activation everywhere.
  std::string words(std::string const& activation) const {
    std::string layers = "[dense, ";
    for (std::size_t group = 0; group < blocks.size(); ++group)
      for (int i = 0; i < blocks[group]; ++i) {
        bool const projection = projects(group, i);
        std::string const shortcut = projection ? fmt::format("{{dense: {{w_std: {:.17g}}}}}", w)
                                                : fmt::format("{{monomial: {{degree: 1, output_scale: {:.17g}}}}}", w);
        if (projection) layers += activation + ", ";
        layers +=
            w > 0 ? fmt::format("{{sum: [[{}], [{}]]}}, ", shortcut, branch(activation, projection)) : branch(activation, false) + ", ";
        if (!v2) layers += activation + ", ";
      }
    return layers + activation + "]";
  }

  /// The same as a user writes it into shape.subnetworks.
  BlockMap map() const {
    BlockMap out;
    for (std::size_t group = 0; group < blocks.size(); ++group)
      for (int i = 0; i < blocks[group]; ++i) out.blocks.push_back({activations, w, projects(group, i), v2 ? 0 : 1, 1});
    out.then = 1;
    return out;
  }

private:
  std::string branch(std::string const& activation, bool begins_activated) const {
    std::string out;
    for (int i = 0; i < activations; ++i) {
      if (i > 0 || !begins_activated) out += activation + ", ";
      out += i + 1 < activations ? "dense, " : fmt::format("{{dense: {{w_std: {:.17g}}}}}", std::sqrt(1 - w * w));
    }
    return out;
  }
};

/// ResNet-18 to 200.
inline Residual residual_network(int depth, double w, bool v2) {
  bool const basic = depth < 50;
  std::vector<int> const blocks = depth == 18    ? std::vector<int>{2, 2, 2, 2}
                                  : depth == 101 ? std::vector<int>{3, 4, 23, 3}
                                  : depth == 152 ? std::vector<int>{3, 8, 36, 3}
                                  : depth == 200 ? std::vector<int>{3, 24, 36, 3}
                                                 : std::vector<int>{3, 4, 6, 3};
  return {blocks, (basic ? 1 : 2) + (v2 ? 1 : 0), w, v2, {!basic, true, true, true}};
}

}  // namespace infinitile
