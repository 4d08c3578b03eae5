#include "base/error.hpp"
#include "job/shape_keys.hpp"
#include "support/catch.hpp"

using namespace infinitile;

namespace {

std::string const start = "data: {train: {file: a.h5}}\nnetwork: [dense]\n";

Job read(std::string const& words) {
  return parse_job(start + words, "jobs/a.yaml");
}

std::string message(std::string const& words) {
  try {
    read(words);
  } catch (Error const& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a chain and blocks are read as they are written", "[job]") {
  CHECK_FALSE(read("").shape.subnetworks);
  CHECK_FALSE(read("shape: {subnetworks: null}\n").shape.subnetworks);
  BlockMap const chain = *read("shape: {subnetworks: {chain: 100}}\n").shape.subnetworks;
  CHECK(chain.blocks.empty());
  CHECK(chain.then == 100);
  BlockMap const map = *read(
                            "shape:\n  subnetworks:\n    blocks:\n      - {activations: 3, shortcut_weight: 0.6, projection: true}\n"
                            "      - {activations: 2, shortcut_weight: 0.8, then: 1, times: 4}\n      - {activations: 1}\n    then: 2\n")
                            .shape.subnetworks;
  REQUIRE(map.blocks.size() == 3);
  CHECK(map.then == 2);
  CHECK(map.blocks[0].activations == 3);
  CHECK(map.blocks[0].shortcut_weight == 0.6);
  CHECK(map.blocks[0].projection);
  CHECK(map.blocks[0].then == 0);
  CHECK(map.blocks[0].times == 1);
  CHECK(map.blocks[1].activations == 2);
  CHECK_FALSE(map.blocks[1].projection);
  CHECK(map.blocks[1].then == 1);
  CHECK(map.blocks[1].times == 4);
  CHECK(map.blocks[2].shortcut_weight == 0);
}

TEST_CASE("wrong subnetworks are refused in one line", "[job]") {
  auto const [words, expected] = GENERATE(table<std::string, std::string>({
      {"3", ": shape.subnetworks is 3, but a mapping is needed; infinitile --defaults shows one."},
      {"{chian: 3}", ": shape.subnetworks: the key chian is not known. Did you mean \"chain\"? Known: chain, blocks and then."},
      {"{then: 1}",
       ": shape.subnetworks is {then: 1}, but a chain alone or blocks are needed, such as {chain: 100} or {blocks: [{activations: 3, "
       "shortcut_weight: 0.6, times: 16}], then: 1}."},
      {"{chain: 0}", ": shape.subnetworks: chain is 0; a whole number from 1 to 2147483647 is needed."},
      {"{chain: many}", ": shape.subnetworks: chain is many; an integer is needed."},
      {"{chain: 2000000}", ": shape.subnetworks has 2000000 activations, and at most 1000000 are counted. Take fewer."},
      {"{blocks: []}", ": shape.subnetworks: blocks is []; a list of blocks is needed."},
      {"{blocks: [3]}", ": shape.subnetworks.blocks[0] is 3; a mapping is needed, such as {activations: 3, shortcut_weight: 0.6}."},
      {"{blocks: [{activations: 1}, {shortcut_weight: 0.5}]}",
       ": shape.subnetworks.blocks[1] has no activations. Say how many its branch has."},
      {"{blocks: [{activations: 0}]}", ": shape.subnetworks.blocks[0]: activations is 0; a whole number from 1 to 2147483647 is needed."},
      {"{blocks: [{activations: 1, weight: 0.5}]}",
       ": shape.subnetworks.blocks[0]: the key weight is not known. Known: activations, shortcut_weight, projection, then and times."},
      {"{blocks: [{activations: 1, shortcut_weight: 1.5}]}",
       ": shape.subnetworks.blocks[0]: shortcut_weight is 1.5; a number from 0 to 1, whose square is the shortcut's share of the variance, "
       "is needed."},
      {"{blocks: [{activations: 1, projection: 2}]}", ": shape.subnetworks.blocks[0]: projection is 2; true or false is needed."},
      {"{blocks: [{activations: 1, times: 99999999999}]}",
       ": shape.subnetworks.blocks[0]: times is 99999999999; a whole number from 1 to 2147483647 is needed."},
  }));
  CHECK(message("shape:\n  subnetworks: " + words + "\n") == "jobs/a.yaml:4" + expected);
}
