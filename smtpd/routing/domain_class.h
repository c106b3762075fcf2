// The classes of domains: the role of this host for a domain.
//
// SEE ALSO   domains.h (which domain is what)
#pragma once

namespace pennypost::smtp {

/// The role of this host for a domain.
enum class DomainClass {
  Local,         // mydestination, or a literal of our own addresses
  VirtualAlias,  // virtual_alias_domains
  Hosted,        // virtual_mailbox_domains
  Relay,         // relay_domains
  Foreign,
};

}  // namespace pennypost::smtp
