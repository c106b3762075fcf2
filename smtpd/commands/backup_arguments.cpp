#include "smtpd/commands/backup_arguments.h"

#include <filesystem>

namespace pennypost::smtp {

bool BackupArguments::parse(std::span<const std::string> args) {
  const std::pair<std::string_view, std::string*> options[] = {
      {"-c", &load.directory}, {"--keep", &keep}, {"--backup", &name},
      {"--root", &root},       {"--user", &user}, {"--folder", &folder}};
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string* value = nullptr;
    for (const auto& [option, place] : options) {
      if (args[i] == option) value = place;
    }
    if (value != nullptr) {
      if (++i == args.size() || args[i].empty()) return false;
      *value = args[i];
    } else if (args[i] == "--overwrite") {
      overwrites = true;
    } else if (args[i].starts_with('-')) {
      return false;
    } else {
      words.push_back(args[i]);
    }
  }
  return folder.empty() || !user.empty();
}

std::string absolute_path(const std::string& path) {
  std::error_code problem;
  auto whole = std::filesystem::absolute(path, problem).lexically_normal().string();
  while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
  return whole;
}

std::string megabytes(std::uint64_t bytes) {
  auto tenths = bytes / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MB";
}

}  // namespace pennypost::smtp
