// The classes of domains: what this host is for one.
//
// SEE ALSO   domains.h (which domain is what)
#pragma once

namespace pennypost::smtp {

/// What this host is for a domain.
enum class DomainClass {
  Local,         // mydestination, or a literal of our own addresses
  VirtualAlias,  // virtual_alias_domains
  Relay,         // relay_domains
  Foreign,
};

}  // namespace pennypost::smtp
