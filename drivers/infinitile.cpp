// The program: its commands, in the order of a user's day.
#include <vector>

#include "drivers/commands.hpp"

using namespace infinitile;

namespace {

std::vector<Command> const commands{
    {"kernel",
     "JOB.yaml",
     "computes the kernel blocks of a job; goes on where it stopped",
     "Computes the tiles of the kernel matrices that JOB names and leaves them in its output directory: result.h5, job.yaml,\n"
     "report.json, log.txt, tiles/. Tiles that are finished are not computed again, also with another number of ranks.\n",
     {},
     fill_kernel_blocks},
    {"posterior",
     "JOB.yaml",
     "predictions; computes the kernel blocks that are missing first",
     "Solves the Gaussian-process posterior of JOB: mean and variance at the test inputs, log marginal likelihood, and with\n"
     "labels accuracy, negative log likelihood and calibration. With dynamics.steps it also trains a finite network, and its\n"
     "linearization beside it. The keys below posterior and dynamics may change from run to run.\n",
     {},
     predict},
    {"shape",
     "JOB.yaml",
     "DKS / TAT: activations shaped for deep networks, from the network's own graph",
     "Chooses input_scale, input_shift, output_scale and output_shift of every activation so that the maps of the whole network\n"
     "are as the section shape of JOB says. Leaves shaped.yaml, the same network with these activations (network: {file: shaped.yaml}),\n"
     "and the maps before and after in result.h5.\n",
     {},
     shape_activations},
    {"plan",
     "JOB.yaml",
     "what a job costs: memory, flops, bytes, disk, seconds; runs nothing",
     "Prints what JOB would cost on a number of ranks, before it is submitted.\n",
     {{"ranks", "N", "ranks to plan for; default: those it is started with"},
      {"memory", "SIZE", "memory of one rank, such as 64GiB; default: what is free here"},
      {"gpus", "N", "GPUs to plan for"},
      {"rates", "FILE", "of the machine, as infinitile bench --json FILE measured them"}},
     print_plan},
    {"inspect",
     "FILE",
     "a job, a network or a result.h5: layers, shapes, parameters, contents",
     "Prints what is in FILE: of a job or a network (YAML, or net.onnx) its layers with shapes, parameters and what each\n"
     "reading supports; of a result.h5 (or the directory it is in) its datasets, attributes and provenance.\n",
     {{"shape", "LIST", "of one input of a network file, channels last, such as [8, 8, 1]; a list of shapes for several"}},
     inspect_file},
    {"bench",
     "[NAME...]",
     "measured rates against the roofline",
     "Measures the hot paths on this machine and prints the fraction of the bound that each reaches; without names all of them.\n",
     {{"list", "", "prints the names"},
      {"tiny", "", "small sizes: only to see that all of it runs"},
      {"json", "FILE", "writes the figures to FILE, too"}},
     measure_rates},
};

}  // namespace

int main(int argc, char** argv) {
  return run(argc, argv, commands);
}
