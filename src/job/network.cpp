#include "job/network.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/reader.hpp"

namespace infinitile {

Network build_network(Job const& job, std::vector<std::vector<long>> const& shapes, std::vector<Signature> const& activations) {
  ReadContext const context{job.file.string(), job.file.parent_path().string(), shapes, activations, job.kernel.output};
  try {
    return read_network(job.network, context);
  } catch (Error const& error) {  // the line of a value from the command line is not one of the file
    if (job.network_overrides.empty()) throw;
    throw Error(text(error.what(), " (The network was changed by ", job.network_overrides, ".)"), error.code());
  }
}

}  // namespace infinitile
