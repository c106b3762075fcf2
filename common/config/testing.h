// Makes a Config for unit tests from settings as text, for a host that is always the same.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/assert.h"
#include "common/config/config.h"

namespace pennypost {

/// A Config from `name=value` and `service.NAME.name=value` texts, for the host mail.example.com
/// [192.0.2.7]; panics if they are wrong.
inline std::shared_ptr<const Config> config_for_test(std::vector<std::string> overrides = {},
                                                     std::string_view toml = "") {
  LoadOptions options;
  options.overrides = std::move(overrides);
  options.system = System{"mail.example.com", false, {{"192.0.2.7", 24}}};
  auto config = Config::parse(toml, options);
  if (!config) panic(config.error().text().c_str(), "config_for_test", 0);
  return *config;
}

}  // namespace pennypost
