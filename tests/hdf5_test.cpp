#include "store/hdf5.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

TEST_CASE("what is written is read", "[hdf5]") {
  Scratch const scratch;
  auto const path = scratch / "a.h5";
  {
    h5::Handle file = h5::create_file(path);
    std::vector<double> const values{1, 2, 3, 4, 5, 6};
    std::vector<long> const numbers{-1, 7};
    h5::write_dataset(file, "group/below/values", {2, 3}, values.data());
    h5::write_dataset(file, "numbers", {2}, numbers.data());
    CHECK(file.release());
  }
  h5::Handle const file = h5::open_file(path);
  CHECK(h5::dataset_paths(file) == std::vector<std::string>{"group/below/values", "numbers"});
  h5::Handle const values = h5::open_dataset(file, "a.h5", "group/below/values");
  CHECK(h5::shape_of(values).extents == std::vector<long>{2, 3});
  CHECK(h5::shape_of(values).kind == h5::Kind::floating);
  CHECK(h5::read_all<double>(values, "values") == std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(h5::read_all<long>(values, "values") == std::vector<long>{1, 2, 3, 4, 5, 6});
  CHECK(h5::read_all<float>(h5::open_dataset(file, "a.h5", "numbers"), "numbers") == std::vector<float>{-1, 7});
}

TEST_CASE("groups are made once", "[hdf5]") {
  Scratch const scratch;
  h5::Handle const file = h5::create_file(scratch / "a.h5");
  for (std::string const path : {"", "/", "a/b", "a/b/c", "a", "/a/b", "a/b"}) CHECK(h5::require_group(file, path) >= 0);
}

TEST_CASE("a failure is one line with the library's reason, and the library itself is silent", "[hdf5]") {
  Scratch const scratch;
  std::string const words = message_of<Error>([&] { h5::create_file(scratch / "nowhere/a.h5"); });
  CHECK(words.starts_with("cannot write " + (scratch / "nowhere/a.h5").string() + ": "));
  CHECK(words.find("No such file or directory") != std::string::npos);
  CHECK(words.find('\n') == std::string::npos);
}

TEST_CASE("a dataset that does not fit on the disk stops the run", "[hdf5]") {
  Scratch const scratch;
  pid_t const child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit const size{10000, 10000};
    setrlimit(RLIMIT_FSIZE, &size);
    std::string const words = message_of<Stopped>([&] {
      std::vector<double> const values(5000, 1);
      h5::Handle const file = h5::create_file(scratch / "a.h5");
      h5::write_dataset(file, "values", {5000}, values.data());
    });
    bool const clear = words
                       == "cannot write values of " + (scratch / "a.h5").string()
                              + ": File too large. Make room and run the same command again: it goes on from there.";
    if (!clear) std::fprintf(stderr, "%s\n", words.c_str());
    _exit(clear ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(status == 0);
}

TEST_CASE("the version is known", "[hdf5]") {
  CHECK(h5::version().starts_with(std::to_string(H5_VERS_MAJOR) + "."));
}
