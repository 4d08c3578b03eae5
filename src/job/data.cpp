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
  spec.per_location = job.data.per_location;
  spec.padding = job.data.padding;
  return spec;
}

std::vector<std::vector<long>> input_shapes(Dataset const& dataset) {
  std::vector<std::vector<long>> shapes;
  for (auto const& input : dataset.inputs) shapes.push_back(input.shape);
  return shapes;
}

std::vector<std::vector<long>> input_shapes(Job const& job, std::vector<std::vector<long>> stored) {
  if (stored.empty()) stored = job.data.shapes;
  if (stored.empty()) return input_shapes(load_data(data_spec(job)).train);
  if (job.data.scale == "per_location")
    for (auto& shape : stored)
      if (!shape.empty()) shape = job.data.per_location.shape_after(std::move(shape));  // without any axis no network is built
  return stored;
}

}  // namespace infinitile
