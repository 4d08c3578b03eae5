#include "job/data_keys.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "job/scale_keys.hpp"

namespace fs = std::filesystem;

namespace infinitile {

namespace {

Job::Source read_source(Settings const& settings, std::string const& section, fs::path const& base) {
  Job::Source source;
  source.file = complete_path(word_at(settings, section + ".file"), base);
  source.x = read_words(settings.at(section + ".x"));
  source.y = word_at(settings, section + ".y");
  source.has_targets = !settings.is_null(section + ".y");
  if (settings.given(section + ".mask")) source.mask = read_words(settings.at(section + ".mask"));
  source.pattern = word_at(settings, section + ".pattern");
  if (!source.file.empty()) return source;
  source.y = complete_path(source.y, base);
  source.pattern = complete_path(source.pattern, base);
  for (auto* const arrays : {&source.x, &source.mask})
    for (std::string& array : *arrays) {
      if (!array.ends_with(".npy"))
        throw Error(text(settings.origin(section), ": ", section, ".file is missing. Name an HDF5 file that holds the dataset ", array,
                         ", or give x and y as .npy files."));
      array = complete_path(array, base);
    }
  return source;
}

std::vector<std::vector<long>> read_shapes(YAML::Node const& node) {
  if (node.IsNull()) return {};
  if (node.size() == 0 || node[0].IsScalar()) return {node.as<std::vector<long>>()};
  return node.as<std::vector<std::vector<long>>>();
}

/// What covers train has to cover test: a mask that was forgotten would count padding as data.
void check_covers(Settings const& settings, Job::Data const& data) {
  for (auto const& [section, source] : {std::pair("data.train", &data.train), std::pair("data.test", data.test ? &*data.test : nullptr)}) {
    if (source == nullptr || source->mask.empty()) continue;
    std::string const key = text(section, ".mask");
    if (data.padding) settings.refuse("data.padding", text(key, " is given too; one of them says what is padding. Leave the other out."));
    if (source->mask.size() != source->x.size())
      settings.refuse(
          key, text(source->x.size(), source->x.size() == 1 ? " name is" : " names are", " needed, as many as ", section, ".x has."));
  }
  if (!data.test) return;
  auto const check_both = [&](std::string_view key, bool train, bool test) {
    if (train == test) return;
    std::string const given = text("data.", train ? "train" : "test", ".", key),
                      missing = text("data.", train ? "test" : "train", ".", key);
    settings.refuse(given, text(missing, " is not given. Name one for both", key == "mask" ? "; it is 0 where nothing is padding." : "."));
  };
  check_both("mask", !data.train.mask.empty(), !data.test->mask.empty());
  check_both("pattern", !data.train.pattern.empty(), !data.test->pattern.empty());
}

}  // namespace

Job::Data read_data(Settings const& settings, fs::path const& base) {
  Job::Data data;
  data.train = read_source(settings, "data.train", base);
  if (settings.given("data.test")) data.test = read_source(settings, "data.test", base);
  data.shapes = read_shapes(settings.at("data.shape"));
  read_scale(settings, data);
  if (settings.given("data.padding")) data.padding = settings.at("data.padding").as<double>();
  auto const inputs = data.train.x.size();
  if (data.test && data.test->x.size() != inputs)
    settings.refuse("data.test.x", text(inputs, inputs == 1 ? " name is" : " names are", " needed, as many as data.train.x has."));
  if (!data.shapes.empty() && data.shapes.size() != inputs)
    settings.refuse("data.shape", text(inputs, inputs == 1 ? " shape is" : " shapes are", " needed, as many as data.train.x has names."));
  check_covers(settings, data);
  return data;
}

}  // namespace infinitile
