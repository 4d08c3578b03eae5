#include "job/memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

namespace fs = std::filesystem;

namespace infinitile {

namespace {

/// The number on the line that begins with `name`, in bytes or kB; the first number of the file if there is no name.
std::optional<double> read_bytes(fs::path const& path, std::string const& name = "") {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word, unit;
    if (!name.empty() && !(words >> word && word == name)) continue;
    double number = 0;
    if (!(words >> number)) return std::nullopt;  // "max"
    return words >> unit && unit == "kB" ? number * 1024 : number;
  }
  return std::nullopt;
}

/// The names of one version of control groups.
struct GroupFiles {
  char const *limit, *used, *inactive, *active;
};
constexpr GroupFiles version_1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file"};
constexpr GroupFiles version_2{"memory.max", "memory.current", "inactive_file", "active_file"};

double left_in(fs::path const& group, GroupFiles const& names) {
  auto const limit = read_bytes(group / names.limit);
  if (!limit) return std::numeric_limits<double>::infinity();
  fs::path const statistics = group / "memory.stat";
  double const pages = read_bytes(statistics, names.inactive).value_or(0) + read_bytes(statistics, names.active).value_or(0);
  return std::max(0.0, *limit - std::max(0.0, read_bytes(group / names.used).value_or(0) - pages));
}

}  // namespace

double available_memory(MemoryFiles const& files) {
  double available = read_bytes(files.proc / "meminfo", "MemAvailable:").value_or(std::numeric_limits<double>::infinity());
  std::ifstream groups(files.proc / "self/cgroup");  // lines such as 0::/system.slice/slurm or 4:memory:/slurm/job_7
  for (std::string line; std::getline(groups, line);) {
    auto const first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string const controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    bool const new_version = controllers == ",,";
    if (!new_version && controllers.find(",memory,") == std::string::npos) continue;
    fs::path const base = new_version ? files.groups : files.groups / "memory";
    // Every group on the way up limits those below it.
    for (fs::path below = fs::path(line.substr(second + 1)).relative_path();; below = below.parent_path()) {
      available = std::min(available, left_in(base / below, new_version ? version_2 : version_1));
      if (below.empty()) break;
    }
  }
  return available;
}

}  // namespace infinitile
