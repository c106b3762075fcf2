// A host's tables in memory, and what the restrictions answer with them: for the unit tests of
// policy.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/config/table_types.h"
#include "common/config/testing.h"
#include "smtpd/policy/evaluate.h"

namespace pennypost::smtp {

/// example.com is local with bob, virtual.example virtual, relayed.example relayed.
class FakeTables final : public PolicyTables {
 public:
  Result<std::optional<std::string>> find(const TableRef& table, std::string_view key,
                                          store::MapList::Key kind) override {
    if (broken) return Error::temporary("table unavailable");
    bool is_part = kind == store::MapList::Key::Partial;
    if (is_part && !find_table_type(table.type)->takes_partial_keys) {
      return std::optional<std::string>();
    }
    auto found = tables.find(table.text());
    if (found == tables.end()) return std::optional<std::string>();
    auto entry = found->second.find(lower(key));
    if (entry == found->second.end()) return std::optional<std::string>();
    return std::optional<std::string>(entry->second);
  }
  Result<DomainClass> classify(const Domain& domain) override {
    if (broken) return Error::temporary("table unavailable");
    if (domain.key() == "example.com" || domain.key() == "[192.0.2.7]") return DomainClass::Local;
    if (domain.key() == "virtual.example") return DomainClass::VirtualAlias;
    if (domain.key() == "hosted.example") return DomainClass::Hosted;
    if (domain.key() == "relayed.example") return DomainClass::Relay;
    return DomainClass::Foreign;
  }
  Result<std::optional<Refusal>> refusal(const MailAddress& address) override {
    std::optional<Refusal> none;
    if (broken) return Error::temporary("table unavailable");
    if (address.local() == "moved") return std::optional(Refusal{"5.1.6", "User has moved"});
    bool is_ours = address.domain()->key().find("example.com") != std::string::npos ||
                   address.domain()->key() == "virtual.example" ||
                   address.domain()->key() == "hosted.example";
    if (!is_ours || address.local() == "bob") return none;
    return std::optional(Refusal{"5.1.1", "unknown user"});
  }
  Result<bool> has_quota(const MailAddress& address) override {
    return address.text() == with_quota;
  }
  Result<bool> is_full(const MailAddress& address) override { return address.text() == full; }
  Result<std::optional<std::string>> account_of(const MailAddress& address) override {
    std::optional<std::string> none;
    if (broken) return Error::temporary("table unavailable");
    auto found = accounts.find(address.text());
    return found == accounts.end() ? none : std::optional(found->second);
  }
  Result<MailHost> mail_host(const Domain& domain) override {
    if (domain.key() == "silent.example") return Error::temporary("no answer");
    if (domain.key() == "null.example") return MailHost::NullMx;
    return domain.key() == "nowhere.invalid" ? MailHost::None : MailHost::Found;
  }
  Result<std::string> text_record(std::string_view name) override {
    return std::string(name == "9.2.0.192.wordy.example" ? "caught by a trap" : "");
  }
  Result<Servers> servers(ServerKind kind, const std::string& domain) override {
    if (domain == "silent.example") return Error::temporary("no answer");
    auto found = hosts.find({kind, domain});
    return found == hosts.end() ? Servers() : found->second;
  }
  Result<bool> may_flush(const Domain& domain) override {
    return domain.key() == "relayed.example";
  }
  bool is_own_address(std::string_view address) override { return address == "198.51.100.7"; }
  Result<std::string> policy_action(const PolicyService& service,
                                    const std::string& request) override {
    policy_requests.push_back(request);
    auto found = policy_actions.find(service.at.name());
    if (found == policy_actions.end()) return Error::temporary("Connection refused");
    return found->second;
  }
  Result<VerifyAddress::Verified> verified(const std::string& address) override {
    asked_to_verify.push_back(address);
    auto found = addresses_verified.find(address);
    if (found == addresses_verified.end()) return Error::temporary("the queue is down");
    return found->second;
  }
  Result<std::vector<std::string>> ip4_addresses(std::string_view name) override {
    std::vector<std::string> addresses;
    if (name == "9.2.0.192.silent.example") return Error::temporary("no answer");
    if (name.ends_with(".bl.example") || name.ends_with(".wordy.example")) {
      addresses.emplace_back("127.0.0.2");
    }
    return addresses;
  }
  std::map<std::string, std::map<std::string, std::string>> tables;
  std::vector<std::string> asked_to_verify;
  std::map<std::string, VerifyAddress::Verified> addresses_verified;
  std::map<std::string, std::string> accounts;
  std::map<std::pair<ServerKind, std::string>, Servers> hosts;
  std::map<std::string, std::string> policy_actions;  // by the server's name
  std::vector<std::string> policy_requests;
  bool broken = false;
  std::string full;
  std::string with_quota;
};

inline CheckRecipient stranger(std::string recipient, std::string sender = "a@sender.example") {
  CheckRecipient request;
  request.service = "smtp";
  request.client_name = "mx.client.example";
  request.reverse_name = request.client_name;
  request.client_address = "192.0.2.9";
  request.helo = "mx.client.example";
  request.sender = std::move(sender);
  request.recipient = std::move(recipient);
  return request;
}

inline std::string reply(const Verdict& verdict) {
  return std::to_string(verdict.code) + " " + verdict.status + " " + verdict.text;
}

inline std::string answer(const CheckRecipient& request, FakeTables& tables,
                          std::vector<std::string> settings = {}) {
  auto config = config_for_test(std::move(settings));
  return reply(evaluate_recipient(request, config->at(Service::Smtp), tables));
}

inline std::string answer(const CheckRecipient& request, std::vector<std::string> settings = {}) {
  FakeTables tables;
  return answer(request, tables, std::move(settings));
}

inline Verdict verdict_at(const std::string& list, CheckRecipient about, FakeTables& tables,
                          std::vector<std::string> settings) {
  CheckRestrictions request;
  request.parameter = list;
  request.about = std::move(about);
  auto config = config_for_test(std::move(settings));
  return evaluate_restrictions(request, config->at(Service::Smtp), tables);
}

inline ServerHost host(std::string name, std::vector<std::string> addresses,
                       std::uint16_t preference = 10) {
  ServerHost host;
  host.name = std::move(name);
  host.addresses = std::move(addresses);
  host.preference = preference;
  return host;
}

}  // namespace pennypost::smtp
