#include <filesystem>

#include "job/parameters_file.hpp"
#include "store/hdf5.hpp"
#include "support/catch.hpp"
#include "support/language.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

std::vector<ParameterSpec> const specs{{"0/w", {2, 3}, 1}, {"3/1/0/b", {3}, 1}};

}  // namespace

TEST_CASE("parameters come back from a file as they were written", "[parameters_file]") {
  Scratch const scratch;
  ParameterValues const values = draw_parameters(specs, {5, 0});
  for (char const* const name : {"p.h5", "p.safetensors"})
    for (std::string const group : {"params", "", "a/b"}) {
      write_parameters(scratch.path() / name, group, specs, values);
      CHECK(read_parameters(scratch.path() / name, group, specs) == values);
    }
}

TEST_CASE("safetensors separate the names of a path by dots", "[parameters_file]") {
  Scratch const scratch;
  auto const file = scratch.path() / "p.safetensors";
  write_parameters(file, "a/b", specs, draw_parameters(specs, {}));
  auto const error = [&](std::vector<ParameterSpec> const& wanted, std::string const& group = "a/b") {
    return message_of([&] { read_parameters(file, group, wanted); });
  };
  std::string const name = file.string();
  CHECK(error({{"0/w", {6}, 1}, specs[1]})
        == "a.b.0.w of " + name + " has the shape (2, 3); the network needs (6). Check that the file belongs to this network.");
  CHECK(error({specs[0]})
        == name + " has the parameter a.b.3.1.0.b, which the network does not have; it has 1 parameters. Check that the file belongs to this network.");
  CHECK(error(specs, "a") == name + " has no array a.0.w; it has a.b.0.w and a.b.3.1.0.b. Did you mean \"a.b.0.w\"?");
  ParameterValues values = draw_parameters(specs, {});
  values[1][2] = NAN;
  write_parameters(file, "", specs, values);
  CHECK(error(specs, "/") == "3.1.0.b of " + name + ": number 2, counted from 0 row by row, is nan; finite numbers are needed.");
}

TEST_CASE("a file that does not fit the network is told in one line", "[parameters_file]") {
  Scratch const scratch;
  auto const file = scratch.path() / "p.h5";
  std::string const name = file.string();
  write_parameters(file, "params", specs, draw_parameters(specs, {}));
  auto const error = [&](std::vector<ParameterSpec> const& wanted, std::string const& group = "params") {
    return message_of([&] { read_parameters(file, group, wanted); });
  };
  CHECK(error({{"0/w", {2, 4}, 1}, specs[1]})
        == "params/0/w of " + name + " has the shape (2, 3); the network needs (2, 4). Check that the file belongs to this network.");
  CHECK(error({specs[0], specs[1], {"4/b", {1}, 1}})
        == name + " has no dataset params/4/b; it has params/0/w and params/3/1/0/b. Did you mean \"params/0/w\"?");
  CHECK(error({specs[0]})
        == name + " has the parameter params/3/1/0/b, which the network does not have; it has 1 parameters. Check that the file belongs to this network.");
  CHECK(error(specs, "param").starts_with(name + " has no dataset param/0/w; it has params/0/w"));
  ParameterValues values = draw_parameters(specs, {});
  values[1][2] = INFINITY;
  write_parameters(file, "params", specs, values);
  CHECK(error(specs) == "params/3/1/0/b of " + name + ": number 2, counted from 0 row by row, is inf; finite numbers are needed.");
}
