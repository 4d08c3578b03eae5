#include "job/run_directory.hpp"

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "job/settings.hpp"
#include "job/text_file.hpp"
#include "store/file.hpp"

namespace fs = std::filesystem;

namespace infinitile {

namespace {

/// Throws Error when the tiles that an earlier run left there cannot serve this one.
void refuse_other_job(fs::path const& directory, std::string const& echo) {
  fs::path const file = directory / "job.yaml";
  if (!fs::exists(file)) return;
  std::string const before = read_text_file(file);
  if (!before.starts_with(echo.substr(0, echo.find(','))))  // "# As it ran": a job that somebody wrote is not overwritten
    throw Error(text(shown(directory), " has a job.yaml that no run left there. Choose another --output."));
  std::vector<Change> const changes = changed_keys(before, echo);
  if (changes.empty()) return;
  if (changes.size() == 1 && changes.front().key == "kernel.samples")
    throw Error(text(shown(directory), " holds means over more networks: kernel.samples was ", changes.front().before, ", now ",
                     changes.front().now, ". Set it to ", changes.front().before, " or more, or choose another --output."));
  std::vector<std::string> words;
  constexpr std::size_t most = 8;
  for (std::size_t i = 0; i < changes.size() && i < most; ++i)
    words.push_back(text(changes[i].key, " was ", shortened(changes[i].before), ", now ", shortened(changes[i].now)));
  if (changes.size() > most) words.push_back(text(changes.size() - most, " more"));
  throw Error(text(shown(directory), " holds the tiles of another job: ", join(words, "; ", "; "),
                   ". Choose another --output, or remove the directory."));
}

}  // namespace

void refuse_other_job(Job const& job, Sources const& sources) {
  refuse_other_job(job.output, echo_job(job, sources));
}

RunDirectory::RunDirectory(Job const& job, Sources const& sources, Context const& context)
    : path_(job.output), fingerprint_(infinitile::fingerprint(job, sources)), samples_(job.kernel.is_sampled() ? job.kernel.samples : 0) {
  std::string const echo = echo_job(job, sources);
  together(context.comm, [&] {
    if (!context.comm.is_first()) return;
    refuse_other_job(path_, echo);  // before a byte changes; again under the lock, because another run may have been quicker
    make_output_directory(path_);
    lock_.emplace(path_);
    refuse_other_job(path_, echo);
    write_text_file(path_ / "job.yaml", echo);
    log_to_file((path_ / "log.txt").string());
  });
  context.report.job = echo;
  context.report.directory = path_;
  context.report.precision = job.kernel.precision;
}

RunDirectory::~RunDirectory() = default;

std::uint64_t RunDirectory::tiles_fingerprint() const {
  return samples_ == 0 ? fingerprint_ : checksum(text(fingerprint_, ", ", samples_, " samples"));
}

void RunDirectory::remove_other_tiles() const {
  if (samples_ == 0) return;
  std::error_code none;
  for (auto const& entry : fs::directory_iterator(tiles().parent_path()))
    if (entry.is_directory() && entry.path() != tiles()) fs::remove_all(entry.path(), none);
}

}  // namespace infinitile
