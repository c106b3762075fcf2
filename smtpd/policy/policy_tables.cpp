#include "smtpd/policy/policy_tables.h"

#include <algorithm>

#include "common/async/nursery.h"
#include "common/base/text.h"
#include "store/maps/explained_lookup.h"

namespace pennypost::smtp {
namespace {

Error unanswered(const std::string& reason) { return Error::temporary("4.4.3", reason); }

/// RFC 7505: the null MX says that a domain takes no mail.
bool is_null_mx(const DnsAnswer<MxRecord>& mx) {
  return mx.values.size() == 1 && mx.values[0].host.empty();
}

Task<Result<MailHost>> mail_host_of(Resolver& resolver, std::string domain) {
  auto mx = co_await resolver.mx(domain);
  if (mx.is_found()) co_return is_null_mx(mx) ? MailHost::NullMx : MailHost::Found;
  if (mx.status == DnsStatus::TryLater) co_return unanswered(mx.reason);
  if (mx.status == DnsStatus::NoSuchName) co_return MailHost::None;
  AddressFamilies both;
  auto addresses = co_await resolver.addresses(domain, both);
  if (addresses.status == DnsStatus::TryLater) co_return unanswered(addresses.reason);
  co_return addresses.is_found() ? MailHost::Found : MailHost::None;
}

Task<Result<std::vector<std::string>>> ip4_of(Resolver& resolver, std::string name) {
  AddressFamilies v4;
  v4.v6 = false;
  auto answer = co_await resolver.addresses(name, v4);
  if (answer.status == DnsStatus::TryLater) co_return unanswered(answer.reason);
  std::vector<std::string> texts;
  for (const auto& address : answer.values) texts.push_back(address.text());
  co_return texts;
}

Task<Result<std::string>> text_of(Resolver& resolver, std::string name) {
  auto answer = co_await resolver.txt(name);
  if (answer.status == DnsStatus::TryLater) co_return unanswered(answer.reason);
  co_return answer.values.empty() ? std::string() : answer.values.front();
}

/// The mail hosts of a domain, without their addresses.
Task<Result<Servers>> mail_hosts(Resolver& resolver, std::string domain) {
  Servers servers;
  auto mx = co_await resolver.mx(domain);
  if (mx.status == DnsStatus::TryLater) co_return unanswered(mx.reason);
  if (is_null_mx(mx)) co_return servers;
  for (const auto& record : mx.values) {
    auto& host = servers.hosts.emplace_back();
    host.preference = record.preference;
    host.name = record.host;
  }
  if (servers.hosts.empty()) {
    servers.is_implied = true;
    servers.hosts.emplace_back().name = domain;
  }
  co_return servers;
}

Task<Result<Servers>> name_servers(Resolver& resolver, std::string domain) {
  Servers servers;
  while (!domain.empty()) {
    auto ns = co_await resolver.ns(domain);
    if (ns.status == DnsStatus::TryLater) co_return unanswered(ns.reason);
    for (const auto& name : ns.values) servers.hosts.emplace_back().name = name;
    if (!servers.hosts.empty()) break;
    auto dot = domain.find('.');
    domain = dot == std::string::npos ? "" : domain.substr(dot + 1);
  }
  co_return servers;
}

Task<Result<Servers>> servers_of(Resolver& resolver, ServerKind kind, std::string domain) {
  Servers servers;
  if (kind == ServerKind::Address) {
    servers.hosts.emplace_back().name = domain;
  } else {
    auto asking = kind == ServerKind::Mx ? mail_hosts(resolver, std::move(domain))
                                         : name_servers(resolver, std::move(domain));
    auto found = co_await std::move(asking);
    if (!found) co_return found.error();
    servers = *std::move(found);
  }
  if (servers.hosts.size() > server_hosts_max) servers.hosts.resize(server_hosts_max);
  std::size_t count = 0;
  for (ServerHost& host : servers.hosts) {
    if (IpAddress::parse(host.name)) {
      host.addresses.push_back(host.name);
      continue;
    }
    AddressFamilies both;
    auto answer = co_await resolver.addresses(host.name, both);
    host.is_unknown = answer.status == DnsStatus::TryLater;
    for (const auto& address : answer.values) {
      if (++count > server_addresses_max) break;
      host.addresses.push_back(address.text());
    }
  }
  co_return servers;
}

/// Asks all that is open of one kind; `ask` gives the task for a name.
template <class Answer, class Ask>
Task<> answer_open(Loop& loop, PolicyQuestions<Answer>& questions, Ask ask) {
  for (const auto& name : std::exchange(questions.open, {})) {
    auto asking = ask(name);
    auto answer = co_await within(loop, policy_dns_time_max, std::move(asking));
    Result<Answer> result = unanswered("no answer from DNS in time");
    if (answer) result = *std::move(answer);
    questions.known.insert_or_assign(name, std::move(result));
  }
}

std::string policy_key(const PolicyService& service, const std::string& request) {
  return service.at.name() + '\n' + request;
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
  if (!is_asked) return std::optional<std::string>();
  auto value = map->lookup(key);
  store::explain_lookup(*map, key, value);
  return value;
}

bool OutsideAnswers::has_open() const {
  return policy.open.has_value() || verify.open.has_value() || !mail_host.open.empty() ||
         !ip4_addresses.open.empty() || !text_record.open.empty() ||
         std::ranges::any_of(servers, [](const auto& kind) { return !kind.second.open.empty(); });
}

Task<> OutsideAnswers::ask_dns(Loop& loop, Resolver& resolver) {
  auto ask_mail_host = [&](const std::string& name) { return mail_host_of(resolver, name); };
  co_await answer_open(loop, mail_host, ask_mail_host);
  auto ask_ip4 = [&](const std::string& name) { return ip4_of(resolver, name); };
  co_await answer_open(loop, ip4_addresses, ask_ip4);
  auto ask_text = [&](const std::string& name) { return text_of(resolver, name); };
  co_await answer_open(loop, text_record, ask_text);
  for (auto& [kind, questions] : servers) {
    ServerKind which = kind;
    auto ask_servers = [&](const std::string& name) { return servers_of(resolver, which, name); };
    co_await answer_open(loop, questions, ask_servers);
  }
}

Task<> OutsideAnswers::ask(Loop& loop, Resolver& resolver, PolicyClient& client,
                           const AskToVerify& ask_to_verify) {
  auto asking_dns = ask_dns(loop, resolver);
  co_await std::move(asking_dns);
  if (verify.open) {
    std::string address = *std::exchange(verify.open, {});
    auto verifying = ask_to_verify(address);
    auto verified = co_await std::move(verifying);
    verify.known.insert_or_assign(std::move(address), std::move(verified));
  }
  if (!policy.open) co_return;
  auto [service, request] = *std::exchange(policy.open, {});
  std::string key = policy_key(service, request);
  auto asking = client.ask(std::move(service), std::move(request));
  auto action = co_await std::move(asking);
  policy.known.insert_or_assign(std::move(key), std::move(action));
}

void OutsideAnswers::assume_policy(std::string action) {
  if (!policy.open) return;
  auto [service, request] = *std::exchange(policy.open, {});
  policy.known.insert_or_assign(policy_key(service, request), std::move(action));
}

Result<std::string> LookupTables::policy_action(const PolicyService& service,
                                                const std::string& request) {
  auto& questions = outside_.policy;
  auto found = questions.known.find(policy_key(service, request));
  if (found != questions.known.end()) return found->second;
  if (!outside_.has_open()) questions.open.emplace(service, request);
  return Error::temporary("4.3.0", "a question to a policy server is open");
}

Result<VerifyAddress::Verified> LookupTables::verified(const std::string& address) {
  auto& questions = outside_.verify;
  auto found = questions.known.find(address);
  if (found != questions.known.end()) return found->second;
  if (!outside_.has_open()) questions.open = address;
  return Error::temporary("4.3.0", "a question about an address is open");
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

Result<bool> LookupTables::has_quota(const MailAddress& address) {
  const auto& found = destination(address);
  if (!found) return found.error();
  const auto& account = found->route.account;
  bool is_mailbox =
      !found->is_expansion && !found->is_error && found->route.transport == Transport::Local;
  return is_mailbox && !account.is_system && !account.quota.empty();
}

Result<std::optional<std::string>> LookupTables::account_of(const MailAddress& address) {
  std::optional<std::string> none;
  const auto& found = destination(address);
  if (!found) {
    if (found.error().code() == exists_but_takes_no_mail) return none;
    return found.error();
  }
  bool is_mailbox =
      !found->is_expansion && !found->is_error && found->route.transport == Transport::Local;
  return is_mailbox ? std::optional(found->route.account.name) : none;
}

Result<MailHost> LookupTables::mail_host(const Domain& domain) {
  if (domain.is_literal()) return MailHost::Found;
  return outside_.mail_host.find(domain.key());
}

Result<std::vector<std::string>> LookupTables::ip4_addresses(std::string_view name) {
  return outside_.ip4_addresses.find(lower(name));
}

Result<std::string> LookupTables::text_record(std::string_view name) {
  return outside_.text_record.find(lower(name));
}

Result<Servers> LookupTables::servers(ServerKind kind, const std::string& domain) {
  return outside_.servers[kind].find(lower(domain));
}

bool LookupTables::is_own_address(std::string_view text) {
  auto address = IpAddress::parse(text);
  return address && router_.is_own_address(*address);
}

}  // namespace pennypost::smtp
