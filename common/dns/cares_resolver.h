// Queries the configured name servers, with c-ares on the process's event loop.
//
// Identical questions at the same time are sent once. Answers are cached for their TTL, at most
// ttl_max; negative answers according to their SOA, at most negative_ttl_max; failures are not
// cached. If a server fails, refuses or does not answer, the next one is asked.
//
// LIMITS cache_entries_max (the least recently used is dropped first), questions_max, deadline
#pragma once

#include <memory>
#include <string>

#include "common/async/loop.h"
#include "common/dns/resolver.h"
#include "common/dns/settings.h"

namespace pennypost {

class CaresResolver final : public Resolver {
 public:
  CaresResolver(Loop& loop, DnsSettings settings);
  ~CaresResolver() override;

  Task<DnsReply> query(std::string name, DnsType type) override;
  std::vector<IpAddress> hosts_addresses(const std::string& name) const override;
  std::string hosts_name(const IpAddress& address) const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pennypost
