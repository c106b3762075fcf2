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

/// The DNS questions and answers of one evaluation.
struct PolicyDns {
  std::set<std::string> open_domains;
  std::set<std::string> open_names;
  std::map<std::string, Result<bool>> takes_mail;
  std::map<std::string, Result<std::vector<std::string>>> ip4_addresses;

  bool has_open() const { return !open_domains.empty() || !open_names.empty(); }
  /// Asks all open questions.
  Task<> ask(Resolver& resolver);
};

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
  Result<bool> takes_mail(const Domain& domain) override;
  Result<std::vector<std::string>> ip4_addresses(std::string_view name) override;

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
