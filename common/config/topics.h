// Provides the topics under which the manual and `postconf --topics` list the settings.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/config/parameter.h"

namespace pennypost {

/// One row of topics.def.
struct Topic {
  std::string_view key;  // a word to ask for it, such as `tls`
  std::string_view title;
  std::string_view patterns;  // names, and beginnings that end in `*`, with blanks between
};

/// All topics, what a new administrator needs first.
std::span<const Topic> topics();

/// The topic of a setting; null if topics.def forgot it, which a test finds.
const Topic* topic_of(std::string_view setting);

/// The settings of a topic, sorted by name.
std::vector<const Parameter*> settings_of(const Topic& topic);

/// The topic with this key; null if there is none.
const Topic* find_topic(std::string_view key);

}  // namespace pennypost
