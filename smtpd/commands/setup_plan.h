// Finds what the answers of `pennypost setup` change: in main.toml, in ports, in paths.
//
// SEE ALSO  setup.h (who asks and does it)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/edit.h"

namespace pennypost::smtp {

/// What the person who sets up a host has said; empty: as it is now.
struct SetupAnswers {
  std::string role;
  std::string hostname;
  std::string domain;
  std::string relayhost;
  std::string networks;
  std::string user;
  std::string certificate;
  std::string key;
  std::vector<std::string> settings;  // NAME=VALUE
};

struct SetupPlan {
  std::string before;  // main.toml; empty if there is none
  std::string after;
  std::vector<SettingEdit> edits;        // that lead from one to the other
  std::shared_ptr<const Config> config;  // of `after`
  std::vector<std::string> changes;      // ports and paths, a sentence each
  bool makes_certificate = false;        // at `certificate` and `key` of the answers

  bool is_change() const { return before != after; }
};

/// Reads main.toml; an empty text if there is none.
Result<std::string> read_main_toml(const LoadOptions& options);

/// Error: every mistake that the answers would make, one per line.
Result<SetupPlan> plan_setup(const SetupAnswers& answers, const LoadOptions& options);

}  // namespace pennypost::smtp
