#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "comm/communicator.hpp"
#include "job/dynamics.hpp"

namespace infinitile {

/// All that training needs to go on with the same bits.
struct TrainingState {
  int step = 0;
  double learning_rate = 0, largest_learning_rate = 0;
  double network_bound = 0, linear_bound = 0;  ///< of the gradients to come (GradientSum)
  ParameterValues now;                         ///< θ
  ParameterValues moved;                       ///< ω
  std::vector<Dynamics::Record> records;
};

/// The file of a training that is under way. It is there if and only if it is complete, and counts only with the key it was written with.
class TrainingFile {
public:
  TrainingFile(std::filesystem::path path, std::uint64_t key, Communicator const& comm) : path_(std::move(path)), key_(key), comm_(comm) {}

  /// Rank 0 writes.
  void save(TrainingState const& state) const;
  /// Rank 0 reads, all know. Arrays get the sizes of `like`, which has its parameters, and one record with the sizes of all. Nothing where there is no
  /// such file, it is damaged, or belongs to another training. Collective.
  std::optional<TrainingState> load(TrainingState like) const;
  void remove() const;

private:
  std::filesystem::path path_;
  std::uint64_t key_;
  Communicator const& comm_;
};

}  // namespace infinitile
