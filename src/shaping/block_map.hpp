#pragma once

#include <functional>
#include <vector>

namespace infinitile {

/// The maximizing function of all subnetworks, written by hand: a row of residual blocks, where Subnetworks reads it off a graph. Behind each
/// activation the number x becomes r(x). In a block of shortcut weight w it becomes w² s + (1 − w²) b: b the branch, so many activations on x;
/// s the shortcut, x itself or, with a projection, r(x). Formulas: dks_tat, reference 2.2.
struct BlockMap {
  struct Block {
    int activations = 1;         ///< in the branch
    double shortcut_weight = 0;  ///< w, from 0 to 1
    bool projection = false;
    int then = 0;   ///< activations behind the sum
    int times = 1;  ///< as many such blocks
  };
  std::vector<Block> blocks;
  int then = 0;  ///< activations behind the last block; of a chain without blocks, all

  using Map = std::function<double(double)>;
  /// Of the network as a whole.
  double whole(double start, Map const& r) const;
  /// The largest of the whole and of each branch by itself, from the start. r has to be increasing with r(x) ≥ x.
  double largest(double start, Map const& r) const;
};

}  // namespace infinitile
