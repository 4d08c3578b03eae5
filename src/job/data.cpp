#include "job/data.hpp"

namespace infinitile {

namespace {

DatasetSpec dataset_spec(Job::Source const& source) {
  return {source.file, source.x, source.y.empty() ? std::nullopt : std::optional(source.y)};
}

}  // namespace

DataSpec data_spec(Job const& job) {
  DataSpec spec;
  spec.train = dataset_spec(job.data.train);
  if (job.data.test) spec.test = dataset_spec(*job.data.test);
  spec.shapes = job.data.shapes;
  spec.scale = parse_scale(job.data.scale);
  return spec;
}

}  // namespace infinitile
