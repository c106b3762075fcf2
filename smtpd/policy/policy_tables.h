// Implements PolicyTables with the tables, the Router and DNS.
//
// The evaluation runs on a thread, DNS on the loop. A DNS question without an answer yet is noted
// and answered by a temporary Error; the caller then asks DNS on the loop and evaluates again with
// the answers, until no question is open.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "smtpd/policy/evaluate.h"
#include "smtpd/routing/full_mailboxes.h"
#include "smtpd/routing/router.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

/// Tables named in restriction lists, opened when first used and kept.
class AccessTables {
 public:
  explicit AccessTables(store::MapOptions options) : options_(std::move(options)) {}
  Result<std::optional<std::string>> find(const TableRef& table, std::string_view key,
                                          store::MapList::Key kind);

 private:
  store::MapOptions options_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const store::Map>> maps_;
};

/// Questions of one kind about names, and their answers.
template <class Answer>
struct PolicyQuestions {
  std::set<std::string> open;
  std::map<std::string, Result<Answer>> known;

  /// The answer; "try later" while there is none, and the question is open.
  Result<Answer> find(const std::string& name) {
    auto found = known.find(name);
    if (found != known.end()) return found->second;
    open.insert(name);
    return Error::temporary("4.3.0", "a DNS question is open");
  }
};

/// The DNS questions and answers of one evaluation.
struct PolicyDns {
  PolicyQuestions<MailHost> mail_host;
  PolicyQuestions<std::vector<std::string>> ip4_addresses;
  PolicyQuestions<std::string> text_record;
  std::map<ServerKind, PolicyQuestions<Servers>> servers;

  bool has_open() const;
  /// Answers all that is open, each question within policy_dns_time_max.
  Task<> ask(Loop& loop, Resolver& resolver);
};

/// Hosts and their addresses are many questions; a sender chooses how slowly they are answered.
inline constexpr Duration policy_dns_time_max{30000};
/// Of one domain, as in Postfix.
inline constexpr std::size_t server_hosts_max = 100;
inline constexpr std::size_t server_addresses_max = 100;

class LookupTables final : public PolicyTables {
 public:
  LookupTables(const Router& router, AccessTables& access, const FullMailboxes& full,
               PolicyDns& dns)
      : router_(router), access_(access), full_(full), dns_(dns) {}

  Result<std::optional<std::string>> find(const TableRef& table, std::string_view key,
                                          store::MapList::Key kind) override {
    return access_.find(table, key, kind);
  }
  Result<DomainClass> classify(const Domain& domain) override { return router_.classify(domain); }
  Result<std::optional<Refusal>> refusal(const MailAddress& address) override;
  Result<bool> is_full(const MailAddress& address) override;
  Result<std::optional<std::string>> account_of(const MailAddress& address) override;
  Result<MailHost> mail_host(const Domain& domain) override;
  Result<std::vector<std::string>> ip4_addresses(std::string_view name) override;
  Result<std::string> text_record(std::string_view name) override;
  Result<Servers> servers(ServerKind kind, const std::string& domain) override;
  Result<bool> may_flush(const Domain& domain) override { return router_.may_flush(domain); }
  bool is_own_address(std::string_view address) override;

 private:
  const Result<Resolution>& destination(const MailAddress& address);

  const Router& router_;
  // The last address resolved and its result, since refusal() and is_full() are both called for
  // each recipient.
  std::string asked_;
  std::optional<Result<Resolution>> destination_;
  AccessTables& access_;
  const FullMailboxes& full_;
  PolicyDns& dns_;
};

}  // namespace pennypost::smtp
