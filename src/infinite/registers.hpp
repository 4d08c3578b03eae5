#pragma once

#include <vector>

#include "base/index.hpp"
#include "net/network.hpp"

namespace infinitile {

/// Where a value lives: its register, and the slot of its roots in the table that a program fills.
struct Place {
  int reg = 0;
  int slot = 0;
};

/// The registers of a program that is being written: where each node's value lives, and who is still to read it. Behind its last reader a
/// register is free again.
class Registers {
public:
  explicit Registers(Network const& network) : readers_(at(network.size()), 0), places_(readers_.size()) {
    for (int n = 0; n < network.size(); ++n)
      if (network.is_needed(n))
        for (int const input : network.node(n).inputs) ++readers_[at(input)];
    ++readers_[at(network.output())];  // whoever asked for it
  }

  int open() {
    if (free_.empty()) return count_++;
    int const reg = free_.back();
    free_.pop_back();
    return reg;
  }
  void close(int reg) { free_.push_back(reg); }
  /// How many there have to be.
  int count() const { return count_; }

  Place& of(int node) { return places_[at(node)]; }
  int readers(int node) const { return readers_[at(node)]; }
  /// One reader less. Was it the last, who may change the value where it is?
  bool take_over(int node) { return --readers_[at(node)] == 0; }
  /// The same for a reader who wants nothing else of it.
  void release(int node) {
    if (take_over(node)) close(of(node).reg);
  }

private:
  std::vector<int> readers_;  ///< still to come, per node
  std::vector<Place> places_;
  std::vector<int> free_;
  int count_ = 0;
};

}  // namespace infinitile
