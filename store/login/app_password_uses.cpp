#include "store/login/app_password_uses.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/safe_open.h"
#include "common/base/text.h"

namespace pennypost::store {
namespace {

constexpr const char* file_name = "app_passwords";
constexpr const char* lock_name = "app_passwords.lock";
constexpr std::size_t line_bytes_max = 600;
constexpr std::size_t file_bytes_max = AppPasswordUses::uses_max * line_bytes_max;

Error failed(const std::string& directory) {
  return Error::temporary(directory + "/" + file_name + ": " + std::strerror(errno));
}

AppPasswordUses::Entries parse(std::string_view text) {
  AppPasswordUses::Entries entries;
  for (auto line : split(text, '\n')) {
    auto parts = split(line, '\t');
    if (parts.size() != 5) continue;
    auto when = parse_number(parts[2]);
    if (!when || *when > INT64_MAX) continue;
    AppPasswordUse use{static_cast<std::int64_t>(*when), std::string(parts[3]),
                       std::string(parts[4])};
    entries.insert_or_assign({std::string(parts[0]), std::string(parts[1])}, std::move(use));
  }
  return entries;
}

std::string text_of(const AppPasswordUses::Entries& entries) {
  std::vector<AppPasswordUses::Entries::const_iterator> all;
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) all.push_back(entry);
  if (all.size() > AppPasswordUses::uses_max) {
    auto is_younger = [](const auto& a, const auto& b) { return a->second.when > b->second.when; };
    std::ranges::sort(all, is_younger);
    all.resize(AppPasswordUses::uses_max);
  }
  std::string text;
  for (const auto& entry : all) {
    const auto& [key, use] = *entry;
    std::string line = key.first + "\t" + key.second + "\t" + std::to_string(use.when) + "\t" +
                       use.service + "\t" + use.client;
    if (line.size() < line_bytes_max) text += line + "\n";
  }
  return text;
}

Result<AppPasswordUses::Entries> load_from(int folder, const std::string& directory) {
  Descriptor file = open_beneath(folder, file_name, O_RDONLY | O_NONBLOCK);
  if (!file && errno == ENOENT) return AppPasswordUses::Entries();
  if (!file) return failed(directory);
  TRY(auto text, read_up_to(file.number(), file_bytes_max, directory + "/" + file_name));
  return parse(text);
}

Descriptor open_directory(const std::string& directory) {
  return Descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Result<AppPasswordUses::Entries> load_app_password_uses(const std::string& directory) {
  Descriptor folder = open_directory(directory);
  if (!folder && errno == ENOENT) return AppPasswordUses::Entries();
  if (!folder) return failed(directory);
  return load_from(folder.number(), directory);
}

Result<void> save_app_password_uses(const std::string& directory,
                                    const AppPasswordUses::Entries& added) {
  Descriptor folder = open_directory(directory);
  if (!folder) return failed(directory);
  Descriptor lock(
      ::openat(folder.number(), lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock || ::flock(lock.number(), LOCK_EX) != 0) return failed(directory);
  TRY(auto entries, load_from(folder.number(), directory));
  for (const auto& [key, use] : added) {
    auto& kept = entries[key];
    if (use.when >= kept.when) kept = use;
  }
  const std::string beside = std::string(file_name) + ".new";
  ::unlinkat(folder.number(), beside.c_str(), 0);
  Descriptor file(::openat(folder.number(), beside.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return failed(directory);
  TRY_DO(write_all(file.number(), text_of(entries), directory + "/" + beside));
  if (::renameat(folder.number(), beside.c_str(), folder.number(), file_name) == 0) return {};
  return failed(directory);
}

}  // namespace pennypost::store
