#include "common/config/topics.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::array all_topics{
#define TOPIC(key, title, patterns) Topic{#key, title, patterns},
#include "common/config/topics.def"
#undef TOPIC
};

/// How exactly a pattern names a setting: 0 not at all, and a whole name more than any beginning.
std::size_t match(std::string_view pattern, std::string_view setting) {
  if (pattern == setting) return setting.size() + 1;
  if (!pattern.ends_with('*')) return 0;
  pattern.remove_suffix(1);
  return setting.starts_with(pattern) ? pattern.size() : 0;
}

}  // namespace

std::span<const Topic> topics() { return all_topics; }

const Topic* topic_of(std::string_view setting) {
  const Topic* best = nullptr;
  std::size_t best_match = 0;
  for (const Topic& topic : all_topics) {
    for (std::string_view pattern : words(topic.patterns, " ")) {
      std::size_t found = match(pattern, setting);
      if (found <= best_match) continue;
      best = &topic;
      best_match = found;
    }
  }
  return best;
}

std::vector<const Parameter*> settings_of(const Topic& topic) {
  std::vector<const Parameter*> found;
  for (const Parameter& parameter : parameters()) {
    if (topic_of(parameter.name) == &topic) found.push_back(&parameter);
  }
  return found;
}

const Topic* find_topic(std::string_view key) {
  auto found = std::ranges::find(all_topics, key, &Topic::key);
  return found == all_topics.end() ? nullptr : &*found;
}

}  // namespace pennypost
