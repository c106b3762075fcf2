#include "store/filtering/host_environment.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/filtering/host_lists.h"
#include "store/filtering/spam_verdict.h"

namespace pennypost::store {

HostEnvironment::HostEnvironment(const Parts& parts, const Delivery& delivery, SieveMemory& memory)
    : parts_(parts), delivery_(delivery), memory_(memory) {}

void HostEnvironment::begin(std::string_view header) {
  header_ = header;
  auto longest = std::chrono::ceil<std::chrono::milliseconds>(parts_.config.sieve_max_cpu_time);
  deadline_ = std::chrono::steady_clock::now() + longest;
}

std::string HostEnvironment::original_to() const {
  return delivery_.original_to.empty() ? delivery_.delivered_to : delivery_.original_to;
}

std::vector<std::string> HostEnvironment::owner_addresses() const {
  const auto& name = parts_.account.name;
  if (name.find('@') != name.npos) return {name};
  return {name + "@" + parts_.config.myhostname, name + "@" + parts_.config.mydomain,
          name + "@" + parts_.config.myorigin};
}

const std::vector<Folder>& HostEnvironment::folders() const {
  if (folders_) return *folders_;
  auto listed = parts_.mail.list();
  if (!listed) failure_ = Error::temporary(listed.error().text());
  folders_ = listed ? *std::move(listed) : std::vector<Folder>();
  return *folders_;
}

bool HostEnvironment::has_mailbox(const std::string& name) const {
  auto parsed = parts_.mail.parse_name(name);
  if (!parsed) return false;
  return parsed->is_inbox() || std::ranges::any_of(folders(), [&](const Folder& folder) {
           return folder.name == *parsed && folder.exists && folder.selectable;
         });
}

bool HostEnvironment::has_special_use(const std::string& mailbox, const std::string& use) const {
  if (mailbox.empty()) return mailbox_of_use(use).has_value();
  auto parsed = parts_.mail.parse_name(mailbox);
  return parsed && std::ranges::any_of(folders(), [&](const Folder& folder) {
           return folder.exists && folder.name == *parsed &&
                  equal_nocase(special_use_text(folder.special_use), use);
         });
}

std::optional<std::string> HostEnvironment::mailbox_of_use(const std::string& use) const {
  for (const auto& folder : folders()) {
    bool is_usable = folder.exists && folder.selectable && folder.special_use != SpecialUse::None;
    if (is_usable && equal_nocase(special_use_text(folder.special_use), use)) {
      return folder.name.text();
    }
  }
  return std::nullopt;
}

bool HostEnvironment::is_remembered(const std::string& key) const {
  auto known = memory_.knows(key);
  if (!known) failure_ = Error::temporary(known.error().text());
  return known && *known;
}

Result<std::shared_ptr<const sieve::Script>> HostEnvironment::included(
    const std::string& name, ScriptLocation location) const {
  TRY_DO(sieve::check_script_name(name));
  bool is_global = location == ScriptLocation::Global;
  auto directory = is_global ? parts_.config.sieve_global
                             : (parts_.place ? parts_.place->directory : std::string());
  if (directory.empty()) return std::shared_ptr<const sieve::Script>();
  auto path = directory + "/" + name + ".sieve";
  auto bytes_max = parts_.config.sieve_max_script_size;
  TRY(auto found, ScriptCache::own().at(path, bytes_max));
  if (!found) return std::shared_ptr<const sieve::Script>();
  if (found->script) return found->script;
  return Error::permanent("the included script " + name +
                          " has a mistake: " + found->mistakes.front().shown());
}

/// RFC 5183 section 4.1
std::optional<std::string> HostEnvironment::item(const std::string& name) const {
  auto known = [](const std::string& value) {
    return value.empty() || value == "unknown" ? std::nullopt : std::optional(value);
  };
  if (name == "name") return "Pennypost";
  if (name == "version") return PENNYPOST_VERSION;
  if (name == "location") return "MDA";
  if (name == "phase") return "during";
  if (name == "domain") return known(parts_.config.mydomain);
  if (name == "host") return known(parts_.config.myhostname);
  if (name == "remote-host") return known(parts_.origin.client_name);
  if (name == "remote-ip") return known(parts_.origin.client_address);
  return std::nullopt;
}

bool HostEnvironment::has_list(const std::string& list) const {
  return has_host_list(parts_.config.sieve_list_dir, list);
}

Result<bool> HostEnvironment::is_listed(const std::string& list, const std::string& value) const {
  return is_in_host_list(parts_.config.sieve_list_dir, list, value);
}

Result<std::vector<std::string>> HostEnvironment::members(const std::string& list) const {
  return members_of_host_list(parts_.config.sieve_list_dir, list);
}

std::optional<unsigned> HostEnvironment::spam_percent() const {
  const auto& config = parts_.config;
  SpamRules rules;
  rules.status_header = config.sieve_spamtest_status_header;
  rules.counts_characters = config.sieve_spamtest_status_type == "strlen";
  rules.max_header = config.sieve_spamtest_max_header;
  rules.max_value = config.sieve_spamtest_max_value;
  return store::spam_percent(rules, header_);
}

}  // namespace pennypost::store
