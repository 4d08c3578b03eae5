#pragma once

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>

/// A directory of its own for a test, gone with everything in it at the end.
class Scratch {
public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "infinitile-test.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  ~Scratch() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  std::filesystem::path const& path() const { return path_; }
  std::filesystem::path operator/(std::string const& name) const { return path_ / name; }

private:
  std::filesystem::path path_;
};

/// The message of what `work` throws as a Wanted, or a word that it does not.
template <class Wanted, class Work>
std::string message_of(Work work) {
  try {
    work();
  } catch (Wanted const& error) {
    return error.what();
  } catch (std::exception const& error) {
    return std::string("another exception: ") + error.what();
  }
  return "nothing was thrown";
}
