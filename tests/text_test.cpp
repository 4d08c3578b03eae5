#include "base/text.hpp"

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("the nearest word is a typing slip away, or there is none", "[text]") {
  std::vector<std::string> const words{"dense", "dropout", "relu", "layer_norm"};
  CHECK(nearest("dens", words) == "dense");
  CHECK(nearest("reul", words) == "relu");
  CHECK(nearest("layernorm", words) == "layer_norm");
  CHECK(nearest("conv2d_transpose", words).empty());
  CHECK(nearest("LayerNorm", words) == "layer_norm");
  CHECK(did_you_mean("densee", words) == " Did you mean \"dense\"?");
  CHECK(did_you_mean("relu6", {"elu", "relu", "selu", "erf"}, 2) == " Did you mean \"relu\" or \"elu\"?");
}

TEST_CASE("amounts of memory are read and written in powers of 1024", "[text]") {
  CHECK(parse_bytes("64GiB") == 64.0 * 1024 * 1024 * 1024);
  CHECK(parse_bytes("1.5 m") == 1.5 * 1024 * 1024);
  CHECK(parse_bytes("1e9") == 1e9);
  CHECK(parse_bytes("7B") == 7);
  CHECK(format_bytes(1536) == "1.5 KiB");
  CHECK(format_bytes(3.0 * 1024 * 1024 * 1024) == "3.0 GiB");
  for (auto const* wrong : {"", "GiB", "-1GiB", "5 parsecs", "1GiBs", "nan", "inf"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_bytes(wrong), Error);
  }
}

TEST_CASE("whatever a file holds becomes one line that can be printed", "[text]") {
  CHECK(one_line("a\nb\tc\x7f") == "a b c ");
  CHECK(one_line("Ω ≥ 1 😀") == "Ω ≥ 1 😀");
  CHECK(one_line("\xff"
                 "a\xc3")
        == "?a?");
  CHECK(one_line("\xe2\x89") == "??");
}

TEST_CASE("times and counts are written for people", "[text]") {
  CHECK(format_seconds(0.0125) == "12.5 ms");
  CHECK(format_seconds(3.2) == "3.20 s");
  CHECK(format_seconds(200) == "3 min 20 s");
  CHECK(format_seconds(7500) == "2 h 5 min");
  CHECK(format_count(12345) == "12.3 k");
  CHECK(format_count(5.26e10) == "52.6 G");
}
