#include "smtpd/policy/policy_tables.h"

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

Error not_answered() { return Error::temporary("4.3.0", "a DNS question is open"); }

Task<Result<bool>> has_mail_host(Resolver& resolver, std::string domain) {
  auto mx = co_await resolver.mx(domain);
  if (mx.is_found()) {
    // RFC 7505: a null MX means that the domain accepts no mail.
    bool is_null = mx.values.size() == 1 && mx.values[0].host.empty();
    co_return !is_null;
  }
  if (mx.status == DnsStatus::TryLater) co_return Error::temporary("4.4.3", mx.reason);
  if (mx.status == DnsStatus::NoSuchName) co_return false;
  AddressFamilies both;
  auto addresses = co_await resolver.addresses(domain, both);
  if (addresses.status == DnsStatus::TryLater) {
    co_return Error::temporary("4.4.3", addresses.reason);
  }
  co_return addresses.is_found();
}

Task<Result<std::vector<std::string>>> ip4_of(Resolver& resolver, std::string name) {
  AddressFamilies v4;
  v4.v6 = false;
  auto answer = co_await resolver.addresses(name, v4);
  if (answer.status == DnsStatus::TryLater) co_return Error::temporary("4.4.3", answer.reason);
  std::vector<std::string> texts;
  for (const auto& address : answer.values) texts.push_back(address.text());
  co_return texts;
}

}  // namespace

Result<std::optional<std::string>> AccessTables::find(const TableRef& table, std::string_view key,
                                                      store::MapList::Key kind) {
  std::shared_ptr<const store::Map> map;
  {
    std::lock_guard lock(mutex_);
    auto& known = maps_[table.text()];
    if (known == nullptr) {
      TRY(auto opened, store::Map::open(table, options_));
      known = std::move(opened);
    }
    map = known;
  }
  bool is_asked = kind == store::MapList::Key::Whole || map->takes_partial_keys();
  return is_asked ? map->lookup(key) : Result<std::optional<std::string>>(std::nullopt);
}

Task<> PolicyDns::ask(Resolver& resolver) {
  for (const auto& domain : std::exchange(open_domains, {})) {
    auto answer = co_await has_mail_host(resolver, domain);
    takes_mail.insert_or_assign(domain, std::move(answer));
  }
  for (const auto& name : std::exchange(open_names, {})) {
    auto answer = co_await ip4_of(resolver, name);
    ip4_addresses.insert_or_assign(name, std::move(answer));
  }
}

const Result<Resolution>& LookupTables::destination(const MailAddress& address) {
  std::string text = address.text();
  if (!destination_ || asked_ != text) {
    destination_ = router_.destination(address);
    asked_ = std::move(text);
  }
  return *destination_;
}

Result<std::optional<Refusal>> LookupTables::refusal(const MailAddress& address) {
  std::optional<Refusal> none;
  const auto& found = destination(address);
  if (!found) {
    if (found.error().code() == exists_but_takes_no_mail) return none;
    return found.error();
  }
  if (!found->is_error || !found->route.status.starts_with('5')) return none;
  return std::optional(Refusal{found->route.status, found->route.next_hop});
}

Result<bool> LookupTables::is_full(const MailAddress& address) {
  if (full_.empty()) return false;
  const auto& found = destination(address);
  if (!found) return found.error();
  bool is_mailbox =
      !found->is_expansion && !found->is_error && found->route.transport == Transport::Local;
  return is_mailbox && full_.contains(found->route.account.name);
}

Result<bool> LookupTables::takes_mail(const Domain& domain) {
  if (domain.is_literal()) return true;
  auto found = dns_.takes_mail.find(domain.key());
  if (found != dns_.takes_mail.end()) return found->second;
  dns_.open_domains.insert(domain.key());
  return not_answered();
}

Result<std::vector<std::string>> LookupTables::ip4_addresses(std::string_view name) {
  std::string key = lower(name);
  auto found = dns_.ip4_addresses.find(key);
  if (found != dns_.ip4_addresses.end()) return found->second;
  dns_.open_names.insert(key);
  return not_answered();
}

}  // namespace pennypost::smtp
