#include "job/source_notes.hpp"

#include "base/text.hpp"

namespace infinitile {

std::vector<Note> note_sources(Data const& data) {
  std::vector<Note> notes;
  auto const add = [&](std::string const& path, ArraySource const& source) {
    notes.push_back({"data/" + path, {{"file", source.file}, {"path", source.path}, {"sha256", source.sha256}}});
  };
  for (auto const& [name, part] : {std::pair("train", &data.train), std::pair("test", data.test ? &*data.test : nullptr)}) {
    if (part == nullptr) continue;
    for (std::size_t i = 0; i < part->inputs.size(); ++i) {
      std::string const number = i == 0 ? "" : std::to_string(i);
      add(text(name, "/x", number), part->inputs[i].source);
      if (auto const& mask = part->inputs[i].mask_source) add(text(name, "/mask", number), *mask);
    }
    if (part->pattern) add(text(name, "/pattern"), part->pattern->source);
    if (part->target_source) add(text(name, "/y"), *part->target_source);
  }
  return notes;
}

}  // namespace infinitile
