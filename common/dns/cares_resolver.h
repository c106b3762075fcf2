// Asks the configured name servers, by c-ares on the process's event loop.
//
// Equal questions under way are asked once. Answers are kept for their TTL, at most ttl_max;
// nothing-there answers as their SOA says, at most negative_ttl_max; failures not at all. A server
// that fails, refuses or keeps silent is followed by the next one.
//
// LIMITS  cache_entries_max (the longest unused goes first), questions_max, deadline
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
