#include "job/mask_inputs.hpp"

#include <algorithm>

#include "base/index.hpp"
#include "infinite/position_masks.hpp"
#include "infinite/position_needs.hpp"

namespace infinitile {

MaskInputs find_mask_inputs(Network const& network) {
  PositionMasks found = find_masks(network, find_maps(network));
  MaskInputs out;
  for (MaskRule const& rule : found.rules) out.nodes.positions.push_back(rule.positions());
  for (int n = 0; n < network.size(); ++n) {
    bool const needed = n >= network.inputs() && found.of[at(n)] >= 0;
    out.nodes.concealed.push_back(needed && fills_masked_positions(network.node(n).op));
  }
  out.rules = std::move(found.rules);
  out.nodes.of = std::move(found.of);
  return out;
}

std::vector<InputRows> MaskInputs::rows(std::vector<std::vector<unsigned char>> const& masked, long count) const {
  std::vector<InputRows> out;
  for (MaskRule const& rule : rules) {
    InputRows there;
    there.width = rule.positions();
    for (long row = 0; row < count; ++row)
      for (long p = 0; p < there.width; ++p) {
        auto const is_there = [&](MaskRule::Source const& from) {
          InputRows const& before = out[at(from.mask)];
          return before.values[at(row * before.width + from.position)] > 0;
        };
        auto const first = rule.source.begin() + rule.first[at(p)], last = rule.source.begin() + rule.first[at(p) + 1];
        bool here = rule.all ? std::all_of(first, last, is_there) : std::any_of(first, last, is_there);
        if (rule.input >= 0) here = masked[at(rule.input)].empty() || masked[at(rule.input)][at(row * there.width + p)] == 0;
        there.values.push_back(here ? 1 : 0);
      }
    out.push_back(std::move(there));
  }
  return out;
}

std::vector<InputRows> MaskInputs::rows(Data const& data) const {
  std::vector<std::vector<unsigned char>> masked;
  for (std::size_t i = 0; i < data.train.inputs.size(); ++i) {
    std::vector<unsigned char>& all = masked.emplace_back(data.train.inputs[i].masked);
    if (!data.test) continue;
    std::vector<unsigned char> const& test = data.test->inputs[i].masked;
    all.insert(all.end(), test.begin(), test.end());
  }
  return rows(masked, data.train.rows + (data.test ? data.test->rows : 0));
}

}  // namespace infinitile
