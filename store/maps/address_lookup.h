// Lists the keys under which a table may hold an address or a host, and looks addresses up in
// order.
//
// Two search orders of Postfix's:
// virtual(5)  user+ext@domain, user@domain, user+ext, user, @domain; the two bare names only for
//             addresses of this host's own domains
// access(5)   mail: user+ext@domain, user@domain, domain, its parents, user+ext@, user@
//             host: the name, its parents
//
// A parent is looked up as `example.com` or, if parent_domain_matches_subdomains does not name the
// table, as `.example.com`. Pattern tables are asked only for the first key of each kind.
//
// STANDARDS  none; Postfix's virtual(5), canonical(5), access(5)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/maps/map.h"

namespace pennypost::store {

/// One key of a search.
struct LookupKey {
  std::string text;
  MapList::Key kind = MapList::Key::Partial;
  bool without_extension = false;  ///< a match does not cover `+ext` of the address
  bool is_catch_all = false;       ///< `@domain`
  friend bool operator==(const LookupKey&, const LookupKey&) = default;
};

/// The result of split_sub_address() in common/mail, as views and with the delimiter found.
struct SplitLocalPart {
  std::string_view user;
  std::string_view extension;  ///< without the delimiter
  char delimiter = '\0';
};
SplitLocalPart split_local_part(std::string_view local_part, std::string_view delimiters);

/// virtual(5) and canonical(5). An empty `domain` means a bare name, which is the only key.
std::vector<LookupKey> address_keys(std::string_view local_part, std::string_view domain,
                                    std::string_view delimiters, bool domain_is_own);

struct AddressMatch {
  std::string value;
  std::string unmatched_extension;  ///< with its delimiter, for propagate_unmatched_extensions
  bool is_catch_all = false;
};

/// The first of address_keys() that `maps` holds.
Result<std::optional<AddressMatch>> lookup_address(const MapList& maps, std::string_view local_part,
                                                   std::string_view domain,
                                                   std::string_view delimiters, bool domain_is_own);

enum class Parents { Plain, Dotted };  ///< `example.com` or `.example.com` for what is below it

/// access(5) for MAIL and RCPT. An empty address is looked up as `null_key`
/// (smtpd_null_access_lookup_key).
std::vector<LookupKey> access_keys_of_mail(std::string_view local_part, std::string_view domain,
                                           std::string_view delimiters, Parents parents,
                                           std::string_view null_key = "<>");
/// access(5) for a client's or HELO's host name.
std::vector<LookupKey> access_keys_of_host(std::string_view name, Parents parents);

}  // namespace pennypost::store
