#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.hpp"
#include "store/file.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace infinitile;

namespace {

std::string content_of(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(std::filesystem::path const& path, std::string const& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace

TEST_CASE("a seal holds until any bit changes or the end is cut off", "[file]") {
  Scratch const scratch;
  auto const path = scratch / "sealed";
  std::size_t const size = GENERATE(0, 1, 1000);
  write(path, std::string(size, 'x'));
  CHECK(!seal_holds(path));
  seal_file(path);
  CHECK(seal_holds(path));
  std::string const sealed = content_of(path);
  REQUIRE(sealed.size() == size + 16);
  for (std::size_t at = 0; at<sealed.size(); at += size> 100 && at < size - 20 ? 17 : 1) {
    std::string changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    write(path, changed);
    CHECK(!seal_holds(path));
    write(path, sealed.substr(0, at));
    CHECK(!seal_holds(path));
  }
  write(path, sealed + " ");
  CHECK(!seal_holds(path));
}

TEST_CASE("a missing file has no seal", "[file]") {
  Scratch const scratch;
  CHECK(!seal_holds(scratch / "nothing"));
  CHECK(!seal_holds(scratch.path()));
}

TEST_CASE("a seal covers files longer than one piece", "[file]") {
  Scratch const scratch;
  auto const path = scratch / "long";
  std::string const content(3'000'001, 'a');
  write(path, content);
  seal_file(path);
  CHECK(seal_holds(path));
  std::string changed = content_of(path);
  changed[2'000'000] = 'b';
  write(path, changed);
  CHECK(!seal_holds(path));
}

TEST_CASE("a full disk stops, everything else is an error, and both name the path", "[file]") {
  CHECK(message_of<Stopped>([] { throw_write_failure("out/a.h5", ENOSPC); })
        == "cannot write out/a.h5: No space left on device. Make room and run the same command again: it goes on from there.");
  CHECK(message_of<Stopped>([] { throw_write_failure("a", EDQUOT); }).starts_with("cannot write a: Disk quota exceeded"));
  CHECK(message_of<Error>([] { throw_write_failure("out/a.h5", EROFS); })
        == "cannot write out/a.h5: Read-only file system. Check the path and its permissions, or choose another --output.");
}

TEST_CASE("an output directory that is a file or lies in one is refused", "[file]") {
  Scratch const scratch;
  write(scratch / "file", "words");
  CHECK(message_of<Error>([&] {
          make_output_directory(scratch / "file");
        }).ends_with("/file: Not a directory. Check the path and its permissions, or choose another --output."));
  CHECK(message_of<Error>([&] { make_output_directory(scratch / "file/below"); }).find("Not a directory") != std::string::npos);
  make_output_directory(scratch / "a/b");
  CHECK(std::filesystem::is_directory(scratch / "a/b"));
}

TEST_CASE("a directory without write permission is refused", "[file]") {
  Scratch const scratch;
  std::filesystem::create_directory(scratch / "closed");
  std::filesystem::permissions(scratch / "closed", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  std::filesystem::permissions(scratch.path(), std::filesystem::perms::all);
  pid_t const child = fork();
  if (child == 0) {  // root may write anywhere, so the child is nobody
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    std::string const words = message_of<Error>([&] { make_output_directory(scratch / "closed"); });
    _exit(words.find("Permission denied") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
}
