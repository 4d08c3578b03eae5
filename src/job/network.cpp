#include "job/network.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/reader.hpp"

namespace infinitile {

namespace {

/// The line of a value from the command line is not one of the file.
template <class Action>
auto with_overrides_named(Job const& job, Action action) {
  try {
    return action();
  } catch (Error const& error) {
    if (job.network_overrides.empty()) throw;
    throw Error(text(error.what(), " (The network was changed by ", job.network_overrides, ".)"), error.code());
  }
}

}  // namespace

Network build_network(Job const& job, std::vector<std::vector<long>> const& shapes, std::vector<Signature> const& activations) {
  ReadContext const context{job.file.string(), job.file.parent_path().string(), shapes, activations, job.kernel.output};
  return with_overrides_named(job, [&] { return read_network(job.network, context); });
}

void expect_infinite_width(Job const& job, Network const& network) {
  with_overrides_named(job, [&] { expect_infinite_width(network); });
}

}  // namespace infinitile
