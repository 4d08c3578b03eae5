#pragma once

#include <string>
#include <vector>

#include "base/index.hpp"
#include "kernels/activation.hpp"
#include "kernels/position_map.hpp"

namespace infinitile {

/// What is kept of a covariance between the positions of two inputs: each position with itself (the zero plane), or all pairs.
enum class Spread { diagonal, full };

/// How a layer norm groups positions: all positions with one number share a variance.
struct NormGroups {
  double eps = 0;
  std::vector<int> group;  ///< of each position
};

/// Attention over all positions; reference 2.9. keep, add: k~ = keep k + add R, R[p, r] being what the embeddings of two positions share.
struct AttentionRule {
  enum class Mechanism { softmax, identity, abs, relu };
  Mechanism mechanism = Mechanism::softmax;
  bool linear_scaling = true;
  double logit = 1;   ///< w_query_std w_key_std
  double output = 1;  ///< w_out_std w_value_std
  double bias = 0;    ///< b_std²
  double keep = 1, add = 0;
  std::vector<double> relation;  ///< R, positions x positions; empty: the identity, embeddings being independent
  bool embed_values = false;

  /// add R[p, r].
  double embedding(int p, int r, int positions) const {
    if (relation.empty()) return p == r ? add : 0;
    return add * relation[at(static_cast<long>(p) * positions + r)];
  }
};

/// Which positions of a layer are there, the others being masked: its inputs' masks, carried on. Masks depend on the inputs of the network
/// alone, so all of them are known before the first step.
struct MaskRule {
  struct Source {
    int mask = 0, position = 0;
  };
  int input = -1;              ///< the mask of that input of the network; -1: made of earlier masks
  bool all = false;            ///< there where all of its sources are, or where any of them is
  std::vector<int> first;      ///< position o has the sources first[o], ..., first[o + 1] - 1
  std::vector<Source> source;  ///< numbers of masks, and of positions in them

  int positions() const { return static_cast<int>(first.size()) - 1; }
};

/// One step of a position program. Registers hold h and ntk of every position, or of every pair of positions.
///
/// Kinds  load    the covariance of input `index`
///        copy    source to target
///        mix     by map `index`, from source to target
///        widen   from the diagonal to all pairs, with independent positions
///        dense, activate, normalize, drop, add, multiply: as in kernels/pair_step.hpp, at every pair of positions
///        attend  by rule `index`, from source to target
///        aggregate  along the edges of each input's graph `index`, from source to target
///        conceal    masked positions have no variance and no covariance, in place
///        share      division by the number of positions that are there, on either side, in place
/// `mask` says which positions are there, and for normalize and attend which count; -1: all.
/// `before`, `other`, `after` are slots of the table of roots, as in Step.
struct PositionStep {
  enum class Kind { load, copy, mix, widen, dense, activate, normalize, drop, add, multiply, attend, aggregate, conceal, share };
  /// Of the value read and of the value written.
  struct Form {
    Spread in = Spread::diagonal;
    Spread out = Spread::diagonal;
  };
  Kind kind = Kind::load;
  int target = 0;
  int source = -1;
  int before = 0, other = 0, after = 0;
  int index = 0;
  int mask = -1;
  int in_positions = 1, out_positions = 1;
  double weight = 1, shift = 0;  ///< dense: w_std², b_std²; add: weights of target and source; drop: keep probability, -
  double trained_out = 0, trained_in = 0, trained_one = 0;  ///< dense: ntk' = out k' + in k + one + w_std² ntk
  Form pairs;                                               ///< for pairs of inputs
  Form variances;                                           ///< for an input with itself, as far as only variances are wanted
  bool late = false;  ///< no activation, layer norm or attention comes after it, so nobody waits for its variances
  int node = -1;      ///< of the network, for messages

  /// Does it change what its target holds? The others put something new there.
  bool is_in_place() const {
    switch (kind) {
      case Kind::load:
      case Kind::copy:
      case Kind::mix:
      case Kind::widen:
      case Kind::attend:
      case Kind::aggregate:
        return false;
      case Kind::dense:
      case Kind::activate:
      case Kind::normalize:
      case Kind::drop:
      case Kind::add:
      case Kind::multiply:
      case Kind::conceal:
      case Kind::share:
        return true;
    }
    return true;
  }
};

/// An infinitely wide network with positions as steps on registers. The infinite reading (src/infinite) writes it; the table of roots and
/// tiles run it, layer by layer: the general path, which can do every network, and the oracle of the fused ones.
struct PositionProgram {
  std::vector<PositionStep> steps;
  std::vector<AnyActivation> activations;
  std::vector<PositionMap> maps;
  std::vector<NormGroups> norms;
  std::vector<AttentionRule> attentions;
  std::vector<MaskRule> masks;
  std::vector<double> edges;                  ///< per set of graphs that it reads, one graph per input: their mean number, for plans
  std::vector<int> slots;                     ///< positions of each slot of the table of roots
  std::vector<std::vector<int>> input_sizes;  ///< per input of the network: its spatial axes
  int registers = 1;
  int output = 0;                  ///< register of the result, one position
  int output_slot = 0;             ///< its roots
  int output_mask = -1;            ///< whether anything is left of an input there; -1 without masks
  std::vector<std::string> where;  ///< per step: the layer that it belongs to, as messages name it; may be empty
};

}  // namespace infinitile
