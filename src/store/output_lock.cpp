#include "store/output_lock.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "store/file.hpp"

namespace infinitile {

namespace {

std::string this_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return text("process ", ::getpid(), " on ", host.data(), " since ", utc_now());
}

/// What the holder wrote about itself.
std::string holder(int descriptor) {
  std::array<char, 512> words{};
  ssize_t const got = ::pread(descriptor, words.data(), words.size(), 0);
  return got > 0 ? std::string(words.data(), static_cast<std::size_t>(got)) : "a process that left no name";
}

}  // namespace

OutputLock::OutputLock(std::filesystem::path const& directory) {
  make_output_directory(directory);
  auto const path = directory / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw_write_failure(path, errno);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    int const why = errno;
    std::string const other = holder(descriptor_);
    if (why == EWOULDBLOCK) {
      ::close(descriptor_);
      throw Error(text("another run works in ", directory.string(), ": ", other, ". Wait until it ends, or choose another --output."));
    }
    log_warning(text("no lock on ", path.string(), " (", std::strerror(why), "). Take care that no second run uses this output."));
  }
  std::string const words = this_process();
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, words.data(), words.size(), 0) < 0)
    log_debug("the lock has no name in it: the disk is full");
}

OutputLock::OutputLock(OutputLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

OutputLock::~OutputLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace infinitile
