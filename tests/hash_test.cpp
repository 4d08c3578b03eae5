#include "base/hash.hpp"

#include <fstream>

#include "base/error.hpp"
#include "support/catch.hpp"

using namespace infinitile;

TEST_CASE("SHA-256 of a file is that of the standard's example", "[hash]") {
  {
    std::ofstream file("hash_test.tmp", std::ios::binary);
    file << "abc";
  }
  // FIPS 180-2, appendix B.1.
  CHECK(file_sha256("hash_test.tmp") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(file_checksum("hash_test.tmp") == checksum("abc"));
  std::remove("hash_test.tmp");
  CHECK_THROWS_AS(file_sha256("hash_test.tmp"), Error);
}

TEST_CASE("one bit changes the checksum, and so does what came before", "[hash]") {
  CHECK(checksum("tile") != checksum("tilf"));
  CHECK(checksum("tile", 1) != checksum("tile", 2));
  CHECK(hexadecimal(0xabc) == "0000000000000abc");
}
