#include "job/data.hpp"

namespace infinitile {

namespace {

DatasetSpec dataset_spec(Job::Source const& source) {
  auto const given = [](std::string const& name) { return name.empty() ? std::nullopt : std::optional(name); };
  return {source.file, source.x, given(source.y), source.mask, given(source.pattern), source.has_targets};
}

}  // namespace

DataSpec data_spec(Job const& job) {
  DataSpec spec;
  spec.train = dataset_spec(job.data.train);
  if (job.data.test) spec.test = dataset_spec(*job.data.test);
  spec.shapes = job.data.shapes;
  spec.scale = parse_scale(job.data.scale);
  spec.padding = job.data.padding;
  return spec;
}

}  // namespace infinitile
