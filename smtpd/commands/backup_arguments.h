// The command lines of `pennypost backup` and `pennypost restore`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::smtp {

/// What the arguments say; the words that are no options in their order.
struct BackupArguments {
  LoadOptions load;
  std::string keep;
  std::string name;
  std::string root;
  std::string user;
  std::string folder;
  bool overwrites = false;
  std::vector<std::string> words;

  /// False: an option that there is not, or without its value.
  bool parse(std::span<const std::string> args);
};

/// The path from the root, without a slash at its end.
std::string absolute_path(const std::string& path);
/// `12.3 MB`
std::string megabytes(std::uint64_t bytes);

}  // namespace pennypost::smtp
