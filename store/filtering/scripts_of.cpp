#include "store/filtering/scripts_of.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "common/base/text.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

/// For a setting that has a time.
std::uint64_t seconds_of(std::chrono::seconds duration) {
  return static_cast<std::uint64_t>(duration.count());
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

Result<std::optional<sieve::ScriptPlace>> script_place(const Config& config,
                                                       const AccountRef& account) {
  LocationUser user;
  user.name = account.name;
  user.home = account.home;
  return sieve::ScriptPlace::parse(config.sieve, user);
}

Result<std::optional<sieve::ScriptStore>> scripts_of(const Config& config,
                                                     const AccountRef& account) {
  TRY(auto place, script_place(config, account));
  if (!place) return std::optional<sieve::ScriptStore>();
  sieve::ScriptLimits limits;
  limits.script_bytes = config.sieve_max_script_size;
  limits.storage = config.sieve_quota_max_storage;
  limits.scripts = config.sieve_quota_max_scripts;
  limits.offered = offered_extensions(config, ScriptUse::Upload);
  return std::optional(sieve::ScriptStore(*std::move(place), limits));
}

/// RFC 6785 sections 3.11 and 4.6: an event has no envelope, and no sender who could be answered.
sieve::Extensions offered_extensions(const Config& config, ScriptUse use) {
  using E = sieve::Extension;
  auto offered = sieve::usual_extensions();
  if (!config.sieve_pipe_bin_dir.empty()) offered.add(E::DovecotPipe);
  if (!config.sieve_filter_bin_dir.empty()) offered.add(E::DovecotFilter);
  if (!config.sieve_execute_bin_dir.empty()) offered.add(E::DovecotExecute);
  bool has_events = !config.at(Service::Imap).imapsieve_url.empty() ||
                    !config.at(Service::Imap).imapsieve_scripts.empty();
  bool is_for_events = use == ScriptUse::ImapEvent || use == ScriptUse::Upload;
  if (has_events && is_for_events) offered.add(E::ImapSieve);
  if (use != ScriptUse::ImapEvent) return offered;
  for (auto one : {E::Envelope, E::Reject, E::Ereject, E::Vacation, E::VacationSeconds}) {
    offered.remove(one);
  }
  return offered;
}

std::vector<std::string> owner_addresses(const Config& config, const AccountRef& account) {
  const auto& name = account.name;
  if (name.find('@') != name.npos) return {name};
  return {name + "@" + config.myorigin, name + "@" + config.mydomain,
          name + "@" + config.myhostname};
}

sieve::RunLimits run_limits(const Config& config) {
  sieve::RunLimits limits;
  limits.actions = static_cast<std::size_t>(config.sieve_max_actions);
  limits.redirects = static_cast<std::size_t>(config.sieve_max_redirects);
  limits.vacation_seconds_min = seconds_of(config.sieve_vacation_min_period);
  limits.vacation_seconds_default = seconds_of(config.sieve_vacation_default_period);
  limits.vacation_seconds_max = seconds_of(config.sieve_vacation_max_period);
  limits.duplicate_seconds_default = seconds_of(config.sieve_duplicate_default_period);
  limits.duplicate_seconds_max = seconds_of(config.sieve_duplicate_max_period);
  return limits;
}

/// The fields are those of SpamAssassin and of rspamd's milter.
std::string spam_script(const std::string& junk_mailbox) {
  return "require \"fileinto\";\n"
         "if anyof (header :is \"X-Spam-Flag\" \"yes\", header :is \"X-Spam\" \"yes\",\n"
         "          header :matches \"X-Spam-Status\" [\"yes\", \"yes,*\"]) {\n"
         "  fileinto " +
         quoted(junk_mailbox) + ";\n}\n";
}

namespace {

/// Only a script that is certainly not there counts as none: what can't be looked at now is tried
/// again later, rather than delivered without the user's rules.
Result<bool> is_there(const std::optional<sieve::ScriptPlace>& place) {
  if (!place) return false;
  struct stat status = {};
  if (::stat(place->active.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return file_error("look at", place->active);
}

}  // namespace

Result<std::vector<ScriptStep>> host_script_steps(const std::string& place) {
  std::vector<ScriptStep> steps;
  struct stat status = {};
  bool is_directory = ::stat(place.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  if (!is_directory) {
    steps.push_back({ScriptStep::Owner::Host, place});
    return steps;
  }
  std::vector<std::string> paths;
  TRY_DO(list_directory(place, 10 * script_steps_max, [&](std::string_view name, unsigned char) {
    bool is_script = name.ends_with(".sieve") && !name.starts_with('.');
    if (is_script) paths.push_back(place + "/" + std::string(name));
  }));
  std::ranges::sort(paths);
  for (auto& path : paths) steps.push_back({ScriptStep::Owner::Host, std::move(path)});
  return steps;
}

Result<std::vector<ScriptStep>> script_steps(const Config& config,
                                             const std::optional<sieve::ScriptPlace>& place) {
  std::vector<ScriptStep> steps;
  auto add_all = [&steps](const std::vector<std::string>& places) -> Result<void> {
    for (const auto& one : places) {
      TRY(auto more, host_script_steps(one));
      steps.insert(steps.end(), more.begin(), more.end());
    }
    return {};
  };
  TRY_DO(add_all(config.sieve_before));
  TRY(bool has_own, is_there(place));
  if (has_own) {
    steps.push_back({ScriptStep::Owner::User, place->active});
  } else if (!config.sieve_default.empty()) {
    steps.push_back({ScriptStep::Owner::Host, config.sieve_default});
  }
  TRY_DO(add_all(config.sieve_after));
  if (steps.size() <= script_steps_max) return steps;
  return Error::temporary("sieve_before and sieve_after name more than " +
                          std::to_string(script_steps_max) + " scripts");
}

}  // namespace pennypost::store
