#include <fmt/format.h>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "drivers/commands.hpp"
#include "job/data.hpp"
#include "job/network.hpp"
#include "job/problem.hpp"
#include "job/run_directory.hpp"
#include "job/shaping.hpp"
#include "job/text_file.hpp"
#include "kernels/activation.hpp"
#include "version.hpp"

// infinitile shape JOB.yaml: activations shaped for the network they are in.

namespace infinitile {

namespace {

std::string_view quantity(ShapeMethod method) {
  return method == ShapeMethod::dks ? "C'(1)" : method == ShapeMethod::tat ? "C''(1)" : "C(0)";
}

void print(Shaping const& shaping, Job const& job) {
  fmt::print("{:16} {:>13} {:>13} {:>13} {:>13} {:>10}\n", "activation", "input_scale", "input_shift", "output_scale", "output_shift",
             "residual");
  for (ShapedKind const& kind : shaping.network.kinds) {
    Scaling const& s = kind.shaped.scaling;
    fmt::print("{:16} {:13.8f} {:13.8f} {:13.8f} {:13.8f} {:10.0e}\n", kind.before.name, s.input_scale, s.input_shift, s.output_scale,
               s.output_shift, kind.residuals.largest());
    if (kind.before.name == "leaky_relu") fmt::print("{:16} alpha {:.10f}\n", "", alpha_of(kind.shaped));
  }
  LocalTarget const& local = shaping.network.local;
  fmt::print("largest {} of all subnetworks: {:.6g}, with {} {:.6g} of every activation\n", quantity(local.method),
             shaping.network.achieved, local.method == ShapeMethod::tat_leaky ? "alpha" : quantity(local.method), local.value);
  if (job.shape.subnetworks)
    fmt::print("they are those of shape.subnetworks; of this graph itself the largest is {:.6g}\n", shaping.network.in_graph);
  fmt::print("two inputs of correlation 0.5 come out with {:.4g}; before with {:.4g}\n", shaping.half_after, shaping.half_before);
}

/// Results of other commands would be replaced.
void refuse_kernels(std::filesystem::path const& directory) {
  if (std::filesystem::exists(directory / "tiles"))
    throw Error(
        fmt::format("{} holds the kernels of this job, and their result.h5 would be lost. Choose another --output.", shown(directory)));
}

}  // namespace

void shape_activations(Job const& job, Context const& context) {
  Sources sources;
  together(context.comm, [&] {
    if (!job.onnx.empty())
      throw Error(
          fmt::format("{}: network.onnx cannot be shaped, since an ONNX file is not written in the language of layers. Write the "
                      "network as layers, or as {{file: net.yaml}}.",
                      job.file.string()));
    refuse_kernels(job.output);
    sources.network = build_network(job, input_shapes(job), activation_signatures()).hash();
    refuse_other_job(job, sources);
  });
  auto const phase = context.report.phase("shape");
  Shaping const shaping = together(context.comm, [&] { return shape_job(job); });
  RunDirectory const directory(job, sources, context);
  together(context.comm, [&] {
    if (!context.comm.is_first()) return;
    write_text_file(directory.path() / "shaped.yaml", shaping.words);
    ResultContents contents;
    contents.arrays = shaping.arrays;
    contents.notes = shaping.notes;
    contents.provenance = {{"program", std::string("infinitile")}, {"version", std::string(version)},
                           {"git_id", std::string(git_id)},        {"build", std::string(build_description)},
                           {"job", echo_job(job, sources)},        {"network_hash", hexadecimal(sources.network)},
                           {"start", context.report.start},        {"duration_seconds", context.report.clock.seconds()}};
    write_result(directory.path(), contents, {TileGrid(1, 0, 1), {}, Precision::float64, true, 0}, {});
    print(shaping, job);
    fmt::print("results in {} and {}\n", shown(job.output / "shaped.yaml"), shown(job.output / "result.h5"));
  });
}

}  // namespace infinitile
