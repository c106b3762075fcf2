#include "store/sieve/script_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/base/text.h"
#include "common/mail/unicode.h"
#include "store/mailbox/directory_lock.h"
#include "store/mailbox/file.h"
#include "store/mailbox/user_path.h"
#include "store/sieve/checker.h"
#include "store/sieve/limits.h"
#include "store/sieve/utf8.h"

namespace pennypost::store::sieve {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".sieve";
constexpr std::string_view unnamed_name = "dovecot.orig";  // as Pigeonhole calls it
constexpr std::size_t link_bytes_max = 4096;

std::string shown(std::string_view name) { return "\"" + printable(name, 200) + "\""; }

Error no_such_script(std::string_view name) {
  return Error(550, ResponseCode::NonExistent, "there is no script " + shown(name));
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return file_error("rename", from);
}

/// What a link holds; nothing if there is none, or it is no link.
std::optional<std::string> link_text(const std::string& path) {
  std::string text(link_bytes_max, '\0');
  auto length = ::readlink(path.c_str(), text.data(), text.size());
  if (length < 0) return std::nullopt;
  text.resize(static_cast<std::size_t>(length));
  return text;
}

}  // namespace

Result<std::optional<ScriptPlace>> ScriptPlace::parse(std::string_view setting,
                                                      const LocationUser& user) {
  auto text = trim(setting);
  if (text.empty()) return std::optional<ScriptPlace>();
  if (text.starts_with("file:")) text.remove_prefix(5);
  auto parts = split(text, ';');
  ScriptPlace place;
  TRY(auto first, expand_user_path("sieve", parts[0], user));
  if (parts.size() == 1) {
    place.active = std::move(first);
    return std::optional(std::move(place));
  }
  place.directory = std::move(first);
  auto option = trim(parts[1]);
  if (parts.size() > 2 || !option.starts_with("active=")) {
    return Error::permanent("sieve \"" + printable(setting, 200) +
                            "\": after the directory only ;active=PATH is known");
  }
  TRY(place.active, expand_user_path("sieve", option.substr(7), user));
  return std::optional(std::move(place));
}

Result<void> check_script_name(std::string_view name) {
  auto bad = [&](const std::string& why) -> Result<void> {
    return Error(550, ResponseCode::Cannot, "the script name " + shown(name) + " " + why);
  };
  if (name.empty()) return bad("is empty");
  if (!is_utf8(name)) return bad("is not UTF-8");
  auto characters = std::ranges::count_if(name, [](char c) { return !continues_character(c); });
  if (static_cast<std::size_t>(characters) > script_name_characters_max ||
      name.size() > script_name_bytes_max) {
    return bad("is longer than " + std::to_string(script_name_characters_max) + " characters or " +
               std::to_string(script_name_bytes_max) + " octets");
  }
  if (has_unicode_control(name)) return bad("has control characters");
  if (name.find('/') != name.npos || name.front() == '.') {
    return bad("has a / or begins with a dot, which names of files can't");
  }
  return {};
}

std::string ScriptStore::path(std::string_view name) const {
  return place_.directory + "/" + std::string(name) + std::string(suffix);
}

Result<void> ScriptStore::require_directory() const {
  if (place_.directory.empty()) {
    return Error(550, ResponseCode::Cannot,
                 "the setting sieve names one script only, and no directory for others");
  }
  return make_directories(place_.directory);
}

Result<std::optional<std::string>> ScriptStore::active() const {
  auto target = link_text(place_.active);
  if (!target || place_.directory.empty()) return std::optional<std::string>();
  fs::path file = fs::path(place_.active).parent_path() / *target;
  std::error_code error;
  bool is_ours = fs::equivalent(file.parent_path(), place_.directory, error) && !error;
  auto name = file.filename().string();
  if (!is_ours || !name.ends_with(suffix)) return std::optional<std::string>();
  name.resize(name.size() - suffix.size());
  return std::optional(std::move(name));
}

Result<std::vector<StoredScript>> ScriptStore::list() const {
  std::vector<StoredScript> scripts;
  struct stat status = {};
  if (place_.directory.empty() || ::stat(place_.directory.c_str(), &status) != 0) return scripts;
  TRY(auto active_name, active());
  TRY_DO(list_directory(place_.directory, 10 * script_names_max,
                        [&](std::string_view file, unsigned char) {
                          if (!file.ends_with(suffix) || file.starts_with('.')) return;
                          StoredScript script;
                          script.name = file.substr(0, file.size() - suffix.size());
                          scripts.push_back(std::move(script));
                        }));
  std::erase_if(scripts, [&](StoredScript& script) {
    if (::stat(path(script.name).c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return true;
    script.bytes = static_cast<std::uint64_t>(status.st_size);
    script.is_active = script.name == active_name;
    return !check_script_name(script.name).has_value();
  });
  std::ranges::sort(scripts, {}, &StoredScript::name);
  return scripts;
}

Result<std::string> ScriptStore::read(std::string_view name) const {
  TRY_DO(check_script_name(name));
  if (place_.directory.empty()) return no_such_script(name);
  TRY(auto text, read_file(path(name), script_bytes_max));
  if (!text) return no_such_script(name);
  return *std::move(text);
}

Result<void> ScriptStore::check_room(std::string_view name, std::uint64_t bytes) const {
  TRY_DO(check_script_name(name));
  auto most = std::min<std::uint64_t>(limits_.script_bytes, script_bytes_max);
  if (bytes > most) {
    return Error(550, ResponseCode::OverQuota,
                 "the script has " + std::to_string(bytes) + " octets; a script may have " +
                     std::to_string(most) + " (sieve_max_script_size)");
  }
  TRY(auto scripts, list());
  std::erase_if(scripts, [&](const StoredScript& script) { return script.name == name; });
  if (scripts.size() >= script_names_max || !limits_.scripts.has_room_beside(scripts.size())) {
    return Error(550, ResponseCode::Limit,
                 "there are " + std::to_string(scripts.size()) +
                     " scripts already, as many as may be (sieve_quota_max_scripts)");
  }
  std::uint64_t sum = bytes;
  for (const auto& script : scripts) sum += script.bytes;
  if (limits_.storage.allows(sum)) return {};
  return Error(550, ResponseCode::OverQuota,
               "all scripts together would have " + std::to_string(sum) + " octets, and may have " +
                   std::to_string(limits_.storage.value()) + " (sieve_quota_max_storage)");
}

Result<Mistakes> ScriptStore::put(std::string_view name, std::string_view text) const {
  TRY_DO(require_directory());
  TRY(auto lock, lock_directory(place_.directory));
  TRY_DO(check_room(name, text.size()));
  auto compiled = compile(text, limits_.offered);
  if (!compiled.script) return compiled.mistakes;
  TRY_DO(replace_file(path(name), place_.directory + "/.put.tmp", text));
  TRY_DO(sync_directory(place_.directory));
  return Mistakes();
}

/// A file in the place of the link becomes a script with a name.
Result<void> ScriptStore::keep_unnamed() const {
  struct stat status = {};
  if (::lstat(place_.active.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::string name(unnamed_name);
  for (int number = 2; fs::exists(path(name)); ++number) {
    name = std::string(unnamed_name) + std::to_string(number);
  }
  return rename_file(place_.active, path(name));
}

Result<void> ScriptStore::link_to(std::string_view name) const {
  fs::path link(place_.active);
  auto target = fs::path(path(name)).lexically_relative(link.parent_path()).string();
  auto beside = place_.active + ".tmp";
  ::unlink(beside.c_str());
  if (::symlink(target.c_str(), beside.c_str()) != 0) return file_error("make the link", beside);
  TRY_DO(rename_file(beside, place_.active));
  return sync_directory(link.parent_path());
}

Result<void> ScriptStore::activate(std::string_view name) const {
  TRY_DO(require_directory());
  TRY(auto lock, lock_directory(place_.directory));
  if (!name.empty()) {
    TRY(auto text, read(name));
    auto compiled = compile(text, limits_.offered);
    if (!compiled.script) {
      return Error(
          550, ResponseCode::Corruption,
          "the script " + shown(name) + " has mistakes: " + compiled.mistakes.front().shown());
    }
  }
  TRY_DO(keep_unnamed());
  if (!name.empty()) return link_to(name);
  if (::unlink(place_.active.c_str()) != 0 && errno != ENOENT) {
    return file_error("remove", place_.active);
  }
  return sync_directory(fs::path(place_.active).parent_path());
}

Result<void> ScriptStore::remove(std::string_view name) const {
  TRY_DO(check_script_name(name));
  TRY_DO(require_directory());
  TRY(auto lock, lock_directory(place_.directory));
  TRY(auto active_name, active());
  if (active_name == name) {
    return Error(550, ResponseCode::InUse,
                 "the script " + shown(name) + " is active; make another one active first");
  }
  if (::unlink(path(name).c_str()) == 0) return sync_directory(place_.directory);
  if (errno == ENOENT) return no_such_script(name);
  return file_error("remove", path(name));
}

/// The new name is a second link to the file before the active link changes, so that at each moment
/// what is active is there.
Result<void> ScriptStore::rename(std::string_view from, std::string_view to) const {
  TRY_DO(check_script_name(from));
  TRY_DO(check_script_name(to));
  TRY_DO(require_directory());
  TRY(auto lock, lock_directory(place_.directory));
  TRY(auto active_name, active());
  if (::link(path(from).c_str(), path(to).c_str()) != 0) {
    if (errno == ENOENT) return no_such_script(from);
    if (errno != EEXIST) return file_error("make the link", path(to));
    return Error(550, ResponseCode::AlreadyExists, "there is a script " + shown(to) + " already");
  }
  if (active_name == from) {
    TRY_DO(link_to(to));
  }
  if (::unlink(path(from).c_str()) != 0) return file_error("remove", path(from));
  return sync_directory(place_.directory);
}

}  // namespace pennypost::store::sieve
