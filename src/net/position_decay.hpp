#pragma once

#include <span>
#include <vector>

#include "net/ops_spatial.hpp"

namespace infinitile {

/// What the embeddings of positions have in common: R[p, r] = decay(s), s = Σ |p_a − r_a|^p_norm over the axes, positions x positions, by
/// rows (reference 2.9). Empty without a decay: then R is the identity. `sizes` are those of the spatial axes, row-major.
std::vector<double> embedding_covariance(GlobalSelfAttention const& op, std::span<long const> sizes);

/// The lower triangular factor L of a covariance, n x n by rows, in the order of its rows: L Lᵀ is the covariance up to rounding. Where the rows
/// before determine a row, its column is 0.
std::vector<double> factor_of(std::vector<double> covariance, long n);

/// Embeddings of more positions are refused: their covariance is held in full, and attention to so many costs their number cubed per pair.
inline constexpr long most_decay_positions = 4096;

/// Is a symmetric matrix, n x n by rows, a covariance: positive semi-definite up to the rounding of its entries?
bool is_covariance(std::vector<double> matrix, long n);

}  // namespace infinitile
