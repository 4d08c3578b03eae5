#include "store/number_file.hpp"

#include <cmath>
#include <filesystem>

#include "support/catch.hpp"
#include "support/scratch.hpp"
#include "support/stored_tiles.hpp"

using namespace infinitile;

TEST_CASE("numbers come back to the last bit, and only for what they belong to", "[number_file]") {
  Scratch const scratch;
  auto const path = scratch / "ntk.diagonal";
  CHECK(!read_numbers(path, 7));
  for (std::vector<double> const& numbers : {std::vector<double>{}, {1.5}, {-0.0, 1e-310, std::nextafter(1.0, 2.0)}}) {
    write_numbers(path, 7, numbers);
    auto const found = read_numbers(path, 7);
    REQUIRE(found);
    CHECK(std::ranges::equal(std::as_bytes(std::span(*found)), std::as_bytes(std::span(numbers))));
    CHECK(!read_numbers(path, 8));
  }
  CHECK(files_in(scratch.path()).size() == 1);
}

TEST_CASE("a change of any byte and a cut anywhere are noticed", "[number_file]") {
  Scratch const scratch;
  auto const path = scratch / "ntk.diagonal";
  write_numbers(path, 7, std::vector<double>{1, 2, 3});
  std::string const good = content_of(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    write_content(path, changed);
    CHECK(!read_numbers(path, 7));
    write_content(path, good.substr(0, at));
    CHECK(!read_numbers(path, 7));
  }
}
