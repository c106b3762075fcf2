#include "store/accounts/hosted_domains.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "store/accounts/kept_table.h"

namespace pennypost::store {
namespace {

/// What stands beside a domain in the table, since each line has a value.
constexpr std::string_view entry_value = "virtual";

Result<std::string> key_of(std::string_view name) {
  auto domain = Domain::parse(name, Utf8::Allowed);
  if (!domain || domain->is_literal() || name.find('.') == name.npos) {
    return Error::permanent("\"" + printable(name, 100) +
                            "\" is not a domain; write one like example.com");
  }
  return domain->key();
}

}  // namespace

Result<HostedDomains> HostedDomains::open(const Config& config) {
  const auto& table = config.domains_map;
  if (table.type != "hash") {
    return Error::permanent("domains_map must be a hash: table to be changed here, not " +
                            (table.empty() ? "empty" : table.text()));
  }
  HostedDomains domains;
  domains.file_ = table.name;
  return domains;
}

Result<std::string> HostedDomains::add(std::string_view name) const {
  TRY(auto key, key_of(name));
  TRY(auto lock, lock_kept_table(file_));
  TRY(auto source, SourceText::read(file_));
  if (source.has(key)) return Error(550, "the domain " + key + " is hosted already");
  source.put(key, std::string(entry_value));
  TRY_DO(write_source(file_, source.text()));
  TRY_DO(build_kept_table(lock, file_));
  return key;
}

Result<std::string> HostedDomains::remove(std::string_view name) const {
  TRY(auto key, key_of(name));
  TRY(auto lock, lock_kept_table(file_));
  TRY(auto source, SourceText::read(file_));
  if (!source.has(key)) return Error(550, "the domain " + key + " is not in " + file_);
  source.erase(key);
  TRY_DO(write_source(file_, source.text()));
  TRY_DO(build_kept_table(lock, file_));
  return key;
}

Result<std::vector<std::string>> HostedDomains::list() const {
  std::vector<std::string> domains;
  if (::access(file_.c_str(), F_OK) != 0 && errno == ENOENT) return domains;
  TRY(auto text, read_source(file_));
  TRY(auto entries, parse_source(text, SourceSyntax::Table, file_));
  for (auto& entry : entries) domains.push_back(lower(entry.key));
  std::ranges::sort(domains);
  return domains;
}

}  // namespace pennypost::store
