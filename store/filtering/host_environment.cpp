#include "store/filtering/host_environment.h"

#include <algorithm>

#include "common/base/text.h"
#include "store/filtering/host_lists.h"
#include "store/filtering/host_programs.h"
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
  return store::owner_addresses(parts_.config, parts_.account);
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
  TRY(auto found,
      ScriptCache::own().at(path, bytes_max, offered_extensions(parts_.config, parts_.use)));
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
  bool is_delivery = parts_.use == ScriptUse::Delivery;
  if (name == "location") return is_delivery ? "MDA" : "MS";
  if (name == "phase") return is_delivery ? "during" : "post";
  if (name == "domain") return known(parts_.config.mydomain);
  if (name == "host") return known(parts_.config.myhostname);
  if (name == "remote-host") return known(parts_.origin.client_name);
  if (name == "remote-ip") return known(parts_.origin.client_address);
  if (parts_.stored == nullptr) return std::nullopt;
  auto found = parts_.stored->items.find(name);
  return found == parts_.stored->items.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> HostEnvironment::flags() const {
  return parts_.stored == nullptr ? std::vector<std::string>() : parts_.stored->flags;
}

/// RFC 5490 sections 4 and 5: as METADATA of IMAP has them.
std::optional<std::string> HostEnvironment::annotation(const std::string& mailbox,
                                                       const std::string& name) const {
  std::optional<MailboxName> folder;
  if (!mailbox.empty()) {
    auto parsed = parts_.mail.parse_name(mailbox);
    if (!parsed || !has_mailbox(mailbox)) return std::nullopt;
    folder = *std::move(parsed);
  }
  auto file = parts_.mail.annotations(folder);
  auto all = file ? file->read() : Result<Annotations>(std::move(file).error());
  if (!all) {
    if (all.error().is_temporary()) failure_ = std::move(all).error();
    return std::nullopt;
  }
  auto found = all->find(lower(name));
  return found == all->end() ? std::nullopt : std::optional(found->second);
}

sieve::ProgramAnswer HostEnvironment::run_program(const sieve::ProgramCall& call) const {
  auto began = std::chrono::steady_clock::now();
  auto answer = run_host_program(parts_.config, parts_.account, delivery_, call);
  deadline_ += std::chrono::steady_clock::now() - began;
  return answer;
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
  return store::spam_percent(spam_rules(parts_.config), header_);
}

std::optional<unsigned> HostEnvironment::virus_level() const {
  return store::virus_level(virus_rules(parts_.config), header_);
}

}  // namespace pennypost::store
