#include "job/training_state.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/index.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "store/file.hpp"
#include "store/hdf5.hpp"

namespace infinitile {

namespace {

char const* const dataset = "training";
constexpr std::size_t head = 8;

/// The scalars of a state, the key in two halves that doubles hold exactly.
std::vector<double> head_of(TrainingState const& state, std::uint64_t key) {
  return {static_cast<double>(key >> 32),
          static_cast<double>(key & 0xffffffff),
          static_cast<double>(state.step),
          state.learning_rate,
          state.largest_learning_rate,
          state.network_bound,
          state.linear_bound,
          static_cast<double>(state.records.size())};
}

/// visit(array) for all arrays of a state, in one order.
template <class State, class Visit>
void for_arrays(State& state, Visit const& visit) {
  for (auto& each : state.now) visit(each);
  for (auto& each : state.moved) visit(each);
  auto const outputs = [&](auto& each) {
    visit(each.network);
    visit(each.linearized);
    for (auto& expansion : each.expansions) visit(expansion);
  };
  for (auto& record : state.records) {
    outputs(record.train);
    if (record.test) outputs(*record.test);
  }
}

/// All numbers of an intact file, or none.
std::vector<double> read_numbers(std::filesystem::path const& path) {
  if (!std::filesystem::exists(path)) return {};
  if (!seal_holds(path)) {
    log_warning(text(path.string(), " is damaged (its checksum does not hold); training begins anew"));
    return {};
  }
  h5::Handle const file = h5::open_file(path);
  return h5::read_all<double>(h5::open_dataset(file, path.string(), dataset), path.string());
}

}  // namespace

void TrainingFile::save(TrainingState const& state) const {
  together(comm_, [&] {
    if (!comm_.is_first()) return;
    std::vector<double> numbers = head_of(state, key_);
    for (Dynamics::Record const& record : state.records) numbers.push_back(record.step);
    for_arrays(state, [&](std::vector<double> const& array) { numbers.insert(numbers.end(), array.begin(), array.end()); });
    h5::Handle file = h5::create_file(unfinished(path_));
    h5::write_dataset(file, dataset, {std::ssize(numbers)}, numbers.data());
    if (!file.release()) throw Error(text("cannot write ", path_.string(), ": ", h5::last_reason(), "."));
    seal_file(unfinished(path_));
    publish(path_);
  });
}

std::optional<TrainingState> TrainingFile::load(TrainingState like) const {
  std::vector<double> const numbers =
      comm_.broadcast(together(comm_, [&] { return comm_.is_first() ? read_numbers(path_) : std::vector<double>{}; }), 0);
  std::vector<double> const expected = head_of(like, key_);
  if (numbers.size() < head || !std::equal(expected.begin(), expected.begin() + 2, numbers.begin())) return std::nullopt;
  like.step = static_cast<int>(numbers[2]);
  like.learning_rate = numbers[3];
  like.largest_learning_rate = numbers[4];
  like.network_bound = numbers[5];
  like.linear_bound = numbers[6];
  like.records.resize(static_cast<std::size_t>(numbers[7]), like.records.at(0));
  auto from = numbers.begin() + head;
  for (Dynamics::Record& record : like.records) record.step = static_cast<int>(*from++);
  for_arrays(like, [&](std::vector<double>& array) {
    INFINITILE_EXPECT(numbers.end() - from >= std::ssize(array));
    std::copy_n(from, array.size(), array.begin());
    from += std::ssize(array);
  });
  INFINITILE_EXPECT(from == numbers.end());
  return like;
}

void TrainingFile::remove() const {
  if (comm_.is_first()) std::filesystem::remove(path_);
}

}  // namespace infinitile
