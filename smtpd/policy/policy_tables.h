// Implements PolicyTables with the tables, the Router, DNS and policy servers.
//
// The evaluation runs on a thread, DNS and policy servers are asked on the loop. A question without
// an answer yet is noted and answered by a temporary Error; the caller then asks on the loop and
// evaluates again with the answers, until no question is open.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "smtpd/policy/evaluate.h"
#include "smtpd/policy/policy_client.h"
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

/// The same to policy servers. One question is open at a time, and only where the evaluation
/// lacks no other answer: a server may count what it is asked.
struct PolicyServerQuestions {
  std::optional<std::pair<PolicyService, std::string>> open;
  std::map<std::string, Result<std::string>> known;  // by server and request
};

/// The same about addresses that are to be verified, for the same reason: each question may be a
/// dialogue with another host.
struct VerifyQuestions {
  std::optional<std::string> open;
  std::map<std::string, Result<VerifyAddress::Verified>> known;  // by address
};

/// Asks about one address.
using AskToVerify = std::function<Task<Result<VerifyAddress::Verified>>(std::string address)>;

/// The questions of one evaluation to DNS, policy servers and other hosts, and the answers.
struct OutsideAnswers {
  PolicyQuestions<MailHost> mail_host;
  PolicyQuestions<std::vector<std::string>> ip4_addresses;
  PolicyQuestions<std::string> text_record;
  std::map<ServerKind, PolicyQuestions<Servers>> servers;
  PolicyServerQuestions policy;
  VerifyQuestions verify;

  bool has_open() const;
  /// Answers all that is open, each question to DNS within policy_dns_time_max.
  Task<> ask(Loop& loop, Resolver& resolver, PolicyClient& client,
             const AskToVerify& ask_to_verify);
  /// Answers what is open of DNS.
  Task<> ask_dns(Loop& loop, Resolver& resolver);
  /// Takes `action` for the answer of the policy server that is to be asked, and asks none.
  void assume_policy(std::string action);
};

/// How often a request is evaluated, each time with more answers.
inline constexpr int outside_rounds_max = 20;
/// Hosts and their addresses are many questions; a sender chooses how slowly they are answered.
inline constexpr Duration policy_dns_time_max{30000};
/// Of one domain, as in Postfix.
inline constexpr std::size_t server_hosts_max = 100;
inline constexpr std::size_t server_addresses_max = 100;

class LookupTables final : public PolicyTables {
 public:
  LookupTables(const Router& router, AccessTables& access, const FullMailboxes& full,
               OutsideAnswers& outside)
      : router_(router), access_(access), full_(full), outside_(outside) {}

  Result<std::optional<std::string>> find(const TableRef& table, std::string_view key,
                                          store::MapList::Key kind) override {
    return access_.find(table, key, kind);
  }
  Result<DomainClass> classify(const Domain& domain) override { return router_.classify(domain); }
  Result<std::optional<Refusal>> refusal(const MailAddress& address) override;
  Result<bool> is_full(const MailAddress& address) override;
  Result<bool> has_quota(const MailAddress& address) override;
  Result<std::optional<std::string>> account_of(const MailAddress& address) override;
  Result<MailHost> mail_host(const Domain& domain) override;
  Result<std::vector<std::string>> ip4_addresses(std::string_view name) override;
  Result<std::string> text_record(std::string_view name) override;
  Result<Servers> servers(ServerKind kind, const std::string& domain) override;
  Result<bool> may_flush(const Domain& domain) override { return router_.may_flush(domain); }
  bool is_own_address(std::string_view address) override;
  Result<std::string> policy_action(const PolicyService& service,
                                    const std::string& request) override;
  Result<VerifyAddress::Verified> verified(const std::string& address) override;

 private:
  const Result<Resolution>& destination(const MailAddress& address);

  const Router& router_;
  // The last address resolved and its result, since refusal(), is_full() and has_quota() are all
  // called for each recipient.
  std::string asked_;
  std::optional<Result<Resolution>> destination_;
  AccessTables& access_;
  const FullMailboxes& full_;
  OutsideAnswers& outside_;
};

}  // namespace pennypost::smtp
