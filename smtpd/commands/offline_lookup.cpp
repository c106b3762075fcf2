#include "smtpd/commands/offline_lookup.h"

#include "common/config/network_list.h"
#include "smtpd/commands/dkim_records.h"
#include "smtpd/routing/account_finder.h"
#include "store/accounts/accounts.h"

namespace pennypost::smtp {
OfflineLookup::OfflineLookup(std::shared_ptr<const Config> config)
    : config_(std::move(config)),
      resolver_(loop_, DnsSettings::of_system(*config_)),
      access_(store::map_options(*config_, "trivial-rewrite")) {}

Result<std::unique_ptr<OfflineLookup>> OfflineLookup::open(std::shared_ptr<const Config> config) {
  std::unique_ptr<OfflineLookup> made(new OfflineLookup(config));
  auto options = store::map_options(*config, "trivial-rewrite");
  TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config), options));
  TRY(auto router, Router::open(config, finder_in(std::move(accounts)),
                                Router::Host::of_system(*config), options));
  made->router_.emplace(std::move(router));
  return made;
}

Result<Resolution> OfflineLookup::resolve(const Recipient& recipient, const std::string& sender) {
  return router_->resolve(recipient, sender);
}

CheckRecipient::Verdict OfflineLookup::check(const CheckRecipient& ask) {
  return loop_.run_until(evaluate(ask));
}

Task<CheckRecipient::Verdict> OfflineLookup::evaluate(const CheckRecipient& ask) {
  const Settings* settings = config_->find_service(ask.service);
  OutsideAnswers outside;
  for (int round = 0;; ++round) {
    LookupTables view(*router_, access_, full_, outside);
    auto verdict = evaluate_recipient(ask, settings != nullptr ? *settings : *config_, view);
    if (!outside.has_open() || round == outside_rounds_max) co_return verdict;
    auto asking = outside.ask_dns(loop_, resolver_);
    co_await std::move(asking);
    // A server may count what it is asked, so that a question would change its next answers.
    outside.assume_policy("DUNNO");
  }
}

CheckRecipient OfflineLookup::request_of(const IpAddress& client, const std::string& service) {
  const Settings* settings = config_->find_service(service);
  const Settings& chosen = settings != nullptr ? *settings : *config_;
  CheckRecipient request;
  request.service = service;
  request.client_address = client.text();
  request.client_name = request.reverse_name = "unknown";
  request.is_own_address = router_->is_own_address(client);
  request.is_in_mynetworks = NetworkList(chosen.mynetworks).surely_contains(client);
  if (!chosen.smtpd_peername_lookup) return request;
  auto name = loop_.run_until(resolver_.verified_name(client));
  request.is_name_lookup_failed = name.status == DnsStatus::TryLater;
  if (name.status == DnsStatus::Found) request.client_name = name.name;
  // The hosts file gives a name without asking for PTR.
  request.reverse_name = name.unverified.empty() ? name.name : name.unverified;
  return request;
}

}  // namespace pennypost::smtp
